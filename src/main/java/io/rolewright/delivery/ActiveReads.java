package io.rolewright.delivery;

import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.access.Caller;
import io.rolewright.access.Readers;
import io.rolewright.access.Readers.Asking;
import io.rolewright.access.Readers.Judged;
import io.rolewright.access.Readers.Reader;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.credential.Passwords;
import io.rolewright.credential.Served;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.GroupedReads;
import io.rolewright.store.ReadsWithoutAudit;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads of the one password of a credential to log in with, of rotations and of managed connections: all that come together in one
 * statement, which sees the store as it was at one moment, gives sealed values only for what is served to whom it belongs, and inserts a row
 * of the audit for each that it gives.
 */
@ApplicationScoped
class ActiveReads {

    private static final int MOST = 100;

    private static final String FOUND = "WITH asked AS MATERIALIZED (SELECT * FROM unnest(" + Readers.PARAMETERS
            + ", $7::uuid[], $8::bool[], $9::bool[]) WITH ORDINALITY AS a(" + Readers.COLUMNS
            + ", credential_id, of_connection, give, n)), " + """
            served AS MATERIALIZED (
                SELECT a.n, r.id, r.name, r.strategy = 'SELF' AS of_connection, c.id AS connection_id, c.row_seal AS connection_seal,
                       CASE WHEN r.strategy = 'SELF' THEN c.project_id ELSE r.project_id END AS project_id,
                       c.credentials, c.credentials_version,
                       CASE WHEN r.strategy <> 'SELF' THEN r.credential_version
                            WHEN v.cause <> 'ADOPTED' THEN v.number ELSE 0 END AS version,
                       CASE WHEN r.strategy <> 'SELF' THEN r.last_rotated_at ELSE v.current_at END AS since,
                       r.revoking_since IS NOT NULL AS revoking,
                       r.environment, r.secret_path, r.strategy, r.role1_id, r.role2_id, r.allow_privileged, r.takeover,
                       r.password_requirements, r.row_seal,
                       m.id AS role_id, m.role_name, v.id AS version_id, v.number, v.sealed,
                       a.give AND (a.everywhere OR CASE WHEN r.strategy = 'SELF' THEN c.project_id ELSE r.project_id END
                           = ANY (a.projects::uuid[])) AS wanted
                  FROM asked a
                  JOIN credential r ON r.id = a.credential_id AND r.released_version IS NULL
                   AND (r.strategy = 'SELF') = a.of_connection
                  JOIN app_connection c ON c.id = CASE WHEN r.strategy = 'SELF' THEN r.id ELSE r.connection_id END
                  LEFT JOIN managed_role m
                    ON m.id = CASE WHEN r.strategy = 'SELF' OR r.active_index = 0 THEN r.role1_id ELSE r.role2_id END AND m.deleted_at IS NULL
                  LEFT JOIN password_version v ON v.role_id = m.id AND v.state = 'CURRENT'
            ), found AS MATERIALIZED (
                SELECT s.*,
                       coalesce(s.wanted AND s.version > 0 AND NOT s.revoking AND s.version_id IS NOT NULL, false) AS given
                  FROM served s
            )""";

    private static final String AUDITED = """
            , audited AS (
                INSERT INTO audit_event (type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind, subject_id,
                    facts)
                SELECT CASE WHEN f.of_connection THEN 'get-app-connection-credentials'
                            ELSE 'get-secret-rotation-generated-credentials' END,
                       'SUCCESS', a.actor_id, a.actor_name, a.address, a.request_id, f.project_id,
                       CASE WHEN f.of_connection THEN 'app-connection' ELSE 'secret-rotation' END, f.id::text,
                       jsonb_build_object('name', f.name, 'connectionId', f.connection_id, 'credentialVersion', f.version)
                  FROM found f JOIN asked a USING (n) WHERE f.given
            )""";

    private static final String ANSWER = """

            SELECT n, id, of_connection, name, project_id, connection_id, version, since, revoking, given,
                   role_id, role_name, version_id, number, credentials_version, connection_seal,
                   environment, secret_path, strategy, role1_id, role2_id, allow_privileged, takeover, password_requirements, row_seal,
                   CASE WHEN given THEN credentials END AS credentials, CASE WHEN given THEN sealed END AS sealed
              FROM found""";

    private static final String READ = FOUND + AUDITED + ANSWER;
    private static final String READ_WITHOUT_AUDIT = FOUND + ANSWER;

    private final ReadsWithoutAudit store;
    private final RowSeals seals;
    private final Passwords passwords;
    private final ConnectionEndpoints endpoints;
    private final AuditLog audit;
    private final GroupedReads<Read, Found> reads;

    ActiveReads(
            ReadsWithoutAudit store,
            RowSeals seals,
            Passwords passwords,
            ConnectionEndpoints endpoints,
            AuditLog audit,
            Vertx vertx,
            MeterRegistry metrics) {
        this.store = store;
        this.seals = seals;
        this.passwords = passwords;
        this.endpoints = endpoints;
        this.audit = audit;
        this.reads = new GroupedReads<>(
                "active", vertx, metrics, MOST, asked -> Readers.judged(asked, Read::reader, this::read));
    }

