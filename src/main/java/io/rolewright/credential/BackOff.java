package io.rolewright.credential;

import java.time.Duration;

/** How long a parked attempt waits: from seconds to hours, and never two in step. */
final class BackOff {

    private BackOff() {}

    /**
     * @param tries runs so far, from 1
     * @param chance 0 to 1
     * @return between three quarters of and the whole of {@code first × 3^(tries-1)}, which is at most {@code longest}
     */
    static Duration pause(Duration first, Duration longest, int tries, double chance) {
        double full = Math.min(longest.toMillis(), first.toMillis() * Math.pow(3, Math.min(tries, 20) - 1));
        return Duration.ofMillis(Math.round(full * (0.75 + chance / 4)));
    }
}
