package io.rolewright.access;

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
import java.util.function.Function;

/** Finds what a caller reaches by how it is, which is reckoned from several tables and so no field of any. */
@ApplicationScoped
public class PagesByStatus {

    private final Pool pool;

    PagesByStatus(Pool pool) {
        this.pool = pool;
    }

    /**
     * In the order of all lists, which is that of the cursors: by name and id.
     *
     * @param table with {@code id}, {@code name} and {@code project_id}; a constant of the caller's
     * @param status a query for {@code id} and {@code status}, without parameters; a constant of the caller's
     * @param statuses those that are wanted
     * @param byIds reads rows; those that were deleted meanwhile are left out
     * @return the rows of the page and one more if there are more
     */
    public <T> Uni<List<T>> list(
            String table,
            String status,
            Reach reach,
            Set<? extends Enum<?>> statuses,
            Page page,
            Function<List<UUID>, Uni<List<T>>> byIds,
            Function<T, UUID> id) {
        String ids = "WITH status AS MATERIALIZED (" + status + ") SELECT t.id FROM " + table
                + " t JOIN status s USING (id) " + """
                 WHERE s.status = ANY ($3) AND ($1 OR t.project_id = ANY ($2))
                   AND ($4::text IS NULL OR (t.name, t.id) > ($4 COLLATE "C", $5::uuid))
                 ORDER BY t.name, t.id LIMIT $6""";
        return pool.preparedQuery(ids)
                .execute(Tuple.of(
                                reach.everywhere(),
                                reach.projects().toArray(new UUID[0]),
                                statuses.stream().map(Enum::name).toArray(String[]::new))
                        .addString(page.afterName())
                        .addValue(page.afterId())
                        .addInteger(page.rowsToRead()))
                .map(rows -> {
                    List<UUID> found = new ArrayList<>();
                    rows.forEach(row -> found.add(row.getUUID("id")));
                    return found;
                })
                .chain(found -> found.isEmpty()
                        ? Uni.createFrom().item(List.<T>of())
                        : byIds.apply(found).map(rows -> ordered(found, rows, id)));
    }

    /** Rows that were read by their ids, in the order of these; without those that were deleted meanwhile. */
    public static <T> List<T> ordered(List<UUID> ids, List<T> rows, Function<T, UUID> id) {
        Map<UUID, T> byId = new HashMap<>();
        rows.forEach(row -> byId.put(id.apply(row), row));
        return ids.stream().map(byId::get).filter(Objects::nonNull).toList();
    }
}
