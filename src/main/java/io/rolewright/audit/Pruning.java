package io.rolewright.audit;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/**
 * Deletes what is older than {@link AuditConfig#retention}, oldest first, in steps of {@value #STEP} rows: each is a transaction, and leaves
 * a row that says how many went. Whatever ends it halfway loses nothing, and no lock is held for long (docs/sizing.md has the seconds).
 */
@ApplicationScoped
public class Pruning {

    /** A shorter retention is a slip: what happened today is asked for tomorrow. */
    public static final Duration SHORTEST = Duration.ofDays(1);

    private static final int STEP = 10_000;

    /** In one turn of {@link #byItself}: a million rows, which take some seconds. */
    private static final int STEPS_IN_A_TURN = 100;

    /** So late it begins by itself: one round a day, and not one for each handful of rows. */
    static final Duration SLACK = Duration.ofDays(1);

    private static final String IS_DUE = """
            SELECT has_table_privilege('audit_event', 'DELETE') AND has_table_privilege('audit_event', 'UPDATE')
               AND EXISTS (SELECT FROM audit_event WHERE at < now() - make_interval(secs => $1))""";

    /** Begins where the step before ended: until they are vacuumed, the index still leads to all rows that have gone. */
    private static final String DELETE = """
            WITH gone AS (
                DELETE FROM audit_event WHERE id IN (
                    SELECT id FROM audit_event WHERE at < now() - make_interval(secs => $1) AND at >= coalesce($2, '-infinity'::timestamptz)
                    ORDER BY at LIMIT %d FOR UPDATE SKIP LOCKED)
                RETURNING at),
            said AS (
                INSERT INTO audit_event (type, outcome, actor_name, facts)
                SELECT $3, 'SUCCESS', current_user, jsonb_build_object('rows', count(*))
                FROM gone HAVING count(*) > 0)
            SELECT count(*) AS rows, max(at) AS until FROM gone""".formatted(STEP);

    private final Pool pool;
    private final AuditConfig config;

    Pruning(Pool pool, AuditConfig config) {
        this.pool = pool;
        this.config = config;
    }

    /**
     * Deletes all of it.
     *
     * @param session of the role that owns the schema
     * @param retention what stays, {@link #SHORTEST} or longer
     * @return how many rows
     */
    public static Uni<Long> prune(SqlClient session, Duration retention) {
        return steps(session, retention, Integer.MAX_VALUE, null, 0);
    }

    /**
     * Deletes what is due where the service's role may do that, which is where the schema has no owner of its own: there it does nothing, and
     * {@code --prune-audit} does it. Any number of replicas may do it at once.
     *
     * @return how many rows; 0 until the oldest is a day older than the retention
     */
    public Uni<Long> byItself() {
        Duration retention = config.retention();
        if (retention.compareTo(SHORTEST) < 0) {
            return Uni.createFrom().item(0L);
        }
        return pool.preparedQuery(IS_DUE)
                .execute(Tuple.of(seconds(retention.plus(SLACK))))
                .map(rows -> rows.iterator().next().getBoolean(0))
                .chain(due -> due
                        ? steps(pool, retention, STEPS_IN_A_TURN, null, 0)
                        : Uni.createFrom().item(0L));
    }

    private static Uni<Long> steps(
            SqlClient session, Duration retention, int most, @Nullable OffsetDateTime from, long before) {
        return session.preparedQuery(DELETE)
                .execute(Tuple.of(seconds(retention), from, AuditType.PRUNE_AUDIT_LOGS))
                .chain(rows -> {
                    Row step = rows.iterator().next();
                    long gone = before + step.getLong("rows");
                    return gone == before || most == 1
                            ? Uni.createFrom().item(gone)
                            : steps(session, retention, most - 1, step.getOffsetDateTime("until"), gone);
                });
    }

    private static double seconds(Duration duration) {
        return duration.toSeconds();
    }
}
