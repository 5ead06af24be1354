package io.rolewright.operations;

import io.rolewright.credential.Claim;
import io.rolewright.credential.DueRoles;
import io.rolewright.rotation.DueRotations;
import io.rolewright.store.Awaited;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Does what is due until nothing is, or its time is up. Rows are claimed two by two and only as there is room for them, so that a claim
 * never waits for its work; what a slow or dead target holds up does not count against the room for others, and its connection is passed
 * over meanwhile.
 */
final class DueTurn {

    /** Work on targets that answer: a role takes tens of milliseconds, most of it waiting. */
    private static final int ROOM = 12;

    /** All together, those that wait for slow targets included. */
    private static final int MOST = 48;

    /** What takes longer waits for a target. */
    private static final Duration SLOW = Duration.ofSeconds(2);

    /** Rows in one claim, and work on one connection at a time: a target has two sessions for us. */
    private static final int PAIR = 2;

    /** One piece of work has that long; it is well inside a claim's lease. */
    private static final Duration LONGEST_PIECE = Duration.ofSeconds(20);

    /** A claim passes by what another transaction has locked for a moment; while there is time anyway, it is looked for again. */
    private static final Duration UNTIL_UNLOCKED = Duration.ofSeconds(1);

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    private static final Logger log = Logger.getLogger(DueTurn.class);

    private final DueRotations rotations;
    private final DueRoles roles;
    private final Vertx vertx;
    private final Deadline budget;
    private final Context context;

    private final Map<UUID, Integer> busy = new HashMap<>();
    private Awaited<Done> waiting;
    private boolean claiming;
    private boolean dry;
    private boolean lookingAgain;
    private boolean stopped;
    private boolean storeFailed;
    private int running;
    private int slow;
    private int rotated;
    private int rotationsDone;
    private int rolesDone;

    /**
     * @param rotationsDone claimed and carried on with, whatever came of it
     * @param rotated of which so many serve a new password now
     * @param rolesDone retries, recoveries, revokes and probes that were carried on with
     * @param more whether something due was left, for lack of time or because the store failed
     * @param storeFailed whether due work could not be claimed
     */
    record Done(int rotationsDone, int rotated, int rolesDone, boolean more, boolean storeFailed) {}

    /** @param budget when it has to answer */
    DueTurn(DueRotations rotations, DueRoles roles, Vertx vertx, Deadline budget) {
        this.rotations = rotations;
        this.roles = roles;
        this.vertx = vertx;
        this.budget = budget;
        this.context = vertx.getOrCreateContext();
    }

    /** To be subscribed once. Never fails; answers on the context that subscribes. */
    Uni<Done> run() {
        return Awaited.by(caller -> {
            synchronized (this) {
                waiting = caller;
            }
            fill();
        });
    }

    /** Looks again, also while earlier work is still under way. */
    void again() {
        synchronized (this) {
            dry = false;
        }
        fill();
    }

    /** Begins nothing more. */
    void stop() {
        synchronized (this) {
            stopped = true;
        }
        fill();
    }

    private void fill() {
        Set<UUID> leaveOut = new HashSet<>();
        synchronized (this) {
            if (claiming || waiting == null) { // who has answered begins nothing more: nobody waits for its end
                return;
            }
            if (dry || storeFailed || isOver()) {
                answerWhenIdle();
                return;
            }
            if (running - slow >= ROOM || running >= MOST) {
                return;
            }
            claiming = true;
            busy.forEach((connection, count) -> {
                if (count >= PAIR) {
                    leaveOut.add(connection);
                }
            });
        }
        OwnContext.on(
                        context,
                        () -> rotations
                                .claim(PAIR, leaveOut)
                                .chain(due -> roles.claim(PAIR, leaveOut).map(claims -> new Claimed(due, claims))))
                .subscribe()
                .with(this::begin, this::failed);
    }

    private record Claimed(List<DueRotations.Due> rotations, List<Claim> roles) {}

    private void begin(Claimed claimed) {
        synchronized (this) {
            claiming = false;
            dry = claimed.rotations.isEmpty() && claimed.roles.isEmpty();
            if (dry && running > 0 && !lookingAgain) {
                lookingAgain = true;
                vertx.setTimer(UNTIL_UNLOCKED.toMillis(), ignored -> {
                    synchronized (this) {
                        lookingAgain = false;
                    }
                    again();
                });
            }
        }
        for (DueRotations.Due due : claimed.rotations) {
            piece(
                    due.connectionId(),
                    deadline -> rotations.carryOn(due, deadline).invoke(this::countRotation));
        }
        for (Claim claim : claimed.roles) {
            piece(
                    claim.connectionId(),
                    deadline -> roles.carryOn(claim, deadline).invoke(this::countRole));
        }
        fill();
    }

    private void failed(Throwable failure) {
        log.warnf("Due work could not be claimed: %s", StoreFault.describe(failure));
        synchronized (this) {
            claiming = false;
            storeFailed = true;
        }
        fill();
    }

    private interface Piece {
        Uni<?> work(Deadline deadline);
    }

    private void piece(UUID connection, Piece piece) {
        Deadline deadline = budget.within(LONGEST_PIECE);
        boolean[] isSlow = new boolean[1];
        synchronized (this) {
            running++;
            busy.merge(connection, 1, Integer::sum);
        }
        long timer = vertx.setTimer(SLOW.toMillis(), ignored -> {
            synchronized (this) {
                isSlow[0] = true;
                slow++;
            }
            fill();
        });
        OwnContext.on(context, () -> piece.work(deadline))
                .onItemOrFailure()
                .invoke((ignored, failure) -> {
                    vertx.cancelTimer(timer);
                    synchronized (this) {
                        running--;
                        slow -= isSlow[0] ? 1 : 0;
                        busy.computeIfPresent(connection, (key, count) -> count == 1 ? null : count - 1);
                        dry = false; // what was passed over for this connection may go on now
                    }
                })
                .subscribe()
                .with(ignored -> fill(), failure -> {
                    log.warnf("Due work waits: %s", StoreFault.describe(failure));
                    fill();
                });
    }

    private synchronized void countRotation(boolean serves) {
        rotationsDone++;
        rotated += serves ? 1 : 0;
    }

    private synchronized void countRole(Void ignored) {
        rolesDone++;
    }

    private boolean isOver() {
        return stopped || budget.left().compareTo(WORTH_BEGINNING) < 0;
    }

    /** Called with the lock held. */
    private void answerWhenIdle() {
        if (running == 0 && waiting != null) {
            Awaited<Done> caller = waiting;
            waiting = null;
            Done done = new Done(rotationsDone, rotated, rolesDone, !dry, storeFailed);
            caller.complete(done);
        }
    }
}
