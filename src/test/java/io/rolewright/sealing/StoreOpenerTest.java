package io.rolewright.sealing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.runtime.configuration.DurationConverter;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.testing.TestPostgres;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every replica here is a bean made by hand, on an own pool: what separate processes share is the store alone. */
class StoreOpenerTest {

    private static final UUID RECORD = UUID.randomUUID();
    private static final byte[] SECRET = "a secret".getBytes(UTF_8);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static Vertx vertx;
    private static final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private static String store;

    @TempDir
    Path folder;

    @BeforeAll
    static void makeStore() throws IOException {
        vertx = Vertx.vertx();
        store = postgres.database();
        MigratedStore.migrate(postgres, store);
    }

    @AfterAll
    static void stopVertx() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @BeforeEach
    void emptyStore() {
        postgres.sqlIn(store, "DELETE FROM sealed_constant; DELETE FROM data_key");
    }

    @Test
    void nextStartOpensWhatTheFirstSealed() throws IOException {
        var first = started(keys("k1"));
        byte[] sealed = first.seal(SealedField.PASSWORD_VERSION, RECORD, 1, SECRET);

        var next = started(keys("k1"));

        assertThat(next.open(SealedField.PASSWORD_VERSION, RECORD, 1, sealed)).isEqualTo(SECRET);
        assertThat(next.fingerprint("test", SECRET)).isEqualTo(first.fingerprint("test", SECRET));
    }

    @Test
    void replicasThatStartAtOnceOnAnEmptyStoreShareOneKey() throws IOException {
        var config = keys("k1");
        var replicas = Stream.generate(Sealer::new).limit(4).toList();

        Uni.join()
                .all(replicas.stream().map(sealer -> start(sealer, config)).toList())
                .andFailFast()
                .await()
                .atMost(PATIENCE);

        byte[] sealed = replicas.get(0).seal(SealedField.PASSWORD_VERSION, RECORD, 1, SECRET);
        assertThat(replicas).allSatisfy(replica -> {
            assertThat(replica.open(SealedField.PASSWORD_VERSION, RECORD, 1, sealed))
                    .isEqualTo(SECRET);
            assertThat(replica.fingerprint("test", SECRET))
                    .isEqualTo(replicas.get(0).fingerprint("test", SECRET));
        });
        assertThat(postgres.sqlIn(store, "SELECT * FROM data_key")).hasSize(1);
    }

    @Test
    void keyThatIsNoLongerActiveStillOpensTheStore() throws IOException {
        byte[] sealed = started(keys("k1")).seal(SealedField.PASSWORD_VERSION, RECORD, 1, SECRET);

        var next = started(keys("k2", "k1"));

        assertThat(next.open(SealedField.PASSWORD_VERSION, RECORD, 1, sealed)).isEqualTo(SECRET);
    }

    @Test
    void storeHoldsNoKeyInClear() throws IOException {
        started(keys("k1"));

        var row = postgres.sqlIn(store, "SELECT root_key_id, length(wrapped) AS bytes FROM data_key")
                .get(0);
        assertThat(row.getString("root_key_id")).isEqualTo("k1");
        // Format, nonce, key and tag: what stands there is a ciphertext of the right size.
        assertThat(row.getInteger("bytes")).isEqualTo(1 + 12 + 32 + 16);
    }

    @Nested
    class DoesNotBecomeReady {

        @Test
        void withoutARootKeyFile() {
            assertNotReady(Optional::empty, "No root key is configured: set ROLEWRIGHT_ROOT_KEY_FILE.");
        }

        @Test
        void withAMalformedRootKeyFile() throws IOException {
            var file = Files.writeString(folder.resolve("malformed"), "k1\n");

            assertNotReady(
                    () -> Optional.of(file),
                    "The root key file " + file
                            + " is malformed: line 1 is not of the form <key id>:<32 bytes in base64>.");
        }

        @Test
        void withAnotherRootKeyOfTheSameName() throws IOException {
            started(keys("k1"));

            assertNotReady(
                    keyFile("k1:" + Base64.getEncoder().encodeToString(new byte[32])),
                    "Root key k1 does not open data key 1 of the store: it is another key of that name.");
        }

