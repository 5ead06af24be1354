package io.rolewright.store;

import io.quarkus.reactive.pg.client.PgPoolCreator;
import io.quarkus.runtime.configuration.DurationConverter;
import io.rolewright.testing.TestPostgres;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The classes of this package on a database of a test's own, without Quarkus: as many processes as a test wants. */
final class StoreUnderTest implements AutoCloseable {

    private final Vertx vertx = Vertx.vertx();
    private final SmallRyeConfig settings;
    private final StorePool sessions;
    private final Pool pool;

    StoreUnderTest(PgConnectOptions server, Map<String, String> settings) {
        this.settings = new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(StoreConfig.class)
                .withMapping(MigrationConfig.class)
                .withDefaultValues(settings)
                .build();
        sessions = new StorePool(this.settings.getConfigMapping(StoreConfig.class));
        pool = Pool.newInstance(sessions.create(new PgPoolCreator.Input() {
            @Override
            public Vertx vertx() {
                return vertx;
            }

            @Override
            public PoolOptions poolOptions() {
                return new PoolOptions().setMaxSize(2);
            }

            @Override
            public List<PgConnectOptions> pgConnectOptionsList() {
                return List.of(server);
            }
        }));
    }

    static PgConnectOptions at(TestPostgres postgres, String database, TestPostgres.Login role) {
        return new PgConnectOptions()
                .setHost(postgres.host())
                .setPort(postgres.port())
                .setDatabase(database)
                .setUser(role.role())
                .setPassword(role.password())
                .setReconnectAttempts(0);
    }

    Pool pool() {
        return pool;
    }

    Schema schema(List<Migration> migrations) {
        return new Schema(pool, sessions, settings.getConfigMapping(MigrationConfig.class), migrations);
    }

    Schema schema() {
        return schema(Migration.all());
    }

    @Override
    public void close() {
        // A session that is being opened to a silent server would keep it from ever completing.
        vertx.close()
                .toCompletionStage()
                .toCompletableFuture()
                .completeOnTimeout(null, 2, TimeUnit.SECONDS)
                .join();
    }
}
