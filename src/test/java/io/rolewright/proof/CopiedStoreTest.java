package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import io.vertx.sqlclient.Row;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a copy of the store does and does not do: every operation that would change a password or tell somebody something. */
@QuarkusTest
class CopiedStoreTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    private Row before;

    @BeforeEach
    void whereItIs() {
        before = TestStore.sql("SELECT * FROM store_origin").get(0);
    }

    /** Not by an adoption, after which every role that other tests have left would be looked at. */
    @AfterEach
    void itIsTheOriginalAgain() {
        becomes("system_identifier = '" + before.getString("system_identifier") + "', database_oid = "
                + before.getLong("database_oid") + ", addresses = '" + before.getString("addresses")
                + "', installation = '" + before.getString("installation") + "', superseded_by = NULL");
        Api.as().get("/api/v1/store").then().statusCode(200).body("store.copy", equalTo(false));
    }

    private static void becomes(String assignment) {
        TestStore.sql("UPDATE store_origin SET " + assignment);
    }

    private static void becomesACopy(String assignment) {
        becomes(assignment);
        Api.as().get("/api/v1/store").then().statusCode(200).body("store.copy", equalTo(true));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "system_identifier = '1'         | the server's system identifier",
                "database_oid = 1                | the database's oid",
                "addresses = 'elsewhere:5432/x'  | the address in QUARKUS_DATASOURCE_REACTIVE_URL",
                "installation = 'another'        | ROLEWRIGHT_INSTALLATION",
                "superseded_by = 1               | the markers of roles, which name a copy of this store that was adopted"
            })
    void isKnownByWhateverIsAnotherOne(String assignment, String difference) {
        becomesACopy(assignment);

        Api.as().get("/api/v1/store").then().body("store.differences", contains(difference));
        Api.as().get("/api/status").then().body("storeIsACopy", equalTo(true));
    }

    @Test
    void oneAddressOfSeveralIsEnoughAndNewOnesAreWrittenDown() {
        String address =
                TestStore.sql("SELECT addresses FROM store_origin").get(0).getString(0);
        becomes("addresses = 'gone:5432/x " + address + "', system_identifier = NULL");

        Api.as().get("/api/v1/store").then().body("store.copy", equalTo(false));

        assertThat(TestStore.sql("SELECT addresses FROM store_origin").get(0).getString(0))
                .isEqualTo(address);
        assertThat(TestStore.sql("SELECT system_identifier FROM store_origin")
                        .get(0)
                        .getString(0))
                .isNotNull();
    }

    @Test
    void changesNoPasswordAndTellsNobody() {
        Rotating rotating = Rotating.on(target);
        String rotation = rotating.created();
        Login ours = target.role("LOGIN");
        String managed = managed(ours, true);
        Login plain = target.role("LOGIN");
        Login unknown = target.role("LOGIN");
        String connection = managed(plain, false);
        String webhook = Api.as()
                .body(Map.of(
                        "projectId",
                        Rotating.project(),
                        "name",
                        Rotating.name("told"),
                        "url",
                        "https://127.0.0.1:1/x",
                        "events",
                        List.of("rotation.failed")))
                .post("/api/v1/webhooks")
                .then()
                .statusCode(200)
                .extract()
                .path("webhook.id");
        Rotating other = Rotating.on(target);
        String served = active(rotation);
        List<String> roles = Stream.of(rotating.first, rotating.second, ours, plain, unknown, other.first, other.second)
                .map(Login::role)
                .toList();
        String secrets = secrets(roles);
        Map<String, Supplier<Response>> operations = Map.of(
                "rotate", () -> Api.as().post(Rotating.BASE + "/" + rotation + "/rotate-secrets?force=true"),
                "create", () -> Rotating.post(other.body(Rotating.name("copy"))),
                "delete with revoke",
                        () -> Api.as().delete(Rotating.BASE + "/" + rotation + "?revokeGeneratedCredentials=true"),
                "rotate managed", () -> Api.as().post(CONNECTIONS + "/" + managed + "/rotate"),
                "create managed", () -> Api.as().body(body(unknown, true)).post(CONNECTIONS),
                "manage",
                        () -> Api.as()
                                .body(Map.of("isPlatformManagedCredentials", true, "credentials", credentials(plain)))
                                .patch(CONNECTIONS + "/" + connection),
                "test a webhook", () -> Api.as().post("/api/v1/webhooks/" + webhook + "/test"),
                "run what is due", () -> Api.as().post("/api/v1/rotations/run-due"));

        becomesACopy("installation = 'another'");

        operations.forEach(
                (name, operation) -> operation.get().then().statusCode(400).body("code", equalTo("store_is_a_copy")));
        assertThat(secrets(roles)).isEqualTo(secrets);
        assertThat(active(rotation)).isEqualTo(served);
        assertThat(TestStore.sql("SELECT type, reason FROM audit_event WHERE at > (SELECT at FROM audit_event"
                                + " WHERE subject_id = '" + webhook + "') AND outcome = 'FAILED'")
                        .stream()
                        .map(row -> row.getString(0) + " " + row.getString(1)))
                .containsExactlyInAnyOrder(
                        "secret-rotation-rotate-secrets store_is_a_copy",
                        "create-secret-rotation store_is_a_copy",
                        "delete-secret-rotation store_is_a_copy",
                        "rotate-app-connection store_is_a_copy",
                        "create-app-connection store_is_a_copy",
                        "update-app-connection store_is_a_copy");
        Api.as()
                .get(Rotating.BASE + "?projectId=" + Rotating.project())
                .then()
                .body("secretRotations.findAll { it.connectionId == '" + other.connection + "' }.size()", equalTo(0));
    }

    /** The original goes on: "not modified" would be taken for "still good". */
    @Test
    void whoSaysWhatHeHasIsNotToldThatItStillHoldsWhenItDoesNot() {
        Rotating rotating = Rotating.on(target);
        String name = Rotating.name("tagged");
        String id = Rotating.created(rotating.body(name));
        String secrets =
                "/api/v4/secrets?projectId=" + Rotating.project() + "&environment=production&secretPath=/" + name;
        List<String> paths = List.of(
                Rotating.BASE + "/" + id + "/active",
                Rotating.BASE + "/" + id + "/generated-credentials",
                secrets,
                secrets + "&viewSecretValue=false");
        Map<String, String> tags = new HashMap<>();
        paths.forEach(path -> tags.put(
                path, Api.as().get(path).then().statusCode(200).extract().header("ETag")));
        String role = Api.as().get(paths.get(0)).path("username");

        becomesACopy("installation = 'another'");
        paths.forEach(path -> Api.as()
                .header("If-None-Match", tags.get(path))
                .get(path)
                .then()
                .statusCode(304));
        target.sql("ALTER ROLE " + role + " PASSWORD 'the original has changed it'");

        Awaitility.await() // who asks again within seconds is told the same
                .atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> Api.as()
                        .header("If-None-Match", tags.get(paths.get(0)))
                        .get(paths.get(0))
                        .then()
                        .statusCode(503)
                        .body("code", equalTo("stale_credential")));
        paths.forEach(path -> Api.as()
                .header("If-None-Match", tags.get(path))
                .get(path)
                .then()
                .statusCode(503)
                .body("code", equalTo("stale_credential")));

        itIsTheOriginalAgain();
        Api.as().delete(Rotating.BASE + "/" + id).then().statusCode(200);
    }

    /** What the server holds for them, marker and all. */
    private String secrets(List<String> roles) {
        return target.sql(
                        "SELECT string_agg(concat_ws(' ', rolname, rolpassword, shobj_description(oid, 'pg_authid')), ','"
                                + " ORDER BY rolname) FROM pg_authid WHERE rolname IN ('" + String.join("', '", roles)
                                + "')")
                .get(0)
                .getString(0);
    }

    private static String active(String rotation) {
        return Api.as()
                .get(Rotating.BASE + "/" + rotation + "/active?format=uri")
                .then()
                .statusCode(200)
                .extract()
                .asString();
    }

    private Map<String, Object> credentials(Login role) {
        return Map.of(
                "host",
                "127.0.0.1",
                "port",
                target.port(),
                "database",
                "postgres",
                "username",
                role.role(),
                "password",
                role.password(),
                "sslEnabled",
                false);
    }

    private Map<String, Object> body(Login role, boolean managed) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("copied"));
        body.put("method", "username-and-password");
        body.put("credentials", credentials(role));
        body.put("isPlatformManagedCredentials", managed);
        return body;
    }

    private String managed(Login role, boolean managed) {
        return Api.as()
                .body(body(role, managed))
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }
}
