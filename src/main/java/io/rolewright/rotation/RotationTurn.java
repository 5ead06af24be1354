package io.rolewright.rotation;

import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.NotChanged;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.ScheduleConfig;
import io.rolewright.credential.Strategy;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;

/**
 * One rotation: the role whose turn it is gets a new password. Whose turn it is, and whether the last rotation is long enough ago, is
 * decided in the store transaction that begins the attempt, with the rotation's row locked: of many that come at once one goes through,
 * and none of the others touches the role that is served by then.
 */
@ApplicationScoped
class RotationTurn {

    private final RotationStore store;
    private final PasswordChanges changes;
    private final ScheduleConfig config;

    RotationTurn(RotationStore store, PasswordChanges changes, ScheduleConfig config) {
        this.store = store;
        this.changes = changes;
        this.config = config;
    }

    /**
     * Carries on with what is unfinished of this role, or begins a new attempt.
     *
     * @param row as read just now
     * @param force whether the overlap may be cut short
     * @return fails with 400 {@code overlap_not_over}, {@code rotation_in_progress}, {@code rotation_revoking}
     */
    Uni<ChangeOutcome> take(Rotation row, Cause cause, boolean force, Actor actor, Deadline deadline) {
        if (row.revokingSince != null) { // what is unfinished is its revoke, which is not carried on with as a rotation
            return Uni.createFrom().failure(revoking());
        }
        UUID role = row.roleId(row.nextIndex());
        return changes.change(role, cause, actor, force, () -> admit(row.id, role, cause, force), deadline);
    }

    /**
     * What can be refused without the server is refused before its turn there is waited for; {@link #take} decides.
     *
     * @param row as read just now
     */
    Uni<Void> mayBegin(Rotation row, boolean force) {
        return Uni.createFrom().voidItem().invoke(() -> {
            if (row.revokingSince != null) {
                throw revoking();
            }
            requireOverlapOver(row, force);
        });
    }

    private void requireOverlapOver(Rotation row, boolean force) {
        Instant over = overlapEnds(row);
        if (!force && over != null && over.isAfter(row.storeNow)) {
            throw new OverlapNotOver(over, row.storeNow);
        }
    }

    /** The first password of a rotation that was just written down, or whose creation its process has left. */
    Uni<ChangeOutcome> first(Rotation row, Actor actor, Deadline deadline) {
        return changes.change(
                row.role1Id, Cause.CREATION, actor, false, () -> locked(row.id).replaceWithVoid(), deadline);
    }

    /** Fails for one that is deleted, or is being deleted. */
    private Uni<Rotation> locked(UUID rotation) {
        return store.lock(rotation).invoke(row -> {
            if (row == null) {
                throw Rotations.notFound(rotation);
            }
            if (row.revokingSince != null) {
                throw revoking();
            }
        });
    }

    private Uni<Void> admit(UUID rotation, UUID role, Cause cause, boolean force) {
        return locked(rotation)
                .invoke(row -> {
                    boolean due = row.plan.nextRotationAt() != null
                            && !row.plan.nextRotationAt().isAfter(row.storeNow);
                    if (!role.equals(row.roleId(row.nextIndex())) || cause == Cause.SCHEDULE && !due) {
                        throw NotChanged
                                .inProgress(); // somebody has rotated, or changed the schedule, since it was read
                    }
                    requireOverlapOver(row, force);
                })
                .replaceWithVoid();
    }

    /**
     * Until when the credential that was replaced last is promised to work; null when no such promise binds. The first rotation breaks
     * none: the second role's password has not been served yet.
     */
    private Instant overlapEnds(Rotation row) {
        return row.strategy == Strategy.SINGLE || row.credentialVersion < 2
                ? null
                : row.plan.lastRotatedAt().plus(config.minimumOverlap());
    }

    static Problem revoking() {
        return Problem.of(
                ErrorCode.ROTATION_REVOKING,
                "This rotation is deleted: it only waits for its roles to get passwords that nobody is given.");
    }

    /** The replaced credential was promised to work a little longer. */
    static class OverlapNotOver extends Problem {

        final Instant until;

        OverlapNotOver(Instant until, Instant now) {
            super(
                    ErrorCode.OVERLAP_NOT_OVER,
                    "The last rotation was a moment ago, and the credential that it replaced may still be in use. Wait, or"
                            + " send force=true to end it at once.",
                    Map.of("until", until),
                    Map.of(
                            "Retry-After",
                            Long.toString(1 + Duration.between(now, until).toSeconds())));
            this.until = until;
        }
    }
}
