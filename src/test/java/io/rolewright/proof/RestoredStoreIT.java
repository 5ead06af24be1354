package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.delivery.webhook.TestReceiver;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A store that goes back in time, by all ways that there are: a dump restored in its place, a copy of its disk, a standby that lacked the
 * last commits promoted under a service that lives. A consumer that polls every 100 ms is never given a password that its server refuses,
 * no role is touched, and no ETag and no message of a webhook stands for two passwords. Who follows ETags or versions from before the
 * backup on has the newest password in the end.
 */
@Tag("suite-store")
class RestoredStoreIT {

    /** How often each credential is changed after the moment to which the store goes back. */
    private static final Map<String, Integer> CHANGES = new TreeMap<>(Map.ofEntries(
            Map.entry("dual 1", 1),
            Map.entry("dual 2", 2),
            Map.entry("dual 5", 5),
            Map.entry("single 1", 1),
            Map.entry("single 2", 2),
            Map.entry("single 5", 5),
            Map.entry("self 1", 1),
            Map.entry("self 2", 2),
            Map.entry("self 5", 5),
            Map.entry("self untouched 0", 0),
            Map.entry("untouched 0", 0),
            // Somebody takes its marker away, and the policy has it put back whatever a third party does.
            Map.entry("wiped 1", 1)));

    /** What has a managing role to be mended by. */
    private static final List<String> ROTATED = CHANGES.keySet().stream()
            .filter(name -> name.matches("(dual|single|wiped) .*"))
            .toList();

    /** What changes itself: the new password is lost. */
    private static final List<String> LOST =
            CHANGES.keySet().stream().filter(name -> name.matches("self \\d")).toList();

    private final TestPostgres stores = TestPostgres.own(14); // Debian's pg_dump is of 15
    private final TestPostgres target = TestPostgres.shared(14);
    private final Map<String, String> rotations = new LinkedHashMap<>();
    private final Map<String, JsonObject> newest = new ConcurrentHashMap<>();
    /** Of what is served, as one sees it who reads everything. */
    private final Map<String, Long> latest = new ConcurrentHashMap<>();

    private final Map<String, JsonObject> managed = new LinkedHashMap<>();
    /** By name and number, and by ETag: each stands for one password. */
    private final Map<String, String> passwordOfTag = new ConcurrentHashMap<>();

    /** Of each credential one by ETags and one by {@code waitForVersion}, from before the backup on. */
    private final Map<String, List<Follower>> followers = new LinkedHashMap<>();

    @AfterEach
    void endFollowers() {
        followers.values().forEach(each -> each.forEach(Follower::close));
    }

    @Test
    void aDumpThatIsRestoredInPlace() throws Exception {
        try (stores;
                TestReceiver receiver = new TestReceiver();
                Installation installation =
                        Installation.on(stores).setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")) {
            ServiceProcess service = installation.start();
            subscribe(service, receiver);
            create(service);
            Path dump = Files.createTempFile(Path.of("target"), "store-", ".dump");
            run(installation, "pg_dump", "--format=custom", "--file=" + dump);
            change(service);
            awaitTold(receiver, "dual 5");
            service.stop();
            installation.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public");
            run(
                    installation,
                    "pg_restore",
                    "--no-owner",
                    "--role=" + owner(installation),
                    "--dbname=" + installation.database(),
                    dump.toString());

            installation.sql("UPDATE secret_rotation SET due_at = now(), next_rotation_at = now() - interval '1 hour',"
                    + " last_rotated_at = now() - interval '2 hours'");
            installation.sql("UPDATE managed_role SET due_at = now()");

            service.launchAgain();
            assertServesWhatLogsIn(service, Duration.ofSeconds(12));
            assertThat(service.log()).contains("The store went back in time: it was restored from a dump");
            for (String name : ROTATED) {
                assertHealsByARotation(service, name);
                awaitTold(receiver, name);
            }
            assertEachNumberIsOneChange(receiver);
            for (String name : LOST) {
                assertHealsByAHuman(service, name);
            }
            assertFollowersAreWell();
        }
    }

