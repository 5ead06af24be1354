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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A store that goes back in time, by all ways that there are. A consumer that polls every 100 ms is never given a password that its server
 * refuses, no role is touched though work is due, and no ETag and no message of a webhook stands for two passwords. Who follows ETags or
 * versions from before the backup on has the newest password in the end: after one rotation of what was changed since, or, where the role
 * changes itself, after somebody has set another password.
 */
@Tag("suite-store")
class RestoredStoreIT {

    /** How the store goes back to the moment at which its credentials were made. */
    enum Way {
        /** By {@code pg_dump} and {@code pg_restore} in its place. */
        DUMP("it was restored from a dump"),
        /** By a base backup from before the first start, and the WAL up to the moment. */
        POINT_IN_TIME("its server is on another timeline"),
        /** A standby that lacked the commits since is promoted under the service, which goes on. */
        STANDBY("its server is on another timeline"),
        /** The disk of that moment is put back after more than a minute of silence. */
        DISK(null),
        /** A copy of the disk is started beside the original, which goes on, and adopted. */
        CLONE(null);

        /** By which it is noticed, in the words of the log. */
        private final String sign;

        Way(String sign) {
            this.sign = sign;
        }
    }

    private static final int SECONDS = Integer.parseInt(System.getenv().getOrDefault("COPY_SECONDS", "60"));

    /** How long what is served is watched. The whole of CI takes a share. */
    private static final Duration WATCHED = Duration.ofSeconds(Math.min(15, SECONDS));

    /** Of copies, {@link AdoptedStoreIT} has a share in the whole of CI. */
    static Stream<Way> ways() {
        return Stream.of(Way.values()).filter(way -> SECONDS >= 60 || way != Way.CLONE);
    }

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

    private final TestPostgres target = TestPostgres.shared(14);
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private TestPostgres stores;
    /** Leads to where the store is. */
    private TcpProxy road;

    private TestPostgres standby;
    private TestPostgres copy;
    private Installation installation;
    private ServiceProcess service;
    private TestReceiver receiver;
    private Path dump;
    private String moment;
    private boolean isCopy;
    private final Map<String, String> rotations = new LinkedHashMap<>();
    private final Map<String, JsonObject> newest = new ConcurrentHashMap<>();
    /** Of what is served, as one sees it who reads everything. */
    private final Map<String, Long> latest = new ConcurrentHashMap<>();

    private final Map<String, JsonObject> managed = new LinkedHashMap<>();
    /** By name and number, and by ETag: each stands for one password. */
    private final Map<String, String> passwordOfTag = new ConcurrentHashMap<>();

    private final Map<String, String> secretsPaths = new ConcurrentHashMap<>();

    /** Of each credential one by ETags and one by {@code waitForVersion}, from before the backup on. */
    private final Map<String, List<Follower>> followers = new LinkedHashMap<>();

