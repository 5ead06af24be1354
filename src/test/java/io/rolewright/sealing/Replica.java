package io.rolewright.sealing;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.runtime.configuration.DurationConverter;
import io.rolewright.testing.TestPostgres;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One process of the service, as far as keys go: beans made by hand on a pool of their own, so that several share the store and
 * nothing else.
 */
final class Replica implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Vertx vertx = Vertx.vertx();
    final Pool pool;
    final Sealer sealer = new Sealer();
    final StoredKeys store;
    final KeyLoader loader;
    final KeyCommands commands;
    private final StoreOpener opener;

    /**
     * @param rootKeyFile null for none
     * @param vault null for none; else the file is only for what it has wrapped
     */
    Replica(TestPostgres postgres, String database, Path rootKeyFile, VaultRootKey vault) {
        var options = new PgConnectOptions()
                .setHost(postgres.host())
                .setPort(postgres.port())
                .setUser(TestPostgres.SUPERUSER)
                .setPassword(postgres.superuserPassword())
                .setDatabase(database);
        pool = Pool.newInstance(PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(3))
                .connectingTo(options)
                .using(vertx)
                .build());
        var roots = new SmallRyeConfigBuilder()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(RootKeyConfig.class)
                .withDefaultValues(
                        Map.of("rolewright.sealing.root-key-source", vault == null ? "file" : "vault-transit"))
                .build()
                .getConfigMapping(RootKeyConfig.class);
        var file = new FileRootKey(() -> Optional.ofNullable(rootKeyFile), roots, sealer, vertx);
        var sources = new RootKeySources(vault == null ? List.of(file) : List.of(file, vault), roots);
        store = new StoredKeys(pool);
        loader = new KeyLoader(store, sources, sealer, new SimpleMeterRegistry());
        opener = new StoreOpener(store, loader, sources, sealer);
        var runs = new KeyRunStore(pool);
        commands = new KeyCommands(
                runs,
                store,
                loader,
                sources,
                new ReEncryption(pool, sealer, runs),
                new RowSealing(pool, sealer, new RowSeals(sealer, new SimpleMeterRegistry()), runs),
                sealer);
    }

    Replica start() {
        await(opener.run());
        return this;
    }

    /** Gives a command and waits for its end. */
    KeyRun run(KeyCommand command) {
        var run = await(commands.begin(command));
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (run.state() == KeyRun.State.RUNNING) {
            if (System.nanoTime() > end) {
                throw new AssertionError("still running: " + run);
            }
            pause();
            run = await(commands.run(run.id())).orElseThrow();
        }
        return run;
    }

    static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    static <T> T await(Uni<T> answer) {
        return answer.await().atMost(PATIENCE);
    }

    /** As a process ends that is killed: nobody is told. */
    @Override
    public void close() {
        pool.close().await().atMost(PATIENCE);
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
