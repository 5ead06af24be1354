package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Gives a role that was just registered its marker, so that whoever else wants it finds it taken; or the marker of a store that was adopted,
 * in place of the one from before. A server that does not answer, or refuses,
 * says so again when the password is changed.
 */
@ApplicationScoped
class Marking {

    private final ManagingConnections connections;
    private final Claims claims;
    private final Ledger ledger;
    private final RoleLogins logins;
    private final Markers markers;
    private final RoleIdentities identities;
    private final FencedApply fenced;
    private final CredentialConfig config;

    Marking(
            ManagingConnections connections,
            Claims claims,
            Ledger ledger,
            RoleLogins logins,
            Markers markers,
            RoleIdentities identities,
            FencedApply fenced,
            CredentialConfig config) {
        this.connections = connections;
        this.claims = claims;
        this.ledger = ledger;
        this.logins = logins;
        this.markers = markers;
        this.identities = identities;
        this.fenced = fenced;
        this.config = config;
    }

    /**
     * @param again whether the role has a marker of ours already
     * @return why the change is refused; null item where nothing stands in its way, or that is not known
     */
    Uni<ChangeOutcome.@Nullable Failed> mark(UUID roleId, boolean again, Deadline deadline) {
        Deadline own = deadline.within(config.longestRun());
        return Panache.withSession(() -> CredentialStore.role(roleId))
                .chain(role -> role == null || role.deletedAt != null || !role.marked || again != role.fenceEpoch > 0
                        ? Uni.createFrom().nullItem()
                        : connections
                                .login(role.connectionId)
                                .chain(login -> login == null
                                        ? Uni.createFrom().nullItem()
                                        : logins.managing(role.connectionId, login)
                                                .chain(managing -> new Look(role, again, own).from(managing, 0))))
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }

    /** For one use. */
    private final class Look {
        private final ManagedRole role;
        private final boolean again;
        private final Deadline deadline;

        Look(ManagedRole role, boolean again, Deadline deadline) {
            this.role = role;
            this.again = again;
            this.deadline = deadline;
        }

        /** @param logins of the managing role, likeliest first */
        private Uni<ChangeOutcome.@Nullable Failed> from(List<Login> logins, int index) {
            return fenced.preflight(
                            logins.get(index), role.roleName, null, Inspection.PLACEHOLDER, Purpose.DUE_WORK, deadline)
                    .onItemOrFailure()
                    .transformToUni((found, failure) -> {
                        if (failure == null) {
                            return found.clear()
                                    ? found(logins.get(index), found)
                                    : Uni.createFrom().nullItem();
                        }
                        return failure instanceof TargetFailure target
                                        && Proofs.refusesPassword(target)
                                        && index + 1 < logins.size()
                                ? from(logins, index + 1)
                                : Uni.createFrom().failure(failure);
                    });
        }

        private Uni<ChangeOutcome.@Nullable Failed> found(Login login, Preflight preflight) {
            Fence before = preflight.fence();
            if (before != null && before.epoch() == Long.MAX_VALUE) {
                return Uni.createFrom().item(failed(Inspection.implausible(preflight, before)));
            }
            if (again && role.identity().compare(identities.of(preflight)).doubtful()) {
                return Uni.createFrom().nullItem(); // the next change finds out whether it is the one that is managed
            }
            return claims.terms(role.ownerId).chain(terms -> {
                if (terms == null) {
                    return Uni.createFrom().nullItem();
                }
                if (before == null) {
                    return mark(login, preflight, null, terms);
                }
                if (again && markers.isOf(role.ownerId, before)) {
                    return ledger.knows(role, before.epoch())
                            .chain(ours -> !ours || before.owner().equals(markers.of(role.ownerId))
                                    ? Uni.createFrom().nullItem() // of a newer change, or marked already
                                    : mark(login, preflight, null, terms));
                }
                return markers.leave(before, role.roleName, RoleServer.of(preflight.report(), login), terms.takeover())
                        .chain(leave -> switch (leave) {
                            case FREE -> mark(login, preflight, null, terms);
                            case TAKEOVER -> mark(login, preflight, before.owner() + " epoch=" + before.epoch(), terms);
                            case ASKED, ALIVE, ADOPTED ->
                                Uni.createFrom().item(failed(Inspection.managedElsewhere(before, preflight, leave)));
                        });
            });
        }

        private Uni<ChangeOutcome.@Nullable Failed> mark(
                Login login, Preflight found, @Nullable String replaced, Terms terms) {
            return ledger.marking(role.id, again, replaced, identities.of(found))
                    .chain(epoch -> epoch == null
                            ? Uni.createFrom().nullItem()
                            : fenced.mark(
                                            login,
                                            role.roleName,
                                            found.oid(),
                                            found.fence(),
                                            new Fence(markers.of(role.ownerId), epoch, terms.version()),
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
    }

    private static ChangeOutcome.Failed failed(Stop stop) {
        return new ChangeOutcome.Failed(null, stop.reason(), stop.sqlState(), stop.message(), stop.obstacles());
    }
}
