package io.rolewright.connection;

import io.rolewright.access.Reach;
import io.rolewright.connection.ConnectionStore.Scope;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.store.OwnContext;
import io.rolewright.target.SslMode;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds connections by what a list shows of them. Where they lead is sealed, so that the store knows no host: rows are opened to be
 * looked through, apart from the event loop, at most ten thousand of them.
 */
@ApplicationScoped
class ConnectionSearch {

    /** By which a list can be sorted. */
    static final List<String> COLUMNS = List.of("name", "project", "place", "status", "tested");

    private static final String FROM = """
            SELECT c.id, c.name, c.description, c.project_id, p.name AS project, c.tested_at, c.test_ok,
                   CASE WHEN $3 THEN c.credentials END AS credentials, c.credentials_version, %s AS status
              FROM app_connection c LEFT JOIN project p ON p.id = c.project_id %s
             WHERE ($1 OR c.project_id = ANY ($2)) AND ($4::boolean IS NULL OR c.platform_managed = $4) AND %s
             LIMIT $5""";

    private final Pool pool;
    private final ConnectionSeal seal;

    ConnectionSearch(Pool pool, ConnectionSeal seal) {
        this.pool = pool;
        this.seal = seal;
    }

    /**
     * Which rows may be found.
     *
     * @param reach whose projects' rows
     * @param readable of which it may be told where they lead
     * @param statuses empty for any
     * @param managed, sslMode null for any
     */
    record Among(
            Scope scope,
            @Nullable UUID project,
            Reach reach,
            Reach readable,
            Set<ConnectionStatus> statuses,
            @Nullable Boolean managed,
            @Nullable SslMode sslMode) {}

    /** What a row is found and sorted by. */
    private record Found(
            UUID id,
            String name,
            @Nullable String description,
            @Nullable String project,
            @Nullable String place,
            @Nullable String username,
            @Nullable ConnectionStatus status,
            @Nullable String tested) {

        @Nullable
        String[] texts() {
            return new String[] {name, description, project, place, username};
        }
    }

    /** @return their ids */
    Uni<Chosen<UUID>> find(Among among, Selection wanted) {
        boolean byStatus = !among.statuses().isEmpty() || wanted.sort().equals("status");
        boolean opened = !wanted.search().isForAnything() || wanted.sort().equals("place") || among.sslMode() != null;
        Reach reach = among.project() != null && among.scope() == Scope.PROJECT
                ? among.reach().within(among.project())
                : among.reach();
        String scope = switch (among.scope()) {
            case ALL, PROJECT -> "true";
            case ORGANISATION -> "c.project_id IS NULL";
            case USABLE -> "(c.project_id IS NULL OR c.project_id = $6)";
        };
        Tuple parameters = Tuple.tuple()
                .addBoolean(reach.everywhere())
                .addValue(reach.projects().toArray(new UUID[0]))
                .addBoolean(opened)
                .addBoolean(among.managed())
                .addInteger(Selection.ROWS_TO_READ);
        if (among.scope() == Scope.USABLE) {
            parameters.addUUID(among.project());
        }
        return pool.preparedQuery(FROM.formatted(
                        byStatus ? "coalesce(s.status, 'OK')" : "NULL::text",
                        byStatus ? "LEFT JOIN (" + ConnectionStatus.NOT_WELL + ") s ON s.id = c.id" : "",
                        scope))
                .execute(parameters)
                .invoke(rows -> Selection.requireFew(rows.rowCount()))
                .chain(rows -> OwnContext.elsewhere(() -> {
                    List<Found> found = new ArrayList<>();
                    rows.forEach(row -> {
                        Found each = found(row, among, opened);
                        if (each != null) {
                            found.add(each);
                        }
                    });
                    Chosen<Found> chosen = wanted.choose(
                            found, Found::texts, each -> column(each, wanted.sort()), Found::name, Found::id);
                    return new Chosen<>(chosen.rows().stream().map(Found::id).toList(), chosen.count());
                }));
    }

    /** @return null where it is not among them */
    private @Nullable Found found(Row row, Among among, boolean opened) {
        String status = row.getString("status");
        if (!among.statuses().isEmpty() && !among.statuses().contains(ConnectionStatus.valueOf(status))) {
            return null;
        }
        UUID id = row.getUUID("id");
        String place = null;
        String username = null;
        if (opened && among.readable().covers(row.getUUID("project_id"))) {
            Credentials credentials = seal.open(
                    id,
                    row.getLong("credentials_version"),
                    row.get(Buffer.class, "credentials").getBytes());
            if (among.sslMode() != null && credentials.sslMode() != among.sslMode()) {
                return null;
            }
            place = credentials.host() + ":" + credentials.port() + "/" + credentials.database();
            username = credentials.username();
        }
        Boolean ok = row.getBoolean("test_ok");
        return new Found(
                id,
                row.getString("name"),
                row.getString("description"),
                row.getString("project"),
                place,
                username,
                status == null ? null : ConnectionStatus.valueOf(status),
                ok == null ? null : ok + " " + row.getOffsetDateTime("tested_at"));
    }

    private static @Nullable Comparable<?> column(Found found, String column) {
        return switch (column) {
            case "name" -> found.name();
            case "project" -> found.project();
            case "place" -> found.place();
            case "status" -> found.status();
            case "tested" -> found.tested();
            default -> throw new IllegalArgumentException(column);
        };
    }
}