    @AfterEach
    void close() throws Exception {
        followers.values().forEach(each -> each.forEach(Follower::close));
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    private <T extends AutoCloseable> T open(T one) {
        opened.push(one);
        return one;
    }

    @ParameterizedTest
    @MethodSource("ways")
    void whatIsServedLogsIn(Way way) throws Exception {
        stores = open(way == Way.POINT_IN_TIME ? TestPostgres.archiving(14) : TestPostgres.own(14));
        road = open(TcpProxy.to(stores));
        receiver = open(new TestReceiver());
        installation = open(Installation.on(stores, road).setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s"));
        begin(way);
        service = installation.start();
        subscribe();
        create();
        remember(way);
        change();
        awaitTold("dual 5");

        goBack(way);

        assertServesWhatLogsIn();
        if (way.sign != null) {
            assertThat(service.log()).contains("The store went back in time: " + way.sign);
        }
        // What was lost is named.
        for (String name : rotations.keySet()) {
            if (LOST.contains(name)
                    || ROTATED.contains(name) && !name.equals("dual 1")) { // whose other role still logs in
                assertThat(service.log())
                        .containsPattern(
                                "refuses the password that the store has for role [^\n]+" + rotations.get(name));
            }
        }
        if (way == Way.CLONE) {
            adopt();
        }
        for (String name : ROTATED) {
            assertHealsByARotation(name);
            awaitTold(name);
        }
        assertEachNumberIsOneChange();
        for (String name : LOST) {
            assertHealsByAHuman(name);
        }
        assertFollowersAreWell();
    }

    // ---- Ways back

    /** Before the first start. */
    private void begin(Way way) {
        switch (way) {
            case POINT_IN_TIME -> stores.baseBackup();
            case STANDBY -> standby = open(stores.standby());
            default -> {}
        }
    }

    /** The store as it is now is what it goes back to. */
    private void remember(Way way) throws Exception {
        switch (way) {
            case DUMP -> {
                dump = Files.createTempFile(Path.of("target"), "store-", ".dump");
                run("pg_dump", "--format=custom", "--file=" + dump);
            }
            case POINT_IN_TIME ->
                moment = stores.sql("SELECT clock_timestamp()::text").get(0).getString(0);
            case STANDBY -> {
                awaitCopied();
                standby.server().stop();
            }
            case DISK, CLONE -> copy = open(stores.copy());
        }
    }

    /** With work that is due since an hour ago. */
    private void goBack(Way way) throws Exception {
        switch (way) {
            case DUMP -> {
                service.stop();
                installation.sql(
                        "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public");
                run(
                        "pg_restore",
                        "--no-owner",
                        "--role=" + installation.owner().role(),
                        "--dbname=" + installation.database(),
                        dump.toString());
                makeDue(stores);
                service.launchAgain();
            }
            case POINT_IN_TIME -> {
                service.stop();
                stores.goBackTo(moment);
                makeDue(stores);
                service.launchAgain();
            }
            case STANDBY -> {
                stores.server().stop();
                standby.server().start();
                standby.sql("SELECT pg_promote()");
                makeDue(standby);
                road.redirect(standby);
            }
            case DISK -> {
                service.stop();
                stores.server().stop();
                road.redirect(copy);
                makeDue(copy);
                // As if it were a minute later.
                copy.sqlIn(
                        installation.database(),
                        "UPDATE store_pulse SET at = at - interval '2 min', xid = pg_current_xact_id()::text");
                service.launchAgain();
            }
            case CLONE -> {
                makeDue(copy);
                isCopy = true;
                service = open(installation.restoredTo(copy, installation.database()))
                        .start();
            }
        }
    }

    private void makeDue(TestPostgres server) {
        server.sqlIn(
                installation.database(),
                "UPDATE secret_rotation SET due_at = now(), next_rotation_at = now() - interval '1 hour',"
                        + " last_rotated_at = now() - interval '2 hours'");
        server.sqlIn(installation.database(), "UPDATE managed_role SET due_at = now()");
    }

    /** Consumers go over to it: what they are given from now on goes on from what the original gave them. */
    private void adopt() {
        service.post("/api/v1/store/adopt", null).expect(200);
        Awaitility.await("the adoption is done")
                .atMost(Duration.ofSeconds(60))
                .until(() -> service.get("/api/v1/store")
                        .expect(200)
                        .json()
                        .getJsonObject("store")
                        .getJsonObject("adoption")
                        .getBoolean("done"));
        isCopy = false;
        followers.values().forEach(each -> each.forEach(one -> one.ask(service)));
    }

    // ---- Parts

    private void subscribe() {
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

    /** Until the receiver knows the version that consumers have. */
    private void awaitTold(String name) {
        Awaitility.await("told of " + name)
                .atMost(Duration.ofSeconds(30))
                .until(() -> toldOf(name).contains(latest.get(name)));
    }

    /** The numbers of a rotation's versions that the receiver knows. */
    private List<Long> toldOf(String name) {
        return receiver.got.stream()
                .map(got -> got.event().getJsonObject("data"))
                .filter(data -> data.getString("rotationId").equals(rotations.get(name)))
                .map(data -> data.getLong("credentialVersion"))
                .toList();
    }

    /** A message may come again, with the id that it had. */
    private void assertEachNumberIsOneChange() {
        Map<String, Set<String>> ids = new TreeMap<>();
        receiver.got.forEach(got -> {
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

    private void create() {
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
            follow(name);
            followers.put(
                    name,
                    Stream.of(Follower.Way.values())
                            .map(way -> new Follower(service, path(name) + "/active", way))
                            .toList());
        });
        List.of("dual 1", "single 1", "untouched 0").forEach(this::secretsPath);
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

    private void change() {
        CHANGES.forEach((name, changes) -> {
            for (int i = 0; i < changes; i++) {
                rotate(name);
                follow(name);
            }
            if (name.startsWith("wiped")) {
                target.sql("COMMENT ON ROLE " + newest.get(name).getString("username") + " IS NULL");
            }
        });
        awaitFollowers();
    }

    private void rotate(String name) {
        service.post(
                        path(name) + (name.startsWith("self") ? "/rotate" : "/rotate-secrets?force=true"),
                        new JsonObject())
                .expect(200);
    }

    /** What a client that keeps ETags sees. */
    private void follow(String name) {
        Answer answer = active(name).expect(200);
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
        if (!isCopy) {
            assertThat(number).as("version of %s", name).isGreaterThanOrEqualTo(latest.getOrDefault(name, 0L));
            latest.put(name, number);
        }
    }

    private void assertServesWhatLogsIn() throws Exception {
        Map<String, Set<String>> answers = new ConcurrentHashMap<>();
        Map<String, Long> polls = new ConcurrentHashMap<>();
        Map<String, Long> proven = new ConcurrentHashMap<>();
        AtomicLong end =
                new AtomicLong(System.nanoTime() + Duration.ofMinutes(2).toNanos());
        ScheduledExecutorService readers = Executors.newScheduledThreadPool(rotations.size() + 1);
        try {
            List<ScheduledFuture<?>> reading = new ArrayList<>();
            for (String name : rotations.keySet()) {
                Runnable poll = () -> {
                    Answer answer = active(name);
                    String said = answer.status() + " " + answer.json().getString("code", "") + reason(answer);
                    if (answer.status() == 200) {
                        assertLogsIn(name, answer.json(), proven);
                        remember(name, answer);
                    }
                    if (answer.status() == 200 || said.contains("stale_credential")) {
                        answers.computeIfAbsent(name, none -> ConcurrentHashMap.newKeySet())
                                .add(said);
                        polls.merge(name, 1L, Long::sum);
                        end.accumulateAndGet(System.nanoTime() + WATCHED.toNanos(), Math::min);
                    }
                };
                reading.add(readers.scheduleWithFixedDelay(poll, 0, 100, TimeUnit.MILLISECONDS));
            }
            // Who reads names alone sees no number that has gone back either.
            Runnable named = () -> {
                Answer answer = names("dual 1");
                if (answer.status() == 200 && !isCopy) {
                    assertThat(answer.json()
                                    .getJsonArray("secrets")
                                    .getJsonObject(0)
                                    .getLong("version"))
                            .isGreaterThanOrEqualTo(newest.get("dual 1").getLong("credentialVersion"));
                }
            };
            reading.add(readers.scheduleWithFixedDelay(named, 0, 100, TimeUnit.MILLISECONDS));
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
        System.out.println("Answers of each credential within " + WATCHED + " of readiness: " + polls);
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
        Answer stale = active("single 1");
        JsonObject detail = stale.json()
                .getJsonObject("details")
                .getJsonArray("credentials")
                .getJsonObject(0);
        assertThat(detail.getString("reason")).isEqualTo("refused");
        assertThat(detail.getString("refusedSince")).isNotBlank();
        assertThat(stale.headers().firstValue("Retry-After")).isPresent();

        // A list that would contain it is refused as a whole, and no other.
        assertThat(secrets("single 1").json().getString("code")).isEqualTo("stale_credential");
        secrets("untouched 0").expect(200);
        // A number without the password, neither.
        assertThat(names("single 1").json().getString("code")).isEqualTo("stale_credential");
        service.get(Rotating.BASE + "/" + rotations.get("single 1") + "/generated-credentials")
                .expect(503);

        // Nothing was changed and nothing is told: what consumers hold works.
        for (String name : ROTATED) {
            assertThat(toldOf(name))
                    .allSatisfy(version -> assertThat(version)
                            .as("told of %s", name)
                            .isLessThanOrEqualTo(newest.get(name).getLong("credentialVersion")));
        }
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

    private void assertHealsByARotation(String name) {
        Answer refusal = service.post(Rotating.BASE + "/" + rotations.get(name) + "/rotate-secrets", new JsonObject())
                .expect(400);
        assertThat(refusal.text()).containsAnyOf("store_behind_target", "overlap_not_over");
        long seen = newest.get(name).getLong("credentialVersion");
        rotate(name);
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
    private void assertHealsByAHuman(String name) {
        JsonObject credentials = managed.get(name).copy().put("password", "set by hand, " + name);
        target.sql("ALTER ROLE " + credentials.getString("username") + " PASSWORD '" + credentials.getString("password")
                + "'");
        service.patch(path(name), new JsonObject().put("credentials", credentials))
                .expect(200);
        long seen = newest.get(name).getLong("credentialVersion");
        rotate(name);
        Answer answer = service.get(path(name) + "/active?timeout=1&waitForVersion=" + (seen + 1))
                .expect(200);
        assertThat(target.login(
                        answer.json().getString("username"), answer.json().getString("password")))
                .isEqualTo("ok");
        remember(name, answer);
    }

    private Answer active(String name) {
        return service.get(path(name) + "/active");
    }

    private Answer names(String name) {
        return service.get(secretsPath(name) + "&viewSecretValue=false");
    }

    private Answer secrets(String name) {
        return service.get(secretsPath(name));
    }

    /** Asked once, while the store is well. */
    private String secretsPath(String name) {
        return secretsPaths.computeIfAbsent(name, of -> {
            JsonObject rotation = service.get(path(of)).expect(200).json().getJsonObject("secretRotation");
            return "/api/v4/secrets?projectId=" + rotation.getString("projectId")
                    + "&environment=production&secretPath=" + path(rotation);
        });
    }

    private static String path(JsonObject rotation) {
        return rotation.getJsonObject("folder") == null
                ? rotation.getString("secretPath")
                : rotation.getJsonObject("folder").getString("path");
    }

    private void awaitCopied() {
        long rows = rows(installation.sql("SELECT count(*) FROM audit_event"));
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .ignoreExceptions()
                .until(() -> rows(standby.sqlIn(installation.database(), "SELECT count(*) FROM audit_event")) >= rows);
    }

    private static long rows(List<io.vertx.sqlclient.Row> found) {
        return found.get(0).getLong(0);
    }

    private void run(String... command) throws Exception {
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
