package io.rolewright.target;

import java.time.Duration;

/**
 * The moment by which a whole call must have answered. Steps take what is left of it. It counts on the monotonic clock, so
 * a change of the wall clock neither cuts it short nor stretches it.
 */
public final class Deadline {

    private final long atNanos;

    private Deadline(long atNanos) {
        this.atNanos = atNanos;
    }

    /** @param span at most 292 years */
    public static Deadline in(Duration span) {
        return new Deadline(System.nanoTime() + span.toNanos());
    }

    /** What is left; zero once it has passed, never negative. */
    public Duration left() {
        return Duration.ofNanos(Math.max(0, atNanos - System.nanoTime()));
    }

    public boolean passed() {
        return atNanos - System.nanoTime() <= 0;
    }

    /** This deadline, or {@code span} from now if that is sooner. */
    public Deadline within(Duration span) {
        Deadline other = in(span);
        return other.atNanos - atNanos < 0 ? other : this;
    }
}
