package io.rolewright.sealing;

import io.rolewright.sealing.KeyRun.State;
import io.rolewright.sealing.KeyRun.Unreadable;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** All SQL over runs of key commands. */
@ApplicationScoped
class KeyRunStore {

    /** Runs that a list shows at most. */
    static final int LATEST = 50;

    /** Records that could not be opened and are named at most; all are counted. */
    static final int NAMED = 1000;

    private static final String COLUMNS = """
            id, command, state, reason, total, done, started_at, finished_at,
            state = 'running' AND lease_until < now() AS lapsed,
            (SELECT count(*) FROM unreadable_record u WHERE u.run_id = key_run.id) AS unreadable""";

    /** Of several at once, one wins: there is a unique index over what is running. */
    private static final String BEGIN = """
            INSERT INTO key_run (id, command, state, owner, lease_until)
            VALUES ($1, $2, 'running', $3, now() + INTERVAL '30 seconds') ON CONFLICT DO NOTHING""";

    private static final String TAKE_OVER = """
            UPDATE key_run SET owner = $1, lease_until = now() + INTERVAL '30 seconds'
            WHERE state = 'running' AND lease_until < now() RETURNING id""";

    private static final String ADVANCE = """
            UPDATE key_run SET total = greatest(total, done + $3, $4), done = done + $3, reason = $5,
                lease_until = now() + INTERVAL '30 seconds'
            WHERE id = $1 AND owner = $2 AND state = 'running'""";

    private static final String FINISH = """
            UPDATE key_run SET state = $3, reason = $4, finished_at = now(), total = CASE $3
                WHEN 'done' THEN done + (SELECT count(*) FROM unreadable_record u WHERE u.run_id = key_run.id)
                ELSE total END
            WHERE id = $1 AND owner = $2 AND state = 'running'""";

    private static final String CANNOT_OPEN = """
            INSERT INTO unreadable_record (run_id, field, record_id, reason) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING""";

    private final Pool pool;

    KeyRunStore(Pool pool) {
        this.pool = pool;
    }

    /** @return whether the run is the caller's; false if another one is going on */
    Uni<Boolean> begin(UUID id, KeyCommand command, UUID owner) {
        return pool.preparedQuery(BEGIN)
                .execute(Tuple.of(id, command.word(), owner))
                .map(inserted -> inserted.rowCount() == 1);
    }

    /** Makes the run whose process has died the caller's. @return its id; empty if there is none */
    Uni<Optional<UUID>> takeOver(UUID owner) {
        return pool.preparedQuery(TAKE_OVER)
                .execute(Tuple.of(owner))
                .map(rows -> stream(rows).map(row -> row.getUUID("id")).findFirst());
    }

    Uni<Optional<KeyRun>> running() {
        return pool.query("SELECT " + COLUMNS + " FROM key_run WHERE state = 'running'")
                .execute()
                .map(rows -> stream(rows).map(KeyRunStore::run).findFirst());
    }

    Uni<Optional<KeyRun>> byId(UUID id) {
        return pool.preparedQuery("SELECT " + COLUMNS + " FROM key_run WHERE id = $1")
                .execute(Tuple.of(id))
                .map(rows -> stream(rows).map(KeyRunStore::run).findFirst());
    }

    Uni<List<KeyRun>> latest() {
        return pool.query("SELECT " + COLUMNS + " FROM key_run ORDER BY started_at DESC, id LIMIT " + LATEST)
                .execute()
                .map(rows -> stream(rows).map(KeyRunStore::run).toList());
    }

    Uni<List<Unreadable>> unreadable(UUID run) {
        return pool.preparedQuery("SELECT field, record_id, reason FROM unreadable_record WHERE run_id = $1"
                        + " ORDER BY field, record_id LIMIT " + NAMED)
                .execute(Tuple.of(run))
                .map(rows -> stream(rows)
                        .map(row -> new Unreadable(
                                row.getString("field"), row.getUUID("record_id"), row.getString("reason")))
                        .toList());
    }

    /**
     * Counts what was done and keeps the lease.
     *
     * @param client a transaction in which it was done, or the pool
     * @param atLeast a lower bound of what there is to do, counted with what is done
     * @return fails with {@link LeaseLost} if another process has taken the run over: what was done must be rolled back
     */
    Uni<Void> advance(SqlClient client, UUID run, UUID owner, long done, long atLeast, @Nullable String reason) {
        return client.preparedQuery(ADVANCE)
                .execute(Tuple.of(run, owner, done, atLeast, reason))
                .invoke(KeyRunStore::requireLease)
                .replaceWithVoid();
    }

    Uni<Void> advance(UUID run, UUID owner, long done, long atLeast, @Nullable String reason) {
        return advance(pool, run, owner, done, atLeast, reason);
    }

    Uni<Void> finish(UUID run, UUID owner, State state, String reason) {
        return pool.preparedQuery(FINISH)
                .execute(Tuple.of(run, owner, state.name().toLowerCase(Locale.ROOT), reason))
                .invoke(KeyRunStore::requireLease)
                .replaceWithVoid();
    }

    Uni<Void> cannotOpen(SqlClient client, UUID run, List<Unreadable> records) {
        return records.isEmpty()
                ? Uni.createFrom().voidItem()
                : client.preparedQuery(CANNOT_OPEN)
                        .executeBatch(records.stream()
                                .map(each -> Tuple.of(run, each.field(), each.record(), each.reason()))
                                .toList())
                        .replaceWithVoid();
    }

    private static void requireLease(RowSet<Row> updated) {
        if (updated.rowCount() == 0) {
            throw new LeaseLost();
        }
    }

    private static KeyRun run(Row row) {
        return new KeyRun(
                row.getUUID("id"),
                KeyCommand.of(row.getString("command")).orElseThrow(),
                State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
                row.getString("reason"),
                row.getLong("total"),
                row.getLong("done"),
                row.getLong("unreadable"),
                row.getBoolean("lapsed"),
                row.getOffsetDateTime("started_at").toInstant(),
                Optional.ofNullable(row.getOffsetDateTime("finished_at"))
                        .map(OffsetDateTime::toInstant)
                        .orElse(null));
    }

    private static Stream<Row> stream(RowSet<Row> rows) {
        return StreamSupport.stream(rows.spliterator(), false);
    }

    /** This process was silent for so long that another one works on the run now. */
    static final class LeaseLost extends RuntimeException {
        LeaseLost() {
            super("another process works on it", null, false, false);
        }
    }
}
