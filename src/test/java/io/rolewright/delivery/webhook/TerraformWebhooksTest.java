package io.rolewright.delivery.webhook;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Webhooks by the reference's body: the Terraform resource's chain, and the messages that a receiver written for the reference gets. */
@QuarkusTest
class TerraformWebhooksTest {

    private static final String WEBHOOKS = "/api/v1/webhooks";
    private static final String KEY = "a key that the receiver has too";

    private final TestReceiver receiver = new TestReceiver();
    private String project;
    private String environment;

    @BeforeEach
    void inAProjectOfItsOwn() {
        project = Identities.project();
        environment = environment("production");
    }

    @AfterEach
    void close() {
        TestStore.sql("DELETE FROM webhook");
        receiver.close();
    }

    private String environment(String slug) {
        return Api.as()
                .body(Map.of("name", "The " + slug, "slug", slug))
                .post("/api/v1/workspace/" + project + "/environments")
                .then()
                .statusCode(200)
                .extract()
                .path("environment.id");
    }

    // ---- The resource ---------------------------------------------------------------------------------------------

    private static Map<String, Object> kept(Response answer, String... fields) {
        answer.then().statusCode(200);
        Map<String, Object> kept = new HashMap<>();
        for (String field : fields) {
            kept.put(field, answer.path("webhook." + field));
        }
        assertThat(answer.asString()).doesNotContain(KEY);
        return kept;
    }

    @Test
    void aWebhookLivesWithoutADifference() {
        Fixture terraform = Fixture.of("terraform-provider-infisical")
                .with("token", Api.token())
                .with("projectId", project)
                .with("environment", "production")
                .with("url", "https://127.0.0.1:1/hook")
                .with("secretKey", KEY)
                .with("secretPath", "/payments")
                .with("eventsFilter", "[{\"eventName\": \"secrets.rotation-failed\"}]");
        Response created = terraform.call("webhook create");
        String[] fields = {
            "id", "secretPath", "type", "isDisabled", "environment.slug", "eventsFilter", "projectId", "url"
        };
        Map<String, Object> before = kept(created, fields);
        assertThat(before)
                .containsEntry("secretPath", "/payments")
                .containsEntry("type", "general")
                .containsEntry("isDisabled", false)
                .containsEntry("environment.slug", "production")
                .containsEntry("eventsFilter", List.of(Map.of("eventName", "secrets.rotation-failed")))
                .containsEntry("projectId", project)
                .containsEntry("url", "https://127.0.0.1:1/hook");
        created.then()
                .body("secret", nullValue())
                .body("webhook.format", equalTo("infisical"))
                .body("webhook.environment.id", equalTo(environment))
                .body("webhook.environment.name", equalTo("The production"));
        terraform.with("webhookId", before.get("id"));
        assertThat(kept(terraform.call("webhook read"), fields)).isEqualTo(before);

        terraform.with("isDisabled", true).with("eventsFilter", "[]").call("webhook update");
        assertThat(kept(terraform.call("webhook read"), fields))
                .containsEntry("isDisabled", true)
                .containsEntry("eventsFilter", List.of());
        terraform.call("webhook delete").then().statusCode(200);
        terraform.call("webhook read").then().statusCode(404);
    }

    @Test
    void aListIsOfOnePlaceAndShowsBothKinds() {
        Api.as()
                .body(Map.of(
                        "projectId",
                        project,
                        "name",
                        "ours",
                        "url",
                        "https://127.0.0.1:1/ours",
                        "events",
                        List.of("rotation.failed")))
                .post(WEBHOOKS)
                .then()
                .statusCode(200)
                .body("webhook.format", equalTo("cloudevents"))
                .body("webhook.environment", nullValue());
        String id = create(body("/x/")).path("webhook.id");
        String list = WEBHOOKS + "?projectId=" + project;
        Api.as().get(list).then().body("webhooks.format", contains("infisical", "cloudevents"));
        Api.as().get(list + "&environment=production").then().body("webhooks.id", contains(id));
        Api.as().get(list + "&environment=production&secretPath=/x").then().body("webhooks.id", contains(id));
        Api.as().get(list + "&secretPath=/y").then().body("webhooks", empty());
        Api.as().get(list + "&environment=nowhere").then().statusCode(200).body("webhooks", empty());
        Api.as().get(WEBHOOKS + "?environment=production").then().statusCode(422);
        RestAssured.given()
                .urlEncodingEnabled(false)
                .header("Authorization", "Bearer " + Api.token())
                .get(list + "&secretPath=/x%00")
                .then()
                .statusCode(422);
    }

    // ---- What it is told ------------------------------------------------------------------------------------------

