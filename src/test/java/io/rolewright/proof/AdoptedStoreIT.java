package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A copy of the store is adopted while its original is still at work: the adoption looks at every role and goes on after {@code kill -9}, what
 * is behind is rotated only when somebody says so, and the original finds out and stands still. The command that adopts may be killed as well.
 */
@Tag("suite-store")
class AdoptedStoreIT {

    private static final int ROTATIONS = 12;

    /** How long a copy that has work to do is watched. The whole of CI takes a share. */
    private static final Duration WATCHED =
            Duration.ofSeconds(Integer.parseInt(System.getenv().getOrDefault("COPY_SECONDS", "60")));

    private static final String NEXT_ROTATION = """
            UPDATE secret_rotation SET (due_at, next_rotation_at, last_rotated_at) =
                   (now() %1$s interval '1 hour', now() %1$s interval '1 hour', now() - interval '2 hours')""";

    /** Of roles that change themselves. */
    private static final String NEXT_CHANGE = """
            UPDATE managed_role SET (due_at, change_at) = (now() %1$s interval '1 hour', now() %1$s interval '1 hour')
             WHERE self""";

    private final TestPostgres stores = TestPostgres.own(TestPostgres.NEWEST);
    private final TestPostgres target = TestPostgres.shared(14);

    @Test
    void looksAtEveryRoleUnderKillAndTheOriginalStandsStill() {
        try (stores;
                Installation original = Installation.on(stores).setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")) {
            ServiceProcess production = original.start();
            List<String> rotations = new ArrayList<>();
            for (int i = 0; i < ROTATIONS; i++) {
                rotations.add(Rotating.created(production, target, new JsonObject().put("strategy", "dual")));
            }
            TestPostgres.Login single = target.role("LOGIN");
            TestPostgres.Login managing = target.role("LOGIN CREATEROLE");
            Rotating.grant(target, managing, single);
            Rotating.created(
                    production,
                    target.port(),
                    managing,
                    single,
                    single,
                    new JsonObject()
                            .put("strategy", "single")
                            .put("parameters", new JsonObject().put("username1", single.role())));
            ManagedSubject.create(production, ManagedSubject.credentials(target, target.role("LOGIN")));
            String behind = rotations.get(0);
            String well = rotations.get(1);
            production.stop();
            stores.sql("CREATE DATABASE copy TEMPLATE " + original.database());
            TestPostgres clone = stores.copy();
            production.launchAgain();
            production.awaitReady();
            rotate(production, behind);
            rotate(production, behind);
            JsonObject newest = active(production, behind).expect(200).json();

            try (Installation restored = original.restoredTo(stores, "copy")) {
                ServiceProcess copy = restored.start();

                try (clone;
                        Installation ofDisk = original.restoredTo(clone, original.database())
                                .setting("ROLEWRIGHT_INSTALLATION", "staging")) {
                    assertTouchNothing(well, Map.of(copy, restored, ofDisk.start(), ofDisk));
                }

                // What the copy serves logs in, also if the original has changed it since the copy was made.
                assertServes(copy, well);
                assertThat(active(copy, behind).expect(503).json().getString("code"))
                        .isEqualTo("stale_credential");
                rotate(production, well);
                rotate(production, well);
                Awaitility.await()
                        .atMost(Duration.ofSeconds(30))
                        .untilAsserted(
                                () -> assertThat(active(copy, well).status()).isEqualTo(503));

                String secrets = secrets();
                copy.post("/api/v1/store/adopt", null).expect(200);
                Awaitility.await()
                        .pollInterval(Duration.ofMillis(20))
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> adoption(copy).getLong("looked") > 0);
                copy.kill();
                long looked = restored.sql("SELECT count(*) FROM managed_role WHERE adopted_generation = 1")
                        .get(0)
                        .getLong(0);
                assertThat(looked).isBetween(1L, 2L * ROTATIONS + 1);
                copy.launchAgain();
                copy.awaitReady();
                JsonObject done = Awaitility.await()
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> adoption(copy), progress -> progress.getBoolean("done"));

                assertThat(done.getLong("roles")).isEqualTo(2 * ROTATIONS + 2);
                assertThat(done.getLong("good")).isEqualTo(ROTATIONS - 2 + 2);
                assertThat(done.getJsonArray("behind").stream()
                                .map(each -> ((JsonObject) each).getString("managedById"))
                                .toList())
                        .containsExactlyInAnyOrder(behind, well);
                assertThat(done.getJsonArray("behind").getJsonObject(0).getString("reason"))
                        .isEqualTo("store_behind_target");
                assertThat(secrets()).isEqualTo(secrets);

                // The original has work to do, and finds the markers of the copy.
                original.sql(NEXT_ROTATION.formatted("-"));
                Awaitility.await()
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> production.get("/api/status").json().getBoolean("storeIsACopy"));
                assertThat(production.readiness().text()).contains("A copy of this store has been adopted");
                assertThat(production.log()).contains("A copy of this store has been adopted");
                assertThat(production.metrics()).contains("rolewright_store_copy 1.0");
                assertThat(production
                                .get("/api/v1/store")
                                .expect(200)
                                .json()
                                .getJsonObject("store")
                                .getBoolean("superseded"))
                        .isTrue();
                assertThat(production
                                .post(Rotating.BASE + "/" + rotations.get(2) + "/rotate-secrets?force=true", null)
                                .expect(400)
                                .json()
                                .getString("code"))
                        .isEqualTo("store_is_a_copy");

