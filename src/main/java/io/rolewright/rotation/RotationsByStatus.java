package io.rolewright.rotation;

import io.rolewright.access.Reach;
import io.rolewright.credential.CredentialStatus;
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

/** Finds rotations by how they are, which is reckoned from several tables and so no field of any. */
@ApplicationScoped
class RotationsByStatus {

    /** In the order of all lists, which is that of the cursors. */
    private static final String IDS = "WITH status AS MATERIALIZED (" + CredentialStatus.SQL + ") " + """
            SELECT r.id FROM secret_rotation r JOIN status s USING (id)
             WHERE s.status = ANY ($3) AND ($1 OR r.project_id = ANY ($2))
               AND ($4::text IS NULL OR (r.name, r.id) > ($4 COLLATE "C", $5::uuid))
             ORDER BY r.name, r.id LIMIT $6""";

    private final Pool pool;
    private final RotationStore store;

    RotationsByStatus(Pool pool, RotationStore store) {
        this.pool = pool;
        this.store = store;
    }

    /** @return the rows of the page and one more if there are more */
    Uni<List<Rotation>> list(Reach reach, Set<CredentialStatus> statuses, Page page) {
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
                        ? Uni.createFrom().item(List.<Rotation>of())
                        : store.byIds(ids).map(rows -> ordered(ids, rows)));
    }

    private static List<Rotation> ordered(List<UUID> ids, List<Rotation> rows) {
        Map<UUID, Rotation> byId = new HashMap<>();
        rows.forEach(row -> byId.put(row.id, row));
        return ids.stream().map(byId::get).filter(Objects::nonNull).toList(); // without what was deleted meanwhile
    }
}
