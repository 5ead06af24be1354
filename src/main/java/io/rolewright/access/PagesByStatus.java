package io.rolewright.access;

import io.rolewright.request.Page;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.Collections;
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
     * How things are, as the store says it. Constants of the caller's, without parameters.
     *
     * @param notWell a query for {@code id} and {@code status} of all that have another status than one of {@code ofWell}; quick where most are well
     * @param well the status of any other row {@code t} of the table
     * @param ofWell what {@code well} can be
     */
    public record Statuses(String notWell, String well, Set<? extends Enum<?>> ofWell) {}

    /**
     * In the order of all lists, which is that of the cursors: by name and id.
     *
     * @param table with {@code id}, {@code name} and {@code project_id}; a constant of the caller's
     * @param statuses those that are wanted
     * @param byIds reads rows; those that were deleted meanwhile are left out
     * @return the rows of the page and one more if there are more
     */
    public <T> Uni<List<T>> list(
            String table,
            Statuses of,
            Reach reach,
            Set<? extends Enum<?>> statuses,
            Page page,
            Function<List<UUID>, Uni<List<T>>> byIds,
            Function<T, UUID> id) {
        String status = "WITH status AS MATERIALIZED (" + of.notWell + ") SELECT t.id FROM ";
        String chosen = Collections.disjoint(statuses, of.ofWell)
                ? "status s JOIN " + table + " t USING (id) WHERE s.status = ANY ($1)"
                // Sets that are hashed: the table is read in the order of the list until the page is full.
                : table + " t WHERE CASE WHEN t.id IN (SELECT id FROM status)"
                        + " THEN t.id IN (SELECT id FROM status WHERE status = ANY ($1)) ELSE " + of.well
                        + " = ANY ($1) END";
        Tuple values = Tuple.of(statuses.stream().map(Enum::name).toArray(String[]::new), page.rowsToRead());
        // Each condition stands there only if it narrows: with all in one statement the store could follow no index of
        // any.
        StringBuilder narrowed = new StringBuilder();
        if (!reach.everywhere()) {
            boolean one = reach.projects().size() == 1;
            values.addArrayOfUUID(reach.projects().toArray(new UUID[0]));
            narrowed.append(one ? " AND t.project_id = ($3::uuid[])[1]" : " AND t.project_id = ANY ($3::uuid[])");
        }
        if (page.afterName() != null) {
            values.addString(page.afterName()).addUUID(page.afterId());
            int last = values.size();
            narrowed.append(" AND (t.name, t.id) > ($" + (last - 1) + " COLLATE \"C\", $" + last + "::uuid)");
        }
        return pool.preparedQuery(status + chosen + narrowed + " ORDER BY t.name, t.id LIMIT $2")
                .execute(values)
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
