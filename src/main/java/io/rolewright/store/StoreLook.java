package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;

/** Whether the store answers now, and takes writes. Any thread may call. */
@ApplicationScoped
public class StoreLook {

    private static final String READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on'";

    /** As large as a row of the audit is, and undone: what is asked is whether there is room for one. */
    private static final String ROW = """
            INSERT INTO audit_event (type, outcome, facts)
            SELECT 'store-look', 'SUCCESS', jsonb_build_object('filler', string_agg(md5(random()::text), ''))
              FROM generate_series(1, 30)""";

    /** A probe of readiness waits for 3 s, so both together have less. */
    private static final Duration LIMIT = Duration.ofMillis(1200);

    /** Set where a write was refused for want of room, until one is taken again. */
    private static volatile boolean roomInDoubt;

    private final Pool pool;
    private final StorePool sessions;

    StoreLook(Pool pool, StorePool sessions) {
        this.pool = pool;
        this.sessions = sessions;
    }

    static void refusedForWantOfRoom() {
        roomInDoubt = true;
    }

    /**
     * What was found.
     *
     * @param busy all sessions of the pool were in use, and the store answered on another one
     */
    public record Seen(boolean readOnly, boolean full, boolean busy) {

        public boolean canWrite() {
            return !readOnly && !full;
        }
    }

    /** Answers or fails within 2.4 s; fails when the store does not answer. */
    public Uni<Seen> look() {
        return pool.query(READ_ONLY)
                .execute()
                .map(rows -> rows.iterator().next().getBoolean(0))
                .ifNoItem()
                .after(LIMIT)
                .fail()
                .map(readOnly -> new Seen(readOnly, false, false))
                .onFailure()
                .recoverWithUni(failure -> outsideOfThePool().onFailure().transform(other -> failure))
                .chain(seen -> seen.readOnly() || seen.busy() || !roomInDoubt
                        ? Uni.createFrom().item(seen)
                        : room());
    }

    /** A pool that is taken is no store that is away. */
    private Uni<Seen> outsideOfThePool() {
        return sessions.session()
                .chain(session -> session.query(READ_ONLY)
                        .execute()
                        .map(rows -> new Seen(rows.iterator().next().getBoolean(0), false, true))
                        .onTermination()
                        .call(() -> session.close().onFailure().recoverWithNull()))
                .ifNoItem()
                .after(LIMIT)
                .fail();
    }

    private Uni<Seen> room() {
        return pool.withConnection(this::write)
                .ifNoItem()
                .after(LIMIT)
                .fail()
                .map(written -> {
                    roomInDoubt = false;
                    return new Seen(false, false, false);
                })
                .onFailure(failure -> StoreFault.kind(failure) == StoreFault.Kind.FULL)
                .recoverWithItem(new Seen(false, true, false));
    }

    private Uni<Void> write(SqlConnection session) {
        return session.begin()
                .chain(transaction -> session.query(ROW)
                        .execute()
                        .onItemOrFailure()
                        .transformToUni((rows, failure) -> transaction
                                .rollback()
                                .chain(() -> failure == null
                                        ? Uni.createFrom().voidItem()
                                        : Uni.createFrom().failure(failure))));
    }
}
