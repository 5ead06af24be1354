package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.credential.KeptPasswords;
import io.rolewright.credential.VersionState;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Two requests that undo, delete or begin what the other one works on, at two replicas whose ways to store and target are slow at random.
 * A second later the password that is served, or the human's where nothing is managed, logs in at the real server, and what was answered
 * is true.
 */
@Tag("suite-races")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UndoRacesIT {

    private static final String CONNECTIONS = ManagedSubject.CONNECTIONS;
    private static final String ROTATIONS = RotationSubject.ROTATIONS;

    /** So many of 200 races of each kind: {@code -Dsuite.races}. */
    private static final int RACES = Integer.getInteger("suite.races", 200);

    /** At a time: they mostly wait. */
    private static final int LANES = 10;

    /** At least every third race is won by somebody: the ways are slow, not closed. */
    private static final int EACH_THIRD = 3;

    /** Where both are refused until the proof can be had, which is so in every other race. */
    private static final int EACH_FIFTEENTH = 15;

    private static final Duration A_SECOND_LATER = Duration.ofSeconds(1);

    /** Refusals that say that nothing was done, or was done by the other one. */
    private static final Set<String> LOST_THE_RACE = Set.of(
            "rotation_in_progress",
            "rotation_revoking",
            "rotation_not_found",
            "rotation_unfinished",
            "rotation_in_doubt",
            "rotation_failed",
            "changed_meanwhile",
            "connection_test_failed",
            "credentials_are_managed",
            "role_already_managed",
            "role_of_a_connection",
            "not_managed",
            "target_busy",
            "timed_out",
            "connect_timed_out",
            "managed_credentials_failed",
            "not_in_time",
            "store_unavailable");

    private Scene scene;
    private Installation another;
    private ServiceProcess one;
    private ServiceProcess two;

    /** Of another installation, with a store of its own, that reaches the same server. */
    private ServiceProcess stranger;

    private String connection;
    private String strangersConnection;
    private KeptPasswords kept;
    private final Set<String> unproven = ConcurrentHashMap.newKeySet();
    private final Map<String, Integer> answers = new TreeMap<>();
    private final AtomicInteger won = new AtomicInteger();

    @BeforeAll
    void start() {
        scene = new Scene();
        one = scene.installation.start();
        two = scene.installation.start();
        connection = scene.managingConnection(one);
        kept = new KeptPasswords(scene.store, scene.installation);
        another = Installation.on(scene.store, scene.toStore)
                .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")
                .setting("ROLEWRIGHT_TARGET_SESSIONS_PER_TARGET", "16")
                .setting("ROLEWRIGHT_TARGET_SESSIONS", "64");
        stranger = another.start();
        strangersConnection = scene.managingConnection(stranger);
        slow(scene.toTarget, 20, 400);
        slow(scene.toStore, 5, 100);
        // The challenge is still answered: only a proof is not to be had.
        Set<Integer> sessions = ConcurrentHashMap.newKeySet();
        scene.toTarget.always(
                message -> message.request()
                        && message.type() == '\0'
                        && unproven.stream()
                                .anyMatch(role -> message.text().contains("user\0" + role + "\0")
                                        && sessions.add(message.session())),
                () -> Fate.PASS);
        scene.toTarget.always(
                message -> message.request() && message.type() == 'p' && sessions.contains(message.session()),
                () -> Fate.CUT);
    }

    @BeforeEach
    void nothingHappenedYet() {
        answers.clear();
        won.set(0);
    }

    @AfterAll
    void stop() {
        kept.close();
        another.close();
        scene.close();
    }

    /** Each round trip takes up to {@code usual} ms, and each twentieth up to {@code most}: a link that loses packets. */
    private static void slow(TcpProxy proxy, int usual, int most) {
        proxy.always(
                message ->
                        message.request() && (message.type() == 'Q' || message.type() == 'S' || message.type() == 'p'),
                () -> {
                    ThreadLocalRandom random = ThreadLocalRandom.current();
                    ChangeProof.sleep(Duration.ofMillis(random.nextInt(random.nextInt(20) == 0 ? most : usual)));
                    return Fate.PASS;
                });
    }

    // ---- the races

    @Test
    void twoPatchesThatBringOneConnectionUnderManagement() {
        race("PATCH x PATCH", random -> {
            TestPostgres.Login human = scene.target.role("LOGIN");
            String path = CONNECTIONS + "/" + scene.connection(one, human, false);
            JsonObject body = new JsonObject()
                    .put("isPlatformManagedCredentials", true)
                    .put("credentials", scene.credentials(human, "postgres"));

            Pair pair = together(
                    random, () -> one.callAsync("PATCH", path, body), () -> two.callAsync("PATCH", path, body));

            JsonObject row = settled(path, "appConnection");
            boolean managed = row.getBoolean("isPlatformManagedCredentials");
            if (pair.anyIs(200)) {
                assertThat(managed).as("managed, as answered").isTrue();
            }
            if (pair.areAll(400)) {
                assertThat(managed).as("managed, though both were refused").isFalse();
            }
            opens(path);
            if (managed) {
                keptPasswordOpens(human.role());
            } else {
                assertThat(login(human)).as("the human's password").isEqualTo("ok");
            }
        });
    }

    @Test
    void twoConnectionsAreMadeToManageOneRole() {
        race("POST x POST", random -> {
            TestPostgres.Login human = scene.target.role("LOGIN");
            List<String> names = List.of(name(human, "a"), name(human, "b"));

            Pair pair = together(
                    random,
                    () -> one.callAsync("POST", CONNECTIONS, managed(names.get(0), human)),
                    () -> two.callAsync("POST", CONNECTIONS, managed(names.get(1), human)));

            int there = 0;
            for (int i = 0; i < 2; i++) {
                Answer found = one.get(CONNECTIONS + "/connection-name/" + names.get(i));
                if (pair.both().get(i).status() == 200) {
                    found.expect(200);
                } else if (pair.both().get(i).status() == 400) {
                    found.expect(404);
                }
                if (found.status() == 200) {
                    there++;
                    String path = CONNECTIONS + "/"
                            + found.json().getJsonObject("appConnection").getString("id");
                    assertThat(settled(path, "appConnection").getBoolean("isPlatformManagedCredentials"))
                            .isTrue();
                    opens(path);
                    keptPasswordOpens(human.role());
                }
            }
            if (there == 0) {
                assertThat(login(human)).as("the human's password").isEqualTo("ok");
            }
            assertThat(there).isLessThan(2);
        });
    }

    @Test
    void aConnectionIsMadeToManageTheRoleOfARotationThatIsRotated() {
        race("POST on a managed role x rotate", random -> {
            RotationSubject rotation = RotationSubject.create(scene, one, connection, false);
            String name = name(rotation.first, "x");
            JsonObject body = managed(name, rotation.served(one));

            Pair pair = together(
                    random,
                    () -> one.callAsync("POST", CONNECTIONS, body),
                    () -> two.callAsync("POST", ROTATIONS + "/" + rotation.id + "/rotate-secrets", null));

            assertThat(pair.first.status()).as(pair.first.text()).isIn(400, 503);
            one.get(CONNECTIONS + "/connection-name/" + name).expect(404);
            settled(ROTATIONS + "/" + rotation.id, "secretRotation");
            rotation.assertServedLogsIn(one);
        });
    }

    @Test
    void aRotationIsDeletedWhileItRotates() {
        race("DELETE x rotate", random -> {
            boolean dual = random.nextBoolean();
            boolean revoke = random.nextInt(3) == 0;
            RotationSubject rotation = RotationSubject.create(scene, one, connection, dual);
            TestPostgres.Login before = rotation.served(one);
            String path = ROTATIONS + "/" + rotation.id;

            Pair pair = together(
                    random,
                    () -> one.callAsync("DELETE", path + "?revokeGeneratedCredentials=" + revoke, null),
                    () -> two.callAsync("POST", path + "/rotate-secrets", null));

            if (revoke) {
                revoked(path, pair, before, rotation);
            } else {
                released(path, pair, before, rotation);
                if (pair.first.status() == 200 && (dual || pair.second.status() / 100 == 4)) {
                    assertThat(login(before)).as("what was served").isEqualTo("ok");
                }
            }
        });
    }

    /** The new password was taken, and its proof cannot be had until a random moment of the race. */
    @Test
    void aRotationIsDeletedWhoseNewPasswordIsNotProven() {
        race("DELETE of an unproven one x rotate", EACH_FIFTEENTH, random -> {
            RotationSubject rotation = RotationSubject.create(scene, one, connection, false);
            TestPostgres.Login before = rotation.served(one);
            String path = ROTATIONS + "/" + rotation.id;
            String role = rotation.first.role();
            scene.toTarget.before(
                    message -> ChangeProof.APPLY.test(message) && message.sql().contains("'" + role + "'"), () -> {
                        unproven.add(role);
                        return Fate.PASS;
                    });
            Answer parked = one.call("POST", path + "/rotate-secrets", null);
            assertThat(parked.status()).as(parked.text()).isIn(400, 503, 504);
            if (random.nextBoolean()) {
                refusedWhileUnproven(one.delete(path));
            }

            CompletableFuture<Void> back = CompletableFuture.runAsync(() -> {
                ChangeProof.sleep(Duration.ofMillis(random.nextInt(300)));
                unproven.remove(role);
            });
            Pair pair = together(
                    random,
                    () -> one.callAsync("DELETE", path, null),
                    () -> two.callAsync("POST", path + "/rotate-secrets", null));
            back.join();

            released(path, pair, before, rotation);
        });
    }

    /** Also in the other order of the two roles, where neither may wait for the other. */
    @Test
    void twoRotationsAreMadeOfTheSameRoles() {
        race("POST of a rotation x POST of a rotation", EACH_FIFTEENTH, random -> {
            TestPostgres.Login first = scene.role();
            TestPostgres.Login second = scene.role();
            boolean dual = random.nextBoolean();
            JsonObject roles = new JsonObject().put("username1", first.role());
            JsonObject others = new JsonObject().put("username1", first.role());
            if (dual) {
                roles.put("username2", second.role());
                others.put("username1", second.role()).put("username2", first.role());
            }
            JsonObject a = RotationSubject.body(scene, one, connection, dual, first, roles);
            JsonObject b = RotationSubject.body(scene, two, connection, dual, second, others);

            Pair pair = together(
                    random, () -> one.callAsync("POST", ROTATIONS, a), () -> two.callAsync("POST", ROTATIONS, b));

            int there = 0;
            int proven = 0;
            for (int i = 0; i < 2; i++) {
                Answer found = byName(one, i == 0 ? a : b);
                if (pair.both().get(i).status() == 200) {
                    found.expect(200);
                } else if (pair.both().get(i).status() == 400) {
                    found.expect(404);
                }
                if (found.status() == 200) {
                    there++;
                    String path = ROTATIONS + "/"
                            + found.json().getJsonObject("secretRotation").getString("id");
                    proven += provenOrSaysThatItIsNot(one, path) ? 1 : 0;
                }
            }
            assertThat(there).isLessThan(2);
            if (proven == 0) {
                assertThat(login(first)).as("the human's password").isEqualTo("ok");
                assertThat(login(second)).as("the human's password").isEqualTo("ok");
            }
        });
    }

    /** Another installation is told to take the role over; both believe to manage it, and one of them learns that it does not. */
    @Test
    void aRoleIsTakenOverWhileItRotates() {
        race("takeover x rotate", random -> {
            RotationSubject rotation = RotationSubject.create(scene, one, connection, false);
            String path = ROTATIONS + "/" + rotation.id;
            JsonObject body = RotationSubject.body(
                            scene,
                            stranger,
                            strangersConnection,
                            false,
                            rotation.first,
                            new JsonObject().put("username1", rotation.first.role()))
                    .put("takeover", true);

            Pair pair = together(
                    random,
                    () -> stranger.callAsync("POST", ROTATIONS, body),
                    () -> two.callAsync("POST", path + "/rotate-secrets", null));

            Answer taken = byName(stranger, body);
            if (pair.first.status() == 200) {
                taken.expect(200);
            } else if (pair.first.status() == 400) {
                taken.expect(404);
            }
            if (taken.status() == 200) {
                String strangers = ROTATIONS + "/"
                        + taken.json().getJsonObject("secretRotation").getString("id");
                if (!provenOrSaysThatItIsNot(stranger, strangers)) {
                    rotation.assertServedLogsIn(one);
                    return;
                }
                JsonObject looked = Awaitility.await()
                        .atMost(Scene.BOUND)
                        .until(() -> one.call("POST", path + "/verify", null), answer -> answer.status() == 200)
                        .json()
                        .getJsonObject("secretRotation");
                assertThat(looked.getString("stateReason"))
                        .as("whoever has lost the role says so: %s", looked)
                        .isEqualTo("role_already_managed");
            } else {
                settled(path, "secretRotation");
                rotation.assertServedLogsIn(one);
            }
        });
    }

    @Test
    void aManagedConnectionIsReleasedWhileItRotates() {
        race("release x rotate", random -> {
            TestPostgres.Login human = scene.target.role("LOGIN");
            String path = CONNECTIONS + "/" + scene.connection(one, human, true);

            Pair pair = together(
                    random,
                    () -> one.callAsync("POST", path + "/release", null),
                    () -> two.callAsync("POST", path + "/rotate", null));

            JsonObject row = settled(path, "appConnection");
            boolean managed = row.getBoolean("isPlatformManagedCredentials");
            if (pair.first.status() == 200) {
                assertThat(managed).as("managed, though it was released").isFalse();
                JsonObject given = pair.first.json().getJsonObject("releasedCredentials");
                assertThat(scene.target.login(human.role(), given.getString("releasedPassword")))
                        .as("the password that was handed out")
                        .isEqualTo("ok");
            } else if (pair.first.status() == 400) {
                assertThat(managed).as("managed, since the release was refused").isTrue();
            }
            opens(path);
            if (managed) {
                keptPasswordOpens(human.role());
            }
        });
    }

    /** To another address of the same server, or to what else may be changed of a connection that is used. */
    @Test
    void aConnectionIsChangedWhileARotationRotatesThroughIt() {
        race("PATCH x rotate", random -> {
            TestPostgres.Login role = scene.target.role("LOGIN");
            String through = through(scene.manager(), name(role, "m"), false);
            RotationSubject rotation = RotationSubject.create(scene, one, through, random.nextBoolean());
            JsonObject credentials =
                    scene.credentials(scene.manager(), random.nextBoolean() ? "postgres" : "template1");
            if (random.nextBoolean()) {
                credentials.put("port", scene.target.port());
            }
            JsonObject body = new JsonObject().put("credentials", credentials);

            Pair pair = together(
                    random,
                    () -> one.callAsync("PATCH", CONNECTIONS + "/" + through, body),
                    () -> two.callAsync("POST", ROTATIONS + "/" + rotation.id + "/rotate-secrets", null));

            JsonObject shown = one.get(CONNECTIONS + "/" + through)
                    .expect(200)
                    .json()
                    .getJsonObject("appConnection")
                    .getJsonObject("credentials");
            if (pair.first.status() == 200) {
                assertThat(shown.getInteger("port")).as("as answered").isEqualTo(credentials.getInteger("port"));
            }
            settled(ROTATIONS + "/" + rotation.id, "secretRotation");
            rotation.assertServedLogsIn(two);
            opens(CONNECTIONS + "/" + through);
            one.call("POST", ROTATIONS + "/" + rotation.id + "/rotate-secrets", null)
                    .expect(200);
            rotation.assertServedLogsIn(two);
        });
    }

    @Test
    void aRotationRotatesThroughAConnectionThatRotatesItself() {
        race("rotate x rotate of its connection", random -> {
            TestPostgres.Login manager = scene.target.role("LOGIN CREATEROLE");
            String through = through(manager, name(manager, "m"), true);
            RotationSubject rotation =
                    RotationSubject.create(scene, one, through, random.nextBoolean(), new JsonObject(), manager);
            String path = ROTATIONS + "/" + rotation.id;

            together(
                    random,
                    () -> one.callAsync("POST", CONNECTIONS + "/" + through + "/rotate", null),
                    () -> two.callAsync("POST", path + "/rotate-secrets", null));

            settled(CONNECTIONS + "/" + through, "appConnection");
            settled(path, "secretRotation");
            opens(CONNECTIONS + "/" + through);
            keptPasswordOpens(manager.role());
            rotation.assertServedLogsIn(two);
        });
    }

    /** @return the id of a connection */
    private String through(TestPostgres.Login login, String name, boolean managed) {
        JsonObject body = managed(name, login).put("isPlatformManagedCredentials", managed);
        return Awaitility.await()
                .atMost(Scene.BOUND)
                .until(() -> one.post(CONNECTIONS, body), answer -> answer.status() == 200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
    }

    private static Answer byName(ServiceProcess service, JsonObject body) {
        return service.get(ROTATIONS + "/rotation-name/" + body.getString("name") + "?projectId="
                + body.getString("projectId") + "&environment=prod&secretPath=/");
    }

    /** Whose first change failed and could not be taken back in time says so, serves nothing and has changed nothing. */
    private boolean provenOrSaysThatItIsNot(ServiceProcess service, String path) {
        JsonObject row = Awaitility.await()
                .atMost(Scene.BOUND.multipliedBy(3))
                .until(
                        () -> service.get(path).expect(200).json().getJsonObject("secretRotation"),
                        seen -> seen.getString("state").equals("ok")
                                || "no_credentials_yet".equals(seen.getString("stateReason"))
                                        && seen.getString("lastRotationMessage") != null);
        boolean proven = row.getString("state").equals("ok");
        if (proven) {
            servedOpens(service, path);
        } else {
            assertThat(service.get(path + "/generated-credentials").status()).isEqualTo(400);
        }
        return proven;
    }

    private void servedOpens(ServiceProcess service, String path) {
        JsonObject answer =
                service.get(path + "/generated-credentials").expect(200).json();
        JsonObject active = answer.getJsonObject("active");
        assertThat(scene.target.login(active.getString("username"), active.getString("password")))
                .as("login with what is served at %s", path)
                .isEqualTo("ok");
    }

    private static void refusedWhileUnproven(Answer delete) {
        assertThat(delete.status()).as(delete.text()).isIn(400, 503, 504);
    }

    // ---- what must be so

    /** A DELETE that leaves the passwords as they are, beside a rotate. */
    private void released(String path, Pair pair, TestPostgres.Login before, RotationSubject rotation) {
        int deleted = pair.first.status();
        Answer row = one.get(path);
        if (deleted == 200) {
            row.expect(404);
        } else if (deleted == 400 || deleted == 504) {
            row.expect(200);
        }
        if (row.status() == 200) {
            settled(path, "secretRotation");
            rotation.assertServedLogsIn(two);
        }
        assertThat(kept.of(before.role())).as("what is kept").noneMatch(each -> unfinished(each.state()));
        keptPasswordOpens(before.role());
    }

    private void revoked(String path, Pair pair, TestPostgres.Login before, RotationSubject rotation) {
        if (pair.first.status() == 200) {
            Answer row = one.get(path);
            if (row.status() == 200) {
                assertThat(row.json().getJsonObject("secretRotation").getString("state"))
                        .isEqualTo("revoking");
            }
            Awaitility.await()
                    .atMost(Scene.BOUND.multipliedBy(2))
                    .until(() -> one.get(path).status() == 404);
            assertThat(login(before)).as("what was given out").isEqualTo("28P01");
        } else if (one.get(path).status() == 200) {
            JsonObject row = one.get(path).json().getJsonObject("secretRotation");
            if (!row.getString("state").equals("revoking")) {
                settled(path, "secretRotation");
                rotation.assertServedLogsIn(two);
            }
        }
    }

    private static boolean unfinished(VersionState state) {
        return state == VersionState.PENDING || state == VersionState.IN_DOUBT || state == VersionState.APPLIED;
    }

    private void keptPasswordOpens(String role) {
        KeptPasswords.Kept current = kept.of(role).stream()
                .filter(each -> each.state() == VersionState.CURRENT)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no current password of " + role + ": " + kept.of(role)));
        assertThat(scene.target.login(role, current.password()))
                .as("login of %s with the password that the store has; kept: %s", role, kept.of(role))
                .isEqualTo("ok");
    }

    private void opens(String path) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(
                                one.post(path + "/test", new JsonObject()).text())
                        .contains("\"ok\":true"));
    }

    private String login(TestPostgres.Login login) {
        return scene.target.login(login.role(), login.password());
    }

    /** The row once nothing of it is under way. */
    private JsonObject settled(String path, String name) {
        return settled(one, path, name);
    }

    /** A creation that nobody answers any more is gone on with after a minute. */
    private static JsonObject settled(ServiceProcess service, String path, String name) {
        return Awaitility.await()
                .atMost(Scene.BOUND.multipliedBy(3))
                .until(
                        () -> service.get(path).expect(200).json().getJsonObject(name),
                        row -> row.getString("state").equals("ok"));
    }

    // ---- how they race

    private interface Race {
        void run(Random random);
    }

    private record Pair(Answer first, Answer second) {
        List<Answer> both() {
            return List.of(first, second);
        }

        boolean anyIs(int status) {
            return both().stream().anyMatch(each -> each.status() == status);
        }

        boolean areAll(int status) {
            return both().stream().allMatch(each -> each.status() == status);
        }
    }

    private interface Call {
        CompletableFuture<Answer> begin();
    }

    /** Begins both, one of them up to 150 ms later, and returns a second after both were answered. */
    private Pair together(Random random, Call first, Call second) {
        long offset = random.nextInt(4) == 0 ? 0 : random.nextInt(300) - 150;
        CompletableFuture<Answer> a = later(-offset, first);
        CompletableFuture<Answer> b = later(offset, second);
        Pair pair = new Pair(a.join(), b.join());
        for (Answer each : pair.both()) {
            String code = each.status() == 200
                    ? "200"
                    : each.status() + " " + each.json().getString("code");
            synchronized (answers) {
                answers.merge(code, 1, Integer::sum);
            }
            assertThat(each.status() == 200
                            || LOST_THE_RACE.contains(each.json().getString("code")))
                    .as("answer: %s", each.text())
                    .isTrue();
        }
        if (pair.anyIs(200)) {
            won.incrementAndGet();
        }
        ChangeProof.sleep(A_SECOND_LATER);
        return pair;
    }

    private static CompletableFuture<Answer> later(long millis, Call call) {
        return millis <= 0
                ? call.begin()
                : CompletableFuture.runAsync(() -> ChangeProof.sleep(Duration.ofMillis(millis)))
                        .thenCompose(ready -> call.begin());
    }

    private void race(String what, Race race) {
        race(what, EACH_THIRD, race);
    }

    /** @param each one of so many races at least has a 200 */
    private void race(String what, int each, Race race) {
        List<String> faults = new CopyOnWriteArrayList<>();
        long seed = new Random().nextLong();
        ExecutorService lanes = Executors.newFixedThreadPool(LANES);
        try {
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < RACES; i++) {
                Random random = new Random(seed + i);
                int number = i;
                all.add(CompletableFuture.runAsync(
                        () -> {
                            try {
                                race.run(random);
                            } catch (AssertionError | RuntimeException e) {
                                faults.add("race " + number + ": " + e);
                            }
                        },
                        lanes));
            }
            all.forEach(CompletableFuture::join);
        } finally {
            lanes.shutdownNow();
        }
        System.out.println(what + ": " + RACES + " races, " + faults.size() + " faults; answers " + answers);
        assertThat(faults).as("of %d races, seed %d", RACES, seed).isEmpty();
        assertThat(won.get() * each)
                .as(
                        "%s: %d of %d races had a 200; a store that answers nobody proves nothing: %s",
                        what, won.get(), RACES, answers)
                .isGreaterThanOrEqualTo(RACES);
        for (ServiceProcess replica : List.of(one, two)) {
            assertThat(replica.log()).doesNotContain("HR000069").doesNotContain("NullPointerException");
        }
    }

    private static String name(TestPostgres.Login role, String suffix) {
        return role.role().replace('_', '-') + suffix;
    }

    private JsonObject managed(String name, TestPostgres.Login login) {
        return new JsonObject()
                .put("name", name)
                .put("method", "username-and-password")
                .put("isPlatformManagedCredentials", true)
                .put("credentials", scene.credentials(login, "postgres"));
    }
}
