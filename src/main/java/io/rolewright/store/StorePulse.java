package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.core.Future;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Whether the store went back in time: a dump or a base backup was restored in its place, or a standby was promoted that lacked commits. It
 * has the same keys and believes in passwords that servers know no more, so what it holds is tried before it is served ({@link
 * #doubt}).
 *
 * <p>There is one row, written every {@link #INTERVAL} by each process. Signs that the store went back: another transaction wrote the row
 * than the row says (it came out of a dump); the server's WAL is on another timeline; the row was written fewer times than this process
 * has seen. A new session of the pool is asked before its first use, so a failover is noticed before anything is read. A store to which
 * nobody wrote for {@link #SILENCE} may have gone back without a sign, to a snapshot of its disk: that is a lesser doubt.
 *
 * <p>Any thread may call.
 */
@ApplicationScoped
public class StorePulse implements StartupStep {

    public static final Duration INTERVAL = Duration.ofSeconds(10);

    /** Longer than a restart takes, so that none is taken for more than that. */
    static final Duration SILENCE = Duration.ofSeconds(60);

    private static final Logger log = Logger.getLogger(StorePulse.class);

    private static final String TIMELINE =
            "('x' || lpad(substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8), 16, '0'))::bit(64)::bigint";

    /** Where the service's role may not read it. */
    private static final String NO_TIMELINE = "NULL::bigint";

    private static final String READ = """
            SELECT p.beat, p.timeline, %s AS here, p.xmin::text <> (p.xid::numeric %% 4294967296)::text AS rewritten,
                   clock_timestamp() - p.at > make_interval(secs => """ + SILENCE.toSeconds() + """
            ) AS silent
              FROM (SELECT 1) one LEFT JOIN store_pulse p ON true""";

    private static final String WRITE = """
            INSERT INTO store_pulse AS p (id, beat, at, xid, timeline, silent_until)
            VALUES (1, 1, clock_timestamp(), pg_current_xact_id()::text, $1,
                    CASE WHEN EXISTS (SELECT FROM managed_role) THEN clock_timestamp() END)
            ON CONFLICT (id) DO UPDATE SET
                beat = greatest(p.beat, $2) + 1, at = clock_timestamp(), xid = excluded.xid, timeline = coalesce($1, p.timeline),
                silent_until = CASE WHEN $3 THEN clock_timestamp() ELSE p.silent_until END,
                went_back_at = CASE WHEN $4::text IS NULL THEN p.went_back_at ELSE clock_timestamp() END,
                sign = coalesce($4, p.sign)
            RETURNING p.beat, p.timeline, p.silent_until, p.went_back_at, p.sign""";

    /**
     * Since when what the store holds is to be tried before it is served; by the store's clock.
     *
     * @param silentUntil it may have gone back without a sign before that
     * @param wentBackAt it did go back before that; null if there was never a sign
     * @param sign in words; null with {@code wentBackAt}
     */
    public record Doubt(
            @Nullable OffsetDateTime silentUntil,
            @Nullable OffsetDateTime wentBackAt,
            @Nullable String sign) {

        public boolean any() {
            return silentUntil != null || wentBackAt != null;
        }
    }

    private record Memory(long beat, @Nullable Long timeline, Doubt doubt) {}

    private record Here(
            long beat, @Nullable Long timeline, @Nullable String sign, boolean silent) {}

    private final Pool pool;
    private volatile Memory memory = new Memory(0, null, new Doubt(null, null, null));
    private volatile @Nullable String unwritten;
    private final AtomicReference<@Nullable SharedAnswer<Doubt>> writing = new AtomicReference<>();

    StorePulse(Pool pool, StorePool sessions) {
        this.pool = pool;
        sessions.greet(this::greet);
    }

    @Override
    public int order() {
        return 160; // after the look at whether it is a copy, and before anything is read that is served
    }

    @Override
    public String name() {
        return "pulse";
    }

    @Override
    public Uni<Void> run() {
        return beat().replaceWithVoid();
    }

    /**
     * What was known at the last {@link #beat}; where a sign was seen since then, it is written down first, so that what follows is judged
     * by it. Fails when the store does not answer.
     */
    public Uni<Doubt> doubt() {
        return unwritten == null ? Uni.createFrom().item(memory.doubt()) : beat();
    }

    /** The same without asking the store: a sign that is not written down yet is as old as this call. */
    public Doubt suspicion() {
        String sign = unwritten;
        Doubt known = memory.doubt();
        return sign == null ? known : new Doubt(known.silentUntil(), OffsetDateTime.now(), sign);
    }

    /** Whether the answer of {@link #doubt} is known at once, and is this one. */
    public boolean isStill(Doubt doubt) {
        return unwritten == null && memory.doubt().equals(doubt);
    }

    /** Looks, and writes the row: two statements. One at a time; who comes meanwhile shares the answer. */
    public Uni<Doubt> beat() {
        AtomicReference<@Nullable SharedAnswer<Doubt>> mine = new AtomicReference<>();
        SharedAnswer<Doubt> once = new SharedAnswer<>(Uni.createFrom()
                .deferred(this::once)
                .onTermination()
                .invoke(() -> writing.compareAndSet(mine.get(), null)));
        mine.set(once);
        SharedAnswer<Doubt> other = writing.compareAndExchange(null, once);
        return (other == null ? once : other).get();
    }

    private Uni<Doubt> once() {
        return look().chain(here -> {
            String seen = unwritten;
            String sign = seen == null ? here.sign() : seen;
            return pool.preparedQuery(WRITE)
                    .execute(Tuple.of(here.timeline(), memory.beat(), here.silent(), sign))
                    .map(rows -> rows.iterator().next())
                    .map(row -> written(row, seen));
        });
    }

    private Uni<Here> look() {
        Memory before = memory;
        return read(TIMELINE)
                .onFailure(PgException.class)
                .recoverWithUni(() -> read(NO_TIMELINE))
                .map(row -> here(before, row));
    }

    private Uni<Row> read(String timeline) {
        return pool.query(READ.formatted(timeline))
                .execute()
                .map(rows -> rows.iterator().next());
    }

    private static Here here(Memory before, Row row) {
        Long beat = row.getLong("beat");
        Long timeline = row.getLong("here");
        if (beat == null) { // the first start of all
            return new Here(0, timeline, null, false);
        }
        String sign = Boolean.TRUE.equals(row.getBoolean("rewritten"))
                ? "it was restored from a dump"
                : sign(before, beat, row.getLong("timeline"), timeline);
        return new Here(beat, timeline, sign, Boolean.TRUE.equals(row.getBoolean("silent")));
    }

    private static @Nullable String sign(Memory before, long beat, @Nullable Long written, @Nullable Long timeline) {
        if (timeline != null && written != null && !timeline.equals(written)
                || timeline != null && before.timeline() != null && !timeline.equals(before.timeline())) {
            return "its server is on another timeline: a standby was promoted, or a backup was restored to a point in time";
        }
        return beat < before.beat() ? "it has forgotten what this process has seen in it" : null;
    }

    private Doubt written(Row row, @Nullable String seen) {
        Doubt doubt = new Doubt(
                row.getOffsetDateTime("silent_until"), row.getOffsetDateTime("went_back_at"), row.getString("sign"));
        Doubt before = memory.doubt();
        memory = new Memory(row.getLong("beat"), row.getLong("timeline"), doubt);
        if (Objects.equals(unwritten, seen)) {
            unwritten = null;
        }
        if (doubt.wentBackAt() != null && !doubt.wentBackAt().equals(before.wentBackAt())) {
            log.warnf(
                    "The store went back in time: %s. Each password in it is tried before it is served; one that its server"
                            + " refuses is answered with 503 stale_credential.",
                    doubt.sign());
        }
        return doubt;
    }

    /** Asks a new session where it leads to, before anything else is asked on it. Never fails. */
    private Future<Void> greet(SqlConnection session) {
        Memory before = memory;
        if (before.beat() == 0) { // nothing was seen yet
            return Future.succeededFuture();
        }
        String sql = READ.formatted(before.timeline() == null ? NO_TIMELINE : TIMELINE);
        return session.query(sql)
                .execute()
                .onSuccess(rows -> {
                    Here here = here(before, Row.newInstance(rows.iterator().next()));
                    if (here.sign() != null) {
                        unwritten = here.sign();
                    }
                })
                .<Void>mapEmpty()
                .otherwiseEmpty();
    }
}
