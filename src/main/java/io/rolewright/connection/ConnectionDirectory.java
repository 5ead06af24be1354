package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.runtime.annotations.RegisterForReflection;
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
            "select new io.rolewright.connection.ConnectionDirectory$Entry(c.id, c.name, c.project.id) from Connection c"
                    + " where c.id in ?1";

    /**
     * Registered because Hibernate makes it.
     *
     * @param projectId null for a connection of the organisation, which every project may use
     */
    @RegisterForReflection
    public record Entry(UUID id, String name, UUID projectId) {}

    /** Null item when there is no such connection. */
    public Uni<Entry> find(UUID id) {
        return entries(List.of(id)).map(found -> found.isEmpty() ? null : found.get(0));
    }

    /** Those of the given connections that exist, by id. */
    public Uni<Map<UUID, Entry>> find(Collection<UUID> ids) {
        return entries(ids).map(found -> found.stream().collect(Collectors.toMap(Entry::id, entry -> entry)));
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
