package io.rolewright.target;

import io.rolewright.store.CallersContext;
import io.smallrye.mutiny.Uni;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request's turn on a server: a slot that its sessions use one after the other, so that none of them waits once the work is
 * begun. A {@link Deadline} carries it through the work. Fields belong to the lock.
 */
final class Admission {

    private final Admissions admissions;
    private final Errand errand;
    private final String caller;
    private final LoginOutcome.@Nullable Unreachable silence;
    private String target;
    private Slots.@Nullable Ticket ticket;
    private long heldSince;
    private boolean connected;
    private boolean ended;
    /** Done when the socket of the session before is gone. */
    private CompletableFuture<Void> free = CompletableFuture.completedFuture(null);

    private Admission(
            Admissions admissions,
            Errand errand,
            String caller,
            String target,
            Slots.@Nullable Ticket ticket,
            LoginOutcome.@Nullable Unreachable silence) {
        this.admissions = admissions;
        this.errand = errand;
        this.caller = caller;
        this.target = target;
        this.ticket = ticket;
        this.silence = silence;
        this.heldSince = admissions.now();
    }

    static Admission of(Admissions admissions, Errand errand, String caller, String target, Slots.Ticket ticket) {
        return new Admission(admissions, errand, caller, target, ticket, null);
    }

    /** To a server that gives others no answer: every session fails with the reason that they had. */
    static Admission toNobody(
            Admissions admissions, Errand errand, String caller, String target, LoginOutcome.Unreachable silence) {
        return new Admission(admissions, errand, caller, target, null, silence);
    }

    boolean silent() {
        return silence != null;
    }

    /** The addresses to dial, that first on which the work was begun. */
    synchronized List<InetAddress> order(List<InetAddress> addresses, int port) {
        List<InetAddress> ordered = new ArrayList<>(addresses);
        ordered.sort((a, b) -> Boolean.compare(
                !Admissions.target(a, port).equals(target),
                !Admissions.target(b, port).equals(target)));
        return ordered;
    }

    /** The next session of this request. */
    Slots.Entry session(String wanted) {
        return new Slots.Entry() {
            private @Nullable CompletableFuture<Void> before;
            private @Nullable CompletableFuture<Void> mine;

            @Override
            public Uni<Void> turn(Duration atMost) {
                if (silence != null) {
                    return Uni.createFrom().failure(new TargetFailure.NoSession(silence));
                }
                CompletableFuture<Void> last;
                synchronized (Admission.this) {
                    last = free;
                    before = last;
                    mine = new CompletableFuture<>();
                    free = mine;
                }
                return CallersContext.<Void>answer(() -> Uni.createFrom().completionStage(last))
                        .chain(() -> slot(wanted, atMost));
            }

            @Override
            public void release() {
                CompletableFuture<Void> closed = mine;
                CompletableFuture<Void> last = before;
                if (closed != null && last != null) {
                    last.whenComplete((done, never) -> {
                        if (closed.complete(null)) {
                            giveBack();
                        }
                    });
                }
            }
        };
    }

    /**
     * Another address of the host: the slot is exchanged, never is a second one held, and it goes before those who have not had their
     * turn. A place in line there is no slot yet: the next session waits on in it.
     */
    private Uni<Void> slot(String wanted, Duration atMost) {
        Slots.Ticket next;
        synchronized (this) {
            Slots.Ticket has = ticket;
            if (has != null && wanted.equals(target) && !has.gone()) {
                next = has;
            } else {
                release();
                target = wanted;
                next = admissions.slots().take(wanted, Purpose.REQUEST, caller, true);
                ticket = next;
                heldSince = admissions.now();
            }
            if (next.held()) {
                return Uni.createFrom().voidItem();
            }
        }
        // As when it was admitted: nothing is begun that could not be brought to its end.
        return next.turn(begun() ? atMost : atMost.minus(admissions.needed(wanted, errand)))
                .onFailure(Slots.AllTaken.class)
                .transform(taken -> begun() ? taken : admissions.busy(wanted, errand, caller, null));
    }

    /** From here on a refusal would come too late. */
    synchronized void connected() {
        connected = true;
    }

    private synchronized boolean begun() {
        return connected;
    }

    /** The request does no more on the server. Safe to repeat, from any thread. */
    void end() {
        synchronized (this) {
            ended = true;
        }
        giveBack();
    }

    private synchronized void giveBack() {
        if (ended && free.isDone()) {
            release();
        }
    }

    private void release() {
        Slots.Ticket held = ticket;
        if (held != null) {
            boolean used = connected && held.held();
            ticket = null;
            held.release();
            if (used) {
                admissions.took(target, errand, admissions.now() - heldSince);
            }
        }
    }
}
