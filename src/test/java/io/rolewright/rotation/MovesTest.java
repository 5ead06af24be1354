package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection that is rotated through leads to other addresses of its server freely; to another server only if that is said. */
@QuarkusTest
class MovesTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres/";

    private static TestPostgres other;

    @BeforeAll
    static void start() {
        other = TestPostgres.own(TestPostgres.NEWEST);
    }

    @AfterAll
    static void stop() {
        other.close();
    }

    /** A rotation of one role, on a server. */
    private static final class Scene {
        final Rotating roles;
        final String id;
        final String role;

        Scene(TestPostgres target) {
            roles = Rotating.on(target);
            role = roles.first.role();
            Map<String, Object> body = roles.body(Rotating.name("moved"));
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", role, "username2", role));
            id = Rotating.created(body);
        }

        Response move(int port, boolean confirmed) {
            Map<String, Object> credentials = new HashMap<>();
            credentials.put("host", "127.0.0.1");
            credentials.put("port", port);
            credentials.put("database", "postgres");
            credentials.put("username", roles.managing.role());
            credentials.put("password", roles.managing.password());
            credentials.put("sslEnabled", false);
            return Api.as()
                    .body(Map.of("credentials", credentials, "confirmAnotherServer", confirmed))
                    .patch(CONNECTIONS + roles.connection);
        }

        /** Managing role and role, as somebody has made them there who knows the names. */
        void make(TestPostgres there, String password) {
            there.sql("CREATE ROLE " + roles.managing.role() + " LOGIN CREATEROLE PASSWORD '"
                    + roles.managing.password() + "'; CREATE ROLE " + role + " LOGIN PASSWORD '" + password + "'");
            Rotating.grant(there, roles.managing, roles.first);
        }

        String served() {
            return Rotating.credentials(id).get(0).get("password");
        }

        String comment(TestPostgres server) {
            return server.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '" + role + "'")
                    .get(0)
                    .getString(0);
        }

        String secret(TestPostgres server) {
            return server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + role + "'")
                    .get(0)
                    .getString(0);
        }
    }

    @Test
    void anotherServerIsLeftAloneUntilThatIsConfirmed() {
        Scene scene = new Scene(TestPostgres.shared(TestPostgres.NEWEST));
        scene.make(other, "theirs");
        String before = Api.as().get(CONNECTIONS + scene.roles.connection).asString();

        scene.move(other.port(), false)
                .then()
                .statusCode(400)
                .body("code", equalTo("leads_to_another_server"))
                .body("message", containsString("confirmAnotherServer"))
                .body("details.roles[0]", equalTo(scene.role));

        assertThat(Api.as().get(CONNECTIONS + scene.roles.connection).asString())
                .isEqualTo(before);
        Rotating.rotateAtOnce(scene.id).then().statusCode(200);
        assertThat(scene.roles.loginAsServed(scene.id)).isEqualTo("ok");
        assertThat(other.login(scene.role, "theirs")).isEqualTo("ok");
        assertThat(scene.comment(other)).isNull();

        Response confirmed = scene.move(other.port(), true);
        assertThat(confirmed.statusCode()).as(confirmed.asString()).isEqualTo(200);
        assertThat(TestStore.sql("SELECT facts->>'anotherServerConfirmed' FROM audit_event WHERE request_id = '"
                                + confirmed.header("X-Request-Id") + "' AND type = 'update-app-connection'")
                        .get(0)
                        .getString(0))
                .isEqualTo("true");
        Rotating.rotateAtOnce(scene.id).then().statusCode(200);
        assertThat(other.login(scene.role, scene.served())).isEqualTo("ok");
    }

    private static Response confirm(Scene scene) {
        Response answer =
                Api.as().body(Map.of("confirmAnotherServer", true)).patch(CONNECTIONS + scene.roles.connection);
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
        return answer;
    }

    private static String confirmed(Response answer) {
        return TestStore.sql("SELECT facts->>'anotherServerConfirmed' FROM audit_event WHERE request_id = '"
                        + answer.header("X-Request-Id") + "' AND type = 'update-app-connection'")
                .get(0)
                .getString(0);
    }

    private static void runDue() {
        Api.as()
                .queryParam("budgetSeconds", 20)
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200);
    }

    /** One name that leads to another server from now on: said once, and not for each rotation. */
    @Test
    void aServerThatTookThePlaceOfAnotherIsConfirmedOnceForAllThatIsRotatedThroughTheConnection() throws Exception {
        TestPostgres former = TestPostgres.shared(TestPostgres.NEWEST);
        try (TcpProxy proxy = TcpProxy.to(former)) {
            Scene scene = new Scene(former);
            scene.move(proxy.port(), false).then().statusCode(200);
            Login second = former.role("LOGIN");
            Rotating.grant(former, scene.roles.managing, second);
            Map<String, Object> body = scene.roles.body(Rotating.name("beside"));
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", second.role(), "username2", second.role()));
            String beside = Rotating.created(body);
            Rotating.rotateAtOnce(scene.id).then().statusCode(200);
            Rotating.rotateAtOnce(beside).then().statusCode(200);
            scene.make(other, "theirs");
            other.sql("CREATE ROLE " + second.role() + " LOGIN PASSWORD 'theirs'");
            Rotating.grant(other, scene.roles.managing, second);
            String oids = "SELECT role_oid FROM managed_role WHERE owner_id IN ('" + scene.id + "', '" + beside + "')";

            assertThat(confirmed(confirm(scene)))
                    .as("there is nothing to confirm")
                    .isNull();
            assertThat(TestStore.sql(oids)).allMatch(row -> row.getLong(0) != null);
            proxy.redirect(other);
            Rotating.rotateAtOnce(scene.id).then().statusCode(400).body("details.reason", equalTo("server_replaced"));
            Rotating.rotateAtOnce(beside).then().statusCode(400).body("details.reason", equalTo("server_replaced"));
            assertThat(other.login(second.role(), "theirs")).isEqualTo("ok");

            assertThat(confirmed(confirm(scene))).isEqualTo("true");
            runDue();

            assertThat(other.login(scene.role, scene.served())).isEqualTo("ok");
            assertThat(other.login(
                            second.role(), Rotating.credentials(beside).get(0).get("password")))
                    .isEqualTo("ok");
            Rotating.rotateAtOnce(beside).then().statusCode(200);
            Rotating.read(beside).body("secretRotation.status", equalTo("ok"));
        }
    }

    /** Also where the server keeps its identifier to itself: it sees the lock that is taken through the other address. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anotherAddressOfTheSameServerIsTaken(boolean identified) throws Exception {
        Scene scene = new Scene(other);
        String access = " EXECUTE ON FUNCTION pg_control_system() ";
        try (TcpProxy proxy = TcpProxy.to(other)) {
            if (!identified) {
                other.sql("REVOKE" + access + "FROM PUBLIC");
                TestStore.sql("UPDATE managed_role SET role_server = NULL WHERE owner_id = '" + scene.id + "'");
            }
            scene.move(proxy.port(), false).then().statusCode(200);
        } finally {
            other.sql("GRANT" + access + "TO PUBLIC");
        }
        scene.move(other.port(), false).then().statusCode(200); // nobody answers at the former address any more
        Rotating.rotateAtOnce(scene.id).then().statusCode(200);
        assertThat(scene.roles.loginAsServed(scene.id)).isEqualTo("ok");
    }

    /** It has the same identifier, roles, numbers, markers and passwords, and is another server. */
    @Test
    void aCloneIsNotTheSameServer() {
        try (TestPostgres original = TestPostgres.own(TestPostgres.NEWEST)) {
            Scene scene = new Scene(original);
            try (TestPostgres clone = original.copy()) {
                scene.move(clone.port(), false).then().statusCode(400).body("code", equalTo("leads_to_another_server"));

                original.server().stop();
                scene.move(clone.port(), false).then().statusCode(200); // what is left of it
                Rotating.rotateAtOnce(scene.id).then().statusCode(200);
                assertThat(clone.login(scene.role, scene.served())).isEqualTo("ok");
                original.server().start();
            }
        }
    }

    /** As after pg_upgrade, or a dump that was restored: another identifier, the same markers and secrets. */
    @ParameterizedTest
    @ValueSource(strings = {"", "ALTER ROLE %s PASSWORD 'theirs'", "COMMENT ON ROLE %s IS NULL"})
    void aServerThatHasOurMarkersAndPasswordsIsTaken(String without) {
        Scene scene = new Scene(TestPostgres.shared(TestPostgres.NEWEST));
        scene.make(other, "x");
        other.sql("ALTER ROLE " + scene.role + " PASSWORD '" + scene.secret(scene.roles.target) + "'; COMMENT ON ROLE "
                + scene.role + " IS '" + scene.comment(scene.roles.target) + "'");
        if (!without.isEmpty()) {
            other.sql(without.formatted(scene.role));
        }

        scene.move(other.port(), false).then().statusCode(without.isEmpty() ? 200 : 400);

        Rotating.rotateAtOnce(scene.id).then().statusCode(200);
        TestPostgres there = without.isEmpty() ? other : scene.roles.target;
        assertThat(there.login(scene.role, scene.served())).isEqualTo("ok");
    }

    /** The change is on the former server as a whole, and the move waits for it. */
    @Test
    void aMoveWaitsForAChangeThatIsUnderWay() {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        try (TcpProxy way = TcpProxy.to(target)) {
            Scene scene = new Scene(target);
            scene.make(other, "theirs");
            scene.move(way.port(), false).then().statusCode(200);
            AtomicReference<Response> moved = new AtomicReference<>();
            way.before(message -> message.request() && message.sql().contains("DO $"), () -> {
                moved.set(scene.move(other.port(), true));
                return Fate.PASS;
            });

            Rotating.rotateAtOnce(scene.id).then().statusCode(200);

            moved.get().then().statusCode(400).body("code", equalTo("rotation_in_progress"));
            assertThat(target.login(scene.role, scene.served())).isEqualTo("ok");
            assertThat(other.login(scene.role, "theirs")).isEqualTo("ok");
            scene.move(other.port(), true).then().statusCode(200);
        }
    }
}
