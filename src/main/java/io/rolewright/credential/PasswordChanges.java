package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.rolewright.target.Errand;
import io.rolewright.target.FencedApply;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Gives a role a new password now. Whoever calls claims the role for the time of the call; what he cannot finish, somebody else does.
 *
 * <p>Must not be called inside a store transaction: targets are talked to.
 */
@ApplicationScoped
public class PasswordChanges {

    private final Claims claims;
    private final Ledger ledger;
    private final ManagingConnections connections;
    private final RoleLogins logins;
    private final Markers markers;
    private final Marking marking;
    private final Probe probe;
    private final Runs runs;
    private final Targets targets;
    private final FencedApply fenced;
    private final StoreOrigin origin;

    /** Rotations and connections that somebody waits for. */
    private final Set<UUID> inHand = ConcurrentHashMap.newKeySet();

    PasswordChanges(
            Claims claims,
            Ledger ledger,
            ManagingConnections connections,
            RoleLogins logins,
            Markers markers,
            Marking marking,
            Probe probe,
            Runs runs,
            Targets targets,
            FencedApply fenced,
            StoreOrigin origin) {
        this.claims = claims;
        this.ledger = ledger;
        this.connections = connections;
        this.logins = logins;
        this.markers = markers;
        this.marking = marking;
        this.probe = probe;
        this.runs = runs;
        this.targets = targets;
        this.fenced = fenced;
        this.origin = origin;
    }

    /**
     * Waits for a turn on the server that a connection leads to, and keeps it for all of {@code work}: see {@link Targets#admitted}.
     *
     * @param connectionId of one that is gone leads nowhere: the work begins at once and finds that out
     * @return fails with 429 {@code target_busy} before anything was begun; else as {@code work}
     */
    public <T> Uni<T> admitted(UUID connectionId, Errand errand, Deadline deadline, Function<Deadline, Uni<T>> work) {
        return connections
                .login(connectionId)
                .chain(login -> login == null ? work.apply(deadline) : targets.admitted(login, errand, deadline, work));
    }

    /**
     * Refuses what is asked for while this process has the same in hand, or in line for its turn: whoever asks twice for one new
     * password gets one.
     *
     * @param what a rotation or a connection
     */
    public <T> Uni<T> alone(UUID what, Supplier<? extends RuntimeException> underWay, Supplier<Uni<? extends T>> work) {
        return Uni.createFrom().deferred(() -> {
            if (!inHand.add(what)) {
                return Uni.createFrom().failure(underWay.get());
            }
            return Uni.createFrom().deferred(work).onTermination().invoke(() -> inHand.remove(what));
        });
    }

    /**
     * Claims the role and goes as far as the deadline allows. An unfinished attempt is continued instead of beginning another.
     *
     * @param force also where the target knows a higher epoch than the store and none of our passwords opens the role, and where the
     *     credential that was replaced last may still be in use
     * @return fails as {@link Credential#admit}, and when the store cannot be reached before anything was sent
     */
    public Uni<ChangeOutcome> change(UUID roleId, Cause cause, Actor actor, boolean force, Deadline deadline) {
        return claims.claim(roleId, cause, actor, force)
                .chain(claim -> claim == null
                        ? gone()
                        : runs.run(claim, force, deadline)
                                .chain(outcome ->
                                        // Somebody asked for a new password, and all that was done is that the current
                                        // one was put back.
                                        outcome instanceof ChangeOutcome.Done
                                                        && claim.attempt.cause.reapplies()
                                                        && !cause.reapplies()
                                                ? change(roleId, cause, actor, force, deadline)
                                                : Uni.createFrom().item(outcome)))
                .onFailure(LostClaim.class)
                .recoverWithItem(ChangeOutcome.InProgress::new);
    }

    /**
     * Makes a password that a human sent, and that has just opened the role, the current one: whatever was in doubt before is over. A
     * secret of our own is derived from it and applied fenced, so that nothing that was sent before undoes it.
     */
    public Uni<ChangeOutcome> adopt(UUID roleId, ManagedRoles.Adopted adopted, Actor actor, Deadline deadline) {
        return claims.adopting(roleId, actor, adopted.opened)
                .chain(claim -> claim == null ? gone() : runs.run(claim, false, deadline))
                .onFailure(LostClaim.class)
                .recoverWithItem(ChangeOutcome.InProgress::new);
    }

    /**
     * Looks now whether the current password opens the role, as due work does from time to time, and goes on with what waits. What can be
     * put right is put right; what stands in the way is the role's state from then on.
     *
     * @return fails with 400 {@code rotation_in_progress} while somebody works on the role
     */
    public Uni<Void> verify(UUID roleId, Actor actor, Deadline deadline) {
        return claims.claim(roleId, null, actor, false)
                .chain(claim -> {
                    if (claim == null) {
                        return Uni.createFrom().voidItem();
                    }
                    return (claim.attempt == null
                                    ? probe.look(claim, runs.within(deadline))
                                    : runs.run(claim, false, deadline).replaceWithVoid())
                            .onTermination()
                            .invoke(() -> claims.letGo(claim));
                })
                .onFailure(LostClaim.class)
                .transform(busy -> NotChanged.inProgress());
    }

    /**
     * Gives a role our marker, before a password of it is touched, if its server lets us and it never had one. Of two who come at once, of
     * whatever store, one goes through.
     *
     * @return the change that is refused; null item where nothing stands in the way of it, or that is not known
     */
    public Uni<ChangeOutcome.@Nullable Failed> mark(UUID roleId, Deadline deadline) {
        return marking.mark(roleId, false, deadline);
    }

    /** Replaces the marker from before the store was adopted, if the role carries one that this store has written. Best effort. */
    Uni<Void> markAgain(UUID roleId, Deadline deadline) {
        return marking.mark(roleId, true, deadline).replaceWithVoid();
    }

    /**
     * Gives a role a password that nobody is given, takes our marker from it and ends its management. Until that has succeeded the role
     * is {@link RoleState#REVOKING} and the attempt is tried again; the credential then waits for one role less.
     */
    public Uni<ChangeOutcome> revoke(UUID roleId, Actor actor, Deadline deadline) {
        return change(roleId, Cause.REVOKE, actor, false, deadline);
    }

    /**
     * Says in the marker of a role that was forgotten that nobody manages it any more, if its server answers. Only when no change of it is
     * in doubt. A marker that stays as it is is one of an owner that is gone: this store needs no leave to replace it, others do.
     */
    public Uni<Void> endMarker(UUID roleId, Deadline deadline) {
        if (origin.standing().copy()) {
            return Uni.createFrom().voidItem();
        }
        return Panache.withSession(() -> CredentialStore.role(roleId))
                .chain(role -> role == null || !role.marked
                        ? Uni.createFrom().voidItem()
                        : ledger.knows(role, 1)
                                .chain(marked -> marked
                                        ? connections.login(role.connectionId)
                                        : Uni.createFrom().nullItem())
                                .onItem()
                                .ifNotNull()
                                .transformToUni(login -> logins.managing(role.connectionId, login))
                                .onItem()
                                .ifNotNull()
                                .transformToUni(managing -> fenced.endMarker(
                                        managing.get(0),
                                        role.roleName,
                                        markers.of(role.ownerId),
                                        role.epoch + 1,
                                        deadline))
                                .onFailure(TargetFailure.class)
                                .recoverWithNull());
    }

    private static Uni<ChangeOutcome> gone() {
        return Uni.createFrom().item(new ChangeOutcome.Gone());
    }
}
