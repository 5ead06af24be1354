package io.rolewright.connection;

import io.rolewright.access.Reach;
import io.rolewright.request.Page;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;

/** Finds connections by how they are, which is reckoned from several tables and so no field of any. */
@ApplicationScoped
class ConnectionsByStatus {

    /** In the order of all lists, which is that of the cursors. */
    private static final String IDS = "WITH status AS MATERIALIZED (" + ConnectionStatus.SQL + ") " + """
            SELECT c.id FROM app_connection c JOIN status s USING (id)
             WHERE s.status = ANY ($3) AND ($1 OR c.project_id = ANY ($2))
               AND ($4::text IS NULL OR (c.name, c.id) > ($4 COLLATE "C", $5::uuid))
             ORDER BY c.name, c.id LIMIT $6""";

    private final Pool pool;
    private final ConnectionStore store;

    ConnectionsByStatus(Pool pool, ConnectionStore store) {
        this.pool = pool;
        this.store = store;
    }

    /** @return the rows of the page and one more if there are more */
    Uni<List<Connection>> list(Reach reach, Set<ConnectionStatus> statuses, Page page) {
        return pool.preparedQuery(IDS)
                .execute(Tuple.of(
                                reach.everywhere(),
                                reach.projects().toArray(new UUID[0]),
                                statuses.stream().map(Enum::name).toArray(String[]::new))
                        .addString(page.afterName())
                        .addValue(page.afterId())
                        .addInteger(page.rowsToRead()))
                .map(rows -> {
                    List<UUID> ids = new ArrayList<>();
                    rows.forEach(row -> ids.add(row.getUUID("id")));
                    return ids;
                })
                .chain(ids -> ids.isEmpty()
                        ? Uni.createFrom().item(List.<Connection>of())
                        : store.byIds(ids).map(rows -> ordered(ids, rows)));
    }

    private static List<Connection> ordered(List<UUID> ids, List<Connection> rows) {
        Map<UUID, Connection> byId = new HashMap<>();
        rows.forEach(row -> byId.put(row.id, row));
        return ids.stream().map(byId::get).filter(Objects::nonNull).toList(); // without what was deleted meanwhile
    }
}
