package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.OwnLogins;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Who logs in as a role, besides the one who wants to change its password: a password that is changed leaves the others with one that no
 * longer works. Servers are told by their system identifier, which a clone shares, and by host and port where that is not known: both
 * only refuse more.
 */
@ApplicationScoped
public class LoginUse {

    private static final String LOCK = "SELECT CAST(pg_advisory_xact_lock(:key) AS text)";

    private static final String MANAGED = "from ManagedRole r where r.roleName = ?1 and r.deletedAt is null";

    private final ManagingConnections connections;
    private final OwnLogins own;
    private final Sealer sealer;

    LoginUse(ManagingConnections connections, OwnLogins own, Sealer sealer) {
        this.connections = connections;
        this.own = own;
        this.sealer = sealer;
    }

    /**
     * Why a password must not be changed.
     *
     * @param details for the caller's answer; names only what he may see
     */
    record Conflict(ErrorCode code, String message, Map<String, Object> details) {

        Problem problem() {
            return Problem.of(code, message, details);
        }

        Stop stop() {
            return Stop.definite(Step.PREFLIGHT, code.code(), message);
        }
    }

    /**
     * Holds, to the end of the running store transaction, whoever else wants to log in as a role of this name or to manage it: each of
     * two that come at once would find the other one not there yet.
     */
    public Uni<Void> hold(String roleName) {
        long key = ByteBuffer.wrap(sealer.fingerprint("role-name-lock", roleName.getBytes(StandardCharsets.UTF_8)))
                .getLong();
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(LOCK, String.class)
                        .setParameter("key", key)
                        .getSingleResult())
                .replaceWithVoid();
    }

    /** Whether the service itself logs in to its store as this role. Null item when it does not. */
    Uni<@Nullable Conflict> ours(String roleName, RoleServer server) {
        if (!own.include(roleName)) {
            return Uni.createFrom().nullItem();
        }
        return own.server()
                .map(store -> isStore(server, store)
                        ? new Conflict(
                                ErrorCode.ROLE_OF_THIS_SERVICE,
                                "This service logs in to its own store as the role " + roleName
                                        + " of this server, with the password that it was deployed with: another one would lock it"
                                        + " out. Name another role.",
                                Map.of("role", roleName))
                        : null);
    }

    private static boolean isStore(RoleServer server, OwnLogins.Server store) {
        if (server.identifier() != null && store.identifier() != null) {
            return server.identifier().equals(store.identifier());
        }
        return store.port() == null
                || store.port() == server.port()
                        && (store.address() == null || store.address().equals(server.dialled()));
    }

    /**
     * Whether anybody else logs in as the role, or manages it under whatever address. Joins the running store transaction.
     *
     * @param except the owner that wants it, and the connection that is to change its own password; absent for none
     * @return null item when nobody does
     */
    Uni<@Nullable Conflict> others(String roleName, RoleServer server, @Nullable UUID except, Sight sight) {
        return managing(roleName, server, except, sight)
                .chain(managed -> managed != null
                        ? Uni.createFrom().item(managed)
                        : connections.loggingIn(server, roleName).map(found -> {
                            List<ManagingConnections.StoredLogin> others = found.stream()
                                    .filter(each -> !each.id().equals(except))
                                    .toList();
                            return others.isEmpty() ? null : usedBy(roleName, others, sight);
                        }));
    }

    /**
     * Refuses to take a role under management whose password somebody else logs in with. Joins the running store transaction, if there
     * is one.
     *
     * @param except the owner that wants it
     * @return fails with 400 {@code role_of_this_service}, {@code role_already_managed} or {@code role_of_a_connection}
     */
    public Uni<Void> requireFree(String roleName, RoleServer server, UUID except, Sight sight) {
        return ours(roleName, server)
                .chain(ours -> ours != null
                        ? Uni.createFrom().item(ours)
                        : Panache.withSession(() -> others(roleName, server, except, sight)))
                .invoke(conflict -> {
                    if (conflict != null) {
                        throw conflict.problem();
                    }
                })
                .replaceWithVoid();
    }

    /**
     * Roles of this name that others manage, on servers of which nothing that is stored says whether they are this one. Not to be called
     * within a store transaction.
     *
     * @param except the owner that wants it; absent for none
     */
    Uni<List<ManagedRole>> perhapsManaged(String roleName, RoleServer server, @Nullable UUID except) {
        return Panache.withSession(() -> managed(roleName, except)
                .chain(rows -> rows.isEmpty()
                        ? Uni.createFrom().item(List.of())
                        : connections
                                .perhapsLeadingTo(
                                        server,
                                        rows.stream()
                                                .map(row -> row.connectionId)
                                                .collect(Collectors.toSet()))
                                .map(there -> rows.stream()
                                        .filter(row -> there.contains(row.connectionId))
                                        .toList())));
    }

    /** The conflict with one that turned out to be of this very server. */
    Uni<Conflict> conflict(ManagedRole row, Sight sight) {
        return Panache.withSession(() -> named(List.of(row), 0, sight, new ArrayList<>()))
                .map(seen -> managedBy(row.roleName, seen, 1));
    }

    private static Conflict usedBy(String roleName, List<ManagingConnections.StoredLogin> others, Sight sight) {
        List<Map<String, Object>> seen = others.stream()
                .filter(each -> sight.sees("connection", each.projectId()))
                .map(each -> Map.<String, Object>of("kind", "connection", "id", each.id(), "name", each.name()))
                .toList();
        return new Conflict(
                ErrorCode.ROLE_OF_A_CONNECTION,
                "Stored connections log in as the role " + roleName
                        + " of this server with a password that would no longer work: " + listed(seen, others.size())
                        + ". Give them a role of their own, or delete them.",
                details(roleName, seen, others.size()));
    }

    /**
     * Refuses a login that would stop working with the next change of the role's password. Joins the running store transaction.
     *
     * @param connection that is to log in as the role
     * @return fails with 400 {@code role_already_managed}
     */
    public Uni<Void> requireUnmanaged(String roleName, RoleServer server, UUID connection, Sight sight) {
        return managing(roleName, server, connection, sight)
                .invoke(conflict -> {
                    if (conflict != null) {
                        throw conflict.problem();
                    }
                })
                .replaceWithVoid();
    }

    private static Uni<List<ManagedRole>> managed(String roleName, @Nullable UUID except) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery(MANAGED, ManagedRole.class)
                        .setParameter(1, roleName)
                        .getResultList())
                .map(rows -> rows.stream()
                        .filter(row -> !row.ownerId.equals(except) && row.connectionId != null)
                        .toList());
    }

    private Uni<@Nullable Conflict> managing(String roleName, RoleServer server, @Nullable UUID except, Sight sight) {
        return managed(roleName, except)
                .chain(rows -> rows.isEmpty()
                        ? Uni.createFrom().nullItem()
                        : connections
                                .leadingTo(
                                        server,
                                        rows.stream()
                                                .map(row -> row.connectionId)
                                                .collect(Collectors.toSet()))
                                .chain(there -> {
                                    List<ManagedRole> conflicting = rows.stream()
                                            .filter(row -> there.contains(row.connectionId))
                                            .toList();
                                    return conflicting.isEmpty()
                                            ? Uni.createFrom().nullItem()
                                            : named(conflicting, 0, sight, new ArrayList<>())
                                                    .map(seen -> managedBy(roleName, seen, conflicting.size()));
                                }));
    }

    private Uni<List<Map<String, Object>>> named(
            List<ManagedRole> rows, int index, Sight sight, List<Map<String, Object>> seen) {
        if (index == rows.size()) {
            return Uni.createFrom().item(seen);
        }
        ManagedRole row = rows.get(index);
        return CredentialStore.credential(row.ownerId).chain(owner -> {
            if (owner != null && sight.sees(row.ownerKind, owner.projectId)) {
                seen.add(Map.of("kind", row.ownerKind, "id", row.ownerId, "name", owner.name));
            }
            return named(rows, index + 1, sight, seen);
        });
    }

    private static Conflict managedBy(String roleName, List<Map<String, Object>> seen, int all) {
        return new Conflict(
                ErrorCode.ROLE_ALREADY_MANAGED,
                "The role " + roleName + " of this server is managed already: its password is changed by "
                        + listed(seen, all)
                        + ". A second one who changes it, or a connection that logs in with it, would stop the other from"
                        + " working. Name another role, or delete what manages it.",
                details(roleName, seen, all));
    }

    private static String listed(List<Map<String, Object>> seen, int all) {
        String names = seen.stream()
                .map(each -> each.get("kind") + " " + each.get("name") + " (" + each.get("id") + ")")
                .collect(Collectors.joining(", "));
        if (seen.size() == all) {
            return names;
        }
        return names.isEmpty() ? "something that you may not see" : names + ", and more that you may not see";
    }

    private static Map<String, Object> details(String roleName, List<Map<String, Object>> seen, int all) {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("role", roleName);
        details.put("usedBy", seen);
        details.put("more", seen.size() < all);
        return details;
    }
}