    private Map<String, Object> body(String path) {
        Map<String, Object> body = new HashMap<>();
        body.put("projectId", project);
        body.put("environment", "production");
        body.put("webhookUrl", receiver.url("/hook"));
        body.put("webhookSecretKey", KEY);
        body.put("secretPath", path);
        body.put("caCert", TestReceiver.AUTHORITY.caPem());
        return body;
    }

    private static Response create(Map<String, Object> body) {
        Response made = Api.as().body(body).post(WEBHOOKS);
        made.then().statusCode(200);
        return made;
    }

    private String rotation(Rotating roles, String environment, String path) {
        Map<String, Object> body = roles.body(Rotating.name("told"));
        body.put("projectId", project);
        body.put("environment", environment);
        body.put("secretPath", path);
        return Rotating.created(body);
    }

    private List<TestReceiver.Got> told() {
        Api.as()
                .queryParam("budgetSeconds", 20)
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200);
        return receiver.got;
    }

    /** As a receiver that was written for the reference verifies. */
    private static void assertSigned(TestReceiver.Got got) throws Exception {
        long timestamp = got.event().getLong("timestamp");
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(KEY.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        String hex = HexFormat.of().formatHex(mac.doFinal(got.body().getBytes(StandardCharsets.UTF_8)));
        assertThat(got.header("x-infisical-signature")).isEqualTo("t=" + timestamp + ";" + hex);
        assertThat(Instant.ofEpochMilli(timestamp))
                .isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(1));
        assertThat(got.header("Content-Type")).isEqualTo("application/json");
        assertThat(got.header("webhook-signature")).isEmpty();
    }

    @Test
    void tellsOfANewPasswordAndOfAFailureAsTheReferenceDoes() throws Exception {
        create(body("/payments"));
        Rotating roles = Rotating.on(14);
        String id = rotation(roles, "production", "/payments");
        List<TestReceiver.Got> told = told();
        assertThat(told).hasSize(1);
        JsonObject modified = told.get(0).event();
        assertThat(modified.fieldNames()).containsExactlyInAnyOrder("event", "project", "timestamp");
        assertThat(modified.getString("event")).isEqualTo("secrets.modified");
        assertThat(modified.getJsonObject("project").getMap())
                .containsEntry("workspaceId", project)
                .containsEntry("projectId", project)
                .containsEntry("environment", "production")
                .containsEntry("secretPath", "/payments");
        assertSigned(told.get(0));
        Rotating.credentials(id).forEach(each -> assertThat(told.get(0).body()).doesNotContain(each.get("password")));

        roles.target.sql("ALTER ROLE " + roles.managing.role() + " NOCREATEROLE");
        assertThat(Rotating.rotateAtOnce(id).statusCode()).isEqualTo(400);
        told();
        assertThat(told).hasSize(2);
        JsonObject failed = told.get(1).event();
        assertThat(failed.getString("event")).isEqualTo("secrets.rotation-failed");
        assertThat(failed.getJsonObject("project").getString("rotationName")).startsWith("told");
        assertThat(failed.getJsonObject("project").getString("errorMessage")).isNotBlank();
        assertSigned(told.get(1));

        Api.as()
                .queryParam("abandon", true)
                .delete(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
        told();
        assertThat(told).hasSize(3);
        JsonObject ended = told.get(2).event();
        assertThat(ended.getString("event")).isEqualTo("secrets.modified");
        assertThat(ended.getJsonObject("project").getString("secretPath")).isEqualTo("/payments");
        assertSigned(told.get(2));
    }

    @ParameterizedTest
    @CsvSource({
        "/,            /,         true",
        "/,            /a,        false",
        "/a,           /a,        true",
        "/a,           /a/b,      false",
        "/*,           /a,        true",
        "/*,           /,         false",
        "/*,           /a/b,      false",
        "/a_b/*,       /axb/c,    false",
        "/**,          /,         true",
        "/**,          /a/b,      true",
        "/a/**,        /a,        true",
        "/a/**,        /a/b/c,    true",
        "/a/**,        /ab,       false",
    })
    void aPathMayEndWithAPattern(String asked, String path, boolean covers) {
        Response made = create(body(asked));
        made.then().body("webhook.secretPath", equalTo(asked));
        TestStore.sql("INSERT INTO outbox_fact (id, type, project_id, subject_kind, subject_id, facts, ordering_key)"
                + " SELECT gen_random_uuid(), 'rotation.credential-changed', '" + project + "', 'rotation', '"
                + rotation(Rotating.on(14), "production", path) + "', '{}', 'path'");
        assertThat(told()).hasSize(covers ? 2 : 0);
    }

    @Test
    void nothingOfAnotherEnvironmentAnotherEventOrWhatIsOff() {
        environment("staging");
        Map<String, Object> failures = body("/**");
        failures.put("eventsFilter", List.of(Map.of("eventName", "secrets.rotation-failed")));
        create(failures);
        Map<String, Object> elsewhere = body("/**");
        elsewhere.put("environment", "staging");
        create(elsewhere);
        Map<String, Object> off = body("/**");
        off.put("isDisabled", true);
        create(off).then().body("webhook.isDisabled", equalTo(true)).body("webhook.enabled", equalTo(false));
        rotation(Rotating.on(14), "production", "/a");
        assertThat(told()).isEmpty();
    }

    @Test
    void withoutAKeyItIsNotSigned() {
        Map<String, Object> body = body("/a");
        body.remove("webhookSecretKey");
        create(body);
        rotation(Rotating.on(14), "production", "/a");
        assertThat(told()).hasSize(1);
        assertThat(told().get(0).headers()).doesNotContainKeys("x-infisical-signature", "X-Infisical-Signature");
    }

    @Test
    void aTestIsSentInTheSameForm() throws Exception {
        String id = create(body("/a")).path("webhook.id");
        Api.as()
                .post(WEBHOOKS + "/" + id + "/test")
                .then()
                .statusCode(200)
                .body("ok", equalTo(true))
                .body("webhook.lastStatus", equalTo("success"));
        assertThat(receiver.got).hasSize(1);
        assertThat(receiver.got.get(0).event().getString("event")).isEqualTo("test");
        assertThat(receiver.got.get(0).event().getJsonObject("project").getString("environment"))
                .isEqualTo("production");
        assertSigned(receiver.got.get(0));
    }

    /** Whoever writes the store cannot have the receiver told of other places: it knows itself which it was made for. */
    @Test
    void rowsThatSayAnotherPlaceAreNotBelieved() {
        String id = create(body("/a")).path("webhook.id");
        TestStore.sql("UPDATE webhook SET secret_path = '/**' WHERE id = '" + id + "'");
        rotation(Rotating.on(14), "production", "/secret");
        assertThat(told()).isEmpty();
        Api.as()
                .get(WEBHOOKS + "/" + id + "/deliveries")
                .then()
                .body("deliveries.event", contains("secrets.modified"))
                .body("deliveries.state", contains("pending"));
    }

    // ---- What is refused --------------------------------------------------------------------------------------------

    @Test
    void whatIsNotOfferedIsRefusedByName() {
        refused(Map.of("type", "slack"), "type");
        refused(Map.of("secretPath", "/a/*/b"), "secretPath");
        refused(Map.of("secretPath", "/{a,b}"), "secretPath");
        refused(Map.of("webhookUrl", "ftp://hooks.example.com"), "webhookUrl");
        refused(Map.of("url", "https://hooks.example.com"), "url");
        refused(Map.of("events", List.of("rotation.failed")), "events");
        refused(Map.of("isDisabled", true, "enabled", true), "isDisabled");
        Map<String, Object> unknown = body("/");
        unknown.put("eventsFilter", List.of(Map.of("eventName", "secrets.read")));
        Api.as()
                .body(unknown)
                .post(WEBHOOKS)
                .then()
                .statusCode(422)
                .body("message.path", hasItem(List.of("eventsFilter", 0, "eventName")));
        Map<String, Object> nowhere = body("/");
        nowhere.put("environment", "nowhere");
        Api.as().body(nowhere).post(WEBHOOKS).then().statusCode(404).body("code", equalTo("environment_not_found"));
        Api.as()
                .body(Map.of("projectId", project))
                .post(WEBHOOKS)
                .then()
                .statusCode(422)
                .body("message.path", contains(List.of("name"), List.of("url"), List.of("events")));
    }

    private void refused(Map<String, Object> more, String field) {
        Map<String, Object> body = body("/");
        body.putAll(more);
        Api.as().body(body).post(WEBHOOKS).then().statusCode(422).body("message.path", hasItem(List.of(field)));
    }

    @Test
    void theOtherFormsFieldsChangeNothing() {
        String id = create(body("/")).path("webhook.id");
        for (Map<String, Object> change : List.<Map<String, Object>>of(Map.of("events", List.of("rotation.failed")))) {
            Api.as().body(change).patch(WEBHOOKS + "/" + id).then().statusCode(422);
        }
        Api.as().post(WEBHOOKS + "/" + id + "/rotate-secret").then().statusCode(422);
        Api.as()
                .body(Map.of("enabled", false))
                .patch(WEBHOOKS + "/" + id)
                .then()
                .statusCode(200)
                .body("webhook.isDisabled", equalTo(true));
    }
}
