package io.rolewright.rotation;

import io.rolewright.access.Reach;
import io.rolewright.connection.ConnectionStatus;
import io.rolewright.credential.CredentialStatus;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Numbers;
import io.rolewright.rotation.RotationSummary.Day;
import io.rolewright.rotation.RotationSummary.Planned;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Counts how attempts ended and how things are, in a few looks at the store however many there are. */
@ApplicationScoped
class RotationSummaries {

    static final int USUAL_DAYS = 30;
    static final int MOST_DAYS = 90;

    /** The days are those of the caller's time zone, so they come as their beginnings; the last row is for all of them. */
    private static final String ENDED = """
            WITH ended AS (
                SELECT width_bucket(a.started_at, $1::timestamptz[]) AS day, a.state,
                       (extract(epoch FROM a.finished_at - a.started_at) * 1000)::bigint AS millis
                  FROM attempt a JOIN credential c ON c.id = a.owner_id AND c.released_version IS NULL
                 WHERE a.started_at >= ($1::timestamptz[])[1] AND a.state IN ('DONE', 'FAILED')
                   AND ($2 OR c.project_id = ANY ($3)))
            SELECT day,
                   count(*) FILTER (WHERE state = 'DONE') AS done,
                   count(*) FILTER (WHERE state = 'FAILED') AS failed,
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY millis) FILTER (WHERE state = 'DONE') AS median,
                   percentile_disc(0.95) WITHIN GROUP (ORDER BY millis) FILTER (WHERE state = 'DONE') AS p95
              FROM ended GROUP BY GROUPING SETS ((day), ()) ORDER BY day NULLS LAST""";

    /** Those that are well are all less the others, since a look at each would take as long as there are many. */
    private static final String NOW = "WITH r AS MATERIALIZED (" + CredentialStatus.NOT_WELL + "), c AS MATERIALIZED ("
            + ConnectionStatus.NOT_WELL + "), " + """
            credentials AS MATERIALIZED (
                SELECT true AS rotation, auto_rotation, count(*) AS n FROM credential
                 WHERE $1 AND released_version IS NULL AND strategy IN ('DUAL', 'SINGLE') GROUP BY 2
                UNION ALL
                SELECT true, auto_rotation, count(*) FROM credential
                 WHERE NOT $1 AND released_version IS NULL AND strategy IN ('DUAL', 'SINGLE') AND project_id = ANY ($2) GROUP BY 2
                UNION ALL
                SELECT false, auto_rotation, count(*) FROM credential
                 WHERE $3 AND released_version IS NULL AND strategy = 'SELF' GROUP BY 2
                UNION ALL
                SELECT false, auto_rotation, count(*) FROM credential
                 WHERE NOT $3 AND released_version IS NULL AND strategy = 'SELF' AND project_id = ANY ($4) GROUP BY 2),
            ill AS MATERIALIZED (
                SELECT auto_rotation, lower(status) AS status, count(*) AS n FROM r
                 WHERE strategy <> 'SELF' AND ($1 OR project_id = ANY ($2)) GROUP BY 1, 2),
            refused AS MATERIALIZED (
                SELECT lower(status) AS status, count(*) AS n FROM c WHERE $3 OR project_id = ANY ($4) GROUP BY 1)
            SELECT 'rotation' AS kind, status, sum(n)::bigint AS n FROM (
                SELECT status, n FROM ill
                 UNION ALL
                SELECT CASE WHEN auto_rotation THEN 'ok' ELSE 'manual' END, n FROM credentials WHERE rotation
                 UNION ALL
                SELECT CASE WHEN auto_rotation THEN 'ok' ELSE 'manual' END, -n FROM ill) AS all_of_them
             GROUP BY status HAVING sum(n) > 0
            UNION ALL
            SELECT 'connection', status, sum(n)::bigint FROM (
                SELECT status, n FROM refused
                 UNION ALL
                SELECT 'ok', count(*) FROM app_connection WHERE $3
                 UNION ALL
                SELECT 'ok', count(*) FROM app_connection WHERE NOT $3 AND project_id = ANY ($4)
                 UNION ALL
                SELECT 'ok', -n FROM refused) AS all_of_them
             GROUP BY status HAVING sum(n) > 0
            UNION ALL
            SELECT 'managed', '', sum(n)::bigint FROM credentials WHERE NOT rotation HAVING sum(n) > 0""";

    private static final String UPCOMING = """
            SELECT CASE c.strategy WHEN 'SELF' THEN 'connection' ELSE 'rotation' END AS kind, c.id,
                   coalesce(r.name, a.name) AS name, p.name AS project, c.next_rotation_at
              FROM credential c
              LEFT JOIN secret_rotation r ON r.id = c.id
              LEFT JOIN app_connection a ON a.id = c.id
              LEFT JOIN project p ON p.id = c.project_id
             WHERE c.next_rotation_at > statement_timestamp() - INTERVAL '15 minutes'
               AND CASE WHEN c.strategy = 'SELF' THEN $3 OR c.project_id = ANY ($4) ELSE $1 OR c.project_id = ANY ($2) END
             ORDER BY c.next_rotation_at, c.id LIMIT 10""";

    /** To count more attempts than these takes a tenth of a second and more: it is done only so often for the same question. */
    private static final int MANY = 20_000;

    private static final Duration KEPT = Duration.ofSeconds(30);

    private static final int MOST_KEPT = 100;

