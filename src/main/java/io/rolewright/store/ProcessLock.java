package io.rolewright.store;

import io.quarkus.runtime.ShutdownEvent;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Shows the store that this process lives: it holds an advisory lock by a session of its own, which the store ends, and the lock with it, as
 * soon as the process is dead. Who has claimed something in the store by the name of a process can so be told from who has died on it, long
 * before his lease lapses. A process that stands still lives, and is waited for as long as its lease says.
 *
 * <p>Costs one session to the store and no statement while nothing happens. Behind a pooler that does not keep sessions apart no lock is held
 * in the end, and leases count alone; nor is one tried where {@link StoreConfig#transactionPooler} says that there is such a pooler, because
 * what is set for the session would stay with whoever has it next.
 */
@Singleton
public class ProcessLock {

    /** The first of the lock's two numbers; the second is made of the process's name. */
    private static final int CLASS = 0x524f4c45;

    /** In SQL, of {@code owner}, a uuid: whether the process of that name is known to be dead. Only for owners that held the lock. */
    public static final String IS_DEAD = """
            NOT EXISTS (SELECT FROM pg_locks l
                         WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.classid = %d
                           AND l.objid = (hashtext(%s::text)::bigint & 4294967295)::oid
                           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))""";

    /** A host that is cut off says no farewell: the store asks for it after five seconds, and gives up on it after eleven. */
    private static final String SETTINGS = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2;"
            + " SET tcp_keepalives_count = 3; SET statement_timeout = 0; SELECT pg_backend_pid()";

    private static final String TAKE = "SELECT pg_try_advisory_lock($1, hashtext($2::text)) AND pg_backend_pid() = $3";

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private static final Logger log = Logger.getLogger(ProcessLock.class);

    private final StorePool sessions;
    private final Vertx vertx;
    private final UUID self = UUID.randomUUID();
    private volatile boolean held;
    private volatile boolean stopped;
    private boolean begun;
    private volatile @Nullable PgConnection session;

    ProcessLock(StorePool sessions, Vertx vertx) {
        this.sessions = sessions;
        this.vertx = vertx;
    }

    /** {@link #IS_DEAD} of a column or parameter. */
    public static String isDead(String owner) {
        return IS_DEAD.formatted(CLASS, owner);
    }

    /** The name of this process, another one at each start. */
    public UUID self() {
        return self;
    }

    /** The name of this process while it holds the lock; null while it does not, and nobody could tell whether it lives. */
    public @Nullable UUID held() {
        return held ? self : null;
    }

    /** The store shows no lock of this process, although it may not know that yet. */
    public void missed() {
        PgConnection without = session;
        if (without != null) {
            without.closeAndForget();
            lost(without);
        }
    }

    /**
     * Takes the lock, and takes it again whenever it is lost. For processes that look each second whether it is still there ({@link
     * #missed}): a pooler in between ends sessions without a word.
     */
    public synchronized void begin() {
        if (!begun && !stopped && sessions.keepsSessions()) {
            begun = true;
            take(FIRST_PAUSE);
        }
    }

    private void take(Duration pause) {
        vertx.getOrCreateContext()
                .runOnContext(ignored -> sessions.session()
                        .chain(this::lock)
                        .subscribe()
                        .with(taken -> {}, failure -> {
                            log.debugf("No lock shows that this process lives: %s", StoreFault.describe(failure));
                            again(pause);
                        }));
    }

    private Uni<Void> lock(PgConnection connection) {
        Uni<Void> locked = connection
                .query(SETTINGS)
                .execute()
                .map(rows -> {
                    var last = rows;
                    while (last.next() != null) {
                        last = last.next();
                    }
                    return last.iterator().next().getInteger(0);
                })
                .chain(pid -> connection.preparedQuery(TAKE).execute(Tuple.of(CLASS, self.toString(), pid)))
                .map(rows -> rows.iterator().next().getBoolean(0))
                .invoke(taken -> {
                    if (!taken) {
                        throw new IllegalStateException("the store keeps no session for one process");
                    }
                    connection.closeHandler(() -> lost(connection));
                    kept(connection);
                })
                .replaceWithVoid();
        return locked.onFailure().call(() -> connection.close().onFailure().recoverWithNull());
    }

    private synchronized void kept(PgConnection connection) {
        session = connection;
        held = true;
        if (stopped) {
            connection.closeAndForget();
        }
    }

    private void lost(PgConnection connection) {
        synchronized (this) {
            if (session != connection) {
                return;
            }
            session = null;
            held = false;
        }
        again(FIRST_PAUSE);
    }

    private void again(Duration pause) {
        if (!stopped) {
            Duration longer = pause.multipliedBy(2);
            vertx.setTimer(
                    pause.toMillis(), ignored -> take(longer.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : longer));
        }
    }

    void stop(@Observes ShutdownEvent event) {
        PgConnection last;
        synchronized (this) {
            stopped = true;
            last = session;
        }
        if (last != null) {
            last.closeAndForget();
        }
    }
}
