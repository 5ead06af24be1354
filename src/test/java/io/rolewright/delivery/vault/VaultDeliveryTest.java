package io.rolewright.delivery.vault;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.credentials;
import static io.rolewright.rotation.Rotating.read;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import com.fasterxml.jackson.databind.JsonNode;
import io.quarkus.test.junit.DisabledOnIntegrationTest;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.rotation.VaultFault;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.rolewright.testing.TestVault;
import io.rolewright.testing.VaultProtocolStub;
import io.rolewright.testing.VaultProtocolStub.Node;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.awaitility.Awaitility;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * From a rotation to a secret in Vault's protocol stub, with the clock outside. What is particular to Vault stands in {@link VaultKvTest},
 * which can be run against a real one.
 */
@QuarkusTest
@TestProfile(TestVault.class)
class VaultDeliveryTest {

    private static VaultProtocolStub vault;
    private static Rotating some;
    private static String someRotation;

    @BeforeAll
    static void start() {
        vault = TestVault.start();
    }

    @AfterAll
    static void stop() {
        vault.close();
    }

    @AfterEach
    void leaveNothingDue() {
        vault.become(Node.ACTIVE);
        vault.limit(Integer.MAX_VALUE);
        TestStore.sql(
                "DELETE FROM vault_delivery; DELETE FROM vault_engine; UPDATE vault_server SET failures = 0, quiet_until = NULL");
    }

    /** He would write where another project's pods look. */
    @Test
    void whoIsBoundByHisProjectsSlugDoesNotChangeIt() {
        String project = Identities.project();
        String slug = Rotating.name("slug");
        var admin = Identities.in(project, "admin");

        admin.as()
                .body(Map.of("slug", slug))
                .patch("/api/v1/projects/" + project)
                .then()
                .statusCode(403)
                .body("code", equalTo("permission_denied"));
        admin.as()
                .body(Map.of("name", slug))
                .patch("/api/v1/projects/" + project)
                .then()
                .statusCode(200);
        Api.as()
                .body(Map.of("slug", slug))
                .patch("/api/v1/projects/" + project)
                .then()
                .statusCode(200)
                .body("project.slug", equalTo(slug));
        admin.as()
                .body(Map.of("slug", slug)) // what it has, sent again
                .patch("/api/v1/projects/" + project)
                .then()
                .statusCode(200);
    }

    /** For what is refused before anything is done with it. */
    private static Rotating some() {
        if (some == null) {
            some = Rotating.on(14);
            someRotation = some.created();
        }
        return some;
    }

    private static Response runDue() {
        Response answer = Api.as().queryParam("budgetSeconds", 20).post("/api/v1/rotations/run-due");
        answer.then().statusCode(200);
        return answer;
    }

    private static Map<String, Object> place(String path) {
        return Map.of("mount", TestVault.MOUNT, "path", path);
    }

    private static String path() {
        return "rolewright/default/" + Rotating.name("db");
    }

    private static String created(Rotating roles, String path) {
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("vaultKv", place(path));
        return Rotating.created(body);
    }

    private static Response patch(String id, Map<String, Object> body) {
        return Api.as().body(body).patch(BASE + "/" + id);
    }

    private static JsonNode data(String path) {
        return vault.ask("GET", TestVault.MOUNT + "/data/" + path, "").path("data");
    }

    private static String field(String path, String name) {
        return data(path).path("data").path(name).asText(null);
    }

    private static int versions(String path) {
        return data(path).path("metadata").path("version").asInt();
    }

    private static Map<String, String> active(String id) {
        return Api.as()
                .get(BASE + "/" + id + "/generated-credentials")
                .then()
                .statusCode(200)
                .extract()
                .path("active");
    }