    @Test
    void aStandbyThatLackedCommitsIsPromotedUnderALiveService() throws Exception {
        try (stores;
                TestPostgres standby = stores.standby();
                TcpProxy way = TcpProxy.to(stores);
                Installation installation = Installation.on(stores, way)) {
            ServiceProcess service = installation.start();
            create(service);
            awaitCopied(standby, installation);
            standby.server().stop();
            change(service);
            stores.server().stop();
            standby.server().start();
            standby.sql("SELECT pg_promote()");

            way.redirect(standby);
            assertServesWhatLogsIn(service, Duration.ofSeconds(15));
            assertThat(service.log()).contains("The store went back in time: its server is on another timeline");
            // What was lost is named, and mended by one rotation each.
            for (String name : ROTATED) {
                if (!name.equals("dual 1")) { // of which the role that was served before still logs in
                    assertThat(service.log())
                            .containsPattern(
                                    "refuses the password that the store has for role [^\n]+" + rotations.get(name));
                }
                assertHealsByARotation(service, name);
            }
            for (String name : LOST) {
                assertThat(service.log())
                        .containsPattern(
                                "refuses the password that the store has for role [^\n]+" + rotations.get(name));
            }
            assertFollowersAreWell();
        }
    }

    @Test
    void theDiskOfAnEarlierMomentAfterSilence() throws Exception {
        try (stores;
                TcpProxy way = TcpProxy.to(stores);
                Installation installation = Installation.on(stores, way)) {
            ServiceProcess service = installation.start();
            create(service);
            try (TestPostgres earlier = stores.copy()) {
                change(service);
                service.stop();
                stores.server().stop();
                way.redirect(earlier);
                // As if it were a minute later.
                earlier.sqlIn(
                        installation.database(),
                        "UPDATE store_pulse SET at = at - interval '2 min', xid = pg_current_xact_id()::text");

                service.launchAgain();
                assertServesWhatLogsIn(service, Duration.ofSeconds(12));
                assertFollowersAreWell();
            }
        }
    }

    // ---- Parts

    private static void subscribe(ServiceProcess service, TestReceiver receiver) {
        service.post(
                        "/api/v1/webhooks",
                        new JsonObject()
                                .put("projectId", Rotating.project(service))
                                .put("name", "restored")
                                .put("url", receiver.url("/hook"))
                                .put("caCert", TestReceiver.AUTHORITY.caPem())
                                .put("events", new JsonArray().add("rotation.credential-changed")))
                .expect(200);
    }

    private static Stream<TestReceiver.Got> changes(TestReceiver receiver) {
        return receiver.got.stream();
    }

    /** Until the receiver knows the version that consumers have. */
    private void awaitTold(TestReceiver receiver, String name) {
        Awaitility.await("told of " + name)
                .atMost(Duration.ofSeconds(30))
                .until(() -> changes(receiver)
                        .map(got -> got.event().getJsonObject("data"))
                        .anyMatch(data -> data.getString("rotationId").equals(rotations.get(name))
                                && data.getLong("credentialVersion").equals(latest.get(name))));
    }

    /** A message may come again, with the id that it had. */
    private static void assertEachNumberIsOneChange(TestReceiver receiver) {
        Map<String, Set<String>> ids = new TreeMap<>();
        changes(receiver).forEach(got -> {
            JsonObject data = got.event().getJsonObject("data");
            ids.computeIfAbsent(
                            data.getString("rotationId") + " " + data.getLong("credentialVersion"),
                            none -> new HashSet<>())
                    .add(got.header("webhook-id"));
        });
        assertThat(ids)
                .isNotEmpty()
                .allSatisfy((number, of) -> assertThat(of).as(number).hasSize(1));
    }

    private void create(ServiceProcess service) {
        for (String name : CHANGES.keySet()) {
            TestPostgres.Login managing = target.role("LOGIN CREATEROLE");
            TestPostgres.Login first = target.role("LOGIN");
            if (name.startsWith("self")) {
                managed.put(name, ManagedSubject.credentials(target, first));
                rotations.put(name, ManagedSubject.create(service, managed.get(name)));
                continue;
            }
            TestPostgres.Login second = target.role("LOGIN");
            Rotating.grant(target, managing, first);
            Rotating.grant(target, managing, second);
            JsonObject more = name.startsWith("single") || name.startsWith("wiped")
                    ? new JsonObject()
                            .put("strategy", "single")
                            .put("driftPolicy", name.startsWith("wiped") ? "reassert" : "report")
                            .put("parameters", new JsonObject().put("username1", first.role()))
                    : new JsonObject().put("strategy", "dual");
            rotations.put(name, Rotating.created(service, target.port(), managing, first, second, more));
        }
        rotations.keySet().forEach(name -> {
            follow(service, name);
            followers.put(
                    name,
                    Stream.of(Follower.Way.values())
                            .map(way -> new Follower(service, path(name) + "/active", way))
                            .toList());
        });
        awaitFollowers();
    }

    private void awaitFollowers() {
        followers.forEach((name, each) -> each.forEach(one -> one.awaitCaughtUp(latest.get(name))));
    }

    private void assertFollowersAreWell() {
        awaitFollowers();
        followers.values().forEach(each -> each.forEach(one -> one.assertWell(target)));
    }

