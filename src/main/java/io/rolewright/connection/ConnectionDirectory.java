package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/** Connections as other features see them: what they are called and where they belong, never where they lead. */
@ApplicationScoped
public class ConnectionDirectory {

    private static final String ENTRIES =
            "select new io.rolewright.connection.ConnectionDirectory$Entry(c.id, c.name, c.project.id, c.credentialsVersion)"
                    + " from Connection c where c.id in ?1";

    /** Conflicts with the lock of whoever changes or deletes the row, which that of a foreign key does not. */
    private static final String HOLD = "SELECT credentials_version FROM app_connection WHERE id = ?1 FOR SHARE";

    /**
     * Registered because Hibernate makes it.
     *
     * @param projectId null for a connection of the organisation, which every project may use
     * @param credentialsVersion another one after each change of where it leads or as whom it logs in
     */
    @RegisterForReflection
    public record Entry(UUID id, String name, UUID projectId, long credentialsVersion) {}

    /** Null item when there is no such connection. */
    public Uni<Entry> find(UUID id) {
        return entries(List.of(id)).map(found -> found.isEmpty() ? null : found.get(0));
    }

    /** Those of the given connections that exist, by id. */
    public Uni<Map<UUID, Entry>> find(Collection<UUID> ids) {
        return entries(ids).map(found -> found.stream().collect(Collectors.toMap(Entry::id, entry -> entry)));
    }

    /**
     * Holds a connection as it was seen, to the end of the running store transaction: what was found on its server since is written down
     * about that server and no other. Whoever changes the connection next finds what was written.
     *
     * @param seen read before the server was looked at
     * @return fails with 400 {@code changed_meanwhile} or 404 {@code connection_not_found}
     */
    public Uni<Void> hold(Entry seen) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(HOLD, Long.class)
                        .setParameter(1, seen.id())
                        .getSingleResultOrNull())
                .invoke(version -> {
                    if (version == null) {
                        throw Problem.of(
                                ErrorCode.CONNECTION_NOT_FOUND,
                                "There is no connection with the id " + seen.id() + " any more.");
                    }
                    if (version != seen.credentialsVersion()) {
                        throw Problem.of(
                                ErrorCode.CHANGED_MEANWHILE,
                                "The credentials of the connection were changed by another request while its server was"
                                        + " looked at. Nothing was done there. Repeat the request.");
                    }
                })
                .replaceWithVoid();
    }

    private static Uni<List<Entry>> entries(Collection<UUID> ids) {
        return ids.isEmpty()
                ? Uni.createFrom().item(List.of())
                : Panache.withSession(() -> Panache.getSession()
                        .chain(session -> session.createSelectionQuery(ENTRIES, Entry.class)
                                .setParameter(1, ids)
                                .getResultList()));
    }
}
