package io.rolewright.rotation;

import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.access.Caller;
import io.rolewright.access.Readers;
import io.rolewright.access.Readers.Asking;
import io.rolewright.access.Readers.Judged;
import io.rolewright.access.Readers.Reader;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.credential.Passwords;
import io.rolewright.rotation.ServedSecrets.Part;
import io.rolewright.rotation.ServedSecrets.Secret;
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
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads of what rotations serve, as secrets under the names of {@code secretsMapping}: all that come together in one statement, which sees
 * the store as it was at one moment. An earlier version is read if it was served under the name that the secret has now; whatever the table
 * of served versions says, it is a proven password of one of the rotation's roles. A URI has no earlier versions, since nobody knows where it
 * led then. For each it returns the whole of what is at the place, and inserts a row of the audit with what it gives.
 */
@ApplicationScoped
public class SecretReads {

    /** Each may be of {@link ServedSecrets#MOST_ROTATIONS} rows. */
    private static final int MOST = 20;

    private static final String FOUND = "WITH asked AS MATERIALIZED (SELECT * FROM unnest(" + Readers.PARAMETERS
            + ", $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bool[], $13::text[], $14::bigint[], $15::bool[],"
            + " $16::text[], $17::text[]) WITH ORDINALITY AS a(" + Readers.COLUMNS
            + ", project_id, slug, environment, path, said_path, below, name, version, give, type, subject, n)), "
            + """
            place AS MATERIALIZED (
                SELECT a.*, p.id AS project, p.slug AS project_slug, p.row_seal AS project_seal, (a.everywhere OR p.id = ANY (a.projects::uuid[])) AS granted
                  FROM asked a
                  JOIN project p ON p.id = coalesce(a.project_id, (SELECT s.id FROM project s WHERE s.slug = a.slug))
            ), found AS MATERIALIZED (
                SELECT l.n, r.*, m.role_name, coalesce(v.id, o.id) AS version_id, coalesce(v.number, o.number) AS number,
                       coalesce(v.sealed, o.sealed) AS sealed, c.credentials_hash, c.credentials_version,
                       CASE WHEN l.give THEN c.credentials END AS credentials
                  FROM place l
                  CROSS JOIN LATERAL (
                    SELECT r.id, r.secret_path, r.name AS rotation, r.username_secret, r.password_secret, r.uri_secret,
                           coalesce(s.version, r.credential_version) AS credential_version, r.created_at,
                           CASE WHEN s.version IS NULL THEN r.last_rotated_at ELSE s.since END AS last_rotated_at,
                           s.version_id AS earlier, r.project_id, r.environment, r.connection_id, r.strategy, r.role1_id,
                           r.role2_id, r.allow_privileged, r.takeover, r.password_requirements, r.row_seal,
                           CASE coalesce(s.role_id = r.role1_id, r.active_index = 0) WHEN true THEN r.username1 ELSE r.username2 END AS username,
                           CASE coalesce(s.role_id = r.role1_id, r.active_index = 0) WHEN true THEN r.role1_id ELSE r.role2_id END AS role_id
                      FROM (SELECT * FROM secret_rotation e
                             WHERE NOT l.below AND e.project_id = l.project AND e.environment = l.environment
                               AND e.secret_path = l.path
                               AND (l.name IS NULL OR l.name IN (e.username_secret, e.password_secret, e.uri_secret))
                            UNION ALL
                            SELECT * FROM secret_rotation e
                             WHERE l.below AND e.project_id = l.project AND e.environment = l.environment
                               AND (l.path = '/' OR e.secret_path = l.path
                                 OR e.secret_path > l.path || '/' AND e.secret_path < l.path || '0')) r
                      LEFT JOIN LATERAL (
                        SELECT s.version, s.version_id, s.role_id, s.since
                          FROM served_version s
                          JOIN password_version p ON p.id = s.version_id AND p.role_id = s.role_id
                         WHERE l.version IS NOT NULL AND s.rotation_id = r.id AND s.version = l.version
                           AND s.version < r.credential_version AND p.state IN ('CURRENT', 'PREVIOUS', 'RETIRED') AND p.cause <> 'ADOPTED'
                           AND s.role_id IN (r.role1_id, r.role2_id)
                           AND (r.username_secret = l.name AND s.username_secret = l.name
                             OR r.password_secret = l.name AND s.password_secret = l.name)
                         LIMIT 1) s ON true
                     WHERE l.granted AND r.credential_version > 0 AND r.revoking_since IS NULL
                       AND (l.version IS NULL OR r.credential_version = l.version OR s.version IS NOT NULL)
                     ORDER BY r.secret_path, r.name, r.id
                     LIMIT 1001) r
                  LEFT JOIN app_connection c
                    ON c.id = r.connection_id AND (r.uri_secret = l.name OR l.name IS NULL AND r.uri_secret IS NOT NULL)
                  LEFT JOIN managed_role m ON l.give AND m.id = r.role_id AND m.deleted_at IS NULL
                  LEFT JOIN password_version v ON r.earlier IS NULL AND v.role_id = m.id AND v.state = 'CURRENT'
                  LEFT JOIN password_version o ON o.id = r.earlier AND o.role_id = m.id
            ), given AS (
                SELECT l.n, count(f.id) AS rotations, count(f.uri_secret) AS uris,
                       coalesce(jsonb_agg(f.id) FILTER (WHERE f.id IS NOT NULL), '[]') AS ids
                  FROM place l LEFT JOIN found f USING (n)
                 WHERE l.give AND l.granted
                 GROUP BY l.n
            )""";

