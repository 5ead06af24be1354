package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.oneOf;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.PgBouncer;
import io.rolewright.testing.PgPool;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Real poolers between us and the server, and between consumers and the server. {@code -Dpgbouncer} and {@code -Dpgpool} name their executables. */
@QuarkusTest
@EnabledIfSystemProperty(
        named = "pgbouncer",
        matches = ".+",
        disabledReason = "PgBouncer comes from Debian's packages: CI's step postgres installs it")
class PoolerTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    /** It would let the old password in until it is told of the new one, and its sessions were opened with the old one. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void noPasswordIsChangedThroughIt(int major) {
        TestPostgres server = TestPostgres.shared(major);
        Rotating roles = Rotating.on(major);
        for (String mode : List.of("session", "transaction")) {
            for (String asks : List.of("scram-sha-256", "md5", "plain", "trust")) {
                Login[] all = {roles.managing, roles.first, roles.second};
                try (PgBouncer pooler = PgBouncer.before(server, mode, asks, all)) {
                    String connection = connected(pooler.port(), roles.managing);
                    if (connection != null) {
                        assertSaysSo(connection);
                    }
                    assertNothingIsChanged(roles, pooler.port(), connection);
                }
                assertUntouched(roles);
            }
        }
    }

    private static void assertSaysSo(String connection) {
        Api.as()
                .body(Map.of())
                .post(CONNECTIONS + "/" + connection + "/test")
                .then()
                .statusCode(200)
                .body("report.ok", equalTo(true))
                .body("report.steps.find { it.name == 'login' }.reason", equalTo("pooler_in_between"))
                .body("report.role.passwordProven", equalTo(false))
                .body("report.role.proof", equalTo("pooled"));
    }

    /** pgpool-II passes on the process id of the server's session, by which others are found. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    @EnabledIfSystemProperty(named = "pgpool", matches = ".+")
    void norThroughPgpool(int major) {
        TestPostgres server = TestPostgres.shared(major);
        Rotating roles = Rotating.on(major);
        for (String asks : List.of("scram-sha-256", "md5", "trust")) {
            try (PgPool pooler = PgPool.before(server, asks, roles.managing, roles.first, roles.second)) {
                assertNothingIsChanged(roles, pooler.port(), connected(pooler.port(), roles.managing));
            }
            assertUntouched(roles);
        }
    }

    /** One that was put there after a rotation was made. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void theRehearsalAndTheRotationSayTheSameOfIt(int major) {
        TestPostgres server = TestPostgres.shared(major);
        Rotating roles = Rotating.on(major);
        try (TcpProxy way = TcpProxy.to(server);
                PgBouncer pooler = PgBouncer.before(
                        server, "session", "scram-sha-256", roles.managing, roles.first, roles.second)) {
            Map<String, Object> body = roles.body(Rotating.name("rotation"));
            body.put("connectionId", connected(way.port(), roles.managing));
            String rotation = Rotating.created(body);
            way.redirect(pooler.port());
            Rotating.assertSameReason(rotation, "pooler_in_between");
            way.redirect(server);
            Api.as().delete(Rotating.BASE + "/" + rotation).then().statusCode(200);
        }
    }

    /** @return null where it is refused */
    private static String connected(int port, Login login) {
        Response made = Api.as().body(connection(port, login, Map.of())).post(CONNECTIONS);
        return made.statusCode() == 200 ? made.path("appConnection.id") : null;
    }

    /** @param connection null where there can be none, as the pooler asks for the password in another form than SCRAM */
    private static void assertNothingIsChanged(Rotating roles, int port, String connection) {
        if (connection != null) {
            Map<String, Object> body = roles.body(Rotating.name("pooled"));
            body.put("connectionId", connection);
            Response preflight = Api.as().body(body).post(Rotating.BASE + "/preflight");
            preflight.then().statusCode(200).body("preflight.ok", equalTo(false));
            Response made = Rotating.post(body);
            made.then().statusCode(400).body("code", oneOf("pooler_in_between", "password_not_asked"));
            assertThat(preflight.<List<String>>path("preflight.roles.problems.code.flatten()"))
                    .contains(made.<String>path("code"));
        }
        Response managed = Api.as()
                .body(connection(port, roles.first, Map.of("isPlatformManagedCredentials", true)))
                .post(CONNECTIONS);
        managed.then().statusCode(400);
        if (connection != null) {
            assertThat(List.of(managed.<String>path("code"), String.valueOf(managed.<String>path("details.reason"))))
                    .containsAnyOf("pooler_in_between", "password_not_asked");
        }
    }

    private static void assertUntouched(Rotating roles) {
        for (Login each : List.of(roles.managing, roles.first, roles.second)) {
            assertThat(roles.target.login(each.role(), each.password())).isEqualTo("ok");
        }
        assertThat(roles.target
                        .sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
                                + roles.first.role() + "'")
                        .get(0)
                        .getString(0))
                .isNull();
    }

    /** Consumers behind it go on: the line that we give for {@code userlist.txt} holds the server's own SCRAM secret. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void consumersBehindItGetInAfterAReloadAndKeepTheirSessions(int major) {
        TestPostgres server = TestPostgres.shared(major);
        Rotating roles = Rotating.on(major);
        String rotation = roles.created();
        try (PgBouncer pooler = PgBouncer.before(server, "session", "scram-sha-256")) {
            pooler.users(line(rotation));
            Map<String, String> before = active(rotation);
            try (PgBouncer.Consumer consumer = pooler.consumer(before.get("username"), before.get("password"))) {
                assertThat(consumer.currentUser()).isEqualTo(before.get("username"));

                Rotating.rotateAtOnce(rotation).then().statusCode(200);
                Map<String, String> after = active(rotation);
                assertThat(after.get("username")).isNotEqualTo(before.get("username"));
                pooler.users(line(rotation));

                try (PgBouncer.Consumer next = pooler.consumer(after.get("username"), after.get("password"))) {
                    assertThat(next.currentUser()).isEqualTo(after.get("username"));
                }
                assertThat(consumer.currentUser()).as("the session from before").isEqualTo(before.get("username"));
            }
        }
    }

    private static String line(String rotation) {
        return Api.as()
                .queryParam("format", "pgbouncer")
                .get(Rotating.BASE + "/" + rotation + "/active")
                .then()
                .statusCode(200)
                .extract()
                .asString()
                .strip();
    }

    private static Map<String, String> active(String rotation) {
        return Api.as()
                .get(Rotating.BASE + "/" + rotation + "/active")
                .then()
                .statusCode(200)
                .extract()
                .path("");
    }

    private static Map<String, Object> connection(int port, Login login, Map<String, Object> more) {
        Map<String, Object> body = new HashMap<>(more);
        body.put("name", Rotating.name("pooled"));
        body.put("method", "username-and-password");
        body.put(
                "credentials",
                Map.of(
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
                        false));
        return body;
    }
}
