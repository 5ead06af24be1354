package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Gives a role that was just registered its marker, so that whoever else wants it finds it taken; or the marker of a store that was adopted,
 * in place of the one from before. A server that does not answer, or refuses,
 * says so again when the password is changed.
 */
final class Marking {

    private final Tools tools;
    private final UUID roleId;
    private final boolean again;
    private final Deadline deadline;

    /** @param again whether the role has a marker of ours already */
    Marking(Tools tools, UUID roleId, boolean again, Deadline deadline) {
        this.tools = tools;
        this.roleId = roleId;
        this.again = again;
        this.deadline = deadline;
    }

    Uni<ChangeOutcome.@Nullable Failed> go() {
        return Panache.withSession(() -> CredentialStore.role(roleId))
                .chain(role -> role == null || role.deletedAt != null || !role.marked || again != role.fenceEpoch > 0
                        ? Uni.createFrom().nullItem()
                        : tools.connections()
                                .login(role.connectionId)
                                .chain(login -> login == null
                                        ? Uni.createFrom().nullItem()
                                        : tools.managing(role.connectionId, login)
                                                .chain(logins -> look(role, logins, 0))))
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }

    private Uni<ChangeOutcome.@Nullable Failed> look(ManagedRole role, List<Login> logins, int index) {
        return tools.fenced()
                .preflight(logins.get(index), role.roleName, null, Run.PLACEHOLDER, Purpose.DUE_WORK, deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return found.clear()
                                ? found(role, logins.get(index), found)
                                : Uni.createFrom().nullItem();
                    }
                    return failure instanceof TargetFailure target
                                    && Run.refusesPassword(target)
                                    && index + 1 < logins.size()
                            ? look(role, logins, index + 1)
                            : Uni.createFrom().failure(failure);
                });
    }

    private Uni<ChangeOutcome.@Nullable Failed> found(ManagedRole role, Login login, Preflight preflight) {
        Fence before = preflight.fence();
        if (before != null && before.epoch() == Long.MAX_VALUE) {
            return Uni.createFrom().item(failed(Inspection.implausible(preflight, before)));
        }
        if (again && role.identity().compare(tools.identity(preflight)).doubtful()) {
            return Uni.createFrom().nullItem(); // the next change finds out whether it is the one that is managed
        }
        return tools.claims().terms(role.ownerId).chain(terms -> {
            if (terms == null) {
                return Uni.createFrom().nullItem();
            }
            if (before == null) {
                return mark(role, login, preflight, null, terms);
            }
            if (again && tools.isOf(role.ownerId, before)) {
                return tools.ledger()
                        .knows(role, before.epoch())
                        .chain(ours -> !ours || before.owner().equals(tools.marker(role.ownerId))
                                ? Uni.createFrom().nullItem() // of a newer change, or marked already
                                : mark(role, login, preflight, null, terms));
            }
            return tools.leave(before, role.roleName, RoleServer.of(preflight.report(), login), terms.takeover())
                    .chain(leave -> switch (leave) {
                        case FREE -> mark(role, login, preflight, null, terms);
                        case TAKEOVER ->
                            mark(role, login, preflight, before.owner() + " epoch=" + before.epoch(), terms);
                        case ASKED, ALIVE, ADOPTED ->
                            Uni.createFrom().item(failed(Inspection.managedElsewhere(before, preflight, leave)));
                    });
        });
    }

    private Uni<ChangeOutcome.@Nullable Failed> mark(
            ManagedRole role, Login login, Preflight found, @Nullable String replaced, Terms terms) {
        return tools.ledger()
                .marking(role.id, again, replaced, tools.identity(found))
                .chain(epoch -> epoch == null
                        ? Uni.createFrom().nullItem()
                        : tools.fenced()
                                .mark(
                                        login,
                                        role.roleName,
                                        found.oid(),
                                        found.fence(),
                                        new Fence(tools.marker(role.ownerId), epoch, terms.version()),
                                        UnmarkedApply.applicationName(role.id, epoch),
                                        deadline)
                                .map(outcome -> outcome instanceof ApplyOutcome.ManagedElsewhere
                                                || outcome instanceof ApplyOutcome.Stale
                                        ? failed(
                                                Stop.definite(
                                                        Step.APPLY,
                                                        "role_already_managed",
                                                        "Another rotation or installation has taken the role at the same time."))
                                        : null));
    }

    private static ChangeOutcome.Failed failed(Stop stop) {
        return new ChangeOutcome.Failed(null, stop.reason(), stop.sqlState(), stop.message(), stop.obstacles());
    }
}