    private String path(String name) {
        return (name.startsWith("self") ? ManagedSubject.CONNECTIONS : Rotating.BASE) + "/" + rotations.get(name);
    }

    private void change(ServiceProcess service) {
        CHANGES.forEach((name, changes) -> {
            for (int i = 0; i < changes; i++) {
                rotate(service, name);
                follow(service, name);
            }
            if (name.startsWith("wiped")) {
                target.sql("COMMENT ON ROLE " + newest.get(name).getString("username") + " IS NULL");
            }
        });
        awaitFollowers();
    }

    private void rotate(ServiceProcess service, String name) {
        service.post(
                        path(name) + (name.startsWith("self") ? "/rotate" : "/rotate-secrets?force=true"),
                        new JsonObject())
                .expect(200);
    }

    /** What a client that keeps ETags sees. */
    private void follow(ServiceProcess service, String name) {
        Answer answer = active(service, name).expect(200);
        newest.put(name, answer.json());
        remember(name, answer);
    }

    private void remember(String name, Answer answer) {
        String tag = answer.headers().firstValue("ETag").orElseThrow();
        String password = answer.json().getString("password");
        String version = name + " " + answer.json().getLong("credentialVersion");
        for (String key : List.of(tag, version)) {
            assertThat(passwordOfTag.putIfAbsent(key, password)).as(key).isIn(null, password);
        }
        long number = answer.json().getLong("credentialVersion");
        assertThat(number).as("version of %s", name).isGreaterThanOrEqualTo(latest.getOrDefault(name, 0L));
        latest.put(name, number);
    }

