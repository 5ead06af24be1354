package io.rolewright.connection;

import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.access.Project;
import io.rolewright.access.Readers;
import io.rolewright.access.Readers.Asking;
import io.rolewright.access.Readers.Judged;
import io.rolewright.access.Readers.Reader;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.GroupedReads;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads of connections by id: all that come together in one statement, which also writes the row of the audit of each that it answers. */
@ApplicationScoped
class ConnectionReads {

    private static final int MOST = 100;

    private static final String READ = "WITH asked AS MATERIALIZED (SELECT * FROM unnest(" + Readers.PARAMETERS
            + ", $7::uuid[]) WITH ORDINALITY AS a(" + Readers.COLUMNS + ", connection_id, n)), " + """
            found AS MATERIALIZED (
                SELECT a.n, c.id, c.project_id, c.name, c.description, c.version, c.credentials, c.credentials_version,
                       c.credentials_hash, c.platform_managed, c.created_at, c.updated_at, c.tested_at, c.test_ok, c.test_reason,
                       c.row_seal
                  FROM asked a JOIN app_connection c ON c.id = a.connection_id
                 WHERE a.everywhere OR c.project_id = ANY (a.projects::uuid[])
            ), audited AS (
                INSERT INTO audit_event (type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind, subject_id)
                SELECT 'get-app-connection', 'SUCCESS', a.actor_id, a.actor_name, a.address, a.request_id, f.project_id,
                       'app-connection', f.id::text
                  FROM found f JOIN asked a USING (n)
            )
            SELECT f.*, p.name AS project_name, p.slug, p.type FROM found f LEFT JOIN project p ON p.id = f.project_id""";

    private final Pool pool;
    private final RowSeals seals;
    private final ConnectionAudit audit;
    private final GroupedReads<Read, Connection> reads;

    ConnectionReads(Pool pool, RowSeals seals, ConnectionAudit audit, Vertx vertx, MeterRegistry metrics) {
        this.pool = pool;
        this.seals = seals;
        this.audit = audit;
        this.reads = new GroupedReads<>(
                "connection", vertx, metrics, MOST, asked -> Readers.judged(asked, Read::reader, this::read));
    }

    private record Read(Reader reader, UUID id) {}

    /**
     * The connection as it is in the snapshot in which its reading was recorded. It belongs to no session.
     *
     * @return null item where there is none, or none that the reader may see
     */
    Uni<@Nullable Connection> byId(Reader reader, UUID id) {
        return reads.ask(new Read(reader, id));
    }

    private Uni<List<Uni<Connection>>> read(List<Asking<Read>> asked) {
        List<Judged> readers = asked.stream().map(Asking::by).toList();
        Tuple parameters = Readers.tuple(readers)
                .addValue(asked.stream().map(each -> each.question().id()).toArray(UUID[]::new));
        return pool.preparedQuery(READ).execute(parameters).map(rows -> {
            List<Uni<Connection>> found = new ArrayList<>(
                    Collections.nCopies(asked.size(), Uni.createFrom().nullItem()));
            for (Row row : rows) {
                int index = row.getLong("n").intValue() - 1;
                found.set(
                        index,
                        Uni.createFrom()
                                .item(() -> connection(row))
                                .invoke(connection -> audit.inserted(readers.get(index), connection)));
            }
            return found;
        });
    }

    private Connection connection(Row row) {
        Connection found = new Connection();
        seals.require(
                SealedRow.CONNECTION,
                row.getUUID("id"),
                RowSeals.bytes(row.getBuffer("row_seal")),
                row.getUUID("project_id"));
        found.id = row.getUUID("id");
        found.project = project(row);
        found.name = row.getString("name");
        found.description = row.getString("description");
        found.version = row.getLong("version");
        found.credentials = row.get(Buffer.class, "credentials").getBytes();
        found.credentialsVersion = row.getLong("credentials_version");
        found.credentialsHash = row.getString("credentials_hash");
        found.platformManaged = row.getBoolean("platform_managed");
        found.createdAt = instant(row, "created_at");
        found.updatedAt = instant(row, "updated_at");
        found.testedAt = instant(row, "tested_at");
        found.testOk = row.getBoolean("test_ok");
        found.testReason = row.getString("test_reason");
        return found;
    }

    private static @Nullable Project project(Row row) {
        UUID id = row.getUUID("project_id");
        if (id == null) {
            return null;
        }
        Project project = new Project();
        project.id = id;
        project.name = row.getString("project_name");
        project.slug = row.getString("slug");
        project.type = row.getString("type");
        return project;
    }

    private static @Nullable Instant instant(Row row, String column) {
        OffsetDateTime at = row.getOffsetDateTime(column);
        return at == null ? null : at.toInstant();
    }
}
