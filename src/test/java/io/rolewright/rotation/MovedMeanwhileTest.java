package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.sealing.Resealed;
import io.rolewright.sealing.SealedRow;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What is found on a server is written down about that server: a connection that is moved, deleted or begun to be used by another request
 * at the same time is never rotated through on a server that nobody has looked at.
 */
@QuarkusTest
class MovedMeanwhileTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static TestPostgres his;

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    @BeforeAll
    static void start() {
        his = TestPostgres.own(TestPostgres.NEWEST);
    }

    @AfterAll
    static void stop() {
        his.close();
    }

    /** A connection of a project that leads to the shared server, an operator of the project, and a role of the same name on his server. */
    private final class Scene implements AutoCloseable {
        final TcpProxy way = TcpProxy.to(target);
        final TcpProxy hisWay = TcpProxy.to(his);
        final String project = Identities.project();
        final Somebody operator = Identities.in(project, "operator");
        final Login managing = target.role("LOGIN CREATEROLE");
        final Login role = target.role("LOGIN");
        final Login own = his.role("LOGIN SUPERUSER");
        final String connection;

        Scene() {
            Rotating.grant(target, managing, role);
            his.sql("CREATE ROLE " + role.role() + " LOGIN PASSWORD 'theirs'");
            Map<String, Object> body = new HashMap<>();
            body.put("name", Rotating.name("moved"));
            body.put("method", "username-and-password");
            body.put("projectId", project);
            body.put("credentials", credentials(way.port(), managing));
            connection = Api.as()
                    .body(body)
                    .post(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
        }

        private Map<String, Object> credentials(int port, Login login) {
            return Map.of(
                    "host",
                    "127.0.0.1",
                    "port",
                    port,
                    "database",
                    "postgres",
                    "username",
                    login.role(),
                    "password",
                    login.password(),
                    "sslEnabled",
                    false);
        }

        Response move() {
            return operator.as()
                    .body(Map.of("credentials", credentials(hisWay.port(), own)))
                    .patch(CONNECTIONS + "/" + connection);
        }

        Map<String, Object> rotation() {
            String name = Rotating.name("rotation");
            Map<String, Object> body = new HashMap<>();
            body.put("name", name);
            body.put("projectId", project);
            body.put("connectionId", connection);
            body.put("environment", "production");
            body.put("secretPath", "/" + name);
            body.put("rotationInterval", 30);
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", role.role()));
            body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
            return body;
        }

        boolean hisIsUntouched() {
            return his.login(role.role(), "theirs").equals("ok");
        }

        @Override
        public void close() {
            way.close();
            hisWay.close();
        }
    }

    private static void assertCode(Response answer, int status, String code) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(status);
        assertThat(answer.<String>path("code")).isEqualTo(code);
    }

    @Test
    void aConnectionThatIsMovedWhileItsServerIsLookedAtIsNotRotatedThrough() {
        try (Scene scene = new Scene()) {
            AtomicReference<Response> moved = new AtomicReference<>();
            TcpProxy.Sighting looked = scene.way.before(TcpProxy.request("ALTER ROLE"), () -> {
                moved.set(scene.move());
                return Fate.PASS;
            });

            Response made = Rotating.post(scene.rotation());

            assertThat(looked.happensWithin(Duration.ZERO)).isTrue();
            assertThat(moved.get().statusCode()).isEqualTo(200);
            assertCode(made, 400, "changed_meanwhile");
            assertThat(scene.hisIsUntouched()).isTrue();
            assertThat(target.login(scene.role.role(), scene.role.password())).isEqualTo("ok");
            Api.as()
                    .get(CONNECTIONS + "/" + scene.connection + "/usage")
                    .then()
                    .statusCode(200)
                    .body("usage.size()", equalTo(0));
        }
    }

    @Test
    void aConnectionThatIsRotatedThroughSinceItsNewServerWasLookedAtIsNotMoved() {
        try (Scene scene = new Scene()) {
            AtomicReference<Response> made = new AtomicReference<>();
            TcpProxy.Sighting looked =
                    scene.hisWay.after(TcpProxy.loggedIn(), () -> made.set(Rotating.post(scene.rotation())));

            Response moved = scene.move();

            assertThat(looked.happensWithin(Duration.ZERO)).isTrue();
            assertThat(made.get().statusCode()).as(made.get().asString()).isEqualTo(200);
            assertCode(moved, 403, "permission_denied");
            assertThat(scene.hisIsUntouched()).isTrue();
        }
    }

    /** An admin may rotate on the new server once the connection leads there; but not on the one that he was shown before. */
    @Test
    void ofARotationAndAMoveAtTheSameMomentEachIsAboutOneServer() {
        Random random = new Random();
        for (int i = 0; i < 10; i++) {
            try (Scene scene = new Scene()) {
                TcpProxy.Sighting looked = scene.way.always(TcpProxy.request("ALTER ROLE"), () -> Fate.PASS);
                long pause = random.nextInt(150);
                CompletableFuture<Response> moving = CompletableFuture.supplyAsync(
                        scene::move, CompletableFuture.delayedExecutor(pause, TimeUnit.MILLISECONDS));

                Response made = Rotating.post(scene.rotation());

                Response moved = moving.join();
                String what = "after " + pause + " ms: " + moved.asString() + " and " + made.asString();
                assertThat(moved.statusCode()).as(what).isIn(200, 403);
                assertThat(made.statusCode()).as(what).isIn(200, 400);
                if (moved.statusCode() == 403) {
                    assertThat(made.statusCode()).as(what).isEqualTo(200);
                }
                if (moved.statusCode() == 200 && looked.times() > 0) {
                    assertThat(made.statusCode()).as(what).isEqualTo(400);
                    assertThat(made.<String>path("code")).isEqualTo("changed_meanwhile");
                    assertThat(scene.hisIsUntouched()).as(what).isTrue();
                }
            }
        }
    }

    // ---- Deletes ---------------------------------------------------------------------------------------------------

    /** As an older build beside this one does, which does not hold the connection that it writes a rotation for. */
    @Test
    void aConnectionThatARotationBeginsToUseIsNotDeleted() {
        Rotating roles = Rotating.on(target);
        String rotation = roles.created();
        String connection = Rotating.connection(target, target.role("LOGIN CREATEROLE"));
        String name = Rotating.name("another");
        String copy = "written_" + UUID.randomUUID().toString().replace("-", "");
        TestStore.sql("CREATE TABLE " + copy + " AS SELECT * FROM secret_rotation WHERE id = '" + rotation
                + "'; ALTER TABLE "
                + copy + " DROP COLUMN row_seal_key_id; UPDATE " + copy + " SET id = gen_random_uuid(), name = '" + name
                + "', connection_id = '" + connection + "'");
        TestStore.sql("UPDATE " + copy + " SET row_seal = " + Resealed.sealOf(SealedRow.ROTATION, copy));
        // By name: the copy lacks the column that PostgreSQL fills itself.
        String columns = TestStore.sql(
                        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
                                + " WHERE table_name = '" + copy + "'")
                .get(0)
                .getString(0);
        CompletableFuture<?> written = pausing(
                "INSERT INTO secret_rotation (" + columns + ") SELECT " + columns + " FROM " + copy + "; DROP TABLE "
                        + copy,
                2);

        Response deleted = Api.as().delete(CONNECTIONS + "/" + connection);

        written.join();
        assertCode(deleted, 400, "connection_in_use");
        assertThat(deleted.<String>path("details.usedBy[0].name")).isEqualTo(name);
        TestStore.sql("DELETE FROM secret_rotation WHERE name = '" + name + "'");
        Api.as().delete(CONNECTIONS + "/" + connection).then().statusCode(200);
    }

    @Test
    void aConnectionIsNotMadeInAProjectThatIsDeleted() {
        String project = Identities.project();
        CompletableFuture<?> deleting = pausing("DELETE FROM project WHERE id = '" + project + "'", 2);
        Login login = target.role("LOGIN");

        Response made = Api.as()
                .body(Map.of(
                        "name",
                        Rotating.name("late"),
                        "method",
                        "username-and-password",
                        "projectId",
                        project,
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                target.port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                login.password(),
                                "sslEnabled",
                                false)))
                .post(CONNECTIONS);

        deleting.join();
        assertCode(made, 400, "changed_meanwhile");
    }

    @Test
    void ofADeleteAndARotationAtTheSameMomentOneIsRefused() {
        Random random = new Random();
        for (int i = 0; i < 10; i++) {
            Rotating roles = Rotating.on(target);
            Map<String, Object> rotation = roles.body(Rotating.name("rotation"));
            long pause = random.nextInt(150);
            CompletableFuture<Response> deleting = CompletableFuture.supplyAsync(
                    () -> Api.as().delete(CONNECTIONS + "/" + roles.connection),
                    CompletableFuture.delayedExecutor(pause, TimeUnit.MILLISECONDS));

            Response made = Rotating.post(rotation);

            Response deleted = deleting.join();
            String what = "after " + pause + " ms: " + deleted.asString() + " and " + made.asString();
            assertThat(deleted.statusCode()).as(what).isIn(200, 400);
            if (deleted.statusCode() == 200) {
                assertThat(made.statusCode()).as(what).isIn(400, 404);
            } else {
                assertThat(deleted.<String>path("code")).as(what).isEqualTo("connection_in_use");
                assertThat(made.statusCode()).as(what).isEqualTo(200);
            }
        }
    }

    // ---- What was answered -----------------------------------------------------------------------------------------

    /**
     * The deadline comes while the creation is taken back, which waits for somebody who holds one of its rows. No statement may wait for
     * more than five seconds, so the failure before it is written down late, too.
     */
    @Test
    void aCreationThatIsTakenBackIsNotAnsweredAsInDoubt() {
        Rotating roles = Rotating.on(target);
        try (TcpProxy way = TcpProxy.to(target)) {
            Map<String, Object> body = roles.body(Rotating.name("undone"));
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", roles.first.role()));
            body.put("connectionId", Rotating.connection(way.port(), roles.managing));
            String named = " WHERE name = '" + body.get("name") + "'";
            List<CompletableFuture<?>> locks = new CopyOnWriteArrayList<>();
            long start = System.nanoTime();
            long end = start + Duration.ofMillis(9_250).toNanos();
            TcpProxy.Sighting refused = way.before(
                    message -> message.request()
                            && message.type() != 'P'
                            && message.sql().contains("ALTER ROLE")
                            && !TestStore.sql("SELECT 1 FROM secret_rotation" + named)
                                    .isEmpty(),
                    () -> {
                        target.sql("REVOKE " + roles.first.role() + " FROM " + roles.managing.role());
                        locks.add(holding(
                                "SELECT 1 FROM managed_role WHERE id IN (SELECT role1_id FROM secret_rotation" + named
                                        + ") FOR UPDATE",
                                (System.nanoTime() + end) / 2));
                        locks.add(holding(
                                "SELECT 1 FROM rotation_secret WHERE rotation_id IN (SELECT id FROM secret_rotation"
                                        + named + ") FOR UPDATE",
                                end));
                        return Fate.PASS;
                    });

            Response made = Rotating.post(body);

            long millis = Duration.ofNanos(System.nanoTime() - start).toMillis();
            assertThat(refused.happensWithin(Duration.ZERO)).isTrue();
            locks.forEach(CompletableFuture::join);
            assertThat(millis).as("the deadline has come").isGreaterThan(8_900);
            assertThat(made.statusCode()).as(made.asString()).isIn(400, 503);
            assertThat(made.<String>path("code")).isIn("rotation_failed", "not_in_time");
            Awaitility.await()
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> TestStore.sql("SELECT 1 FROM secret_rotation" + named)
                            .isEmpty());
        }
    }

    /** Returns once a transaction of the store is in the pause that follows a statement. @param until by {@code System.nanoTime()} */
    private static CompletableFuture<?> holding(String statement, long until) {
        double seconds = (until - System.nanoTime()) / 1e9;
        return pausing(statement, seconds);
    }

    private static CompletableFuture<?> pausing(String statement, double seconds) {
        String mark = TestPostgres.uniqueName("pause");
        // The mark comes first: the server shows no more than the beginning of a statement.
        CompletableFuture<?> done = CompletableFuture.runAsync(() ->
                TestStore.sql("/* " + mark + " */ BEGIN; " + statement + "; SELECT pg_sleep(" + seconds + "); COMMIT"));
        Awaitility.await().until(() -> {
            if (done.isCompletedExceptionally()) {
                done.join(); // says why it never paused
            }
            return !TestStore.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%" + mark
                            + "%' AND pid <> pg_backend_pid()")
                    .isEmpty();
        });
        return done;
    }
}
