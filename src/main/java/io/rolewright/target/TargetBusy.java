package io.rolewright.target;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Map;

/** A request would not be done on a server within its deadline. Nothing was begun. */
public final class TargetBusy extends Problem {

    /**
     * @param seconds until this caller's turn, at least 1
     * @param behindOthers whether other requests come before; else too little is left of this one's time
     */
    TargetBusy(long seconds, boolean behindOthers) {
        super(
                ErrorCode.TARGET_BUSY,
                (behindOthers
                                ? "Other requests come before this one on the server. Nothing was begun; your turn comes in "
                                : "Too little of this request's time was left for what it does on the server. Nothing was begun;"
                                        + " your turn comes in ")
                        + seconds + " s, so try again then.",
                Map.of("retryAfterSeconds", seconds),
                Map.of("Retry-After", Long.toString(seconds)));
    }
}
