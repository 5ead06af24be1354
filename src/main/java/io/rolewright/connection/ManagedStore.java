package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.RoleStatus;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Reads what belongs to managed connections. Every method is a store transaction of its own, or joins the one that is running. */
@ApplicationScoped
class ManagedStore {

    private final ManagedRoles roles;

    ManagedStore(ManagedRoles roles) {
        this.roles = roles;
    }

    /** @param status null once it is released */
    record Managed(ManagedConnection row, RoleStatus status) {}

    /** Null item for a connection that is not managed and was not released. */
    Uni<ManagedConnection> row(UUID connection) {
        return Panache.withSession(
                () -> Panache.getSession().chain(session -> session.find(ManagedConnection.class, connection)));
    }

    /**
     * Needs a transaction. Take the locks of connection, role and this row in that order.
     *
     * @return the row as it is once it is locked, even if it was read before
     */
    Uni<ManagedConnection> lock(UUID connection) {
        return Panache.getSession()
                .chain(session -> session.find(ManagedConnection.class, connection)
                        .call(row -> row == null
                                ? Uni.createFrom().voidItem()
                                : session.refresh(row, LockModeType.PESSIMISTIC_WRITE)));
    }

    /** In the running transaction. @return false if it was gone */
    Uni<Boolean> delete(ManagedConnection row) {
        return Panache.getSession()
                .chain(session -> Rows.delete(session, row, "connectionId = ?1 and id = ?2", row.connectionId, row.id));
    }

    /** What is said of a connection whose management was begun, when nothing can be read of how it went. */
    Managed inDoubt(Connection connection) {
        ManagedConnection row = new ManagedConnection();
        row.id = connection.id;
        row.connectionId = connection.id;
        row.createdAt = connection.createdAt;
        row.updatedAt = connection.updatedAt;
        return new Managed(row, RoleStatus.inDoubt(connection.id, connection.id, ""));
    }

    /** Null item for a connection that is not managed. */
    Uni<Managed> of(Connection connection) {
        return of(List.of(connection)).map(found -> found.get(connection.id));
    }

    /** By the id of the connection; those that are not managed are missing. */
    Uni<Map<UUID, Managed>> of(List<Connection> connections) {
        List<UUID> ids = connections.stream()
                .filter(each -> each.platformManaged)
                .map(each -> each.id)
                .toList();
        if (ids.isEmpty()) {
            return Uni.createFrom().item(Map.of());
        }
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from ManagedConnection m where m.connectionId in ?1", ManagedConnection.class)
                        .setParameter(1, ids)
                        .getResultList())
                .chain(rows -> roles.of(ids).map(statuses -> {
                    Map<UUID, RoleStatus> byOwner =
                            statuses.stream().collect(Collectors.toMap(RoleStatus::ownerId, Function.identity()));
                    return rows.stream()
                            .collect(Collectors.toMap(
                                    row -> row.connectionId, row -> new Managed(row, byOwner.get(row.connectionId))));
                })));
    }
}