    private static void assertWritten(Rotating roles, String id, String path, int version) {
        assertThat(field(path, "password")).isEqualTo(active(id).get("password"));
        assertThat(field(path, "username")).isEqualTo(active(id).get("username"));
        assertThat(field(path, "credentialVersion")).isEqualTo(Integer.toString(version));
        assertThat(roles.target.login(field(path, "username"), field(path, "password")))
                .isEqualTo("ok");
        read(id).body("secretRotation.vaultKv.deliveredVersion", equalTo(version))
                .body("secretRotation.vaultKv.deliveredAt", notNullValue())
                .body("secretRotation.vaultKv.failures", equalTo(0))
                .body("secretRotation.vaultKv.lastFailure", nullValue())
                .body("secretRotation.vaultKv.nextTryAt", nullValue());
    }

    // ---- What is written --------------------------------------------------------------------------------------------

    @Test
    void writesEachProvenCredentialWithItsVersionAndRotation() {
        Rotating roles = Rotating.on(18);
        String path = path();
        String id = created(roles, path);
        read(id).body("secretRotation.vaultKv.mount", equalTo(TestVault.MOUNT))
                .body("secretRotation.vaultKv.path", equalTo(path))
                .body("secretRotation.vaultKv.deliveredVersion", equalTo(0))
                .body("secretRotation.vaultKv.nextTryAt", notNullValue());

        runDue().then().body("vaultDelivered", equalTo(1)).body("more", equalTo(false));

        assertWritten(roles, id, path, 1);
        assertThat(field(path, "host")).isEqualTo("127.0.0.1");
        assertThat(field(path, "port")).isEqualTo(Integer.toString(roles.target.port()));
        assertThat(field(path, "database")).isEqualTo("postgres");
        assertThat(field(path, "sslMode")).isEqualTo("disable");
        assertThat(field(path, "rotationId")).isEqualTo(id);

        rotateAtOnce(id).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(1));

        assertWritten(roles, id, path, 2);
        JsonNode marks = data(path).path("metadata").path("custom_metadata");
        assertThat(marks.path("rotationId").asText()).isEqualTo(id);
        assertThat(marks.path("credentialVersion").asText()).isEqualTo("2");
        assertThat(versions(path)).isEqualTo(2);

