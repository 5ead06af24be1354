package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * All key commands on 100,000 records, in what is shipped, while connections are created, read and given new credentials, and managed
 * ones rotate; with {@code kill -9} of whoever does the work, three times. Says at its end how long it took.
 */
class KeySuiteIT {

    private static final int RECORDS = Integer.getInteger("suite.keys.records", 100_000);
    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";
    private static final String RUNS = "/api/v1/keys/runs";
    private static final int LOADS = 3;
    private static final Duration LONG = Duration.ofMinutes(5);

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final TestPostgres.Login first = postgres.role("LOGIN");
    private final TestPostgres.Login second = postgres.role("LOGIN");
    private final Installation installation = Installation.on(postgres);
    private final List<UUID> records = new ArrayList<>();

    /** Connections that were given new credentials: their hash may change, and must. */
    private final Set<UUID> changed = ConcurrentHashMap.newKeySet();

    private final AtomicBoolean over = new AtomicBoolean();
    private final ConcurrentLinkedQueue<Long> readMicros = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    private final AtomicInteger created = new AtomicInteger();
    private final AtomicInteger rotated = new AtomicInteger();

    /** One for each thread of the load; the service makes their passwords. */
    private final List<String> managed = new ArrayList<>();

    @Test
    @Tag("suite-keys")
    void everythingIsReEncryptedUnderLoadAndKills() throws Exception {
        try (installation) {
            var serving = installation.start();
            var other = installation.start();
            seed(serving);
            var broken = records.get(RECORDS / 3);
            installation.sql(
                    "UPDATE app_connection SET credentials = set_byte(credentials, 30, get_byte(credentials, 30) # 1)"
                            + " WHERE id = '" + broken + "'");
            records.remove(broken);

            for (int i = 0; i < LOADS; i++) {
                managed.add(serving.post(
                                CONNECTIONS,
                                connection("managed-" + i, postgres.role("LOGIN"))
                                        .put("isPlatformManagedCredentials", true))
                        .expect(200)
                        .json()
                        .getJsonObject("appConnection")
                        .getString("id"));
                created.incrementAndGet();
            }
            var load = IntStream.range(0, LOADS)
                    .mapToObj(i -> new Thread(() -> load(serving, managed.get(i)), "load-" + i))
                    .toList();
            load.forEach(Thread::start);
            long begun = System.nanoTime();
            command("new-data-key", 0, "Data key 2 seals what is new.");
            double newKeySeconds = seconds(begun);

            begun = System.nanoTime();
            // Killed: the command, and whoever goes on with it. When its lease has lapsed that is a replica, or the
            // command that is
            // given again, whichever looks first.
            killedAt(RECORDS / 4);
            assertThat(run(serving).getString("state")).isEqualTo("running");
            assertThat(reEncrypted()).isBetween(RECORDS / 4L, RECORDS - 1L);
            killedAt(RECORDS / 2);
            await().atMost(LONG).pollInterval(Duration.ofMillis(100)).until(() -> reEncrypted() > RECORDS / 4 * 3);
            other.kill();
            var said = command(
                    "re-encrypt", 3, "Everything but 1 records that cannot be opened is sealed with data key 2.");
            double reEncryptSeconds = seconds(begun);
            assertThat(said)
                    .contains("CONNECTION_CREDENTIALS " + broken + ": it was altered or belongs somewhere else");
            other.restart();

            over.set(true);
            for (var thread : load) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            assertThat(created).hasPositiveValue();
            assertThat(changed).isNotEmpty();
            assertThat(rotated).hasPositiveValue();

            assertThat(run(serving).getLong("unreadable")).isEqualTo(1);
            // The others were given new credentials meanwhile, and sealed with the new key by that.
            assertThat(reEncrypted() + changed.size()).isGreaterThanOrEqualTo(RECORDS - 1);
            assertHashesStand();
            assertThat(installation
                            .sql("SELECT count(*) FROM app_connection WHERE credentials_key_id <> 2")
                            .get(0)
                            .getLong(0))
                    .isEqualTo(1);
            assertEveryRecordOpens();
            assertManagedOnesLogIn(serving);

            command("retire", 1, "Data key 1 stays: records need it ({CONNECTION_CREDENTIALS=1}).");
            installation.sql("DELETE FROM app_connection WHERE id = '" + broken + "'");
            command("retire", 0, "Nothing needs these data keys, and they are gone: 1.");

            changeRootKey();
            command("rewrap", 0, "The data keys are wrapped by file next. This store needs no other root key");
            Files.write(
                    installation.rootKeyFile(),
                    List.of(Files.readAllLines(installation.rootKeyFile()).get(0)));
            serving.stop();
            serving.restart();
            serving.get(CONNECTIONS + "/" + records.get(0)).expect(200);
            assertManagedOnesLogIn(serving);

            System.out.printf(
                    "KeySuiteIT: new data key %.1f s; %,d records re-encrypted in %.1f s with three kill -9 (after each, up to"
                            + " 30 s are the lease's); meanwhile %,d connections created, %,d given new credentials, %,d rotated, %,d read:"
                            + " p50 %.1f ms, p99 %.1f ms, none failed%n",
                    newKeySeconds,
                    reEncrypted(),
                    reEncryptSeconds,
                    created.get(),
                    changed.size(),
                    rotated.get(),
                    readMicros.size(),
                    quantile(0.5),
                    quantile(0.99));
        }
    }