    private static final String AUDITED = """
            , audited AS (
                INSERT INTO audit_event (type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind, subject_id,
                    facts)
                SELECT l.type, 'SUCCESS', l.actor_id, l.actor_name, l.address, l.request_id, l.project, 'secret', l.subject,
                       jsonb_build_object('environment', l.environment, 'secretPath', l.said_path,
                           'secrets', CASE WHEN l.name IS NULL THEN 2 * g.rotations + g.uris ELSE 1 END, 'rotationIds', g.ids)
                           || CASE WHEN l.version IS NULL THEN '{}' ELSE jsonb_build_object('version', l.version) END
                  FROM given g JOIN place l USING (n)
                 WHERE g.rotations <= 1000 AND (l.name IS NULL OR g.rotations = 1)
            )""";

    private static final String ANSWER = """

            SELECT l.n AS asked, l.project, l.granted, l.project_slug, l.project_seal, f.* FROM place l LEFT JOIN found f USING (n)
             ORDER BY l.n, f.secret_path, f.rotation, f.id""";

    private static final String READ = FOUND + AUDITED + ANSWER;
    private static final String READ_WITHOUT_AUDIT = FOUND + ANSWER;

    private final ReadsWithoutAudit store;
    private final RowSeals seals;
    private final Passwords passwords;
    private final ConnectionEndpoints endpoints;
    private final AuditLog audit;
    private final GroupedReads<Read, Found> reads;

