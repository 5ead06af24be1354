package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Somebody asks for a look now: what can be healed is, and the rest is said. */
@QuarkusTest
class VerifyTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static Response verify(String id) {
        return Api.as().post(Rotating.BASE + "/" + id + "/verify");
    }

    private static Instant at(Response response, String path) {
        return Instant.parse(response.then().statusCode(200).extract().path(path));
    }

    @Test
    void saysWhenTheServedPasswordWasLastSeenToBeValid() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = roles.created();
        TestStore.sql("UPDATE managed_role SET verified_at = now() - interval '1 day' WHERE owner_id = '" + id + "'");
        Instant before = at(Api.as().get(Rotating.BASE + "/" + id), "secretRotation.verifiedAt");
        assertThat(before).isBefore(Instant.now().minusSeconds(3600));

        Response verified = verify(id);

        verified.then().body("secretRotation.state", equalTo("ok"));
        assertThat(at(verified, "secretRotation.verifiedAt"))
                .isAfter(Instant.now().minusSeconds(600));
    }

    @Test
    void putsTheServedPasswordBackWhereTheServerWentBack() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role(), "username2", roles.first.role()));
        String id = Rotating.created(body);
        String first = Rotating.credentials(id).get(0).get("password");
        Rotating.rotate(id).then().statusCode(200);
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD '" + first + "'");

        verify(id).then().statusCode(200).body("secretRotation.state", equalTo("ok"));

        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        assertThat(roles.target.login(roles.first.role(), first)).isEqualTo("28P01");
    }

    @Test
    void saysWhatStandsInTheWay() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = roles.created();
        Instant before = at(verify(id), "secretRotation.verifiedAt");
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'set by a human'");

        Response refused = verify(id);

        refused.then()
                .statusCode(200)
                .body("secretRotation.state", equalTo("parked"))
                .body("secretRotation.stateReason", equalTo("changed_by_third_party"));
        assertThat(at(refused, "secretRotation.verifiedAt")).isEqualTo(before);
        assertThat(roles.target.login(roles.first.role(), "set by a human")).isEqualTo("ok");
    }

    /** In doubt for ever, as its server is gone for good. */
    @Test
    void whatIsInDoubtOnAServerThatIsGoneCanBeAbandoned() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        try (TcpProxy proxy = TcpProxy.to(roles.target)) {
            Map<String, Object> body = roles.body(Rotating.name("rotation"));
            body.put("connectionId", Rotating.connection(proxy.port(), roles.managing));
            String id = Rotating.created(body);
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return TcpProxy.Fate.CUT;
            });
            Rotating.rotate(id).then().statusCode(504);
            String one = Rotating.BASE + "/" + id;
            Api.as().delete(one).then().statusCode(504).body("code", equalTo("rotation_in_doubt"));
            Api.as()
                    .queryParams("abandon", "true", "revokeGeneratedCredentials", "true")
                    .delete(one)
                    .then()
                    .statusCode(422);

            Api.as().queryParam("abandon", "true").delete(one).then().statusCode(200);

            Api.as().get(one).then().statusCode(404);
            assertThat(Api.as()
                            .queryParam("subjectId", id)
                            .get("/api/v1/audit-events")
                            .then()
                            .statusCode(200)
                            .extract()
                            .asString())
                    .contains("\"abandon\":true");
        }
    }

    @Test
    void looksAtAManagedConnection() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("managed"));
        body.put("method", "username-and-password");
        body.put("isPlatformManagedCredentials", true);
        body.put(
                "credentials",
                Map.of(
                        "host",
                        server.host(),
                        "port",
                        server.port(),
                        "database",
                        "postgres",
                        "username",
                        login.role(),
                        "password",
                        login.password(),
                        "sslEnabled",
                        false));
        String id = Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .body("appConnection.rotation.verifiedAt", notNullValue())
                .extract()
                .path("appConnection.id");
        server.sql("ALTER ROLE " + login.role() + " PASSWORD '" + login.password() + "'");

        Api.as()
                .post(CONNECTIONS + "/" + id + "/verify")
                .then()
                .statusCode(200)
                .body("appConnection.state", equalTo("ok"));

        assertThat(server.login(login.role(), login.password()))
                .as("the server went back to before it was managed")
                .isEqualTo("28P01");
        Api.as()
                .post(CONNECTIONS + "/" + Rotating.on(TestPostgres.NEWEST).connection + "/verify")
                .then()
                .statusCode(400)
                .body("code", equalTo("not_managed"));
    }

    /** Seconds until the roles of an owner are looked at by themselves; the first of them that is. */
    private static double untilTheNextLook(String owner) {
        return TestStore.sql(
                        "SELECT extract(epoch FROM min(due_at) - now())::float8 FROM managed_role WHERE owner_id = '"
                                + owner + "'")
                .get(0)
                .getDouble(0);
    }

    @Test
    void howSoonItIsLookedAtAgainIsSetForEachRotation() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("lookIntervalMinutes", 5);
        String id = Rotating.created(body);
        String one = Rotating.BASE + "/" + id;
        Api.as().get(one).then().body("secretRotation.lookIntervalMinutes", equalTo(5));
        assertThat(untilTheNextLook(id)).isBetween(200.0, 300.0);

        Api.as()
                .body(Map.of("lookIntervalMinutes", 1))
                .patch(one)
                .then()
                .statusCode(200)
                .body("secretRotation.lookIntervalMinutes", equalTo(1));
        assertThat(untilTheNextLook(id)).as("sooner at once").isBetween(0.0, 60.0);

        Api.as().body(Map.of("lookIntervalMinutes", 30)).patch(one).then().statusCode(200);
        verify(id).then().statusCode(200).body("secretRotation.lookIntervalMinutes", equalTo(30));
        assertThat(untilTheNextLook(id)).isBetween(1500.0, 1800.0);
        for (int wrong : new int[] {0, 1441}) {
            Api.as()
                    .body(Map.of("lookIntervalMinutes", wrong))
                    .patch(one)
                    .then()
                    .statusCode(422);
        }
        Api.as()
                .get(Rotating.BASE + "/" + Rotating.on(TestPostgres.NEWEST).created())
                .then()
                .body("secretRotation.lookIntervalMinutes", nullValue());
    }

    @Test
    void howSoonItIsLookedAtAgainIsSetForEachManagedConnection() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("managed"));
        body.put("method", "username-and-password");
        body.put("lookIntervalMinutes", 5);
        body.put(
                "credentials",
                Map.of(
                        "host",
                        "127.0.0.1",
                        "port",
                        server.port(),
                        "database",
                        "postgres",
                        "username",
                        login.role(),
                        "password",
                        login.password(),
                        "sslEnabled",
                        false));
        Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("lookIntervalMinutes")));
        body.put("isPlatformManagedCredentials", true);

        Response made = Api.as().body(body).post(CONNECTIONS);

        made.then().statusCode(200).body("appConnection.rotation.lookIntervalMinutes", equalTo(5));
        String id = made.path("appConnection.id");
        assertThat(untilTheNextLook(id)).isBetween(200.0, 300.0);
        Api.as()
                .body(Map.of("lookIntervalMinutes", 2))
                .patch(CONNECTIONS + "/" + id)
                .then()
                .statusCode(200)
                .body("appConnection.rotation.lookIntervalMinutes", equalTo(2));
        assertThat(untilTheNextLook(id)).isBetween(0.0, 120.0);
    }
}