    private final Pool pool;
    private final Clock clock;
    private final Map<Looked, Ended> kept = new ConcurrentHashMap<>();

    RotationSummaries(Pool pool, Clock clock) {
        this.pool = pool;
        this.clock = clock;
    }

    /** What attempts are counted of. */
    private record Looked(Reach reach, List<LocalDate> dates, ZoneId zone) {}

    /** What was counted. */
    private static final class Ended {
        final List<Row> rows;
        final Instant at;
        /** When it is counted anew, by {@link System#nanoTime}. */
        final long until;

        Ended(List<Row> rows, Instant at, long until) {
            this.rows = rows;
            this.at = at;
            this.until = until;
        }

        long all() {
            return rows.stream()
                    .filter(row -> row.getInteger("day") == null)
                    .mapToLong(row -> row.getLong("done") + row.getLong("failed"))
                    .sum();
        }
    }

    /**
     * Of credentials that exist: rotations and managed connections.
     *
     * @param reach of which projects' rotations
     * @param connections of which projects' connections
     * @param days how many to look back, today included; 1 to {@value MOST_DAYS}
     * @param zone where a day begins
     */
    Uni<RotationSummary> of(Reach reach, Reach connections, int days, ZoneId zone) {
        LocalDate today = LocalDate.now(clock.withZone(zone));
        List<LocalDate> dates =
                today.minusDays(days - 1L).datesUntil(today.plusDays(1)).toList();
        OffsetDateTime[] begin = dates.stream()
                .map(date -> date.atStartOfDay(zone).toOffsetDateTime())
                .toArray(OffsetDateTime[]::new);
        UUID[] projects = reach.projects().toArray(new UUID[0]);
        Tuple seen = Tuple.of(
                reach.everywhere(),
                projects,
                connections.everywhere(),
                connections.projects().toArray(new UUID[0]));
        return ended(new Looked(reach, dates, zone), Tuple.of(begin, reach.everywhere(), projects))
                .chain(ended -> pool.preparedQuery(NOW)
                        .execute(seen)
                        .chain(now -> pool.preparedQuery(UPCOMING)
                                .execute(seen)
                                .map(upcoming -> summary(begin[0], dates, ended, counts(now), planned(upcoming)))));
    }

    private Uni<Ended> ended(Looked looked, Tuple parameters) {
        Ended before = kept.get(looked);
        if (before != null && before.until - System.nanoTime() > 0) {
            return Uni.createFrom().item(before);
        }
        Instant at = clock.instant();
        return pool.preparedQuery(ENDED).execute(parameters).map(rows -> {
            Ended counted = new Ended(rows.stream().toList(), at, System.nanoTime() + KEPT.toNanos());
            if (counted.all() > MANY) {
                keep(looked, counted);
            }
            return counted;
        });
    }

    private void keep(Looked looked, Ended counted) {
        kept.values().removeIf(each -> each.until - System.nanoTime() <= 0);
        if (kept.size() < MOST_KEPT) { // about: two at once may keep one more
            kept.put(looked, counted);
        }
    }

    private static Map<String, Map<String, Long>> counts(RowSet<Row> rows) {
        Map<String, Map<String, Long>> counts = new HashMap<>();
        rows.forEach(row -> counts.computeIfAbsent(row.getString("kind"), kind -> new TreeMap<>())
                .put(row.getString("status"), row.getLong("n")));
        return counts;
    }

    private static List<Planned> planned(RowSet<Row> rows) {
        List<Planned> planned = new ArrayList<>();
        rows.forEach(row -> planned.add(new Planned(
                row.getString("kind"),
                row.getUUID("id"),
                row.getString("name"),
                row.getString("project"),
                row.getOffsetDateTime("next_rotation_at").toInstant())));
        return planned;
    }

    private static RotationSummary summary(
            OffsetDateTime since,
            List<LocalDate> dates,
            Ended ended,
            Map<String, Map<String, Long>> counts,
            List<Planned> upcoming) {
        Day[] days = dates.stream().map(date -> new Day(date, 0, 0)).toArray(Day[]::new);
        Row all = null;
        for (Row row : ended.rows) {
            Integer day = row.getInteger("day");
            if (day == null) {
                all = row;
            } else {
                days[day - 1] = new Day(dates.get(day - 1), row.getLong("done"), row.getLong("failed"));
            }
        }
        return new RotationSummary(
                since.toInstant(),
                Stream.of(days).toList(),
                all.getLong("done"),
                all.getLong("failed"),
                all.getLong("median"),
                all.getLong("p95"),
                counts.getOrDefault("rotation", Map.of()),
                counts.getOrDefault("connection", Map.of()),
                counts.getOrDefault("managed", Map.of()).getOrDefault("", 0L),
                upcoming,
                ended.at);
    }

    /** @throws ValidationProblem at {@code days} */
    static int days(@Nullable String text) {
        return text == null ? USUAL_DAYS : Numbers.upTo(MOST_DAYS, "days", text);
    }

    /** @throws ValidationProblem at {@code timeZone} */
    static ZoneId zone(@Nullable String name) {
        try {
            return ZoneId.of(name == null ? "UTC" : name);
        } catch (DateTimeException unknown) {
            throw ValidationProblem.at(
                    List.of("timeZone"), "custom", "Must be a name of the IANA time zone database, as Europe/Berlin");
        }
    }
}