    SecretReads(
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
                "secrets", vertx, metrics, MOST, asked -> Readers.judged(asked, Read::reader, this::read));
    }

    /**
     * What somebody asks for.
     *
     * @param project, slug one of the two
     * @param path as it was sent
     * @param below with all that is served below the path
     * @param name null for all names
     * @param version null for the one that is served; one before it only together with a name
     * @param subject of the row of the audit
     */
    public record Question(
            @Nullable UUID project,
            @Nullable String slug,
            String environment,
            String path,
            boolean below,
            @Nullable String name,
            @Nullable Long version,
            String subject) {

        private String auditType() {
            return name == null ? AuditType.GET_SECRETS : AuditType.GET_SECRET;
        }
    }

    private record Read(Reader reader, Question question, String normalised, boolean give) {}

    /**
     * What a reader found.
     *
     * @param by who he was when his turn came; what he may do is still to be asked, for the answer
     * @param project null when there is no such project
     * @param tooMany more rotations than {@link ServedSecrets#MOST_ROTATIONS}; none is given then
     * @param audited whether the store has the row of the audit of what was given; else the log has it alone
     */
    public record Found(Caller by, @Nullable UUID project, boolean tooMany, List<Value> values, boolean audited) {}

    /** A secret, with its value if that was given. */
    public final class Value {

        private final Secret secret;
        private final Passwords.@Nullable Sealed version;
        private final @Nullable Supplier<Endpoint> endpoint;

        private Value(Secret secret, Passwords.@Nullable Sealed version, @Nullable Supplier<Endpoint> endpoint) {
            this.secret = secret;
            this.version = version;
            this.endpoint = endpoint;
        }

        public Secret secret() {
            return secret;
        }

        /**
         * The username or the password, which is a part of a URI too. To be answered with and not to be kept.
         *
         * @throws IllegalStateException if no password was given
         */
        public String open() {
            if (secret.part() == Part.USERNAME) {
                return secret.roleName();
            }
            if (version == null) {
                throw new IllegalStateException("a rotation with a version and without a password");
            }
            return passwords.password(version);
        }

        /**
         * Where a URI leads.
         *
         * @throws IllegalStateException for another secret, or if none was given
         */
        public Endpoint endpoint() {
            if (endpoint == null) {
                throw new IllegalStateException("no URI was given");
            }
            return endpoint.get();
        }

        @Override
        public String toString() {
            return "Value[" + secret.id() + "]";
        }
    }

    /**
     * Gives what is served at a place, if that belongs to the reader, and records that it did.
     *
     * @throws io.rolewright.problem.ValidationProblem for an environment or path that there cannot be
     */
    public Uni<Found> values(Reader reader, Question question) {
        return ask(reader, question, true);
    }

    /** The same without passwords, which is not recorded: what there is, in which versions. */
    public Uni<Found> names(Reader reader, Question question) {
        return ask(reader, question, false);
    }

    private Uni<Found> ask(Reader reader, Question question, boolean give) {
        String normalised = ServedSecrets.normalised(question.environment(), question.path());
        return reads.ask(new Read(reader, question, normalised, give));
    }

    private Uni<List<Uni<Found>>> read(List<Asking<Read>> asked) {
        Tuple parameters = Readers.tuple(asked.stream().map(Asking::by).toList())
                .addValue(column(asked, read -> read.question().project(), UUID[]::new))
                .addValue(column(asked, read -> storable(read.question().slug()), String[]::new))
                .addValue(column(asked, read -> read.question().environment(), String[]::new))
                .addValue(column(asked, Read::normalised, String[]::new))
                .addValue(column(asked, read -> AuditLog.text(read.question().path()), String[]::new))
                .addValue(column(asked, read -> read.question().below(), Boolean[]::new))
                .addValue(column(asked, read -> storable(read.question().name()), String[]::new))
                .addValue(column(asked, read -> read.question().version(), Long[]::new))
                .addValue(column(asked, Read::give, Boolean[]::new))
                .addValue(column(asked, read -> read.question().auditType(), String[]::new))
                .addValue(column(asked, read -> AuditLog.text(read.question().subject()), String[]::new));
        return store.execute(READ, READ_WITHOUT_AUDIT, parameters).map(read -> {
            Map<Long, List<Row>> byReader = new HashMap<>();
            read.rows()
                    .forEach(row -> byReader.computeIfAbsent(row.getLong("asked"), first -> new ArrayList<>())
                            .add(row));
            List<Uni<Found>> answers = new ArrayList<>();
            for (int i = 0; i < asked.size(); i++) {
                Asking<Read> each = asked.get(i);
                List<Row> its = byReader.getOrDefault(i + 1L, List.of());
                answers.add(Uni.createFrom().item(() -> found(each, its, read.audited())));
            }
            return answers;
        });
    }

    private Found found(Asking<Read> asked, List<Row> rows, boolean audited) {
        Caller by = asked.by().caller();
        if (rows.isEmpty()) {
            return new Found(by, null, false, List.of(), audited);
        }
        UUID project = rows.get(0).getUUID("project");
        seals.require(
                SealedRow.PROJECT,
                project,
                RowSeals.bytes(rows.get(0).getBuffer("project_seal")),
                rows.get(0).getString("project_slug"));
        List<Row> rotations =
                rows.stream().filter(row -> row.getUUID("id") != null).toList();
        if (rotations.size() > ServedSecrets.MOST_ROTATIONS) {
            return new Found(by, project, true, List.of(), audited);
        }
        rotations.forEach(row -> Rotation.require(seals, row));
        Question question = asked.question().question();
        List<Value> values = rotations.stream()
                .flatMap(row -> Stream.of(Part.values())
                        .filter(part -> row.getString(column(part)) != null)
                        .map(part -> value(row, question, part)))
                .filter(value ->
                        question.name() == null || value.secret().name().equals(question.name()))
                .toList();
        boolean given = asked.question().give()
                && Boolean.TRUE.equals(rows.get(0).getBoolean("granted"))
                && (question.name() == null || !values.isEmpty());
        if (given) {
            AuditEvent event = event(asked, project, values);
            audit.inserted(audited ? event : event.with("audit", ReadsWithoutAudit.LOG_ONLY));
        }
        return new Found(by, project, false, values, audited);
    }

    private static AuditEvent event(Asking<Read> asked, UUID project, List<Value> values) {
        Judged reader = asked.by();
        Question question = asked.question().question();
        Set<UUID> rotations = new LinkedHashSet<>();
        values.forEach(value -> rotations.add(value.secret().rotationId()));
        AuditEvent event = AuditEvent.success(question.auditType())
                .by(reader.caller().id(), reader.caller().name())
                .from(reader.caller().address(), reader.requestId())
                .in(project)
                .on("secret", question.subject())
                .with("environment", question.environment())
                .with("secretPath", question.path())
                .with("secrets", values.size())
                .with("rotationIds", rotations);
        return question.version() == null ? event : event.with("version", question.version());
    }

    private static String column(Part part) {
        return switch (part) {
            case USERNAME -> "username_secret";
            case PASSWORD -> "password_secret";
            case URI -> "uri_secret";
        };
    }

    private Value value(Row row, Question question, Part part) {
        boolean isUri = part == Part.URI;
        byte[] sealed = part != Part.USERNAME && row.getValue("sealed") != null
                ? row.get(Buffer.class, "sealed").getBytes()
                : null;
        return new Value(
                ServedSecrets.secret(
                        row.getUUID("id"),
                        row.getString(column(part)),
                        part,
                        row.getUUID("role_id"),
                        row.getString("username"),
                        question.environment(),
                        row.getString("secret_path"),
                        row.getLong("credential_version"),
                        instant(row, "created_at"),
                        instant(row, "last_rotated_at"),
                        isUri ? row.getString("credentials_hash") : null),
                sealed == null
                        ? null
                        : new Passwords.Sealed(
                                row.getUUID("role_id"),
                                row.getString("role_name"),
                                row.getUUID("version_id"),
                                row.getLong("number"),
                                sealed),
                isUri && row.getValue("credentials") != null ? endpoint(row) : null);
    }

    private Supplier<Endpoint> endpoint(Row row) {
        UUID connection = row.getUUID("connection_id");
        long version = row.getLong("credentials_version");
        byte[] credentials = row.get(Buffer.class, "credentials").getBytes();
        return () -> endpoints.open(connection, version, credentials);
    }

    private static @Nullable Instant instant(Row row, String column) {
        OffsetDateTime at = row.getOffsetDateTime(column);
        return at == null ? null : at.toInstant();
    }

    /** PostgreSQL has no text with a NUL, so nothing there has that name: neither has what is asked for instead. */
    private static @Nullable String storable(@Nullable String text) {
        return text == null || text.indexOf('\0') < 0 ? text : "";
    }

    private static <T> T[] column(List<Asking<Read>> asked, Function<Read, @Nullable T> value, IntFunction<T[]> array) {
        return asked.stream().map(each -> value.apply(each.question())).toArray(array);
    }
}
