package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import io.vertx.pgclient.PgException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What the world does to a store, on a real server while a consumer reads: it turns read-only, has no room left, is slow, goes away for 20 s,
 * has all its sessions taken. Each is answered with a code of its own and a time to come again, is told by readiness as what it is, and
 * leaves one WARN and no stack trace in the log.
 */
@Tag("suite-store")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StoreFaultsIT {

    /** Where no disk can be mounted: the same error, by the server's own words. */
    private static final String NO_ROOM = """
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION no_room()""";

    private final TestPostgres stores = TestPostgres.own(TestPostgres.NEWEST);
    private final TestPostgres target = TestPostgres.shared(14);
    private final Installation installation = Installation.on(stores)
            .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")
            .setting("ROLEWRIGHT_STORE_ACQUIRE_TIMEOUT", "1s")
            .setting("ROLEWRIGHT_STORE_STATEMENT_TIMEOUT", "3s")
            .setting("QUARKUS_DATASOURCE_REACTIVE_MAX_SIZE", "4");

    private String rotation;

    @BeforeAll
    void aRotation() {
        ServiceProcess service = installation.start();
        rotation = Rotating.created(service, target, new JsonObject().put("strategy", "dual"));
        service.stop();
    }

    @AfterAll
    void close() {
        installation.close();
        stores.close();
    }

    @Test
    void aStoreThatTurnsReadOnly() {
        try (ServiceProcess service = installation.start()) {
            read(service).expect(200);
            readOnly(true);
            try {
                // Sessions that have ended are noticed first.
                Awaitility.await()
                        .atMost(Duration.ofSeconds(10))
                        .until(() -> read(service).json().getString("code").equals("store_read_only"));
                List<Answer> answers = reads(service, Duration.ofSeconds(5));

                assertThat(codes(answers)).containsOnlyKeys("503 store_read_only");
                assertThat(answers)
                        .allSatisfy(each -> assertThat(retryAfter(each)).isBetween(1, 30));
                assertThat(code(service.post(Rotating.BASE + "/" + rotation + "/rotate-secrets", new JsonObject())))
                        .isEqualTo("503 store_read_only");
                assertThat(service.readiness().text()).contains("store cannot write (it is read-only)");
            } finally {
                readOnly(false);
            }
            awaitRead(service);
            assertQuiet(service, "store is read-only");
        }
    }

    @Test
    void readsGoOnWithoutAuditIfTheOperatorSaysSo() {
        try (Installation lenient = installation
                .restoredTo(stores, installation.database())
                .setting("ROLEWRIGHT_STORE_READS_WITHOUT_AUDIT", "true")) {
            ServiceProcess service = lenient.start();
            JsonObject served = read(service).expect(200).json();
            String ready = service.readiness().expect(200).text();
            assertThat(ready).doesNotContain("cannot write");
            readOnly(true);
            try {
                awaitRead(service);
                Answer answer = read(service).expect(200);
                assertThat(answer.json()).isEqualTo(served);
                assertThat(answer.headers().firstValue("Rolewright-Audit")).contains("log-only");
                Answer generated = service.get(Rotating.BASE + "/" + rotation + "/generated-credentials")
                        .expect(200);
                assertThat(generated.headers().firstValue("Rolewright-Audit")).contains("log-only");
                Answer waited = service.get(Rotating.BASE + "/" + rotation + "/active?waitForVersion=1&timeout=5")
                        .expect(200);
                assertThat(waited.headers().firstValue("Rolewright-Audit")).contains("log-only");
                assertThat(service.readiness().expect(200).text()).contains("cannot write (it is read-only)");
            } finally {
                readOnly(false);
            }
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> read(service)
                            .headers()
                            .firstValue("Rolewright-Audit")
                            .isEmpty());
            assertQuiet(service, "store is read-only");
        }
    }

    @Test
    void aStoreWithoutRoom() {
        try (ServiceProcess service = installation.start()) {
            read(service).expect(200);
            boolean mounted = auditOnASmallDisk();
            try {
                List<Answer> answers = reads(service, Duration.ofSeconds(5));

                assertThat(codes(answers)).containsOnlyKeys("503 store_full");
                assertThat(answers)
                        .allSatisfy(each -> assertThat(retryAfter(each)).isBetween(1, 60));
                assertThat(service.readiness().text()).contains("store cannot write (no room left on its disk)");
            } finally {
                roomAgain(mounted);
            }
            awaitRead(service);
            assertQuiet(service, "no room left");
        }
    }

    @Test
    void aStoreThatIsSlowAndOneWhoseSessionsAreTaken() throws Exception {
        try (ServiceProcess service = installation.start()) {
            read(service).expect(200);
            CompletableFuture<?> locked = CompletableFuture.runAsync(this::lockTheAudit);
            try {
                List<Answer> answers = atOnce(service, 12);

                assertThat(codes(answers)).containsOnlyKeys("503 store_slow", "503 store_busy");
                assertThat(answers)
                        .allSatisfy(each -> assertThat(retryAfter(each)).isBetween(1, 30));
                CompletableFuture<List<Answer>> more = CompletableFuture.supplyAsync(() -> atOnce(service, 12));
                Awaitility.await()
                        .atMost(Duration.ofSeconds(10))
                        .until(() -> service.readiness().text().contains("all sessions to the store are in use"));
                more.join();
            } finally {
                stores.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'");
                locked.exceptionally(ended -> null).join();
            }
            awaitRead(service);
            assertQuiet(service, "store is slow", "all sessions to the store are in use");
        }
    }

    @Test
    void aStoreThatIsAway() {
        try (ServiceProcess service = installation.start()) {
            read(service).expect(200);
            stores.server().stop();
            try {
                List<Answer> answers = reads(service, Duration.ofSeconds(20));

                assertThat(codes(answers)).as("%s", answers.get(0)).containsOnlyKeys("503 store_unavailable");
                assertThat(answers)
                        .allSatisfy(each -> assertThat(retryAfter(each)).isBetween(1, 30));
                assertThat(service.readiness().text()).contains("store not reachable");
            } finally {
                stores.server().start();
            }
            awaitRead(service);
            assertQuiet(service, "store not reachable");
        }
    }

    // ---- Parts

    private void lockTheAudit() {
        installation.sql("BEGIN; LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(30); COMMIT");
    }

    private Answer read(ServiceProcess service) {
        return service.get(Rotating.BASE + "/" + rotation + "/active");
    }

    private void awaitRead(ServiceProcess service) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> read(service).status() == 200);
    }

    /** What is measured of the pool is what there is now, and nothing of what has been over since. */
    private static void assertMetricsAreTrue(ServiceProcess service) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(service.metrics())
                        .containsPattern("sql_pool_queue_size\\{[^}]*} 0\\.0")
                        .containsPattern("sql_pool_active\\{[^}]*} [01]\\.0")
                        .containsPattern("sql_pool_idle\\{[^}]*} [0-4]\\.0")
                        .containsPattern("postgresql_queue_size\\{[^}]*} 0\\.0")
                        .contains("rolewright_store_copy 0.0"));
    }

    private List<Answer> reads(ServiceProcess service, Duration time) {
        List<Answer> answers = new ArrayList<>();
        long end = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < end) {
            answers.add(read(service));
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        return answers;
    }

    private List<Answer> atOnce(ServiceProcess service, int many) {
        ExecutorService clients = Executors.newFixedThreadPool(many);
        try {
            List<CompletableFuture<Answer>> all = new ArrayList<>();
            for (int i = 0; i < many; i++) {
                all.add(CompletableFuture.supplyAsync(
                        () -> service.get(Rotating.BASE + "/" + rotation + "/generated-credentials"), clients));
            }
            return all.stream().map(CompletableFuture::join).toList();
        } finally {
            clients.shutdown();
        }
    }

    /** @return whether it is a disk; else a trigger says what a full one would */
    private boolean auditOnASmallDisk() {
        String data = stores.sql("SHOW data_directory").get(0).getString(0);
        boolean mounted = run("mkdir", "-p", data + "-small")
                && run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", data + "-small")
                && run("chown", "--reference=" + data, data + "-small");
        if (!mounted) {
            installation.sql(NO_ROOM);
            return false;
        }
        stores.sql("CREATE TABLESPACE small LOCATION '" + data + "-small'");
        installation.sql("ALTER TABLE audit_event SET TABLESPACE small");
        for (String rows : List.of("1000", "100", "10", "1")) { // until not even one more fits
            while (fits(rows)) {
                assertThat(installation
                                .sql("SELECT count(*) FROM audit_event")
                                .get(0)
                                .getLong(0))
                        .as("the disk is full at some time")
                        .isLessThan(100_000);
            }
        }
        return true;
    }

    private boolean fits(String rows) {
        try {
            installation.sql("INSERT INTO audit_event (type, outcome, facts) SELECT 'filler', 'SUCCESS', '{}' FROM"
                    + " generate_series(1, " + rows + ")");
            return true;
        } catch (PgException refusal) {
            assertThat(refusal.getSqlState()).isEqualTo("53100");
            return false;
        }
    }

    private void roomAgain(boolean mounted) {
        if (!mounted) {
            installation.sql("DROP TRIGGER no_room ON audit_event; DROP FUNCTION no_room()");
            return;
        }
        installation.sql("ALTER TABLE audit_event SET TABLESPACE pg_default");
        stores.sql("DROP TABLESPACE small");
        assertThat(run("umount", stores.sql("SHOW data_directory").get(0).getString(0) + "-small"))
                .isTrue();
    }

    private static boolean run(String... command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException noSuchCommand) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** As after a failover behind a name that still leads to the old primary: new sessions cannot write. */
    private void readOnly(boolean on) {
        String database = installation.database();
        stores.sql("ALTER DATABASE " + database + (on ? " SET" : " RESET") + " default_transaction_read_only"
                + (on ? " = on" : ""));
        stores.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'");
    }

    private static Map<String, Long> codes(List<Answer> answers) {
        return answers.stream()
                .collect(Collectors.groupingBy(StoreFaultsIT::code, TreeMap::new, Collectors.counting()));
    }

    private static String code(Answer answer) {
        return answer.status() + " " + answer.json().getString("code");
    }

    private static int retryAfter(Answer answer) {
        return Integer.parseInt(answer.headers().firstValue("Retry-After").orElse("0"));
    }

    /** One WARN for each cause, no ERROR, no stack trace, no address of the store, no metric that says it still goes on. */
    private void assertQuiet(ServiceProcess service, String... causes) {
        assertMetricsAreTrue(service);
        // The driver prints by itself, without a stack, how the server ended a session that was in use.
        List<String> lines = service.log()
                .lines()
                .filter(line -> !line.startsWith("io.vertx.pgclient.PgException: FATAL: terminating connection"))
                .toList();
        assertThat(lines).as("what no logger wrote").allMatch(line -> line.startsWith("{") && line.endsWith("}"));
        List<JsonObject> loud = lines.stream()
                .map(JsonObject::new)
                .filter(line -> List.of("WARN", "ERROR", "FATAL").contains(line.getString("level")))
                .toList();
        for (String cause : causes) {
            assertThat(loud)
                    .as(cause)
                    .filteredOn(line -> line.getString("message").contains(cause))
                    .hasSize(1);
        }
        // To end the sessions is a cause of its own: they are away for a moment.
        assertThat(loud).hasSizeLessThanOrEqualTo(causes.length + 1);
        assertThat(loud).allSatisfy(line -> {
            assertThat(line.getString("level")).isEqualTo("WARN");
            assertThat(line.containsKey("stackTrace")).isFalse();
        });
        assertThat(lines).noneMatch(line -> line.contains(Integer.toString(stores.port())));
    }
}