    private void assertServesWhatLogsIn(ServiceProcess service, Duration time) throws Exception {
        Map<String, Set<String>> answers = new ConcurrentHashMap<>();
        Map<String, Long> polls = new ConcurrentHashMap<>();
        Map<String, Long> proven = new ConcurrentHashMap<>();
        AtomicLong end =
                new AtomicLong(System.nanoTime() + Duration.ofMinutes(2).toNanos());
        ScheduledExecutorService readers = Executors.newScheduledThreadPool(rotations.size());
        try {
            List<ScheduledFuture<?>> reading = new ArrayList<>();
            for (String name : rotations.keySet()) {
                Runnable poll = () -> {
                    Answer answer = active(service, name);
                    String said = answer.status() + " " + answer.json().getString("code", "") + reason(answer);
                    if (answer.status() == 200) {
                        assertLogsIn(name, answer.json(), proven);
                        remember(name, answer);
                    }
                    if (answer.status() == 200 || said.contains("stale_credential")) {
                        answers.computeIfAbsent(name, none -> ConcurrentHashMap.newKeySet())
                                .add(said);
                        polls.merge(name, 1L, Long::sum);
                        end.accumulateAndGet(System.nanoTime() + time.toNanos(), Math::min);
                    }
                };
                reading.add(readers.scheduleWithFixedDelay(poll, 0, 100, TimeUnit.MILLISECONDS));
            }
            while (System.nanoTime() < end.get()) {
                Thread.sleep(100);
                for (ScheduledFuture<?> each : reading) {
                    if (each.isDone()) {
                        each.get(); // only if it failed
                    }
                }
            }
        } finally {
            readers.shutdown();
            assertThat(readers.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
        System.out.println("Answers of each credential within " + time + " of readiness: " + polls);
        // The role that was served then is untouched; where it cannot be tried at once, it is refused until it was.
        for (String name : List.of("untouched 0", "self untouched 0", "dual 1")) {
            assertThat(answers.get(name)).as(name).contains("200 ").noneMatch(said -> said.endsWith("refused"));
        }
        for (String name : List.of(
                "dual 2", "dual 5", "single 1", "single 2", "single 5", "self 1", "self 2", "self 5", "wiped 1")) {
            assertThat(answers.get(name))
                    .as(name)
                    .contains("503 stale_credential refused")
                    .doesNotContain("200 ");
        }
        Answer stale = active(service, "single 1");
        JsonObject detail = stale.json()
                .getJsonObject("details")
                .getJsonArray("credentials")
                .getJsonObject(0);
        assertThat(detail.getString("reason")).isEqualTo("refused");
        assertThat(detail.getString("refusedSince")).isNotBlank();
        assertThat(stale.headers().firstValue("Retry-After")).isPresent();

        // A list that would contain it is refused as a whole, and no other.
        assertThat(secrets(service, "single 1").json().getString("code")).isEqualTo("stale_credential");
        secrets(service, "untouched 0").expect(200);
        service.get(Rotating.BASE + "/" + rotations.get("single 1") + "/generated-credentials")
                .expect(503);

        // Nothing was changed: what consumers hold works.
        newest.forEach((name, held) -> assertThat(target.login(held.getString("username"), held.getString("password")))
                .as(name)
                .isEqualTo("ok"));
    }

    /** Nothing changes a role meanwhile: what has just logged in still does. */
    private void assertLogsIn(String name, JsonObject served, Map<String, Long> proven) {
        String password = served.getString("password");
        Long before = proven.get(password);
        if (before != null && System.nanoTime() - before < TimeUnit.SECONDS.toNanos(1)) {
            return;
        }
        assertThat(target.login(served.getString("username"), password))
                .as(
                        "%s is served %s and newest was %s",
                        name,
                        served.getLong("credentialVersion"),
                        newest.get(name).getLong("credentialVersion"))
                .isEqualTo("ok");
        proven.put(password, System.nanoTime());
    }

    private static String reason(Answer answer) {
        JsonObject details = answer.json().getJsonObject("details", new JsonObject());
        return details.containsKey("credentials")
                ? " " + details.getJsonArray("credentials").getJsonObject(0).getString("reason")
                : "";
    }

    private void assertHealsByARotation(ServiceProcess service, String name) {
        Answer refusal = service.post(Rotating.BASE + "/" + rotations.get(name) + "/rotate-secrets", new JsonObject())
                .expect(400);
        assertThat(refusal.text()).containsAnyOf("store_behind_target", "overlap_not_over");
        long seen = newest.get(name).getLong("credentialVersion");
        rotate(service, name);
        Answer answer = service.get(
                        Rotating.BASE + "/" + rotations.get(name) + "/active?timeout=1&waitForVersion=" + (seen + 1))
                .expect(200);
        assertThat(answer.json().getLong("credentialVersion"))
                .as("what consumers have seen of %s", name)
                .isGreaterThan(seen);
        assertThat(target.login(
                        answer.json().getString("username"), answer.json().getString("password")))
                .isEqualTo("ok");
        remember(name, answer);
    }

    /** The password that the role had is lost: somebody sets another one on the server, and says so. */
    private void assertHealsByAHuman(ServiceProcess service, String name) {
        JsonObject credentials = managed.get(name).copy().put("password", "set by hand, " + name);
        target.sql("ALTER ROLE " + credentials.getString("username") + " PASSWORD '" + credentials.getString("password")
                + "'");
        service.patch(path(name), new JsonObject().put("credentials", credentials))
                .expect(200);
        long seen = newest.get(name).getLong("credentialVersion");
        rotate(service, name);
        Answer answer = service.get(path(name) + "/active?timeout=1&waitForVersion=" + (seen + 1))
                .expect(200);
        assertThat(target.login(
                        answer.json().getString("username"), answer.json().getString("password")))
                .isEqualTo("ok");
        remember(name, answer);
    }

    private Answer active(ServiceProcess service, String name) {
        return service.get(path(name) + "/active");
    }

    private Answer secrets(ServiceProcess service, String name) {
        JsonObject rotation = service.get(Rotating.BASE + "/" + rotations.get(name))
                .expect(200)
                .json()
                .getJsonObject("secretRotation");
        return service.get("/api/v4/secrets?projectId=" + rotation.getString("projectId")
                + "&environment=production&secretPath=" + path(rotation));
    }

    private static String path(JsonObject rotation) {
        return rotation.getJsonObject("folder") == null
                ? rotation.getString("secretPath")
                : rotation.getJsonObject("folder").getString("path");
    }

    private static void awaitCopied(TestPostgres standby, Installation installation) {
        long rows = rows(installation.sql("SELECT count(*) FROM audit_event"));
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .ignoreExceptions()
                .until(() -> rows(standby.sqlIn(installation.database(), "SELECT count(*) FROM audit_event")) >= rows);
    }

    private static long rows(List<io.vertx.sqlclient.Row> found) {
        return found.get(0).getLong(0);
    }

    private static String owner(Installation installation) {
        return installation
                .sql("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()")
                .get(0)
                .getString(0);
    }

    private void run(Installation installation, String... command) throws Exception {
        List<String> line = new ArrayList<>(List.of(command));
        ProcessBuilder process = new ProcessBuilder(line).redirectErrorStream(true);
        process.environment().put("PGHOST", stores.host());
        process.environment().put("PGPORT", Integer.toString(stores.port()));
        process.environment().put("PGUSER", TestPostgres.SUPERUSER);
        process.environment().put("PGPASSWORD", stores.superuserPassword());
        process.environment().put("PGDATABASE", installation.database());
        Process running = process.start();
        String said = new String(running.getInputStream().readAllBytes());
        assertThat(running.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(running.exitValue()).as(said).isZero();
    }
}
