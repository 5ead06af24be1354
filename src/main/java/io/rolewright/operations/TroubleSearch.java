package io.rolewright.operations;

import io.rolewright.access.Reach;
import io.rolewright.credential.CredentialStatus;
import io.rolewright.problem.ValidationProblem;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Finds what is wrong now, in one look at the store however much it is. */
@ApplicationScoped
class TroubleSearch {

    /**
     * Rank 0: who uses what is served is refused, or may be. 1: what is served works, and it takes somebody, or a server, before there is a
     * new one, or the server lets a role in for less than a day more. 2: the rest. Within a rank the oldest first. Whoever reads Vault has a password that is refused after one change of a single role,
     * and after two of two.
     */
    private static final String TROUBLES = "WITH status AS MATERIALIZED (" + CredentialStatus.NOT_WELL + "), " + """
            trouble AS MATERIALIZED (
                SELECT CASE WHEN s.served AND s.strategy <> 'SELF' AND (s.refused OR s.status = 'IN_DOUBT') THEN 0
                            WHEN s.status IN ('IN_DOUBT', 'PARKED', 'FAILED') THEN 1 ELSE 2 END AS rank,
                       'rotation' AS kind, s.id, r.name, s.project_id, lower(s.status) AS status, s.strategy,
                       CASE s.status WHEN 'FAILED' THEN coalesce(f.reason, 'server_refused')
                                     WHEN 'REVOKING' THEN 'rotation_revoking' WHEN 'OVERDUE' THEN 'overdue'
                                     ELSE s.reason END AS code,
                       coalesce(s.role_name, f.role_name) AS role, coalesce(o.message, f.message) AS message,
                       CASE s.status WHEN 'FAILED' THEN coalesce(f.first_at, s.last_attempted_at)
                                     WHEN 'OVERDUE' THEN s.planned_at ELSE s.since END AS since,
                       CASE s.status WHEN 'FAILED' THEN c.due_at ELSE s.next_try_at END AS next_try_at
                  FROM status s
                  JOIN credential c USING (id)
                  JOIN (SELECT id, name FROM secret_rotation UNION ALL SELECT id, name FROM app_connection) r USING (id)
                  LEFT JOIN attempt o ON o.id = s.open_attempt
                  LEFT JOIN LATERAL (
                       SELECT a.reason, a.message, m.role_name,
                              (SELECT min(b.started_at) FROM attempt b
                                WHERE b.owner_id = s.id AND b.state = 'FAILED'
                                  AND b.started_at > coalesce(s.last_rotated_at, '-infinity')) AS first_at
                         FROM attempt a JOIN managed_role m ON m.id = a.role_id
                        WHERE s.status = 'FAILED' AND a.owner_id = s.id AND a.state = 'FAILED'
                        ORDER BY a.started_at DESC, a.id LIMIT 1) f ON true
                 WHERE CASE WHEN s.strategy = 'SELF' THEN $3 OR s.project_id = ANY ($4)
                            ELSE $1 OR s.project_id = ANY ($2) END
                UNION ALL
                SELECT CASE WHEN v.lost_since IS NOT NULL
                                 OR c.credential_version - v.delivered_version > CASE c.strategy WHEN 'DUAL' THEN 1 ELSE 0 END
                            THEN 0 ELSE 1 END,
                       'rotation', r.id, r.name, r.project_id, 'vault_behind', c.strategy,
                       CASE WHEN v.lost_since IS NOT NULL OR v.last_failure LIKE 'vault_engine%' OR v.last_failure = 'vault_went_back' THEN v.last_failure ELSE 'vault_behind' END, NULL,
                       CASE WHEN v.lost_since IS NOT NULL OR v.last_failure LIKE 'vault_engine%' OR v.last_failure = 'vault_went_back' THEN NULL ELSE v.last_failure END, coalesce(v.lost_since, c.last_rotated_at, r.created_at), v.due_at
                  FROM vault_delivery v JOIN secret_rotation r ON r.id = v.rotation_id JOIN credential c ON c.id = r.id
                 WHERE v.failures > 0
                   AND (v.delivered_version < c.credential_version OR v.lost_since IS NOT NULL OR v.last_failure LIKE 'vault_engine%'
                        OR v.last_failure = 'vault_went_back')
                   AND ($1 OR r.project_id = ANY ($2))
                UNION ALL
                SELECT CASE c.strategy WHEN 'SELF' THEN 1 ELSE 0 END, 'rotation', c.id, r.name, c.project_id,
                       CASE WHEN m.refused_since IS NULL THEN 'no_session' ELSE 'stale' END, c.strategy,
                       CASE WHEN m.refused_since IS NULL THEN m.reason ELSE 'stale_credential' END, m.role_name, NULL,
                       coalesce(m.refused_since, m.state_since), NULL
                  FROM managed_role m
                  JOIN credential c ON c.id = m.owner_id AND c.released_version IS NULL
                  JOIN (SELECT id, name FROM secret_rotation UNION ALL SELECT id, name FROM app_connection) r ON r.id = c.id
                 WHERE (m.refused_since IS NOT NULL OR m.reason IS NOT NULL) AND m.deleted_at IS NULL AND m.state = 'OK'
                   AND (m.refused_since IS NOT NULL OR c.strategy <> 'SELF')
                   AND m.id = CASE c.active_index WHEN 1 THEN c.role2_id ELSE c.role1_id END
                   AND CASE WHEN c.strategy = 'SELF' THEN $3 OR c.project_id = ANY ($4)
                            ELSE $1 OR c.project_id = ANY ($2) END
                UNION ALL
                SELECT CASE WHEN m.valid_until < statement_timestamp() + INTERVAL '1 day' THEN 1 ELSE 2 END, 'rotation', c.id, r.name,
                       c.project_id, 'valid_until', c.strategy, 'valid_until', m.role_name,
                       'The server lets the role in until ' || to_char(m.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                           || ' (VALID UNTIL)' || CASE WHEN m.valid_until < c.next_rotation_at THEN ', which is before the next change of its'
                           || ' password, planned for ' || to_char(c.next_rotation_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                           ELSE '' END || '.', NULL, NULL
                  FROM managed_role m
                  JOIN credential c ON c.id = m.owner_id AND c.released_version IS NULL AND c.revoking_since IS NULL
                  JOIN (SELECT id, name FROM secret_rotation UNION ALL SELECT id, name FROM app_connection) r ON r.id = c.id
                 WHERE m.valid_until IS NOT NULL AND m.deleted_at IS NULL AND m.state = 'OK'
                   AND (m.valid_until < c.next_rotation_at OR m.valid_until < statement_timestamp() + INTERVAL '1 day')
                   AND CASE WHEN c.strategy = 'SELF' THEN $3 OR c.project_id = ANY ($4)
                            ELSE $1 OR c.project_id = ANY ($2) END
                UNION ALL
                SELECT 2, 'connection', a.id, a.name, a.project_id, 'test_failed', NULL, coalesce(a.test_reason, 'other'),
                       NULL, NULL, a.tested_at, NULL
                  FROM app_connection a
                 WHERE NOT a.test_ok AND ($3 OR a.project_id = ANY ($4))
                UNION ALL
                SELECT 2, 'webhook', w.id, w.name, w.project_id, d.status, NULL, d.status, NULL, d.message, d.since, d.due_at
                  FROM webhook w
                 CROSS JOIN LATERAL (
                       SELECT 'webhook_failing' AS status, count(*) || ' messages wait.' AS message, min(at) AS since,
                              min(due_at) AS due_at
                         FROM webhook_delivery WHERE webhook_id = w.id AND state = 'pending' AND w.enabled AND w.failures > 0
                       HAVING count(*) > 0
                       UNION ALL
                       SELECT 'webhook_dead_letters', count(*) || ' messages were given up.', min(ended_at), NULL
                         FROM webhook_delivery WHERE webhook_id = w.id AND state = 'dead' HAVING count(*) > 0) d
                 WHERE ($5 OR w.project_id = ANY ($6))
                UNION ALL
                SELECT own.rank, own.kind, NULL, own.kind, NULL, own.code, NULL, own.code, NULL, own.message, own.since, NULL
                  FROM unnest($7::int[], $8::text[], $9::text[], $10::text[], $11::timestamptz[])
                       AS own (rank, kind, code, message, since))""";

