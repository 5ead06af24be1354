package io.rolewright.target;

import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The moment by which a whole call must have answered. Steps take what is left of it. It counts on the monotonic clock, so
 * a change of the wall clock neither cuts it short nor stretches it.
 *
 * <p>It says whose call it is. Within {@link Targets#admitted} it also carries the call's turn on the server, which all its sessions share.
 */
public final class Deadline {

    private final long atNanos;

    private final String caller;

    private final @Nullable Admission admission;

    private Deadline(long atNanos, String caller, @Nullable Admission admission) {
        this.atNanos = atNanos;
        this.caller = caller;
        this.admission = admission;
    }

    /** @param span at most 292 years */
    public static Deadline in(Duration span) {
        return new Deadline(System.nanoTime() + span.toNanos(), Slots.NOBODY, null);
    }

    /**
     * The same for a call of this caller: where several wait for one server, each caller has his turn there.
     *
     * @param identity his id
     */
    public Deadline by(UUID identity) {
        return new Deadline(atNanos, identity.toString(), admission);
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
        long other = System.nanoTime() + span.toNanos();
        return other - atNanos < 0 ? new Deadline(other, caller, admission) : this;
    }

    /** {@code span} before this deadline, so that something is left for what comes after. */
    public Deadline earlier(Duration span) {
        return new Deadline(atNanos - span.toNanos(), caller, admission);
    }

    Deadline admitted(Admission turn) {
        return new Deadline(atNanos, caller, turn);
    }

    /** An identity's id, or {@link Slots#NOBODY}. */
    String caller() {
        return caller;
    }

    @Nullable
    Admission admission() {
        return admission;
    }
}
