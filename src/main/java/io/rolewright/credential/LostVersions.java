package io.rolewright.credential;

import io.rolewright.store.StorePulse.Doubt;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/**
 * Above which number versions go on where the store may have forgotten some of a role that carries no marker: one that changes its own
 * password, or whose comment may not be written. Consumers wait for the number after the last that they have seen, and no number may stand
 * for two passwords, so what may have been given out is left out. Nothing but the time can tell how many these are.
 */
final class LostVersions {

    /** A change takes several logins and commits one after the other. */
    private static final long IN_A_SECOND = 10;

    /** What clocks and bursts may add. */
    private static final long AT_ONCE = 1000;

    private LostVersions() {}

    /**
     * @param last that the store knows; 0 for none
     * @param since when that was made
     * @param doubt about the store
     * @param refusedSince when the server was first seen to refuse what the store holds; null if it does not
     * @return {@code last}, if none is missing
     */
    static long above(long last, Instant since, Doubt doubt, @Nullable Instant refusedSince) {
        if (last == 0) {
            return 0; // consumers have seen none
        }
        Instant lost = until(since, doubt, refusedSince);
        return lost.equals(since)
                ? last
                : last + AT_ONCE + IN_A_SECOND * Duration.between(since, lost).toSeconds();
    }

    /** Whether there may be newer ones than that which was made then. @param refusedSince as above */
    static boolean mayBe(Instant since, Doubt doubt, @Nullable Instant refusedSince) {
        return !until(since, doubt, refusedSince).equals(since);
    }

    /** What was written after {@code since} and before this may be forgotten. */
    private static Instant until(Instant since, Doubt doubt, @Nullable Instant refusedSince) {
        Instant lost = later(since, doubt.wentBackAt());
        boolean silently = refusedSince != null
                && doubt.silentUntil() != null
                && !refusedSince.isBefore(doubt.silentUntil().toInstant());
        return silently ? later(lost, doubt.silentUntil()) : lost;
    }

    private static Instant later(Instant one, @Nullable OffsetDateTime other) {
        return other == null || other.toInstant().isBefore(one) ? one : other.toInstant();
    }
}