    /** What is counted for metrics: the troubles, and all credentials by how they are. */
    private static final String COUNT = TROUBLES + """
             SELECT rank, kind, status, coalesce(code, '') AS code, count(*) AS n FROM trouble GROUP BY 1, 2, 3, 4
             UNION ALL
            SELECT NULL, NULL, lower(status), coalesce(reason, ''), count(*) FROM status GROUP BY 3, 4
             UNION ALL
            SELECT NULL, NULL, CASE WHEN auto_rotation THEN 'ok' ELSE 'manual' END, '', sum(n)::bigint
              FROM (SELECT auto_rotation, count(*) AS n FROM credential WHERE released_version IS NULL GROUP BY 1
                     UNION ALL
                    SELECT auto_rotation, -count(*) FROM status GROUP BY 1) AS well GROUP BY auto_rotation HAVING sum(n) > 0""";

    private static final String FIND = TROUBLES + """
            ,
            found AS (
                SELECT t.*, p.name AS project, coalesce(t.since, 'epoch') AS position,
                       t.kind || coalesce(t.id::text, '') || t.code || coalesce(t.role, '') AS key
                  FROM trouble t LEFT JOIN project p ON p.id = t.project_id
                 WHERE $16::uuid IS NULL OR t.id = $16),
            page AS (
                SELECT * FROM found WHERE $12::int IS NULL OR (rank, position, key) > ($12, $13, $14)
                 ORDER BY rank, position, key LIMIT $15)
            SELECT n.*, page.*,
                   (SELECT CASE WHEN r.refused_since IS NOT NULL OR s.served AND (s.refused OR s.status = 'IN_DOUBT') THEN NULL
                                WHEN r.probe_result = 'ok' THEN greatest(r.probed_at, v.current_at) ELSE v.current_at END
                      FROM credential c LEFT JOIN status s USING (id)
                      JOIN managed_role r ON r.id = CASE c.active_index WHEN 1 THEN c.role2_id ELSE c.role1_id END
                      JOIN password_version v ON v.role_id = r.id AND v.state = 'CURRENT'
                     WHERE c.id = page.id AND c.released_version IS NULL) AS proven_at
              FROM (
                SELECT count(*) FILTER (WHERE rank = 0) AS critical, count(*) FILTER (WHERE rank = 1) AS error,
                       count(*) FILTER (WHERE rank = 2) AS warning FROM found) n
              LEFT JOIN page ON true ORDER BY rank, position, key""";

