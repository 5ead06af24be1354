package io.rolewright.rotation;

import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.OverlapNotOver;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.Revoking;
import io.rolewright.credential.ScheduleConfig;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.UUID;

/**
 * One rotation: the role whose turn it is gets a new password. Whose turn it is, and whether the last rotation is long enough ago, is
 * decided in the store transaction that begins the attempt, with the rotation's row locked: of many that come at once one goes through,
 * and none of the others touches the role that is served by then.
 */
@ApplicationScoped
class RotationTurn {

    private final PasswordChanges changes;
    private final ScheduleConfig config;

    RotationTurn(PasswordChanges changes, ScheduleConfig config) {
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
            return Uni.createFrom().failure(Revoking.problem());
        }
        UUID role = row.roleId(row.nextIndex());
        return changes.change(role, cause, actor, force, deadline);
    }

    /**
     * What can be refused without the server is refused before its turn there is waited for; {@link #take} decides.
     *
     * @param row as read just now
     */
    Uni<Void> mayBegin(Rotation row, boolean force) {
        return Uni.createFrom().voidItem().invoke(() -> {
            if (row.revokingSince != null) {
                throw Revoking.problem();
            }
            OverlapNotOver.require(
                    row.strategy, row.credentialVersion, row.plan, force, row.storeNow, config.minimumOverlap());
        });
    }

    /** The first password of a rotation that was just written down, or whose creation its process has left. */
    Uni<ChangeOutcome> first(Rotation row, Actor actor, Deadline deadline) {
        // The role whose turn is next time is taken before the password of the first is touched.
        Uni<ChangeOutcome.Failed> marked = row.role2Id == null || row.revokingSince != null
                ? Uni.createFrom().nullItem()
                : changes.mark(row.role2Id, deadline);
        return marked.chain(taken -> taken != null
                ? Uni.createFrom().item(taken)
                : changes.change(row.role1Id, Cause.CREATION, actor, false, deadline));
    }
}