    private record Read(Reader reader, Subject subject, UUID id, boolean give) {}

    /**
     * What a reader found.
     *
     * @param by who he was when his turn came; what he may do is still to be asked, for the answer
     * @param served null when there is no such rotation, or no such connection whose password is managed
     * @param credential null unless it was given, which is in the audit then
     * @param audited whether the store has that row of the audit; else the log has it alone
     */
    record Found(
            Caller by, @Nullable Served served, @Nullable Credential credential, boolean audited) {}

    /** What was given, still sealed. */
    final class Credential {

        private final UUID connection;
        private final long credentialsVersion;
        private final byte[] credentials;
        private final Passwords.Sealed version;

        private Credential(Row row) {
            connection = row.getUUID("connection_id");
            credentialsVersion = row.getLong("credentials_version");
            credentials = row.get(Buffer.class, "credentials").getBytes();
            version = new Passwords.Sealed(
                    row.getUUID("role_id"),
                    row.getString("role_name"),
                    row.getUUID("version_id"),
                    row.getLong("number"),
                    row.get(Buffer.class, "sealed").getBytes());
        }

        Endpoint endpoint() {
            return endpoints.open(connection, credentialsVersion, credentials);
        }

        /** To be answered with and not to be kept. */
        String password() {
            return passwords.password(version);
        }

        /** What the server keeps of that password. */
        String scramSecret() {
            return passwords.scramSecret(version);
        }

        @Override
        public String toString() {
            return "Credential[" + version + "]";
        }
    }

    /** Gives the credential that is served, if one is and it belongs to the reader, and records that it did. */
    Uni<Found> credential(Reader reader, Subject subject, UUID id) {
        return reads.ask(new Read(reader, subject, id, true));
    }

    /** Which credential it would be: gives none, and records nothing. */
    Uni<Found> version(Reader reader, Subject subject, UUID id) {
        return reads.ask(new Read(reader, subject, id, false));
    }

    private Uni<List<Uni<Found>>> read(List<Asking<Read>> asked) {
        List<Judged> readers = asked.stream().map(Asking::by).toList();
        Tuple parameters = Readers.tuple(readers)
                .addValue(asked.stream().map(each -> each.question().id()).toArray(UUID[]::new))
                .addValue(asked.stream()
                        .map(each -> each.question().subject() == Subject.CONNECTION)
                        .toArray(Boolean[]::new))
                .addValue(asked.stream().map(each -> each.question().give()).toArray(Boolean[]::new));
        return store.execute(READ, READ_WITHOUT_AUDIT, parameters).map(read -> {
            List<@Nullable Row> found = new ArrayList<>(Collections.nCopies(asked.size(), null));
            read.rows().forEach(row -> found.set(row.getLong("n").intValue() - 1, row));
            List<Uni<Found>> answers = new ArrayList<>();
            for (int i = 0; i < readers.size(); i++) {
                int index = i;
                answers.add(Uni.createFrom().item(() -> found(readers.get(index), found.get(index), read.audited())));
            }
            return answers;
        });
    }

    private Found found(Judged reader, @Nullable Row row, boolean audited) {
        if (row == null) {
            return new Found(reader.caller(), null, null, audited);
        }
        io.rolewright.credential.Credential.require(seals, row); // a class here is called so too
        if (row.getBoolean(
                "of_connection")) { // whose seal is over its role alone: whose it is, and where it leads, the
            // connection says
            seals.require(
                    SealedRow.CONNECTION,
                    row.getUUID("connection_id"),
                    RowSeals.bytes(row.getBuffer("connection_seal")),
                    row.getUUID("project_id"));
        }
        OffsetDateTime since = row.getOffsetDateTime("since");
        Served served = new Served(
                row.getUUID("id"),
                row.getBoolean("of_connection"),
                row.getString("name"),
                row.getUUID("project_id"),
                row.getUUID("connection_id"),
                row.getUUID("role_id"),
                row.getString("role_name"),
                row.getLong("version"),
                since == null ? null : since.toInstant(),
                row.getBoolean("revoking"));
        if (!row.getBoolean("given")) {
            return new Found(reader.caller(), served, null, audited);
        }
        Subject subject = Subject.of(served);
        AuditEvent given = AuditEvent.success(subject.auditType())
                .by(reader.caller().id(), reader.caller().name())
                .from(reader.caller().address(), reader.requestId())
                .in(served.projectId())
                .on(subject.kind(), served.id())
                .with("name", served.name())
                .with("connectionId", served.connectionId())
                .with("credentialVersion", served.version());
        audit.inserted(audited ? given : given.with("audit", ReadsWithoutAudit.LOG_ONLY));
        return new Found(reader.caller(), served, new Credential(row), audited);
    }
}
