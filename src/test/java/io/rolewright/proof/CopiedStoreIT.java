package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * A drill: a copy of the store is started beside its original, with the same keys and on the same network, while work is due. The
 * original's roles keep their passwords until the copy is adopted.
 */
class CopiedStoreIT {

    private final TestPostgres stores = TestPostgres.own(TestPostgres.NEWEST);
    private final TestPostgres target = TestPostgres.shared(14);

    @Test
    void aCopyTouchesNoRoleAndSendsNothingUntilItIsAdopted() throws Exception {
        try (stores;
                Installation original = Installation.on(stores).setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")) {
            ServiceProcess production = original.start();
            String rotation = Rotating.created(production, target, new JsonObject().put("strategy", "dual"));
            production
                    .post(Rotating.BASE + "/" + rotation + "/rotate-secrets", new JsonObject())
                    .expect(200);
            JsonObject served = active(production, rotation);
            String lost = Rotating.created(production, target, new JsonObject().put("strategy", "dual"));
            production.stop();
            // Long enough after the change before, too, for it to be begun.
            original.sql("UPDATE secret_rotation SET due_at = now(), next_rotation_at = now() - interval '1 hour',"
                    + " last_rotated_at = now() - interval '2 hours' WHERE id = '" + rotation + "'");
            stores.sql("CREATE DATABASE copy TEMPLATE " + original.database());

            // A physical clone has the same identifier and oid, and stands at another address.
            try (TestPostgres clone = stores.copy();
                    Installation ofDisk = original.restoredTo(clone, original.database())) {
                assertStandsStill(ofDisk.start(), rotation, served, ofDisk, "address");
            }
            try (Installation ofDump = original.restoredTo(stores, "copy")) {
                ServiceProcess copy = ofDump.start();
                assertStandsStill(copy, rotation, served, ofDump, "oid");

                // What the original has changed since is not served for a moment, either, while the copy is adopted by
                // another process.
                target.sql("ALTER ROLE " + active(copy, lost).getString("username")
                        + " PASSWORD 'the original has changed it'");
                Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> status(copy, lost) == 503);
                Set<Integer> answers = ConcurrentHashMap.newKeySet();
                ScheduledExecutorService reader = Executors.newSingleThreadScheduledExecutor();
                reader.scheduleWithFixedDelay(() -> answers.add(status(copy, lost)), 0, 100, TimeUnit.MILLISECONDS);

                assertThat(run(ofDump, "--command", "adopt-store")).contains("has been adopted");
                assertThat(run(ofDump, "--command", "adopt-store")).contains("is no copy");
                // It may find the adoption at its role, and comes back then.
                Awaitility.await()
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> !active(copy, rotation).equals(served));
                reader.shutdown();
                assertThat(reader.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
                assertThat(answers).contains(503).doesNotContain(200);
                assertThat(copy.get("/api/status").json().getBoolean("storeIsACopy"))
                        .isFalse();
                assertThat(ofDump.sql("SELECT count(*) FROM audit_event WHERE type = 'adopt-store'")
                                .get(0)
                                .getLong(0))
                        .isEqualTo(1);
            }
        }
    }

    @Test
    void anotherNameOfTheInstallationIsACopyAndTheSameOneIsNot() {
        try (stores;
                Installation original = Installation.on(stores).setting("ROLEWRIGHT_INSTALLATION", "production")) {
            ServiceProcess service = original.start();
            service.kill();
            service.restart();
            assertThat(service.get("/api/status").json().getBoolean("storeIsACopy"))
                    .isFalse();
            service.stop();

            original.setting("ROLEWRIGHT_INSTALLATION", "staging");
            ServiceProcess staging = original.start();

            assertThat(staging.get("/api/v1/store")
                            .expect(200)
                            .json()
                            .getJsonObject("store")
                            .getJsonArray("differences")
                            .getList())
                    .isEqualTo(List.of("ROLEWRIGHT_INSTALLATION"));
        }
    }

    private void assertStandsStill(
            ServiceProcess copy, String rotation, JsonObject served, Installation installation, String difference) {
        assertThat(copy.get("/api/status").json().getBoolean("storeIsACopy")).isTrue();
        assertThat(copy.log()).contains("This store is a copy", difference);
        assertThat(copy.readiness().expect(200).text()).contains("This store is a copy");
        assertThat(copy.metrics()).contains("rolewright_store_copy 1.0");
        long before = looks(installation);
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> looks(installation) > before + 4);
        assertThat(copy.post("/api/v1/rotations/run-due", null)
                        .expect(400)
                        .json()
                        .getString("code"))
                .isEqualTo("store_is_a_copy");
        copy.post(Rotating.BASE + "/" + rotation + "/rotate-secrets?force=true", new JsonObject())
                .expect(400);

        assertThat(active(copy, rotation)).isEqualTo(served);
        assertThat(target.login(served.getString("username"), served.getString("password")))
                .isEqualTo("ok");
    }

    /** How often due work was looked for: each look reads where the store began. */
    private static long looks(Installation installation) {
        return installation.sql("SELECT pg_stat_force_next_flush()").size()
                + installation
                        .sql(
                                "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'store_origin'")
                        .get(0)
                        .getLong(0);
    }

    private static int status(ServiceProcess service, String rotation) {
        return service.get(Rotating.BASE + "/" + rotation + "/active").status();
    }

    private static JsonObject active(ServiceProcess service, String rotation) {
        JsonObject active = service.get(Rotating.BASE + "/" + rotation + "/active")
                .expect(200)
                .json();
        return new JsonObject()
                .put("username", active.getString("username"))
                .put("password", active.getString("password"));
    }

    private static String run(Installation installation, String... arguments) throws Exception {
        Process process = installation.command(arguments).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        return said;
    }
}