    @Test
    @Tag("suite-keys")
    void tellsHowFastItIsAlone() throws Exception {
        try (installation) {
            var service = installation.start();
            seed(service);
            command("new-data-key", 0, "Data key 2 seals what is new.");
            long begun = System.nanoTime();
            command("re-encrypt", 0, "Everything is sealed with data key 2.");
            System.out.printf(
                    "KeySuiteIT: %,d records re-encrypted in %.1f s, start of the process included%n",
                    reEncrypted(), seconds(begun));
            begun = System.nanoTime();
            command("rewrap", 0, "The data keys are wrapped by file test.");
            System.out.printf("KeySuiteIT: rewrapped in %.1f s, start of the process included%n", seconds(begun));
        }
    }

    // ---- The store
    // ----------------------------------------------------------------------------------------------------

    /** One connection is made by a login; the others are copies of it, each sealed for its own row as the service would. */
    private void seed(ServiceProcess service) throws IOException {
        var made = UUID.fromString(service.post(CONNECTIONS, connection("seed", first))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id"));
        try (var replica = new Replica(postgres, installation.database(), installation.rootKeyFile(), null).start()) {
            var row = installation
                    .sql("SELECT credentials, credentials_version FROM app_connection WHERE id = '" + made + "'")
                    .get(0);
            byte[] plaintext = replica.sealer.open(
                    SealedField.CONNECTION_CREDENTIALS,
                    made,
                    row.getLong(1),
                    row.getBuffer(0).getBytes());
            var seals = new RowSeals(replica.sealer, new io.micrometer.core.instrument.simple.SimpleMeterRegistry());
            for (int from = 0; from < RECORDS; from += 5000) {
                int size = Math.min(5000, RECORDS - from);
                var ids = new UUID[size];
                var sealed = new Buffer[size];
                var rowSeals = new Buffer[size];
                for (int i = 0; i < size; i++) {
                    ids[i] = UUID.randomUUID();
                    sealed[i] = Buffer.buffer(
                            replica.sealer.seal(SealedField.CONNECTION_CREDENTIALS, ids[i], 1, plaintext));
                    rowSeals[i] = Buffer.buffer(seals.seal(SealedRow.CONNECTION, ids[i], (Object) null));
                }
                Replica.await(replica.pool.preparedQuery("""
                                INSERT INTO app_connection (id, name, version, credentials, credentials_version,
                                    credentials_hash, created_at, updated_at, row_seal, login_of, server, login, login_address)
                                SELECT s.id, s.id::text, 1, s.sealed, 1, md5(s.id::text), now(), now(), s.row_seal,
                                       md5(s.id::text), c.server, c.login, c.login_address
                                FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS s (id, sealed, row_seal)
                                JOIN app_connection c ON c.id = $4""").execute(Tuple.of(ids, sealed, rowSeals, made)));
                records.addAll(Arrays.asList(ids));
            }
            Replica.await(replica.loader.leave());
        }
        installation.sql("ANALYZE");
    }

    /** The seeded hash is the MD5 of the id: it must stand unless the caller sent other credentials. */
    private void assertHashesStand() {
        var moved = installation
                .sql("SELECT id FROM app_connection WHERE name = id::text AND credentials_hash <> md5(id::text)")
                .stream()
                .map(row -> row.getUUID("id"))
                .toList();
        assertThat(moved).containsExactlyInAnyOrderElementsOf(changed);
    }

    private void assertEveryRecordOpens() throws IOException {
        try (var replica = new Replica(postgres, installation.database(), installation.rootKeyFile(), null).start()) {
            var rows = Replica.await(replica.pool
                    .query(
                            "SELECT id, credentials, credentials_version FROM app_connection WHERE credentials_key_id = 2")
                    .execute());
            assertThat(rows.size()).isEqualTo(RECORDS + created.get());
            for (var row : rows) {
                assertThat(replica.sealer.open(
                                SealedField.CONNECTION_CREDENTIALS,
                                row.getUUID(0),
                                row.getLong(2),
                                row.getBuffer(1).getBytes()))
                        .isNotEmpty();
            }
            Replica.await(replica.loader.leave());
        }
    }

    private void assertManagedOnesLogIn(ServiceProcess service) {
        for (var each : managed) {
            assertThat(service.post(CONNECTIONS + "/" + each + "/test", null)
                            .expect(200)
                            .text())
                    .contains("\"ok\":true");
        }
    }

    private void changeRootKey() throws IOException {
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        var old = Files.readString(installation.rootKeyFile());
        Files.writeString(
                installation.rootKeyFile(),
                "next:" + Base64.getEncoder().encodeToString(key) + "\n" + old,
                StandardOpenOption.TRUNCATE_EXISTING);
    }

    // ---- The commands
    // -------------------------------------------------------------------------------------------------

    /** Runs a command of the executable to its end. @return all it said */
    private String command(String word, int exitCode, String says) throws IOException, InterruptedException {
        var process = installation.command("--command", word).start();
        var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(said).isEqualTo(exitCode);
        assertThat(said).contains(says);
        return said;
    }

    /** Begins to re-encrypt and is killed when so many are done. */
    private void killedAt(int done) throws IOException, InterruptedException {
        var output = Files.createTempFile(Path.of("target"), "re-encrypt", ".out");
        var process = installation
                .command("--command=re-encrypt")
                .redirectOutput(output.toFile())
                .start();
        await().atMost(LONG)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> !process.isAlive() || reEncrypted() >= done);
        assertThat(process.isAlive()).as(Files.readString(output)).isTrue();
        process.destroyForcibly().waitFor();
    }

