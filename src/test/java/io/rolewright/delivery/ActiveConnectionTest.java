package io.rolewright.delivery;

import static io.restassured.RestAssured.given;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.emptyOrNullString;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import io.vertx.pgclient.PgConnectOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The password of a managed connection, for programs that log in as its role and follow its changes. */
@QuarkusTest
class ActiveConnectionTest {

    private static final String BASE = "/api/v1/app-connections/postgres";

    private final TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
    private final Login login = server.role("LOGIN");

    private String connection(boolean managed) {
        Map<String, Object> credentials = new HashMap<>(Map.of(
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
        return Api.as()
                .body(Map.of(
                        "name",
                        TestPostgres.uniqueName("active").replace('_', '-'),
                        "method",
                        "username-and-password",
                        "isPlatformManagedCredentials",
                        managed,
                        "credentials",
                        credentials))
                .post(BASE)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static String active(String id) {
        return BASE + "/" + id + "/active";
    }

    private static void rotate(String id) {
        Api.as().post(BASE + "/" + id + "/rotate").then().statusCode(200);
    }

    private static Response waitFor(String path, long version) {
        return Api.as().queryParams("waitForVersion", version, "timeout", 60).get(path);
    }

    @Test
    void givesThePasswordThatTheServerTakesInEveryFormat() {
        String id = connection(true);

        Response json = Api.as().get(active(id));
        json.then()
                .statusCode(200)
                .header("Cache-Control", equalTo("no-store"))
                .body("connectionId", equalTo(id))
                .body("credentialVersion", equalTo(2))
                .body("username", equalTo(login.role()))
                .body("host", equalTo(server.host()))
                .body("port", equalTo(server.port()));
        String password = json.path("password");
        assertThat(server.login(login.role(), password)).isEqualTo("ok");
        String uri = Api.as().queryParam("format", "uri").get(active(id)).asString();
        assertThat(PgConnectOptions.fromUri(uri.strip()).getPassword()).isEqualTo(password);
        assertThat(Api.as().queryParam("format", "pgbouncer").get(active(id)).asString())
                .contains(server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + login.role() + "'")
                        .get(0)
                        .getString(0));

        assertThat(TestStore.sql(
                                "SELECT outcome, facts->>'credentialVersion' FROM audit_event WHERE subject_id = '" + id
                                        + "' AND subject_kind = 'app-connection' AND type = 'get-app-connection-credentials'")
                        .stream()
                        .map(row -> row.getString(0) + " " + row.getString(1)))
                .containsExactly("SUCCESS 2", "SUCCESS 2", "SUCCESS 2");
    }

    @Test
    void saysWhoHasWhatAlreadyAndWaitsForTheNext() throws Exception {
        String id = connection(true);
        String etag = Api.as().get(active(id)).header("ETag");
        Api.as()
                .header("If-None-Match", etag)
                .get(active(id))
                .then()
                .statusCode(304)
                .header("ETag", equalTo(etag))
                .body(emptyOrNullString());
        waitFor(active(id), 2).then().statusCode(200).body("credentialVersion", equalTo(2));

        CompletableFuture<Response> waiting = CompletableFuture.supplyAsync(() -> waitFor(active(id), 3));
        rotate(id);

        Response next = waiting.get();
        next.then().statusCode(200).body("credentialVersion", equalTo(3));
        assertThat(server.login(login.role(), next.path("password"))).isEqualTo("ok");
        Api.as().header("If-None-Match", etag).get(active(id)).then().statusCode(200);
    }

    @Test
    void whoWaitsHearsOfTheRelease() throws Exception {
        String id = connection(true);
        CompletableFuture<Response> waiting = CompletableFuture.supplyAsync(() -> waitFor(active(id), 3));

        Api.as().post(BASE + "/" + id + "/release").then().statusCode(200);

        waiting.get().then().statusCode(400).body("code", equalTo("not_managed"));
        Api.as().get(active(id)).then().statusCode(400).body("code", equalTo("not_managed"));
    }

    @Test
    void whatIsNotManagedIsNotGivenOut() {
        Api.as().get(active(connection(false))).then().statusCode(400).body("code", equalTo("not_managed"));
        Api.as()
                .get(active(UUID.randomUUID().toString()))
                .then()
                .statusCode(404)
                .body("code", equalTo("connection_not_found"));
        given().get(active(UUID.randomUUID().toString())).then().statusCode(401);
    }

    /** Its owner never asked for it to be handed to anybody. */
    @Test
    void thePasswordThatAPersonGaveIsNotGivenOut() {
        String id = connection(true);
        TestStore.sql("UPDATE password_version SET cause = 'ADOPTED' WHERE state = 'CURRENT' AND role_id ="
                + " (SELECT id FROM managed_role WHERE owner_id = '" + id + "')");

        Api.as().get(active(id)).then().statusCode(400).body("code", equalTo("no_credentials_yet"));
        Api.as()
                .queryParams("waitForVersion", 1, "timeout", 1)
                .get(active(id))
                .then()
                .statusCode(304);
    }

    /** Each path has a right of its own, so neither gives what the other is for. */
    @ParameterizedTest
    @ValueSource(strings = {"", "?waitForVersion=1&timeout=5"})
    void noPathGivesWhatAnotherIsFor(String query) {
        String connection = connection(true);
        String rotation = Rotating.on(TestPostgres.NEWEST).created();
        rotateAtOnce(rotation).then().statusCode(200);

        for (String path : List.of(active(rotation), Rotating.BASE + "/" + connection + "/active")) {
            Api.as().get(path + query).then().statusCode(404).body("password", equalTo(null));
        }
    }

    /** Whoever may write the store, and has no key, does not get it by that. */
    @ParameterizedTest
    @ValueSource(strings = {"", "?waitForVersion=1&timeout=5"})
    void whatSomebodyElseHasWrittenOnACredentialHandsNothingOut(String query) {
        String id = connection(true);
        String project = Identities.project();
        Identities.Somebody admin = Identities.in(project, "admin");
        TestStore.sql("UPDATE credential SET project_id = '" + project + "' WHERE id = '" + id + "'");

        admin.as()
                .get(active(id) + query)
                .then()
                .statusCode(404)
                .body("code", equalTo("connection_not_found"))
                .body("password", equalTo(null));
        Api.as().get(active(id) + query).then().statusCode(200);
        rotate(id);
        assertThat(TestStore.sql("SELECT 1 FROM outbox_fact WHERE project_id = '" + project + "'"))
                .as("nor is he told of it")
                .isEmpty();

        String rotation = Rotating.on(TestPostgres.NEWEST).created();
        TestStore.sql(
                "UPDATE credential SET active_index = 1, role2_id = (SELECT role1_id FROM secret_rotation WHERE id = '"
                        + rotation + "') WHERE id = '" + id + "'");
        Api.as().get(active(id) + query).then().statusCode(200).body("username", equalTo(login.role()));
    }
}
