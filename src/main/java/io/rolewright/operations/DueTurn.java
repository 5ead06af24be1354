package io.rolewright.operations;

import io.rolewright.credential.Claim;
import io.rolewright.credential.DueRoles;
import io.rolewright.rotation.DueRotations;
import io.rolewright.target.Deadline;
import io.rolewright.target.KeptSessions;
import io.rolewright.work.Due;
import io.rolewright.work.Lanes;
import io.rolewright.work.Ramp;
import io.rolewright.work.Went;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/** One round of changes of passwords: rotations that are due, and roles that something is left to be done for. */
final class DueTurn implements Due<DueTurn.Work> {

    /**
     * 12 on targets that answer: a role takes tens of milliseconds, most of it waiting. 48 with those that wait for slow targets, which
     * is what takes longer than 2 s. What another transaction has locked is looked for again after 1 s.
     */
    private static final Lanes.Width WIDTH = new Lanes.Width(12, 48, Duration.ofSeconds(2), Duration.ofSeconds(1));

    /** Work on one connection at a time: a target has two sessions for us. */
    private static final int ON_ONE_CONNECTION = 2;

    /** One piece of work has that long; it is well inside a claim's lease. */
    private static final Duration LONGEST_PIECE = Duration.ofSeconds(20);

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    private final DueRotations rotations;
    private final DueRoles roles;
    private final Deadline budget;
    private final Lanes<Work> lanes;
    private final KeptSessions kept = new KeptSessions();
    private final AtomicInteger rotated = new AtomicInteger();
    private final AtomicInteger rotationsDone = new AtomicInteger();
    private final AtomicInteger rolesDone = new AtomicInteger();

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
        this.budget = budget;
        this.lanes = new Lanes<>(
                "Due work",
                this,
                new Ramp(ON_ONE_CONNECTION),
                WIDTH,
                () -> budget.left().compareTo(WORTH_BEGINNING) < 0,
                vertx);
    }

    /** To be subscribed once. Never fails; answers on the context that subscribes. */
    Uni<Done> run() {
        return lanes.run()
                .onTermination()
                .invoke(kept::close)
                .map(done ->
                        new Done(rotationsDone.get(), rotated.get(), rolesDone.get(), done.more(), done.storeFailed()));
    }

    /** Looks again, also while earlier work is still under way. */
    void again() {
        lanes.again();
    }

    /** Begins nothing more. */
    void stop() {
        lanes.stop();
    }

    /** A claimed row of either table. */
    interface Work {

        UUID connectionId();

        Uni<?> carryOn(Deadline deadline);
    }

    private record OneRotation(DueTurn turn, DueRotations.Due due) implements Work {

        @Override
        public UUID connectionId() {
            return due.connectionId();
        }

        @Override
        public Uni<?> carryOn(Deadline deadline) {
            return turn.rotations.carryOn(due, deadline).invoke(serves -> {
                turn.rotationsDone.incrementAndGet();
                turn.rotated.addAndGet(serves ? 1 : 0);
            });
        }
    }

    private record OneRole(DueTurn turn, Claim claim) implements Work {

        @Override
        public UUID connectionId() {
            return claim.connectionId();
        }

        @Override
        public Uni<?> carryOn(Deadline deadline) {
            return turn.roles.carryOn(claim, deadline).invoke(done -> turn.rolesDone.incrementAndGet());
        }
    }

    @Override
    public Uni<List<Work>> claim(int most, Set<UUID> full) {
        return rotations
                .claim(most, full)
                .chain(due -> roles.claim(most, full).map(claims -> {
                    List<Work> claimed = new ArrayList<>();
                    due.forEach(each -> claimed.add(new OneRotation(this, each)));
                    claims.forEach(each -> claimed.add(new OneRole(this, each)));
                    return claimed;
                }));
    }

    @Override
    public UUID key(Work claimed) {
        return claimed.connectionId();
    }

    /** What became of it stands in the store; a target that is in trouble is told by the next look of its own. */
    @Override
    public Uni<Went> work(Work claimed) {
        return claimed.carryOn(budget.within(LONGEST_PIECE).keeping(kept)).replaceWith(Went.THROUGH);
    }
}
