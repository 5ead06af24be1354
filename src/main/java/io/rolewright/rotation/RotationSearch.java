package io.rolewright.rotation;

import io.rolewright.access.Reach;
import io.rolewright.credential.CredentialStatus;
import io.rolewright.credential.Strategy;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.store.OwnContext;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Finds rotations by what a list shows of them; at most ten thousand are looked through, apart from the event loop. */
@ApplicationScoped
class RotationSearch {

    /** By which a list can be sorted. */
    static final List<String> COLUMNS = List.of("name", "project", "connection", "role", "status", "next");

    /** The worst first, as people look through a list; the word of a status has another order. */
    private static final List<CredentialStatus> WORST_FIRST = List.of(
            CredentialStatus.IN_DOUBT,
            CredentialStatus.PARKED,
            CredentialStatus.FAILED,
            CredentialStatus.OVERDUE,
            CredentialStatus.REVOKING,
            CredentialStatus.OK,
            CredentialStatus.MANUAL);

    private static final String FROM = """
            SELECT r.id, r.name, r.description, r.environment, r.secret_path, r.username1, r.username2, r.next_rotation_at,
                   p.name AS project, c.name AS connection, coalesce(s.status, %s) AS status
              FROM secret_rotation r
              LEFT JOIN (%s) s ON s.id = r.id
              JOIN project p ON p.id = r.project_id
              JOIN app_connection c ON c.id = r.connection_id
             WHERE ($1 OR r.project_id = ANY ($2)) AND ($3::text IS NULL OR r.strategy = $3)
             LIMIT $4""".formatted(CredentialStatus.well("r"), CredentialStatus.NOT_WELL);

    private final Pool pool;

    RotationSearch(Pool pool) {
        this.pool = pool;
    }

    /**
     * @param reach whose projects' rotations
     * @param statuses empty for any
     * @param strategy null for any
     * @return their ids
     */
    Uni<Chosen<UUID>> find(Reach reach, Set<CredentialStatus> statuses, @Nullable Strategy strategy, Selection wanted) {
        return pool.preparedQuery(FROM)
                .execute(Tuple.tuple()
                        .addBoolean(reach.everywhere())
                        .addValue(reach.projects().toArray(new UUID[0]))
                        .addString(strategy == null ? null : strategy.name())
                        .addInteger(Selection.ROWS_TO_READ))
                .invoke(rows -> Selection.requireFew(rows.rowCount()))
                .chain(rows -> OwnContext.elsewhere(() -> {
                    List<Row> found = new ArrayList<>();
                    rows.forEach(row -> {
                        if (statuses.isEmpty() || statuses.contains(status(row))) {
                            found.add(row);
                        }
                    });
                    Chosen<Row> chosen = wanted.choose(
                            found,
                            RotationSearch::texts,
                            row -> column(row, wanted.sort()),
                            row -> row.getString("name"),
                            row -> row.getUUID("id"));
                    return new Chosen<>(
                            chosen.rows().stream().map(row -> row.getUUID("id")).toList(), chosen.count());
                }));
    }

    private static @Nullable String[] texts(Row row) {
        return new String[] {
            row.getString("name"),
            row.getString("description"),
            row.getString("environment"),
            row.getString("secret_path"),
            row.getString("project"),
            row.getString("connection"),
            row.getString("username1"),
            row.getString("username2")
        };
    }

    private static @Nullable Comparable<?> column(Row row, String column) {
        return switch (column) {
            case "name", "project", "connection" -> row.getString(column);
            case "role" -> row.getString("username1");
            case "status" -> WORST_FIRST.indexOf(status(row));
            case "next" -> row.getOffsetDateTime("next_rotation_at");
            default -> throw new IllegalArgumentException(column);
        };
    }

    private static CredentialStatus status(Row row) {
        return CredentialStatus.valueOf(row.getString("status"));
    }
}
