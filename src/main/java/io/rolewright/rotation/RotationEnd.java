package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Actor;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.RoleStatus;
import io.rolewright.rotation.RotationAudit.Act;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The end of a rotation. One that takes the passwords back is written down first, so that whatever becomes of this process the roles end
 * up as was asked for; until that is so, the rotation stays visible as {@code revoking}. One that leaves them happens in one transaction.
 */
@ApplicationScoped
class RotationEnd {

    /** So long a process may be busy with it before due work takes it up. */
    private static final Duration TURN = Duration.ofSeconds(60);

    /** A marker that says nothing of the end needs leave to be replaced by another installation, and none by this one. */
    private static final Duration TIME_FOR_MARKERS = Duration.ofSeconds(2);

    private static final Logger log = Logger.getLogger(RotationEnd.class);

    private final RotationStore store;
    private final ManagedRoles roles;
    private final PasswordChanges changes;
    private final RotationAudit audit;
    private final ServedNames names;

    RotationEnd(
            RotationStore store, ManagedRoles roles, PasswordChanges changes, RotationAudit audit, ServedNames names) {
        this.store = store;
        this.roles = roles;
        this.changes = changes;
        this.audit = audit;
        this.names = names;
    }

    /** Gives every role that has a password of ours one that nobody is given, now or as soon as the target lets us. */
    Uni<Void> revoke(Act act, Rotations.Shown before, Map<String, Object> facts, Deadline deadline) {
        return revoking(act, before.row().id, facts, deadline)
                .chain(() -> carryOn(before.row().id, act.actor(), deadline));
    }

    /**
     * Ends the rotation and leaves the passwords as they are. Whether anything is unfinished is looked at under each role's lock, in the
     * transaction that ends it: what holds one of these locks is waited for, and what comes later finds no role any more.
     *
     * @param abandon whether what is unfinished is given up, because its server is gone
     * @param asking whether the caller may do it still; asked when the locks are held, which may have been waited for
     * @param deadline for what is done at the server afterwards
     * @return fails with {@code UnfinishedChange}, or as {@link Deadline#stillAllowed} does, and then nothing was changed
     */
    Uni<Void> release(
            Act act,
            Rotations.Shown before,
            Map<String, Object> facts,
            boolean abandon,
            Deadline asking,
            Deadline deadline) {
        UUID id = before.row().id;
        return forget(
                        id,
                        abandon ? roles::discard : roles::forget,
                        row -> asking.stillAllowed()
                                .chain(() -> abandon || row.revokingSince == null
                                        ? audit.success(act, AuditType.DELETE_SECRET_ROTATION, row, facts)
                                        : Uni.createFrom().voidItem())
                                .chain(() -> row.revokingSince == null
                                        ? names.ended(row, false)
                                        : Uni.createFrom().voidItem()))
                .invoke(ended -> {
                    if (!ended) {
                        throw Rotations.notFound(id);
                    }
                })
                .chain(() -> unmark(before.roles(), deadline));
    }

    /** The rotation is gone whatever becomes of this. */
    private Uni<Void> unmark(List<RoleStatus> all, Deadline deadline) {
        return inTurn(all, role -> changes.endMarker(role.id(), deadline.within(TIME_FOR_MARKERS)))
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Could not end the marker of a role", failure))
                .onFailure()
                .recoverWithNull();
    }

    /** From here on no rotation begins. */
    private Uni<Void> revoking(Act act, UUID id, Map<String, Object> facts, Deadline asking) {
        return Panache.withTransaction(() -> store.lock(id)
                .onItem()
                .ifNull()
                .failWith(() -> Rotations.notFound(id))
                .call(() -> asking.stillAllowed())
                .chain(row -> roles.of(id).chain(now -> {
                    boolean first = row.revokingSince == null;
                    row.revokingSince = first ? row.storeNow : row.revokingSince;
                    row.rolesToRevoke = withPassword(row, now);
                    row.plan.leave();
                    row.plan.look(row.storeNow.plus(TURN));
                    return first
                            ? audit.success(act, AuditType.DELETE_SECRET_ROTATION, row, facts)
                                    .chain(() -> names.ended(row, true))
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
                            ? roles.of(id)
                                    .chain(untouched -> forget(
                                                    id,
                                                    roles::forget,
                                                    gone -> Uni.createFrom().voidItem())
                                            .chain(() -> unmark(untouched, deadline)))
                            : Uni.createFrom().voidItem());
        });
    }

    /**
     * Takes back a creation that has come to nothing, if nobody has given one of the roles a password since.
     *
     * @return whether it was taken back; if not, nothing was changed
     */
    Uni<Boolean> undo(UUID id, Deadline deadline) {
        return roles.of(id)
                .chain(all -> Panache.withTransaction(() -> untouched(all, 0)
                                .chain(untouched -> untouched
                                        ? forget(
                                                id,
                                                roles::forget,
                                                row -> Uni.createFrom().voidItem())
                                        : Uni.createFrom().item(false)))
                        .call(undone -> undone
                                ? unmark(all, deadline)
                                : Uni.createFrom().voidItem()));
    }

    private Uni<Boolean> untouched(List<RoleStatus> all, int index) {
        return index == all.size()
                ? Uni.createFrom().item(true)
                : roles.untouched(all.get(index).id())
                        .chain(yes -> yes
                                ? untouched(all, index + 1)
                                : Uni.createFrom().item(false));
    }

    /**
     * Its roles first, as whoever locks both does.
     *
     * @param ending ends each role
     * @param last is done with the locked row before it goes
     * @return whether it was there; fails with {@code UnfinishedChange} like {@link ManagedRoles#forget}
     */
    private Uni<Boolean> forget(UUID id, Function<UUID, Uni<Void>> ending, Function<Rotation, Uni<Void>> last) {
        return Panache.withTransaction(() -> roles.of(id)
                .chain(all -> inTurn(all, role -> ending.apply(role.id())))
                .chain(() -> store.lock(id))
                .chain(row -> row == null
                        ? Uni.createFrom().item(false)
                        : last.apply(row).chain(() -> store.deleteLocked(row))));
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
