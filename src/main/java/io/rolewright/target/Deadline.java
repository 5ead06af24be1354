package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The moment by which a whole call must have answered. Steps take what is left of it. It counts on the monotonic clock, so
 * a change of the wall clock neither cuts it short nor stretches it.
 *
 * <p>It says whose call it is, and whether he may still make it. Within {@link Targets#admitted} it also carries the call's turn on the server, which all its sessions share.
 */
public final class Deadline {

    private final long atNanos;

    private final String caller;

    private final Supplier<Uni<Void>> leave;

    private final @Nullable Admission admission;

    private final @Nullable KeptSessions kept;

    private Deadline(
            long atNanos,
            String caller,
            Supplier<Uni<Void>> leave,
            @Nullable Admission admission,
            @Nullable KeptSessions kept) {
        this.atNanos = atNanos;
        this.caller = caller;
        this.leave = leave;
        this.admission = admission;
        this.kept = kept;
    }

    /** @param span at most 292 years */
    public static Deadline in(Duration span) {
        return new Deadline(
                System.nanoTime() + span.toNanos(),
                Slots.NOBODY,
                () -> Uni.createFrom().voidItem(),
                null,
                null);
    }

    /**
     * The same for a call of this caller: where several wait for one server, each caller has his turn there.
     *
     * @param identity his id
     */
    public Deadline by(UUID identity) {
        return new Deadline(atNanos, identity.toString(), leave, admission, kept);
    }

    /**
     * The same for a call that is somebody's only as long as he has the right to make it.
     *
     * @param leave asked after each wait, by {@link #stillAllowed}; fails when he has it no more. Any thread may call it
     */
    public Deadline asking(Supplier<Uni<Void>> leave) {
        return new Deadline(atNanos, caller, leave, admission, kept);
    }

    /** The same for a piece of due work, which goes on with the sessions that its turn keeps. */
    public Deadline keeping(KeptSessions sessions) {
        return new Deadline(atNanos, caller, leave, admission, sessions);
    }

    /**
     * Whether the caller may still have done what he asked for. To be asked before something is begun, or given out, that was waited for; of
     * work that nobody asks for it says yes.
     *
     * @return fails with the problem that he is to be told
     */
    public Uni<Void> stillAllowed() {
        return Uni.createFrom().deferred(leave::get);
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
        return other - atNanos < 0 ? new Deadline(other, caller, leave, admission, kept) : this;
    }

    /** {@code span} before this deadline, so that something is left for what comes after. */
    public Deadline earlier(Duration span) {
        return new Deadline(atNanos - span.toNanos(), caller, leave, admission, kept);
    }

    Deadline admitted(Admission turn) {
        return new Deadline(atNanos, caller, leave, turn, kept);
    }

    /** For a session on another server than the one on which the call has its turn, while one is open there. */
    Deadline withoutTurn() {
        return new Deadline(atNanos, caller, leave, null, kept);
    }

    /** An identity's id, or {@link Slots#NOBODY}. */
    String caller() {
        return caller;
    }

    @Nullable
    Admission admission() {
        return admission;
    }

    /** Absent for all but due work. */
    @Nullable
    KeptSessions kept() {
        return kept;
    }
}