                copy.post("/api/v1/store/adopt?rotateBehind=true", null).expect(200);
                Awaitility.await()
                        .atMost(Duration.ofSeconds(60))
                        .until(
                                () -> adoption(copy),
                                progress -> progress.getBoolean("done")
                                        && progress.getJsonArray("behind").isEmpty());
                assertServes(copy, well);
                assertThat(assertServes(copy, behind).getLong("credentialVersion"))
                        .isGreaterThan(newest.getLong("credentialVersion"));
                // Nothing else was changed by it, and what is due goes on under the new name.
                assertServes(copy, rotations.get(3));
                rotate(copy, rotations.get(3));
                assertServes(copy, rotations.get(3));
            }
        }
    }

    /**
     * The command is killed before its statement is carried out, which PostgreSQL then does for the dead, while the service looks at the roles, and
     * while it rotates. Given again, it is adopted once, and each credential that is behind is changed once.
     */
    @Test
    void theCommandIsKilledAndGivenAgain() throws Exception {
        try (stores;
                Installation original = Installation.on(stores).setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")) {
            ServiceProcess production = original.start();
            List<String> rotations = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                rotations.add(Rotating.created(production, target, new JsonObject().put("strategy", "dual")));
            }
            List<String> behind = rotations.subList(0, 4);
            production.stop();
            stores.sql("CREATE DATABASE copy TEMPLATE " + original.database());
            production.launchAgain();
            production.awaitReady();
            Map<String, Long> seen = new HashMap<>();
            for (String each : behind) {
                rotate(production, each);
                rotate(production, each);
                seen.put(each, assertServes(production, each).getLong("credentialVersion"));
            }
            production.stop();
            String secrets = secrets();

            try (Installation restored = original.restoredTo(stores, "copy")
                    .setting("ROLEWRIGHT_STORE_STATEMENT_TIMEOUT", "25s")) { // one waits while another starts
                ServiceProcess copy = restored.start();
                twiceAtOnce(restored);
                assertThat(copy.get("/api/v1/store")
                                .expect(200)
                                .json()
                                .getJsonObject("store")
                                .getBoolean("copy"))
                        .isFalse();
                assertThat(generation(restored)).isEqualTo(1);

                Process watching = restored.command("--command", "adopt-store").start();
                Awaitility.await()
                        .pollInterval(Duration.ofMillis(20))
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> adoption(copy).getLong("looked") > 0);
                watching.destroyForcibly().waitFor();
                Awaitility.await()
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> adoption(copy).getBoolean("done"));
                assertThat(secrets()).isEqualTo(secrets);

                twiceAtOnce(restored, "--rotate-behind");
                Process rotating = restored.command("--command", "adopt-store", "--rotate-behind")
                        .start();
                Awaitility.await()
                        .pollInterval(Duration.ofMillis(20))
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> count(restored, "FROM managed_role WHERE adoption_found = 'rotated'") > 0);
                rotating.destroyForcibly().waitFor();
                Process last = restored.command("--command", "adopt-store", "--rotate-behind")
                        .start();
                String said = new String(last.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

                assertThat(last.waitFor()).as(said).isZero();
                assertThat(said).contains("16 of 16 roles were looked at");
                assertThat(generation(restored)).isEqualTo(1);
                for (String each : rotations) {
                    assertThat(
                                    count(
                                            restored,
                                            "FROM password_version v JOIN managed_role m ON m.id = v.role_id WHERE m.owner_id = '"
                                                    + each
                                                    + "' AND v.created_at > (SELECT min(at) FROM audit_event WHERE type = 'adopt-store')"))
                            .as("changes of %s", each)
                            .isEqualTo(behind.contains(each) ? 1 : 0);
                    assertThat(assertServes(copy, each).getLong("credentialVersion"))
                            .isGreaterThan(seen.getOrDefault(each, 0L));
                }
            }
        }
    }

    /** Two commands that are killed while their statements wait for the row; PostgreSQL carries both out when it is free. */
    private static void twiceAtOnce(Installation store, String... more) throws Exception {
        String hold = "BEGIN; SELECT FROM store_origin FOR UPDATE";
        CompletableFuture<?> holder =
                CompletableFuture.runAsync(() -> store.sql(hold + "; SELECT pg_sleep(300)", Duration.ofMinutes(5)));
        String waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                + " AND query LIKE '%store_origin%recorded_at = clock_timestamp()%'";
        for (int i = 1; i <= 2; i++) {
            long now = i;
            List<String> line = new ArrayList<>(List.of("--command", "adopt-store"));
            line.addAll(List.of(more));
            Process command = store.command(line.toArray(String[]::new)).start();
            Awaitility.await()
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> count(store, waiting) == now || !command.isAlive());
            assertThat(count(store, waiting)).isEqualTo(now);
            command.destroyForcibly().waitFor();
        }
        store.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '" + hold + "%'");
        assertThat(holder).failsWithin(Duration.ofSeconds(30));
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .until(() -> count(
                                store,
                                waiting.replace(
                                        "AND wait_event_type = 'Lock'",
                                        "AND state = 'active' AND pid <> pg_backend_pid()"))
                        == 0);
    }

    private static long generation(Installation store) {
        return store.sql("SELECT generation FROM store_origin").get(0).getLong(0);
    }

    private static long count(Installation store, String from) {
        return store.sql("SELECT count(*) " + from).get(0).getLong(0);
    }

    /** Copies that have work to do, beside their original. */
    private void assertTouchNothing(String rotation, Map<ServiceProcess, Installation> copies) {
        copies.values().forEach(AdoptedStoreIT::makeDue);
        String before = secrets() + comments();
        Set<ServiceProcess> served = new HashSet<>();
        long end = System.nanoTime() + WATCHED.toNanos();
        Awaitility.await()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(100))
                .atMost(WATCHED.plusSeconds(30))
                .until(() -> {
                    for (ServiceProcess copy : copies.keySet()) {
                        Answer answer = active(copy, rotation);
                        // What cannot be tried in time, on a machine that is busy, is not served.
                        if (answer.status() == 200) {
                            served.add(copy);
                            assertThat(target.login(
                                            answer.json().getString("username"),
                                            answer.json().getString("password")))
                                    .isEqualTo("ok");
                        } else {
                            assertThat(answer.json().getString("code")).isEqualTo("stale_credential");
                        }
                    }
                    assertThat(secrets() + comments()).isEqualTo(before);
                    return System.nanoTime() > end && served.size() == copies.size();
                });
        assertThat(served).isEqualTo(copies.keySet());
        copies.values().forEach(store -> {
            store.sql(NEXT_ROTATION.formatted("+"));
            store.sql(NEXT_CHANGE.formatted("+"));
        });
    }

    /** Planned for an hour ago, and long enough after the change before to be begun at once. */
    private static void makeDue(Installation store) {
        store.sql(NEXT_ROTATION.formatted("-"));
        store.sql(NEXT_CHANGE.formatted("-"));
    }

    private String comments() {
        return target.sql(
                        "SELECT string_agg(concat_ws(' ', objoid, description), ',' ORDER BY objoid) FROM pg_shdescription")
                .get(0)
                .getString(0);
    }

    private String secrets() {
        return target.sql(
                        "SELECT string_agg(concat_ws(' ', rolname, rolpassword), ',' ORDER BY rolname) FROM pg_authid")
                .get(0)
                .getString(0);
    }

    private static JsonObject adoption(ServiceProcess service) {
        return service.get("/api/v1/store")
                .expect(200)
                .json()
                .getJsonObject("store")
                .getJsonObject("adoption");
    }

    private JsonObject assertServes(ServiceProcess service, String rotation) {
        JsonObject active = active(service, rotation).expect(200).json();
        assertThat(target.login(active.getString("username"), active.getString("password")))
                .isEqualTo("ok");
        return active;
    }

    private static Answer active(ServiceProcess service, String rotation) {
        return service.get(Rotating.BASE + "/" + rotation + "/active");
    }

    private static void rotate(ServiceProcess service, String rotation) {
        service.post(Rotating.BASE + "/" + rotation + "/rotate-secrets?force=true", new JsonObject())
                .expect(200);
    }
}
