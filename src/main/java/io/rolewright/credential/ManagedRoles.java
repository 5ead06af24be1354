package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StoreFault;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The register of roles whose passwords are ours to change. Every method joins the running store transaction, if there is one. */
@ApplicationScoped
public class ManagedRoles {

    private static final String STATUS = """
            select new io.rolewright.credential.RoleStatus(r.id, r.ownerId, r.roleName, r.state, r.reason,
                   v.number, v.currentAt, a.id, a.nextTryAt)
              from ManagedRole r
              left join PasswordVersion v on v.roleId = r.id and v.state = io.rolewright.credential.VersionState.CURRENT
              left join Attempt a on a.roleId = r.id and a.state in (io.rolewright.credential.AttemptState.CLAIMED,
                   io.rolewright.credential.AttemptState.SENT, io.rolewright.credential.AttemptState.PARKED)
             where r.deletedAt is null and\s""";

    private final Sealer sealer;

    ManagedRoles(Sealer sealer) {
        this.sealer = sealer;
    }

    /**
     * @param ownerKind {@code rotation} or {@code connection}
     * @param connectionId by which the role is changed
     * @param self whether it changes its own password, logging in by that connection
     * @param server what {@link #server} gave for it
     */
    public record NewRole(
            String ownerKind, UUID ownerId, UUID connectionId, boolean self, String roleName, byte[] server) {}

    /**
     * Recognises a server: by its system identifier <em>and</em> the address and port that were dialled, since standbys, clones and
     * restores share the identifier.
     *
     * @return a keyed hash, which names nothing
     */
    public byte[] server(TargetReport report) {
        TargetReport.Server server = report.server();
        String identifier = server == null || server.systemIdentifier() == null ? "?" : server.systemIdentifier();
        return sealer.fingerprint(
                "managed-role-server",
                (identifier + " " + report.dialled() + " " + report.port()).getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes a role down; nothing is done to it yet.
     *
     * @return its id; fails with 400 {@code role_already_managed} when a rotation or connection manages this role of this server
     */
    public Uni<UUID> register(NewRole wanted) {
        ManagedRole role = new ManagedRole();
        role.id = UUID.randomUUID();
        role.ownerKind = wanted.ownerKind();
        role.ownerId = wanted.ownerId();
        role.connectionId = wanted.connectionId();
        role.self = wanted.self();
        role.roleName = wanted.roleName();
        role.server = wanted.server().clone();
        role.marked = !wanted.self();
        role.epoch = 0;
        role.state = RoleState.OK;
        return Panache.withTransaction(() -> StoreClock.now()
                .chain(now -> {
                    role.createdAt = now;
                    return Panache.getSession()
                            .chain(session -> session.persist(role).chain(session::flush));
                })
                .onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> alreadyManaged(wanted.roleName()))
                .replaceWith(role.id));
    }

    static Problem alreadyManaged(String roleName) {
        return Problem.of(
                400,
                "role_already_managed",
                "The role " + roleName + " is managed already: another rotation or connection changes its password.",
                Map.of("role", roleName));
    }

    /** Null item when there is no such role (any more). */
    public Uni<@Nullable RoleStatus> status(UUID roleId) {
        return statuses("r.id = ?1", roleId).map(found -> found.isEmpty() ? null : found.get(0));
    }

    /** The roles of one owner, in the order in which they were registered. */
    public Uni<List<RoleStatus>> of(UUID ownerId) {
        return statuses("r.ownerId = ?1 order by r.createdAt, r.id", ownerId);
    }

    /** The roles of many owners, for lists. */
    public Uni<List<RoleStatus>> of(Collection<UUID> ownerIds) {
        return ownerIds.isEmpty()
                ? Uni.createFrom().item(List.of())
                : statuses("r.ownerId in ?1 order by r.createdAt, r.id", ownerIds);
    }

    private static Uni<List<RoleStatus>> statuses(String where, Object parameter) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(STATUS + where, RoleStatus.class)
                        .setParameter(1, parameter)
                        .getResultList()));
    }

    /**
     * Ends the management of a role: its versions stay sealed for 30 days, its open attempt fails with {@code deleted}, and the name
     * is free for another owner. Whoever works on it right now can no longer write anything down.
     */
    public Uni<Void> forget(UUID roleId) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId).chain(role -> {
            if (role == null || role.deletedAt != null) {
                return Uni.createFrom().voidItem();
            }
            return CredentialStore.openAttempt(roleId)
                    .invoke(attempt -> {
                        role.deletedAt = role.storeNow;
                        role.epoch++;
                        role.leaseOwner = null;
                        role.leaseUntil = null;
                        role.dueAt = null;
                        role.changeAt = null;
                        if (attempt != null) {
                            attempt.state = AttemptState.FAILED;
                            attempt.reason = "deleted";
                            attempt.message = "The owner of the role was deleted.";
                            attempt.finishedAt = role.storeNow;
                            attempt.nextTryAt = null;
                        }
                    })
                    .replaceWithVoid();
        }));
    }
}
