package io.rolewright.rotation;

import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.OverlapNotOver;
import io.rolewright.problem.Problem;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Rotations whose time has come, found by one index: schedules, creations and deletions that their process has left. Whoever has time
 * calls; replicas share the work by the rows' locks. Retries, recovery and probes of single roles are {@code credential.DueRoles}'s.
 */
@ApplicationScoped
public class DueRotations {

    /**
     * A claim puts the row off, so that one who dies on it is noticed after a minute. The disk is not waited for: should the store forget it,
     * the row is due again, and nothing is sent before the role is claimed and its new version written down, which are waited for.
     */
    private static final String CLAIM = """
            WITH unawaited AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
            UPDATE secret_rotation SET due_at = clock_timestamp() + INTERVAL '60 seconds' FROM unawaited
             WHERE id IN (SELECT id FROM secret_rotation
                           WHERE due_at <= statement_timestamp() AND connection_id <> ALL ($2)
                           ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
            RETURNING id, connection_id""";

    /** Not one that is being deleted since it was read: what remains to be done of that is due when that says. */
    private static final String PUT_OFF =
            "UPDATE secret_rotation SET due_at = $2 WHERE id = $1 AND due_at IS NOT NULL AND revoking_since IS NULL";

    private static final String NEXT = "SELECT min(due_at) AS next FROM secret_rotation WHERE due_at IS NOT NULL";

    /** Who works on a role tries again by himself; the schedule only makes sure that it was not forgotten. */
    private static final Duration LOOK_AFTER_RETRY = Duration.ofMinutes(10);

    /** Another one has one of the roles: nothing comes of it before somebody does something. */
    private static final Duration LOOK_AFTER_REFUSAL = Duration.ofMinutes(15);

    /** Whoever has the role in hand may only look at it, as a probe and an adoption do: that takes no minute, and rotates nothing. */
    private static final Duration LOOK_AFTER_OTHERS = Duration.ofSeconds(2);

    private static final Logger log = Logger.getLogger(DueRotations.class);

    private final Pool pool;
    private final RotationStore store;
    private final RotationTurn turn;
    private final RotationEnd end;
    private final ManagedRoles roles;

    DueRotations(Pool pool, RotationStore store, RotationTurn turn, RotationEnd end, ManagedRoles roles) {
        this.pool = pool;
        this.store = store;
        this.turn = turn;
        this.end = end;
        this.roles = roles;
    }

    /** A rotation that is ours to carry on with, for a minute. */
    public record Due(UUID rotationId, UUID connectionId) {}

    /**
     * Claims what has been due longest.
     *
     * @param limit 1 or more
     * @param connectionsToLeaveOut those that this process is busy with already
     */
    public Uni<List<Due>> claim(int limit, Set<UUID> connectionsToLeaveOut) {
        return pool.preparedQuery(CLAIM)
                .execute(Tuple.of(limit, connectionsToLeaveOut.toArray(new UUID[0])))
                .map(rows -> {
                    List<Due> due = new ArrayList<>();
                    rows.forEach(row -> due.add(new Due(row.getUUID("id"), row.getUUID("connection_id"))));
                    return due;
                });
    }

    /** Does what the claim is for. Needs a store session of its own; never fails. @return whether a new password is served now */
    public Uni<Boolean> carryOn(Due due, Deadline deadline) {
        return store.byId(due.rotationId())
                .chain(row -> row == null ? Uni.createFrom().item(false) : carryOn(row, deadline))
                .onFailure(OverlapNotOver.class)
                .recoverWithUni(early -> putOff(due.rotationId(), ((OverlapNotOver) early).until())
                        .replaceWith(false))
                .onFailure(Problem.class)
                .recoverWithItem(false) // somebody else was quicker; the row says when to look again
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Due rotation " + due.rotationId() + " postponed", failure))
                .onFailure()
                .recoverWithItem(false);
    }

    private Uni<Boolean> carryOn(Rotation row, Deadline deadline) {
        if (row.revokingSince != null) {
            return end.carryOn(row.id, Actor.SERVICE, deadline).replaceWith(false);
        }
        if (row.credentialVersion > 0
                && (row.plan.nextRotationAt() == null
                        || row.plan.nextRotationAt().isAfter(row.storeNow))) {
            return putOff(row.id, row.plan.nextRotationAt()).replaceWith(false);
        }
        return roles.status(row.roleId(row.nextIndex())).chain(role -> {
            if (role != null
                    && role.openAttempt() != null
                    && role.nextTryAt() != null
                    && role.nextTryAt().isAfter(row.storeNow)) {
                return putOff(row.id, role.nextTryAt().plus(LOOK_AFTER_RETRY)).replaceWith(false);
            }
            Uni<ChangeOutcome> outcome = row.credentialVersion == 0
                    ? turn.first(row, Actor.SERVICE, deadline)
                    : turn.take(row, Cause.SCHEDULE, false, Actor.SERVICE, deadline);
            return outcome.chain(ended -> settle(row, ended));
        });
    }

    /** What promotes or fails has set the next time itself. */
    private Uni<Boolean> settle(Rotation row, ChangeOutcome outcome) {
        if (outcome instanceof ChangeOutcome.Parked parked) {
            return putOff(row.id, parked.nextTryAt().plus(LOOK_AFTER_RETRY)).replaceWith(false);
        }
        if (outcome instanceof ChangeOutcome.InDoubt doubt) {
            return putOff(row.id, doubt.nextTryAt().plus(LOOK_AFTER_RETRY)).replaceWith(false);
        }
        if (outcome instanceof ChangeOutcome.InProgress) {
            return putOff(row.id, row.storeNow.plus(LOOK_AFTER_OTHERS)).replaceWith(false);
        }
        if (outcome instanceof ChangeOutcome.Failed failed && failed.attemptId() == null) {
            return putOff(row.id, row.storeNow.plus(LOOK_AFTER_REFUSAL)).replaceWith(false);
        }
        return Uni.createFrom().item(outcome instanceof ChangeOutcome.Done);
    }

    /** @param until null for never */
    private Uni<RowSet<Row>> putOff(UUID rotation, Instant until) {
        return pool.preparedQuery(PUT_OFF)
                .execute(Tuple.of(rotation, until == null ? null : OffsetDateTime.ofInstant(until, ZoneOffset.UTC)));
    }

    /** When the next rotation is due, in the past if one is overdue; empty when none ever is. */
    public Uni<Optional<Instant>> nextDue() {
        return pool.query(NEXT)
                .execute()
                .map(rows -> Optional.ofNullable(rows.iterator().next().getOffsetDateTime("next"))
                        .map(OffsetDateTime::toInstant));
    }
}
