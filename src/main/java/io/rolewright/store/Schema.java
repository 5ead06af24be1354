package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Brings the schema to what this build needs, by the migrations in {@code db/}.
 *
 * <p>An up-to-date store costs one query. Otherwise each missing migration runs in a transaction of its own under an
 * advisory lock of that transaction: replicas that start together run each one once, a killed process leaves nothing
 * half done and no lock behind, and poolers in transaction mode do no harm. A migration that was changed after it had
 * been applied is refused; versions that only a newer build knows are left alone, because migrations only expand and the
 * build before must run against the new schema.
 */
@ApplicationScoped
public class Schema implements StartupStep {

    private static final Logger log = Logger.getLogger(Schema.class);

    /** Any number that nothing else locks in this database: "rolewrig" in ASCII. */
    static final long LOCK = 0x726f_6c65_7772_6967L;

    private static final String TABLE = """
            CREATE TABLE IF NOT EXISTS rolewright_migration (
              version    integer     PRIMARY KEY,
              sentence   text        NOT NULL,
              checksum   text        NOT NULL,
              applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )""";

    /** Run after migrations when the schema belongs to another role than the service's. */
    private static final String SERVICE_ROLE = "db/service_role.sql";

    private static final String RECORD =
            "INSERT INTO rolewright_migration (version, sentence, checksum) VALUES ($1, $2, $3)";

    private static final String APPLIED = "SELECT version, checksum FROM rolewright_migration";

    private final Pool pool;
    private final StorePool sessions;
    private final MigrationConfig config;
    private final List<Migration> migrations;

    @Inject
    Schema(Pool pool, StorePool sessions, MigrationConfig config) {
        this(pool, sessions, config, Migration.all());
    }

    Schema(Pool pool, StorePool sessions, MigrationConfig config, List<Migration> migrations) {
        this.pool = pool;
        this.sessions = sessions;
        this.config = config;
        this.migrations = migrations;
    }

    @Override
    public int order() {
        return 100;
    }

    @Override
    public String name() {
        return "schema";
    }

    @Override
    public Duration limit() {
        return config.timeout().multipliedBy(2);
    }

    @Override
    public Uni<Void> run() {
        return applied(pool).ifNoItem().after(Duration.ofSeconds(5)).fail().chain(applied -> {
            List<Migration> missing = missing(applied);
            if (missing.isEmpty()) {
                return Uni.createFrom().voidItem();
            }
            if (!config.atStart()) {
                throw new NotReady("the schema lacks " + missing.get(0) + ", and migrating at start is switched off:"
                        + " run the service once with --migrate");
            }
            return migrate().replaceWithVoid();
        });
    }

    /**
     * Applies what is missing, on a session of its own, as the migration role if one is configured.
     *
     * @return how many migrations were applied by this call; fails with {@link NotReady} and a sentence if one could not
     */
    public Uni<Integer> migrate() {
        return asOwner(this::migrate);
    }

    /**
     * Does something that only the schema's owner may, on a session of its own: the migration role's, if one is
     * configured.
     */
    public <T> Uni<T> asOwner(Function<SqlConnection, Uni<T>> work) {
        pool.size(); // makes the pool, and with it the settings of the session
        return sessions.session(config)
                .chain(session -> work.apply(session)
                        .onTermination()
                        .call(() -> session.close()
                                .ifNoItem()
                                .after(Duration.ofSeconds(1))
                                .fail()
                                .onFailure()
                                .recoverWithNull()));
    }

    private Uni<Integer> migrate(SqlConnection session) {
        return applied(session).chain(applied -> {
            Uni<Integer> count = Uni.createFrom().item(0);
            for (Migration migration : missing(applied)) {
                count = count.chain(done -> apply(session, migration).map(ran -> ran ? done + 1 : done));
            }
            return config.username().isEmpty() ? count : count.call(done -> grant(session));
        });
    }

    /** Runs one migration, unless another process has done it meanwhile. */
    private Uni<Boolean> apply(SqlConnection session, Migration migration) {
        return locked(
                "migration " + migration,
                session,
                () -> applied(session).chain(applied -> {
                    if (!missing(applied).contains(migration)) {
                        return Uni.createFrom().item(false);
                    }
                    log.infof("Applying migration %s", migration);
                    return session.query(migration.sql())
                            .execute()
                            .chain(() -> session.preparedQuery(RECORD)
                                    .execute(Tuple.of(migration.version(), migration.sentence(), migration.checksum())))
                            .replaceWith(true);
                }));
    }

    /** With two roles: lets the service's role use the tables, within bounds that it cannot change. */
    private Uni<Void> grant(SqlConnection session) {
        return locked(
                "granting rights to the service's role",
                session,
                () -> session.preparedQuery("SELECT set_config('rolewright.service_role', $1, true)")
                        .execute(Tuple.of(sessions.serviceRole()))
                        .chain(() -> session.query(Migration.read(SERVICE_ROLE)).execute())
                        .replaceWithVoid());
    }

    /** In one transaction, and alone among all processes that do this on this database. */
    private <T> Uni<T> locked(String what, SqlConnection session, Supplier<Uni<T>> work) {
        // SET takes no parameters; the numbers are ours. READ COMMITTED: what follows sees what the lock waited for.
        String open = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL client_min_messages = warning;"
                + " SET LOCAL lock_timeout = " + config.lockTimeout().toMillis()
                + "; SET LOCAL statement_timeout = " + config.timeout().toMillis()
                + "; SELECT pg_advisory_xact_lock(" + LOCK + "); "
                + TABLE;
        return session.query(open)
                .execute()
                .chain(opened -> work.get())
                .call(() -> session.query("COMMIT").execute())
                .onFailure()
                .call(() -> session.query("ROLLBACK").execute().onFailure().recoverWithNull())
                .onFailure(PgException.class)
                .transform(refusal -> explain(what, (PgException) refusal));
    }

    /** Version and checksum of every migration that this store has; none if it is empty. */
    private Uni<Map<Integer, String>> applied(SqlClient client) {
        return client.query(APPLIED)
                .execute()
                .map(Schema::checksums)
                .onFailure(failure -> failure instanceof PgException refusal && "42P01".equals(refusal.getSqlState()))
                .recoverWithItem(Map.of());
    }

    private static Map<Integer, String> checksums(RowSet<Row> rows) {
        Map<Integer, String> applied = new HashMap<>();
        for (Row row : rows) {
            applied.put(row.getInteger("version"), row.getString("checksum"));
        }
        return applied;
    }

    private List<Migration> missing(Map<Integer, String> applied) {
        for (Migration migration : migrations) {
            String checksum = applied.get(migration.version());
            if (checksum != null && !checksum.equals(migration.checksum())) {
                throw new NotReady("migration " + migration + " is not the one that this store was made with:"
                        + " a migration must never be changed once it has been applied");
            }
        }
        return migrations.stream()
                .filter(migration -> !applied.containsKey(migration.version()))
                .toList();
    }

    private static NotReady explain(String what, PgException refusal) {
        if ("55P03".equals(refusal.getSqlState())) {
            return new NotReady(what + " waits for a lock that another session holds");
        }
        // Our own SQL: the server's words hold no secret, and nothing else says where it went wrong.
        log.errorf("Schema: %s failed: %s", what, refusal.getErrorMessage());
        return new NotReady(
                what + " failed with SQLSTATE " + refusal.getSqlState() + "; the log has the server's words");
    }
}