        vault.takeRequests();
        runDue().then().body("vaultDelivered", equalTo(0));
        assertThat(vault.takeRequests()).as("nothing is due").isEmpty();
    }

    @Test
    void aRotationWithoutAPlaceIsNotWritten() {
        String id = Rotating.on(14).created();
        vault.takeRequests();

        runDue().then().body("vaultDelivered", equalTo(0));

        read(id).body("secretRotation.vaultKv", nullValue());
        assertThat(vault.takeRequests()).isEmpty();
    }

    @Test
    void isGivenAPlaceLaterAndAnotherAndNone() {
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        String first = path();
        String second = path();
        patch(id, Map.of("vaultKv", place("/" + first + "/"))).then().statusCode(200);
        runDue();
        assertWritten(roles, id, first, 1);

        patch(id, Map.of("description", "another")).then().statusCode(200);
        patch(id, Map.of("vaultKv", place(second)))
                .then()
                .statusCode(200)
                .body("secretRotation.vaultKv.deliveredVersion", equalTo(0));
        runDue();
        assertWritten(roles, id, second, 1);
        assertThat(versions(first)).as("what was written stays").isEqualTo(1);

        Map<String, Object> nowhere = new HashMap<>();
        nowhere.put("vaultKv", null);
        patch(id, nowhere).then().statusCode(200).body("secretRotation.vaultKv", nullValue());
        rotateAtOnce(id).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(0));
        assertThat(versions(second)).isEqualTo(1);
    }

    @Test
    void followsItsConnectionToAnotherDatabase() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        runDue();
        String database = roles.target.database();

        Api.as()
                .body(Map.of(
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                roles.target.port(),
                                "database",
                                database,
                                "username",
                                roles.managing.role(),
                                "password",
                                roles.managing.password(),
                                "sslEnabled",
                                false)))
                .patch("/api/v1/app-connections/postgres/" + roles.connection)
                .then()
                .statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(1));

        assertThat(field(path, "database")).isEqualTo(database);
        assertThat(field(path, "password")).isEqualTo(active(id).get("password"));
        assertThat(versions(path)).isEqualTo(2);
    }

    /** One field with all that a login takes, for programs that read one; there as long as the rotation serves it. */
    @Test
    void hasTheWholeUriWhileTheRotationServesOne() {
        Rotating roles = Rotating.on(14);
        String path = path();
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("vaultKv", place(path));
        body.put("secretsMapping", mapping("DB_URL"));
        String id = Rotating.created(body);

        runDue().then().body("vaultDelivered", equalTo(1));
        assertWritten(roles, id, path, 1);
        assertThat(field(path, "uri")).isEqualTo(served(id));
        assertThat(field(path, "uri"))
                .isEqualTo("postgresql://%s:%s@127.0.0.1:%d/postgres?sslmode=disable"
                        .formatted(field(path, "username"), field(path, "password"), roles.target.port()));

        rotateAtOnce(id).then().statusCode(200);
        runDue();
        assertWritten(roles, id, path, 2);
        assertThat(field(path, "uri")).isEqualTo(served(id)).contains(field(path, "password"));

        // Under another name it is the same; the field's name is ours.
        patch(id, Map.of("secretsMapping", mapping("DATABASE_URL"))).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(0));
        patch(id, Map.of("secretsMapping", mapping(""))).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(1));
        assertThat(data(path).path("data").has("uri")).isFalse();
        assertWritten(roles, id, path, 2);
        patch(id, Map.of("secretsMapping", mapping("DB_URL"))).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(1));
        assertThat(field(path, "uri")).isEqualTo(served(id));

        TestStore.sql("UPDATE vault_delivery SET look_at = now() WHERE rotation_id = '" + id + "'");
        runDue();
        read(id).body("secretRotation.vaultKv.lastFailure", nullValue())
                .body("secretRotation.vaultKv.lostSince", nullValue());
    }

    private static Map<String, Object> mapping(String uri) {
        return Map.of("username", "DB_USER", "password", "DB_PASSWORD", "uri", uri);
    }

    private static String served(String id) {
        return Api.as()
                .queryParam("format", "uri")
                .get(BASE + "/" + id + "/active")
                .then()
                .statusCode(200)
                .extract()
                .asString()
                .strip();
    }

    @Test
    void deletingARotationLeavesWhatIsInVault() {
        String path = path();
        String id = created(Rotating.on(14), path);
        runDue();

        Api.as().delete(BASE + "/" + id).then().statusCode(200);
        runDue();

        assertThat(field(path, "rotationId")).isEqualTo(id);
        assertThat(TestStore.sql("SELECT FROM vault_delivery WHERE rotation_id = '" + id + "'"))
                .isEmpty();
    }

    // ---- How it is written ------------------------------------------------------------------------------------------

    @Test
    void waitsForAVaultThatIsDownAndLeavesItInPeaceMeanwhile() {
        Rotating roles = Rotating.on(14);
        List<String> paths = new ArrayList<>();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            paths.add(path());
            ids.add(created(i == 0 ? roles : Rotating.on(14), paths.get(i)));
        }
        rotateAtOnce(ids.get(0)).then().statusCode(200);
        vault.become(Node.SEALED);
        vault.takeRequests();

        runDue().then().body("vaultDelivered", equalTo(0));

        assertThat(TestStore.sql("SELECT count(*) FROM vault_delivery WHERE last_failure = 'vault_unavailable'")
                        .get(0)
                        .getLong(0))
                .isPositive();
        // Told to wait for long, it is asked nothing by anybody.
        TestStore.sql("UPDATE vault_server SET quiet_until = now() + interval '1 hour'");
        vault.takeRequests();
        Response waiting = runDue();
        waiting.then().body("vaultDelivered", equalTo(0)).body("more", equalTo(false));
        assertThat(vault.takeRequests()).isEmpty();
        read(ids.get(0)).body("secretRotation.credentialVersion", equalTo(2));

        vault.become(Node.ACTIVE);
        TestStore.sql("UPDATE vault_server SET quiet_until = now()");
        Awaitility.await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            runDue();
            for (int i = 0; i < 6; i++) {
                read(ids.get(i))
                        .body("secretRotation.vaultKv.deliveredVersion", equalTo(i == 0 ? 2 : 1))
                        .body("secretRotation.vaultKv.lastFailure", nullValue());
            }
        });
        assertWritten(roles, ids.get(0), paths.get(0), 2);
        assertThat(TestStore.sql("SELECT failures FROM vault_server").get(0).getInteger(0))
                .isZero();
    }

    @Test
    void aSilentVaultHoldsUpNeitherRotationsNorTheAnswer() {
        Rotating roles = Rotating.on(14);
        String id = created(roles, path());
        vault.become(Node.SILENT);
        Rotating.makeDue(id);

        long begun = System.nanoTime();
        runDue().then().body("rotated", greaterThan(0)).body("vaultDelivered", equalTo(0));

        // Vault has 10 s for a delivery, and run-due 50 for all: whoever waited for Vault once more would be over this.
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(30));
        read(id).body("secretRotation.credentialVersion", equalTo(2));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        runDue();
        read(id).body("secretRotation.vaultKv.lastFailure", equalTo("vault_timed_out"));
    }

    @Test
    void anAnswerThatGotLostIsNoSecondVersion() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        vault.loseAnswerOfNext("POST " + TestVault.MOUNT + "/data/" + path);

        Awaitility.await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            runDue();
            assertWritten(roles, id, path, 1);
        });

        assertThat(versions(path)).isEqualTo(1);
    }

    @Test
    void aProcessThatDiedOnTheWayIsFollowedByAnother() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        runDue();
        // As the kill leaves it: written, and nobody was told.
        TestStore.sql("UPDATE vault_delivery SET delivered_version = 0, delivered_at = NULL, lease = gen_random_uuid(),"
                + " due_at = now() + interval '60 seconds'");

        runDue().then().body("vaultDelivered", equalTo(0));
        TestStore.sql("UPDATE vault_delivery SET due_at = now()");
        runDue().then().body("vaultDelivered", equalTo(1));

        assertWritten(roles, id, path, 1);
        assertThat(versions(path)).isEqualTo(1);
    }

    @Test
    void aRotationInTheMiddleOfADeliveryIsNotForgotten() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        vault.beforeNext(
                "POST " + TestVault.MOUNT + "/data/" + path,
                () -> rotateAtOnce(id).then().statusCode(200));

        runDue();
        runDue();

        assertWritten(roles, id, path, 2);
        assertThat(versions(path)).isEqualTo(2);
    }

    @Test
    void whoComesLateDoesNotWriteAnOlderCredentialOverANewerOne() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        // Another replica is quicker with the next version, after this one has opened and looked.
        vault.beforeNext("POST " + TestVault.MOUNT + "/data/" + path, () -> {
            rotateAtOnce(id).then().statusCode(200);
            runDue();
        });

        runDue();

        assertWritten(roles, id, path, 2);
        assertThat(versions(path)).isEqualTo(1);
    }

    @Test
    void manyLookersShareTheWorkAndKeepTheOrder() throws Exception {
        List<Rotating> roles = new ArrayList<>();
        List<String> paths = new ArrayList<>();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            roles.add(Rotating.on(14));
            paths.add(path());
            ids.add(created(roles.get(i), paths.get(i)));
        }
        ExecutorService threads = Executors.newFixedThreadPool(6);
        try {
            for (int round = 0; round < 3; round++) {
                List<Callable<Object>> work = new ArrayList<>();
                ids.forEach(id -> work.add(() -> rotateAtOnce(id).statusCode()));
                work.addAll(Collections.nCopies(4, () -> runDue().statusCode()));
                Collections.shuffle(work);
                for (var done : threads.invokeAll(work)) {
                    assertThat(done.get()).isEqualTo(200);
                }
            }
        } finally {
            threads.shutdown();
        }
        runDue();

        for (int i = 0; i < 4; i++) {
            assertWritten(roles.get(i), ids.get(i), paths.get(i), 4);
            int before = 0;
            for (int version = 1; version <= versions(paths.get(i)); version++) {
                int credential = vault.ask("GET", TestVault.MOUNT + "/data/" + paths.get(i) + "?version=" + version, "")
                        .path("data")
                        .path("data")
                        .path("credentialVersion")
                        .asInt();
                assertThat(credential)
                        .as("what was written as version %s", version)
                        .isGreaterThan(before);
                before = credential;
            }
        }
    }

    // ---- What is not written ----------------------------------------------------------------------------------------

    /** Shared Vaults have quotas: what is due is written all the same, and one that is refused for ever holds up no other. */
    @Test
    void aQuotaOfFiveRequestsASecondIsEnoughForTwelve() {
        List<Rotating> roles = new ArrayList<>();
        List<String> paths = new ArrayList<>();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            roles.add(Rotating.on(14));
            paths.add(path());
            ids.add(created(roles.get(i), paths.get(i)));
        }
        vault.ask("POST", TestVault.MOUNT + "/data/" + paths.get(5), "{\"data\": {\"somebody\": \"else's\"}}");
        vault.limit(5);

        Awaitility.await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
            runDue();
            assertThat(TestStore.sql("SELECT FROM vault_delivery WHERE delivered_version = 1"))
                    .hasSize(11);
        });

        vault.limit(Integer.MAX_VALUE);
        read(ids.get(5)).body("secretRotation.vaultKv.lastFailure", equalTo("not_ours"));
        for (int i = 0; i < 12; i++) {
            if (i != 5) {
                assertWritten(roles.get(i), ids.get(i), paths.get(i), 1);
            }
        }
    }

    @Test
    void whatIsNotItsOwnIsLeftAloneUntilItIsHandedOver() {
        Rotating roles = Rotating.on(14);
        String path = path();
        vault.ask("POST", TestVault.MOUNT + "/data/" + path, "{\"data\":{\"password\":\"somebody else's\"}}");
        String id = created(roles, path);
        String healthy = path();
        created(Rotating.on(14), healthy);

        runDue().then().body("vaultDelivered", equalTo(1));

        read(id).body("secretRotation.vaultKv.lastFailure", equalTo("not_ours"))
                .body("secretRotation.vaultKv.failures", greaterThan(0))
                .body("secretRotation.vaultKv.nextTryAt", notNullValue())
                .body("secretRotation.vaultKv.deliveredVersion", equalTo(0));
        assertThat(field(path, "password")).isEqualTo("somebody else's");
        assertThat(versions(healthy)).isEqualTo(1);
        TestStore.sql("UPDATE vault_delivery SET due_at = now() + interval '1 hour' WHERE last_failure IS NOT NULL");

        vault.ask(
                "POST", TestVault.MOUNT + "/metadata/" + path, "{\"custom_metadata\":{\"rotationId\":\"" + id + "\"}}");
        runDue().then().body("vaultDelivered", equalTo(0));
        patch(id, Map.of("vaultKv", place(path))).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(1));

        assertWritten(roles, id, path, 1);
        assertThat(versions(path)).isEqualTo(2);
    }

    @Test
    void auditsWhatWasWrittenAndEachNewReasonWhyNot() {
        String path = path();
        vault.ask("POST", TestVault.MOUNT + "/data/" + path, "{\"data\":{\"password\":\"somebody else's\"}}");
        String id = created(Rotating.on(14), path);
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> {
            runDue();
            return TestStore.sql("SELECT failures FROM vault_delivery").get(0).getInteger(0) >= 3;
        });
        vault.ask("DELETE", TestVault.MOUNT + "/metadata/" + path, "");
        patch(id, Map.of("vaultKv", place(path))).then().statusCode(200);
        runDue();

        String what =
                "SELECT outcome, reason, facts::text FROM audit_event WHERE type = 'deliver-secret-rotation-to-vault'"
                        + " AND subject_id = '" + id + "' ORDER BY at";
        var events = TestStore.sql(what);
        assertThat(events.stream().map(row -> row.getString(0) + " " + row.getString(1)))
                .containsExactly("FAILED not_ours", "SUCCESS null");
        assertThat(events.get(1).getString(2)).contains(TestVault.MOUNT + ":" + path);
        String password = active(id).get("password");
        assertThat(TestStore.sql("SELECT string_agg(e::text, ' ') FROM audit_event e")
                        .get(0)
                        .getString(0))
                .doesNotContain(password);
        assertThat(TestStore.sql("SELECT string_agg(e::text, ' ') FROM vault_delivery e")
                        .get(0)
                        .getString(0))
                .doesNotContain(password);
    }

    @Test
    @DisabledOnIntegrationTest("what is shipped says it on a port that the test does not know")
    void countsWhatWasWrittenAndWhatNot() {
        String path = path();
        String id = created(Rotating.on(14), path);
        runDue();
        vault.become(Node.SEALED);
        rotateAtOnce(id).then().statusCode(200);
        runDue();

        String metrics = RestAssured.given()
                .port(ConfigProvider.getConfig().getValue("quarkus.management.port", Integer.class))
                .get("/q/metrics")
                .asString();
        assertThat(metrics)
                .contains(
                        "rolewright_vault_deliveries_total{outcome=\"delivered\"",
                        "rolewright_vault_deliveries_total{outcome=\"failed\"")
                .doesNotContain(path);
    }

    @Test
    void onePlaceBelongsToOneRotation() {
        String path = path();
        created(Rotating.on(14), path);
        Rotating others = Rotating.on(14);
        Map<String, Object> body = others.body(Rotating.name("rotation"));
        body.put("vaultKv", place(path));

        Rotating.post(body).then().statusCode(400).body("code", equalTo("vault_place_taken"));
        patch(others.created(), Map.of("vaultKv", place(path)))
                .then()
                .statusCode(400)
                .body("code", equalTo("vault_place_taken"));
    }

    @ParameterizedTest
    @CsvSource({
        "mount, ''",
        "mount, ..",
        "mount, kv/../sys",
        "path, ''",
        "path, rolewright/default/../other/db",
        "path, rolewright//db",
        "path, .hidden",
        "path, a b",
        "path, a?version=1",
        "path, a%2e%2e/b"
    })
    void refusesWhatIsNoPlace(String field, String text) {
        Map<String, Object> place = new HashMap<>(place("rolewright/default/db"));
        place.put(field, text);
        Map<String, Object> body = some().body(Rotating.name("rotation"));
        body.put("vaultKv", place);

        Rotating.post(body).then().statusCode(422).body("message.path", hasItem(contains("vaultKv", field)));
        patch(someRotation, Map.of("vaultKv", place))
                .then()
                .statusCode(422)
                .body("message.path", hasItem(contains("vaultKv", field)));
        place.remove(field);
        Rotating.post(body).then().statusCode(422).body("message.path", hasItem(contains("vaultKv", field)));
    }

    @ParameterizedTest
    @CsvSource({
        "kv-of-teams, rolewright/other/db",
        "kv-of-teams, rolewright/default",
        "kv-of-teams, rolewright/defaults/db",
        "kv-of-teams/data, rolewright/default/db",
        "sys, rolewright/default/db"
    })
    void refusesAPlaceThatIsNotOpenToItsProject(String mount, String path) {
        Map<String, Object> body = some().body(Rotating.name("rotation"));
        body.put("vaultKv", Map.of("mount", mount, "path", path));

        Rotating.post(body)
                .then()
                .statusCode(400)
                .body("code", equalTo("vault_place_not_allowed"))
                .body("details.allowedBelow", hasItem("kv-of-teams:rolewright/default"));
    }

    @Test
    void whoMayNotReadCredentialsMayNotHaveThemWrittenSomewhere() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        Identities.Somebody operator = Identities.in(Rotating.project(), "operator");

        operator.as()
                .body(Map.of("vaultKv", place(path())))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(403)
                .body("code", equalTo("permission_denied"));
        operator.as()
                .body(Map.of("vaultKv", place(path), "description", "try again"))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200);
        Map<String, Object> nowhere = new HashMap<>();
        nowhere.put("vaultKv", null);
        operator.as().body(nowhere).patch(BASE + "/" + id).then().statusCode(200);
    }

    // ---- Whether it is the one, and has it still --------------------------------------------------------------------

    private static Response confirm(String id, String path) {
        Map<String, Object> place = new HashMap<>(place(path));
        place.put("confirmAnotherVault", true);
        return patch(id, Map.of("vaultKv", place));
    }

    private static void lookNow() {
        TestStore.sql("UPDATE vault_delivery SET look_at = now()");
        runDue();
    }

    private static String lastFailure(String id) {
        return read(id).extract().path("secretRotation.vaultKv.lastFailure");
    }

    private static void assertTold(String id, String code) {
        assertThat(lastFailure(id)).isEqualTo(code);
        Api.as()
                .get("/api/v1/troubles")
                .then()
                .statusCode(200)
                .body("troubles.findAll { it.id == '" + id + "' }.code", hasItem(code))
                .body(
                        "troubles.findAll { it.id == '" + id + "' }.message",
                        hasItem(VaultFault.of(code).orElseThrow().meaning()));
    }

    @Test
    void aVaultThatWasReplacedGetsNothingBeforeThatIsConfirmed() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        runDue();
        Runnable former = vault.replaceMount(TestVault.MOUNT, "kv-v2");
        rotateAtOnce(id).then().statusCode(200);
        String newPath = path();
        Rotating others = Rotating.on(14);
        String another = created(others, newPath);

        runDue().then().body("vaultDelivered", equalTo(0));
        assertTold(id, "vault_engine_replaced");
        assertTold(another, "vault_engine_replaced");
        assertThat(field(path, "password")).isNull();
        assertThat(field(newPath, "password")).isNull();

        // The one that is known is there again: no one has to say anything.
        Runnable replaced = vault.replaceMount(TestVault.MOUNT, "kv-v2");
        former.run();
        TestStore.sql("UPDATE vault_delivery SET due_at = now()");
        runDue().then().body("vaultDelivered", equalTo(2));
        assertWritten(roles, id, path, 2);
        replaced.run();

        lookNow();
        assertTold(id, "vault_engine_replaced");
        Identities.in(Rotating.project(), "admin")
                .as()
                .body(Map.of("vaultKv", Map.of("mount", TestVault.MOUNT, "path", path, "confirmAnotherVault", true)))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(403);
        confirm(id, path).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(2));
        assertWritten(roles, id, path, 2);
        assertWritten(others, another, newPath, 1);
        assertThat(TestStore.sql("SELECT FROM audit_event WHERE subject_id = '" + id
                        + "' AND facts ->> 'anotherVaultConfirmed' = 'true'"))
                .hasSize(1);
    }

    @Test
    void aVaultThatWasRestoredGetsNothingBeforeThatIsConfirmed() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        runDue();
        Runnable restore = vault.backup(TestVault.MOUNT);
        rotateAtOnce(id).then().statusCode(200);
        runDue();
        assertWritten(roles, id, path, 2);
        restore.run();

        lookNow();
        assertTold(id, "vault_went_back");
        String newPath = path();
        Rotating others = Rotating.on(14);
        String another = created(others, newPath);
        rotateAtOnce(id).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(0));
        assertTold(another, "vault_went_back");
        assertThat(field(path, "credentialVersion")).isEqualTo("1");
        assertThat(field(newPath, "password")).isNull();

        confirm(id, path).then().statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(2));
        assertWritten(roles, id, path, 3);
        assertWritten(others, another, newPath, 1);
    }

    /** One secret that is gone was deleted; of two at once it is likelier that Vault was restored to before they were written. */
    @Test
    void norOneThatWasRestoredToBeforeAnythingWasWritten() {
        Runnable restore = vault.backup(TestVault.MOUNT);
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        String other = created(Rotating.on(14), path());
        runDue().then().body("vaultDelivered", equalTo(2));
        restore.run();
        rotateAtOnce(id).then().statusCode(200);

        runDue().then().body("vaultDelivered", equalTo(0));

        assertTold(id, "vault_went_back");
        assertThat(field(path, "password")).isNull();
        confirm(other, read(other).extract().path("secretRotation.vaultKv.path"))
                .then()
                .statusCode(200);
        runDue().then().body("vaultDelivered", equalTo(2));
        assertWritten(roles, id, path, 2);
    }

    @Test
    void whatIsLostInVaultIsToldAndWrittenAgainByThePolicyOnceAnHour() {
        Rotating roles = Rotating.on(14);
        String path = path();
        String id = created(roles, path);
        String healthy = path();
        created(Rotating.on(14), healthy);
        runDue();
        vault.takeRequests();
        lookNow();
        assertThat(vault.takeRequests()).as("only looked at").noneMatch(request -> request.startsWith("POST"));
        read(id).body("secretRotation.vaultKv.lostSince", nullValue());

        vault.ask("DELETE", TestVault.MOUNT + "/data/" + path, "");
        lookNow();
        assertTold(id, "vault_version_deleted");
        read(id).body("secretRotation.vaultKv.lostSince", notNullValue())
                .body("secretRotation.vaultKv.nextTryAt", nullValue());
        assertThat(field(path, "password")).as("the policy is to report it").isNull();

        patch(id, Map.of("driftPolicy", "reassert")).then().statusCode(200);
        lookNow();
        assertThat(field(path, "password")).as("it was written within the hour").isNull();
        TestStore.sql("UPDATE vault_delivery SET due_at = NULL, delivered_at = now() - interval '61 minutes'");
        lookNow();
        assertWritten(roles, id, path, 1);
        read(id).body("secretRotation.vaultKv.lostSince", nullValue());

        vault.ask("DELETE", TestVault.MOUNT + "/metadata/" + path, "");
        lookNow();
        assertTold(id, "vault_secret_gone");
        patch(id, Map.of("vaultKv", place(path))).then().statusCode(200);
        runDue();
        assertWritten(roles, id, path, 1);
        assertThat(versions(healthy)).isEqualTo(1);
        assertThat(TestStore.sql("SELECT reason FROM audit_event WHERE type = 'deliver-secret-rotation-to-vault'"
                                + " AND outcome = 'FAILED' AND subject_id = '" + id + "' ORDER BY at")
                        .stream()
                        .map(row -> row.getString(0)))
                .containsExactly("vault_version_deleted", "vault_secret_gone");
    }

    @Test
    void anEngineThatIsNotThereIsSeen() {
        Map<String, Object> body = Rotating.on(14).body(Rotating.name("rotation"));
        body.put("vaultKv", Map.of("mount", "elsewhere", "path", "db"));
        String id = Rotating.created(body);

        runDue().then().body("vaultDelivered", equalTo(0));

        read(id).body("secretRotation.vaultKv.lastFailure", equalTo("vault_no_such_engine"))
                .body("secretRotation.state", equalTo("ok"));
        assertThat(credentials(id)).isNotEmpty();
    }
}
