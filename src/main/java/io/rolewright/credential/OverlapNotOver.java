package io.rolewright.credential;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The credential that was replaced last was promised to work a little longer. */
public final class OverlapNotOver extends Problem {

    private final Instant until;

    private OverlapNotOver(Instant until, Instant now) {
        super(
                ErrorCode.OVERLAP_NOT_OVER,
                "The last rotation was so recent that the credential which it replaced may still be in use."
                        + " Wait, or send force=true to end it immediately.",
                Map.of("until", until),
                Map.of(
                        "Retry-After",
                        Long.toString(1 + Duration.between(now, until).toSeconds())));
        this.until = until;
    }

    public Instant until() {
        return until;
    }

    /**
     * Refuses a change by which a credential would end before its time. The first rotation breaks no promise: the second role's password
     * has not been served yet.
     *
     * @param force whether it may
     * @param now the store's clock
     */
    public static void require(
            Strategy strategy,
            @Nullable Long credentialVersion,
            Plan plan,
            boolean force,
            Instant now,
            Duration minimumOverlap) {
        Instant last = plan.lastRotatedAt();
        if (force || strategy != Strategy.DUAL || credentialVersion == null || credentialVersion < 2 || last == null) {
            return;
        }
        Instant over = last.plus(minimumOverlap);
        if (over.isAfter(now)) {
            throw new OverlapNotOver(over, now);
        }
    }
}