        @Test
        void withoutTheRootKeyThatTheStoreNeeds() throws IOException {
            started(keys("k1"));

            assertNotReady(
                    keys("k2"),
                    "Data key 1 of the store is wrapped by root key k1, which the root key file does not list.");
        }

        @Test
        void withACanaryOfAnotherStore() throws IOException {
            started(keys("k1"));
            postgres.sqlIn(
                    store,
                    "UPDATE sealed_constant SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE name = 'canary'");

            assertNotReady(keys("k1"), "The store's keys do not belong to it: CANARY");
        }

        /** A new fingerprint key would change every credentialsHash in silence. */
        @Test
        void withAFingerprintKeyThatWasLost() throws IOException {
            started(keys("k1"));
            postgres.sqlIn(store, "DELETE FROM sealed_constant WHERE name = 'fingerprint-key'");

            assertNotReady(
                    keys("k1"), "The store's keys are incomplete: restore data_key and sealed_constant together.");
        }

        @Test
        void withDataKeysThatWereLost() throws IOException {
            started(keys("k1"));
            postgres.sqlIn(store, "SET session_replication_role = replica; DELETE FROM data_key");

            assertNotReady(
                    keys("k1"), "The store's keys are incomplete: restore data_key and sealed_constant together.");
        }

        @Test
        void butDoesAfterTheRightKeyIsMounted() throws IOException {
            started(keys("k1"));
            var sealer = new Sealer();
            var config = keys("k2");
            assertThatThrownBy(() -> start(sealer, config).await().atMost(PATIENCE))
                    .isInstanceOf(NotReady.class);

            Files.writeString(config.rootKeyFile().orElseThrow(), keyLine("k1"));
            start(sealer, config).await().atMost(PATIENCE);

            assertThat(sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, SECRET))
                    .isNotEmpty();
        }

        private void assertNotReady(SealingConfig config, String reason) {
            assertThatThrownBy(() -> started(config))
                    .isInstanceOf(NotReady.class)
                    .hasMessageStartingWith(reason);
        }
    }

    private Sealer started(SealingConfig config) {
        var sealer = new Sealer();
        start(sealer, config).await().atMost(PATIENCE);
        return sealer;
    }

    private Uni<Void> start(Sealer sealer, SealingConfig config) {
        var options = new PgConnectOptions()
                .setHost(postgres.host())
                .setPort(postgres.port())
                .setUser(TestPostgres.SUPERUSER)
                .setPassword(postgres.superuserPassword())
                .setDatabase(store);
        var pool = Pool.newInstance(PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(2))
                .connectingTo(options)
                .using(vertx)
                .build());
        return opener(sealer, config, pool).run().eventually(pool::close);
    }

    private static StoreOpener opener(Sealer sealer, SealingConfig config, Pool pool) {
        var roots = new SmallRyeConfigBuilder()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(RootKeyConfig.class)
                .build()
                .getConfigMapping(RootKeyConfig.class);
        var sources = new RootKeySources(List.of(new FileRootKey(config, roots, sealer, vertx)), roots);
        var store = new StoredKeys(pool);
        var loader = new KeyLoader(store, sources, sealer, new SimpleMeterRegistry());
        return new StoreOpener(store, loader, sources, sealer);
    }

    /** A root key file that lists these keys, the first one active; the same name is always the same key. */
    private SealingConfig keys(String... ids) throws IOException {
        return keyFile(Stream.of(ids).map(StoreOpenerTest::keyLine).toArray(String[]::new));
    }

    private static String keyLine(String id) {
        byte[] key = new byte[32];
        key[0] = (byte) id.hashCode();
        key[1] = 1;
        return id + ":" + Base64.getEncoder().encodeToString(key);
    }

    private SealingConfig keyFile(String... lines) throws IOException {
        var file = Files.writeString(Files.createTempFile(folder, "root", ".keys"), String.join("\n", lines));
        return () -> Optional.of(file);
    }
}
