package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.RoleStatus;
import io.rolewright.rotation.RotationAudit.Act;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

/**
 * The end of a rotation. It is written down first, so that whatever becomes of this process the roles end up as was asked for; until
 * that is so, the rotation stays visible as {@code revoking}.
 */
@ApplicationScoped
class RotationEnd {

    /** So long a process may be busy with it before due work takes it up. */
    private static final Duration TURN = Duration.ofSeconds(60);

    /** The marker is a courtesy to the server's owner: ours are taken over without being asked for once their rotation is gone. */
    private static final Duration TIME_FOR_MARKERS = Duration.ofSeconds(2);

    private final RotationStore store;
    private final ManagedRoles roles;
    private final PasswordChanges changes;
    private final RotationAudit audit;

    RotationEnd(RotationStore store, ManagedRoles roles, PasswordChanges changes, RotationAudit audit) {
        this.store = store;
        this.roles = roles;
        this.changes = changes;
        this.audit = audit;
    }

    /** Gives every role that has a password of ours one that nobody is given, now or as soon as the target lets us. */
    Uni<Void> revoke(Act act, Rotations.Shown before, Map<String, Object> facts, Deadline deadline) {
        return ending(act, before.row().id, facts, true).chain(() -> carryOn(before.row().id, act.actor(), deadline));
    }

    /** Ends the rotation and leaves the passwords as they are, once no change of them is in doubt any more. */
    Uni<Void> release(Act act, Rotations.Shown before, Map<String, Object> facts, Deadline deadline) {
        UUID id = before.row().id;
        List<RoleStatus> unfinished = unfinished(before);
        return inTurn(
                        unfinished,
                        role -> changes.change(role.id(), Cause.MANUAL, act.actor(), false, deadline)
                                .invoke(RotationEnd::requireNoDoubt))
                .chain(() -> ending(act, id, facts, false))
                .chain(() -> inTurn(
                        before.roles(), role -> changes.removeMarker(role.id(), deadline.within(TIME_FOR_MARKERS))))
                .chain(() -> forget(id));
    }

    static boolean isUnfinished(Rotations.Shown rotation) {
        return !unfinished(rotation).isEmpty();
    }

    private static List<RoleStatus> unfinished(Rotations.Shown rotation) {
        return rotation.roles().stream()
                .filter(role -> role.openAttempt() != null)
                .toList();
    }

    /** A statement that is still under way could change the password after the rotation is forgotten. */
    private static void requireNoDoubt(ChangeOutcome outcome) {
        if (outcome instanceof ChangeOutcome.InDoubt || outcome instanceof ChangeOutcome.InProgress) {
            throw Rotations.notRotated(outcome);
        }
    }

    /** From here on no rotation begins. */
    private Uni<Void> ending(Act act, UUID id, Map<String, Object> facts, boolean revoke) {
        return Panache.withTransaction(() -> store.lock(id)
                .onItem()
                .ifNull()
                .failWith(() -> Rotations.notFound(id))
                .chain(row -> roles.of(id).chain(now -> {
                    boolean first = row.revokingSince == null;
                    row.revokingSince = first ? row.storeNow : row.revokingSince;
                    row.rolesToRevoke = revoke ? withPassword(row, now) : 0;
                    row.plannedAt = null;
                    row.nextRotationAt = null;
                    row.dueAt = row.storeNow.plus(TURN);
                    return first
                            ? audit.success(act, AuditType.DELETE_SECRET_ROTATION, row, facts)
                            : Uni.createFrom().voidItem();
                })));
    }

    private static int withPassword(Rotation row, List<RoleStatus> roles) {
        return roles.stream()
                .filter(role -> role.currentNumber() != null || role.openAttempt() != null)
                .mapToInt(role -> row.bit(role.id()))
                .reduce(0, (some, more) -> some | more);
    }

    /** Goes on with an end that was written down. Does nothing for a rotation that lives. */
    Uni<Void> carryOn(UUID id, Actor actor, Deadline deadline) {
        return store.byId(id).chain(row -> {
            if (row == null || row.revokingSince == null) {
                return Uni.createFrom().voidItem();
            }
            List<UUID> left = row.roleIds().stream()
                    .filter(role -> (row.rolesToRevoke & row.bit(role)) != 0)
                    .toList();
            return inTurn(left, role -> changes.revoke(role, actor, deadline))
                    .chain(() -> store.byId(id))
                    .chain(after -> after != null && after.rolesToRevoke == 0
                            ? forget(id)
                            : Uni.createFrom().voidItem());
        });
    }

    /** Its roles first, as whoever locks both does. */
    Uni<Void> forget(UUID id) {
        return Panache.withTransaction(() -> roles.of(id)
                .chain(all -> inTurn(all, role -> roles.forget(role.id())))
                .chain(() -> store.lock(id))
                .onItem()
                .ifNotNull()
                .call(row -> store.delete(row))
                .replaceWithVoid());
    }

    /** One after the other: they share a store session, and a target has two sessions for us. */
    private static <T> Uni<Void> inTurn(List<T> all, Function<T, Uni<?>> work) {
        Uni<Void> done = Uni.createFrom().voidItem();
        for (T each : all) {
            done = done.chain(() -> work.apply(each)).replaceWithVoid();
        }
        return done;
    }
}