    /** By their ranks. */
    static final List<String> SEVERITIES = List.of("critical", "error", "warning");

    private final Pool pool;

    TroubleSearch(Pool pool) {
        this.pool = pool;
    }

    /** Where the caller may see what. @param own what is wrong with the service itself, which everybody may see */
    record Sight(Reach rotations, Reach connections, Reach webhooks, List<OwnTroubles.Own> own) {}

    /**
     * How many there are of a kind.
     *
     * @param rank 0 to 2, the worst first; null of credentials, well ones included
     * @param kind null of credentials
     * @param code with credentials the reason, if one of their roles has one; empty for none
     */
    record Count(@Nullable Integer rank, @Nullable String kind, String status, String code, long number) {}

    /**
     * One thing that is wrong.
     *
     * @param rank 0 to 2, the worst first
     * @param id null of the service's own
     * @param since null where nobody knows
     * @param provenAt when a login last proved the password that is served; null while that was refused, or may have been replaced
     */
    record Trouble(
            int rank,
            String kind,
            @Nullable UUID id,
            String name,
            @Nullable UUID projectId,
            @Nullable String project,
            String status,
            @Nullable String strategy,
            String code,
            @Nullable String role,
            @Nullable String message,
            @Nullable Instant since,
            @Nullable Instant nextTryAt,
            @Nullable Instant provenAt) {}

    /** @param next where the next page begins; null on the last */
    record Found(
            List<Trouble> troubles,
            long critical,
            long error,
            long warning,
            @Nullable String next) {}

