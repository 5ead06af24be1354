package io.rolewright.target;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Map;

/** A request's turn on a server does not come within its deadline. Nothing was begun. */
public final class TargetBusy extends Problem {

    /** @param seconds until this caller's turn, at least 1 */
    TargetBusy(long seconds) {
        super(
                ErrorCode.TARGET_BUSY,
                "Other requests are busy with this server. Nothing was begun; your turn comes in " + seconds
                        + " s, so try again then.",
                Map.of("retryAfterSeconds", seconds),
                Map.of("Retry-After", Long.toString(seconds)));
    }
}