    /** By all runs of the command so far. */
    private long reEncrypted() {
        return installation
                .sql("SELECT coalesce(sum(done), 0)::bigint FROM key_run WHERE command = 're-encrypt'")
                .get(0)
                .getLong(0);
    }

    private static JsonObject run(ServiceProcess service) {
        var latest = service.get(RUNS).expect(200).json().getJsonArray("runs").stream()
                .map(JsonObject.class::cast)
                .filter(run -> run.getString("command").equals("re-encrypt"))
                .findFirst()
                .orElseThrow();
        return service.get(RUNS + "/" + latest.getString("id"))
                .expect(200)
                .json()
                .getJsonObject("run");
    }

    // ---- The load

    private void load(ServiceProcess service, String mine) {
        var random = ThreadLocalRandom.current();
        for (int i = 0; !over.get(); i++) {
            var id = records.get(random.nextInt(records.size()));
            try {
                if (i % 10 == 0) {
                    service.post(CONNECTIONS, connection("made-" + UUID.randomUUID(), first))
                            .expect(200);
                    created.incrementAndGet();
                } else if (i % 10 == 5) {
                    service.patch(CONNECTIONS + "/" + id, new JsonObject().put("credentials", credentials(second)))
                            .expect(200);
                    changed.add(id);
                } else if (i % 10 == 3) {
                    service.post(CONNECTIONS + "/" + mine + "/rotate", null).expect(200);
                    rotated.incrementAndGet();
                } else if (i % 10 == 7) {
                    service.patch(CONNECTIONS + "/" + id, new JsonObject().put("description", "seen " + i))
                            .expect(200);
                } else {
                    long begun = System.nanoTime();
                    var read = service.get(CONNECTIONS + "/" + id)
                            .expect(200)
                            .json()
                            .getJsonObject("appConnection");
                    readMicros.add((System.nanoTime() - begun) / 1000);
                    assertThat(read.getJsonObject("credentials").getString("host"))
                            .isEqualTo("127.0.0.1");
                }
                Thread.sleep(20);
            } catch (AssertionError | RuntimeException failure) {
                failures.add(String.valueOf(failure.getMessage()));
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private JsonObject connection(String name, TestPostgres.Login role) {
        return new JsonObject()
                .put("name", name)
                .put("method", "username-and-password")
                .put("credentials", credentials(role));
    }

    private JsonObject credentials(TestPostgres.Login role) {
        return new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", postgres.port())
                .put("database", "postgres")
                .put("username", role.role())
                .put("password", role.password())
                .put("sslMode", "disable");
    }

    private double quantile(double part) {
        var sorted = readMicros.stream().sorted().toList();
        return sorted.isEmpty() ? 0 : sorted.get((int) (part * (sorted.size() - 1))) / 1000.0;
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