    /**
     * @param about only of this rotation, connection or webhook; null for all
     * @param limit rows of the page, from 1
     * @throws ValidationProblem at {@code cursor}
     */
    Uni<Found> find(Sight sight, @Nullable UUID about, int limit, @Nullable String cursor) {
        Position after = cursor == null ? null : Position.parse(cursor);
        return pool.preparedQuery(FIND)
                .execute(seen(sight)
                        .addValue(after == null ? null : after.rank)
                        .addValue(after == null ? null : after.since.atOffset(ZoneOffset.UTC))
                        .addValue(after == null ? null : after.place)
                        .addInteger(limit + 1)
                        .addValue(about))
                .map(rows -> found(rows, limit));
    }

    /** All of the organisation's, in one look. */
    Uni<List<Count>> count(List<OwnTroubles.Own> own) {
        Reach everywhere = new Reach(true, Set.of());
        return pool.preparedQuery(COUNT)
                .execute(seen(new Sight(everywhere, everywhere, everywhere, own)))
                .map(rows -> rows.stream()
                        .map(row -> new Count(
                                row.getInteger("rank"),
                                row.getString("kind"),
                                row.getString("status"),
                                row.getString("code"),
                                row.getLong("n")))
                        .toList());
    }

    private static Tuple seen(Sight sight) {
        List<OwnTroubles.Own> own = sight.own;
        return Tuple.tuple()
                .addBoolean(sight.rotations.everywhere())
                .addValue(projects(sight.rotations))
                .addBoolean(sight.connections.everywhere())
                .addValue(projects(sight.connections))
                .addBoolean(sight.webhooks.everywhere())
                .addValue(projects(sight.webhooks))
                .addValue(own.stream().map(OwnTroubles.Own::rank).toArray(Integer[]::new))
                .addValue(own.stream().map(OwnTroubles.Own::kind).toArray(String[]::new))
                .addValue(own.stream().map(OwnTroubles.Own::code).toArray(String[]::new))
                .addValue(own.stream().map(OwnTroubles.Own::message).toArray(String[]::new))
                .addValue(own.stream()
                        .map(each -> each.since() == null ? null : each.since().atOffset(ZoneOffset.UTC))
                        .toArray(OffsetDateTime[]::new));
    }

    private static UUID[] projects(Reach reach) {
        return reach.projects().toArray(new UUID[0]);
    }

    private static Found found(RowSet<Row> rows, int limit) {
        List<Trouble> troubles = new ArrayList<>();
        Position last = null;
        Row counts = rows.iterator().next(); // there is one even where there is no trouble
        boolean more = false;
        for (Row row : rows) {
            if (row.getInteger("rank") == null) {
                break; // only the counts
            }
            more = troubles.size() == limit;
            if (more) {
                break;
            }
            last = new Position(
                    row.getInteger("rank"), row.getOffsetDateTime("position").toInstant(), row.getString("key"));
            troubles.add(trouble(row));
        }
        String next = more && last != null ? last.text() : null;
        return new Found(
                troubles, counts.getLong("critical"), counts.getLong("error"), counts.getLong("warning"), next);
    }

    private static Trouble trouble(Row row) {
        return new Trouble(
                row.getInteger("rank"),
                row.getString("kind"),
                row.getUUID("id"),
                row.getString("name"),
                row.getUUID("project_id"),
                row.getString("project"),
                row.getString("status"),
                row.getString("strategy"),
                row.getString("code"),
                row.getString("role"),
                row.getString("message"),
                instant(row, "since"),
                instant(row, "next_try_at"),
                instant(row, "proven_at"));
    }

    private static @Nullable Instant instant(Row row, String column) {
        OffsetDateTime at = row.getOffsetDateTime(column);
        return at == null ? null : at.toInstant();
    }

    /** Of the last row of a page, in the order of all. */
    private record Position(int rank, Instant since, String place) {

        String text() {
            return Base64.getUrlEncoder()
                    .withoutPadding()
                    .encodeToString((rank + "\n" + since + "\n" + place).getBytes(StandardCharsets.UTF_8));
        }

        static Position parse(String cursor) {
            try {
                String[] parts =
                        new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8).split("\n", 3);
                return new Position(Integer.parseInt(parts[0]), Instant.parse(parts[1]), parts[2]);
            } catch (IllegalArgumentException | DateTimeException | ArrayIndexOutOfBoundsException malformed) {
                throw ValidationProblem.at(
                        List.of("cursor"), "custom", "Must be the nextCursor of an earlier answer, unchanged");
            }
        }
    }
}
