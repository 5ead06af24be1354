package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.PgBouncer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A real PgBouncer between us and the server, and between consumers and the server. {@code -Dpgbouncer} names its executable. */
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
        try (PgBouncer pooler = PgBouncer.before(server, "transaction", roles.managing, roles.first, roles.second)) {
            String connection = Api.as()
                    .body(connection(pooler.port(), roles.managing, Map.of()))
                    .post(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
            Api.as()
                    .body(Map.of())
                    .post(CONNECTIONS + "/" + connection + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.ok", equalTo(true))
                    .body("report.steps.find { it.name == 'login' }.reason", equalTo("pooler_in_between"))
                    .body("report.role.passwordProven", equalTo(false))
                    .body("report.role.proof", equalTo("pooled"));

            Map<String, Object> body = roles.body(Rotating.name("pooled"));
            body.put("connectionId", connection);
            Rotating.post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("pooler_in_between"))
                    .body("message", containsString("address of the server itself"));
            Api.as()
                    .body(body)
                    .post(Rotating.BASE + "/preflight")
                    .then()
                    .statusCode(200)
                    .body("preflight.roles[0].problems.code", hasItem("pooler_in_between"));
            Api.as()
                    .body(connection(pooler.port(), roles.first, Map.of("isPlatformManagedCredentials", true)))
                    .post(CONNECTIONS)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("pooler_in_between"));
        }
        assertThat(server.login(roles.first.role(), roles.first.password())).isEqualTo("ok");
        assertThat(server.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
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
        try (PgBouncer pooler = PgBouncer.before(server, "session")) {
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
