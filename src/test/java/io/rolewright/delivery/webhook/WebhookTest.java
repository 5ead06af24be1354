package io.rolewright.delivery.webhook;

import static io.rolewright.rotation.Rotating.credentials;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Ports;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Webhooks from a rotation to a receiver that listens by HTTPS, with the clock outside. */
@QuarkusTest
class WebhookTest {

    private static final String WEBHOOKS = "/api/v1/webhooks";
    private static final String CHANGED = "rotation.credential-changed";

    private final TestReceiver receiver = new TestReceiver();

    @AfterEach
    void close() {
        // What is left over of one test is none of the next one's business.
        TestStore.sql("DELETE FROM webhook");
        receiver.close();
    }

    private static Response runDue() {
        Response answer = Api.as().queryParam("budgetSeconds", 20).post("/api/v1/rotations/run-due");
        answer.then().statusCode(200);
        return answer;
    }

    private Map<String, Object> body(String url, String... events) {
        Map<String, Object> body = new HashMap<>();
        body.put("projectId", Rotating.project());
        body.put("name", Rotating.name("hook"));
        body.put("url", url);
        body.put("caCert", TestReceiver.AUTHORITY.caPem());
        body.put("events", List.of(events));
        return body;
    }

    private Response subscribe(String path, String... events) {
        Response made = Api.as().body(body(receiver.url(path), events)).post(WEBHOOKS);
        made.then().statusCode(200);
        return made;
    }

    private String hook(String path, String... events) {
        return subscribe(path, events).path("webhook.id");
    }

    private static ValidatableResponse deliveries(String webhook) {
        return Api.as().get(WEBHOOKS + "/" + webhook + "/deliveries").then().statusCode(200);
    }

    private static List<Long> versions(List<TestReceiver.Got> got, String rotation) {
        return got.stream()
                .map(TestReceiver.Got::event)
                .filter(event -> event.getString("subject").equals("rotation/" + rotation))
                .map(event -> event.getJsonObject("data").getLong("credentialVersion"))
                .toList();
    }

    // ---- What is told -----------------------------------------------------------------------------------------------

    @Test
    void tellsOfANewCredentialInAFormThatReceiversVerify() {
        Response made = subscribe("/hook", CHANGED);
        String secret = made.path("secret");
        made.then().header("Cache-Control", "no-store");
        Rotating roles = Rotating.on(18);
        String id = roles.created();
        rotateAtOnce(id).then().statusCode(200);

        runDue().then().body("webhooksDelivered", equalTo(2));

        assertThat(versions(receiver.got, id)).containsExactly(1L, 2L);
        TestReceiver.Got got = receiver.got.get(1);
        assertThat(got.isSignedWith(secret)).isTrue();
        assertThat(got.isSignedWith("whsec_" + "A".repeat(43) + "=")).isFalse();
        assertThat(got.header("Content-Type")).startsWith("application/cloudevents+json");
        JsonObject event = got.event();
        assertThat(event.getString("specversion")).isEqualTo("1.0");
        assertThat(event.getString("id")).isEqualTo(got.header("webhook-id"));
        assertThat(event.getString("type")).isEqualTo("io.rolewright." + CHANGED);
        assertThat(event.getString("source")).isEqualTo("/api/v1/projects/" + Rotating.project());
        assertThat(Instant.parse(event.getString("time")))
                .isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(60));
        assertThat(event.getJsonObject("data"))
                .isEqualTo(new JsonObject()
                        .put("projectId", Rotating.project())
                        .put("rotationId", id)
                        .put("credentialVersion", 2)
                        .put("cause", "manual"));
        credentials(id)
                .forEach(credential -> receiver.got.forEach(
                        each -> assertThat(each.body() + each.headers()).doesNotContain(credential.get("password"))));
        deliveries(made.path("webhook.id"))
                .body("deliveries.state", contains("delivered", "delivered"))
                .body("deliveries.credentialVersion", contains(2, 1));
    }

    @Test
    void tellsOnlyWhatWasAskedForAndOnlyInItsProject() {
        String other = Identities.project();
        Map<String, Object> elsewhere = body(receiver.url("/elsewhere"), CHANGED);
        elsewhere.put("projectId", other);
        Api.as().body(elsewhere).post(WEBHOOKS).then().statusCode(200);
        hook("/failures", "rotation.failed");
        String off = hook("/off", CHANGED);
        Api.as()
                .body(Map.of("enabled", false))
                .patch(WEBHOOKS + "/" + off)
                .then()
                .statusCode(200);

        Rotating.on(14).created();
        runDue();

        assertThat(receiver.got).isEmpty();
    }

    @Test
    void tellsOfFailureAndDrift() {
        hook("/hook", "rotation.failed", "rotation.in-doubt", "rotation.drifted", "rotation.well-again");
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        roles.target.sql("ALTER ROLE " + roles.managing.role() + " NOCREATEROLE");

        assertThat(rotateAtOnce(id).statusCode()).isEqualTo(400);
        runDue();

        JsonObject failed = receiver.got.get(0).event();
        assertThat(failed.getString("type")).isEqualTo("io.rolewright.rotation.failed");
        assertThat(failed.getString("subject")).isEqualTo("rotation/" + id);
        assertThat(failed.getJsonObject("data").getString("reason")).isNotBlank();

        receiver.got.clear();
        roles.target.sql("ALTER ROLE " + roles.managing.role() + " CREATEROLE");
        String drifting = Rotating.on(14).created();
        String role = credentials(drifting).get(0).get("username");
        roles.target.sql("ALTER ROLE " + role + " PASSWORD 'somebody elses'");
        Awaitility.await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
            TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + drifting
                    + "' AND deleted_at IS NULL");
            runDue();
            assertThat(receiver.got.stream()
                            .map(TestReceiver.Got::event)
                            .filter(event -> event.getString("subject").equals("rotation/" + drifting))
                            .map(event -> event.getString("type")))
                    .contains("io.rolewright.rotation.drifted");
        });
    }

    @Test
    void tellsOfRecoveryByTheNameThatWasSubscribedTo() {
        hook("/old", "rotation.well-again");
        hook("/new", "rotation.recovered");
        hook("/both", "rotation.well-again", "rotation.recovered");
        hook("/other", "rotation.drifted", "app-connection.recovered");
        TestStore.sql(
                "INSERT INTO outbox_fact (id, type, project_id, subject_kind, subject_id, facts, ordering_key) SELECT gen_random_uuid(),"
                        + " 'rotation.well-again', '" + Rotating.project()
                        + "', 'rotation', gen_random_uuid(), '{\"reason\": \"ok\"}', 'recovered'");

        runDue();

        assertThat(types("/old")).containsExactly("io.rolewright.rotation.well-again");
        assertThat(types("/new")).containsExactly("io.rolewright.rotation.recovered");
        assertThat(types("/both")).containsExactly("io.rolewright.rotation.recovered");
        assertThat(types("/other")).isEmpty();
    }

    private List<String> types(String path) {
        return receiver.at(path).stream()
                .map(got -> got.event().getString("type"))
                .toList();
    }

    /** The server is gone after the statement was sent. */
    @Test
    void tellsOfOtherNamesAndOfTheEnd() {
        hook("/hook", "rotation.secrets-renamed", "rotation.deleted");
        Rotating roles = Rotating.on(18);
        String kept = roles.created();
        Map<String, Object> names =
                Map.of("secretsMapping", Map.of("username", "NEW_USER", "password", "NEW_PASSWORD"));
        for (int twice = 0; twice < 2; twice++) { // the second time nothing is another
            Api.as().body(names).patch(Rotating.BASE + "/" + kept).then().statusCode(200);
        }
        Api.as().delete(Rotating.BASE + "/" + kept).then().statusCode(200);
        String taken = Rotating.on(18).created();
        Api.as()
                .queryParam("revokeGeneratedCredentials", true)
                .delete(Rotating.BASE + "/" + taken)
                .then()
                .statusCode(200);

        runDue();

        assertThat(told(kept))
                .extracting(event -> event.getString("type"))
                .containsExactly("io.rolewright.rotation.secrets-renamed", "io.rolewright.rotation.deleted");
        JsonObject renamed = told(kept).get(0).getJsonObject("data");
        assertThat(renamed.getJsonArray("secrets")).containsExactly("NEW_USER", "NEW_PASSWORD");
        assertThat(renamed.getJsonArray("formerSecrets")).containsExactly("DB_USER", "DB_PASSWORD");
        JsonObject deleted = told(kept).get(1).getJsonObject("data");
        assertThat(deleted.getMap())
                .containsEntry("passwords", "kept")
                .containsEntry("environment", "production")
                .containsEntry("credentialVersion", 1);
        assertThat(deleted.getString("secretPath")).startsWith("/");
        assertThat(deleted.getString("rotationName")).isNotBlank();
        assertThat(deleted.getJsonArray("secrets")).containsExactly("NEW_USER", "NEW_PASSWORD");
        assertThat(told(taken)).hasSize(1);
        assertThat(told(taken).get(0).getJsonObject("data").getString("passwords"))
                .isEqualTo("taken");
    }

    private List<JsonObject> told(String rotation) {
        return receiver.got.stream()
                .map(TestReceiver.Got::event)
                .filter(event -> event.getString("subject").equals("rotation/" + rotation))
                .toList();
    }

    @Test
    void tellsOfDoubt() {
        hook("/hook", "rotation.in-doubt");
        Rotating roles = Rotating.on(14);
        try (TcpProxy proxy = TcpProxy.to(roles.target)) {
            Map<String, Object> body = roles.body(Rotating.name("doubtful"));
            body.put("connectionId", Rotating.connection(proxy.port(), roles.managing));
            String id = Rotating.created(body);
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return TcpProxy.Fate.CUT;
            });

            rotateAtOnce(id).then().statusCode(504).body("code", equalTo("rotation_in_doubt"));
            runDue();

            JsonObject told = receiver.got.get(0).event();
            assertThat(told.getString("type")).isEqualTo("io.rolewright.rotation.in-doubt");
            assertThat(told.getString("subject")).isEqualTo("rotation/" + id);
            assertThat(told.getJsonObject("data").getString("reason")).isNotBlank();
        }
    }

    @Test
    void tellsOnceThatARotationIsLateAndThatAPasswordEnds() {
        hook("/hook", "rotation.overdue", "rotation.credential-expiring");
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        // The second role has no password yet: nothing ends with the next rotation.
        plan(id, "now() + interval '1 hour'");
        runDue();
        assertThat(receiver.got).isEmpty();

        rotateAtOnce(id).then().statusCode(200);
        plan(id, "now() + interval '1 hour'");
        runDue();
        runDue();

        assertThat(receiver.got).hasSize(1);
        JsonObject expiring = receiver.got.get(0).event();
        assertThat(expiring.getString("type")).isEqualTo("io.rolewright.rotation.credential-expiring");
        assertThat(expiring.getJsonObject("data").getString("username")).isEqualTo(roles.first.role());
        String ends = expiring.getJsonObject("data").getString("expiresAt");
        assertThat(ends).matches("[-0-9]{10}T[:0-9]{8}\\.[0-9]{3}Z"); // as every moment on the wire
        assertThat(Instant.parse(ends)).isAfter(Instant.now());

        receiver.got.clear();
        plan(id, "now() - interval '16 minutes'");
        runDue();
        runDue();

        assertThat(receiver.got.stream().map(got -> got.event().getString("type")))
                .containsExactlyInAnyOrder(
                        "io.rolewright.rotation.overdue", "io.rolewright.rotation.credential-expiring");
        assertThat(receiver.got.stream()
                        .map(got -> got.event().getJsonObject("data").getString("nextRotationAt"))
                        .filter(Objects::nonNull))
                .singleElement()
                .asString()
                .matches("[-0-9]{10}T[:0-9]{8}\\.[0-9]{3}Z");
    }

    /** Planned then, and nobody looks. */
    private static void plan(String rotation, String when) {
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = " + when
                + ", due_at = now() + interval '1 day' WHERE id = '" + rotation + "'");
    }

    // ---- How it is told ---------------------------------------------------------------------------------------------

    @Test
    void keepsTheOrderOfARotationWhileItsReceiverFailsAndHoldsUpNobodyElse() {
        receiver.status = 500;
        String failing = hook("/switched", CHANGED);
        hook("/well", CHANGED);
        String id = Rotating.on(14).created();
        rotateAtOnce(id).then().statusCode(200);
        rotateAtOnce(id).then().statusCode(200);

        runDue();

        assertThat(versions(receiver.at("/well"), id)).containsExactly(1L, 2L, 3L);
        assertThat(versions(receiver.at("/switched"), id)).isNotEmpty().containsOnly(1L);
        deliveries(failing)
                .body("deliveries.state", contains("pending", "pending", "pending"))
                .body("deliveries[2].lastFailure", equalTo("refused_by_receiver"))
                .body("deliveries[2].lastStatus", equalTo(500))
                .body("deliveries[0].tries", equalTo(0));
        Api.as()
                .get(WEBHOOKS + "/" + failing)
                .then()
                .body("webhook.failures", equalTo(receiver.at("/switched").size()))
                .body("webhook.quietUntil", notNullValue());
        assertThat(deliveries(failing).extract().asString()).doesNotContain("own words");

        receiver.status = 204;
        int before = receiver.at("/switched").size();
        Awaitility.await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            runDue();
            deliveries(failing).body("deliveries.state", contains("delivered", "delivered", "delivered"));
        });
        List<TestReceiver.Got> all = receiver.at("/switched");
        assertThat(versions(all.subList(before, all.size()), id)).containsExactly(1L, 2L, 3L);
        assertThat(all.stream()
                        .filter(got -> got.event().getJsonObject("data").getLong("credentialVersion") == 1)
                        .map(got -> got.header("webhook-id") + got.body())
                        .distinct())
                .as("the same message to the byte, however often it is sent")
                .hasSize(1);
        Api.as()
                .get(WEBHOOKS + "/" + failing)
                .then()
                .body("webhook.failures", equalTo(0))
                .body("webhook.quietUntil", nullValue())
                .body("webhook.lastDeliveredAt", notNullValue());
    }

    @Test
    void aReceiverThatStaysSilentIsGivenUpInTimeAndHoldsUpNobody() {
        String silent = hook("/silent", CHANGED);
        hook("/well", CHANGED);
        Rotating.on(14).created();
        Rotating.on(14).created();
        Rotating.on(14).created();
        Rotating.on(14).created();

        long begun = System.nanoTime();
        runDue();

        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(18));
        assertThat(receiver.at("/well")).hasSize(4);
        deliveries(silent).body("deliveries.lastFailure", hasItem("timed_out"));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> receiver.openRequests.get() == 0);
    }

    @Test
    void aReceiverThatTakesItsTimeIsWaitedFor() {
        String slow = hook("/slow", CHANGED);
        Rotating.on(14).created();

        runDue();

        deliveries(slow).body("deliveries.state", contains("delivered"));
    }

    @Test
    void isLedNowhereElseByARedirect() {
        String hook = hook("/redirect", CHANGED);
        Rotating.on(14).created();

        runDue();

        assertThat(receiver.at("/redirect")).isNotEmpty();
        assertThat(receiver.at("/elsewhere")).isEmpty();
        deliveries(hook)
                .body("deliveries.lastFailure", contains("refused_by_receiver"))
                .body("deliveries.lastStatus", contains(307));
    }

    @Test
    void readsNoAnswerWithoutEnd() {
        String hook = hook("/flood", CHANGED);
        Rotating.on(14).created();

        runDue();

        deliveries(hook).body("deliveries.state", contains("delivered"));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> receiver.openRequests.get() == 0);
    }

    @Test
    void saysWhyAReceiverIsNotReached() throws IOException {
        Map<String, Object> unknownAuthority = body(receiver.url("/hook"), CHANGED);
        unknownAuthority.remove("caCert");
        assertTestFailsWith("tls_failed", unknownAuthority);
        assertTestFailsWith("connection_refused", body("https://127.0.0.1:" + Ports.free(), CHANGED));
        assertTestFailsWith("name_not_found", body("https://nowhere.invalid/hook", CHANGED), "name_lookup_timed_out");
        assertThat(receiver.got).isEmpty();

        String well = hook("/hook", CHANGED);
        Api.as()
                .post(WEBHOOKS + "/" + well + "/test")
                .then()
                .statusCode(200)
                .body("ok", equalTo(true))
                .body("failure", nullValue())
                .body("status", equalTo(200));
        assertThat(receiver.got.get(0).event().getString("type")).isEqualTo("io.rolewright.webhook.test");
    }

    private static void assertTestFailsWith(String failure, Map<String, Object> body, String... or) {
        String id = Api.as()
                .body(body)
                .post(WEBHOOKS)
                .then()
                .statusCode(200)
                .extract()
                .path("webhook.id");
        List<String> expected = new ArrayList<>(List.of(or));
        expected.add(failure);
        String found = Api.as()
                .post(WEBHOOKS + "/" + id + "/test")
                .then()
                .statusCode(200)
                .body("ok", equalTo(false))
                .body("status", nullValue())
                .extract()
                .path("failure");
        assertThat(found).isIn(expected);
    }

    // ---- At least once
    // ------------------------------------------------------------------------------------------------

    @Test
    void isToldOnceByManyThatLookAtOnce() throws Exception {
        hook("/slow", CHANGED);
        receiver.slowMillis = 50;
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            String id = Rotating.on(14).created();
            rotateAtOnce(id).then().statusCode(200);
            ids.add(id);
        }

        ExecutorService many = Executors.newFixedThreadPool(4);
        try {
            Callable<Integer> look = () -> runDue().path("webhooksDelivered");
            int delivered = 0;
            for (var each : many.invokeAll(List.of(look, look, look, look))) {
                delivered += each.get();
            }
            assertThat(delivered).isEqualTo(12);
        } finally {
            many.shutdown();
        }

        ids.forEach(id -> assertThat(versions(receiver.got, id)).containsExactly(1L, 2L));
        assertThat(receiver.mostOpenRequests.get()).isBetween(2, 12);
    }

    @Test
    void whatADeadProcessHasClaimedIsToldWhenItsLeaseHasLapsed() {
        String hook = hook("/hook", CHANGED);
        String id = Rotating.on(14).created();
        rotateAtOnce(id).then().statusCode(200);
        TestStore.sql("UPDATE webhook SET quiet_until = now() + interval '1 hour' WHERE id = '" + hook + "'");
        runDue(); // puts the facts down
        // As a process leaves it that was killed after its claim.
        TestStore.sql("UPDATE webhook_delivery SET lease = gen_random_uuid(), tries = 1,"
                + " due_at = now() + interval '60 seconds' WHERE webhook_id = '" + hook
                + "' AND credential_version = 1");
        TestStore.sql("UPDATE webhook SET quiet_until = NULL WHERE id = '" + hook + "'");

        runDue();
        assertThat(receiver.got).as("while the lease lasts, nothing overtakes").isEmpty();

        TestStore.sql("UPDATE webhook_delivery SET due_at = now() WHERE webhook_id = '" + hook
                + "' AND credential_version = 1");
        runDue();

        assertThat(versions(receiver.got, id)).containsExactly(1L, 2L);
        deliveries(hook).body("deliveries.tries", contains(1, 2));
    }

    @Test
    void becomesADeadLetterThatCanBeReplayed() {
        receiver.status = 503;
        String hook = hook("/switched", CHANGED);
        String id = Rotating.on(14).created();
        rotateAtOnce(id).then().statusCode(200);
        runDue();
        TestStore.sql("UPDATE webhook_delivery SET give_up_at = now(), due_at = now()");
        TestStore.sql("UPDATE webhook SET quiet_until = NULL");

        runDue();

        deliveries(hook).body("deliveries.state", contains("dead", "dead"));
        List<String> dead = Api.as()
                .queryParam("state", "dead")
                .get(WEBHOOKS + "/" + hook + "/deliveries")
                .then()
                .body("deliveries.endedAt", not(hasItem(nullValue())))
                .extract()
                .path("deliveries.id");
        receiver.got.clear();
        receiver.status = 204;
        runDue();
        assertThat(receiver.got).isEmpty();

        Api.as()
                .post(WEBHOOKS + "/" + hook + "/deliveries/" + dead.get(0) + "/replay")
                .then()
                .statusCode(200)
                .body("delivery.state", equalTo("pending"))
                .body("delivery.tries", equalTo(0));
        Api.as()
                .post(WEBHOOKS + "/" + hook + "/deliveries/" + dead.get(0) + "/replay")
                .then()
                .statusCode(400)
                .body("code", equalTo("delivery_pending"));
        runDue();
        assertThat(versions(receiver.got, id)).containsExactly(2L);

        Api.as()
                .post(WEBHOOKS + "/" + hook + "/replay-dead")
                .then()
                .statusCode(200)
                .body("replayed", equalTo(1));
        runDue();
        assertThat(versions(receiver.got, id)).containsExactly(2L, 1L);
        deliveries(hook).body("deliveries.state", contains("delivered", "delivered"));
    }

    @Test
    void forgetsWhatIsOver() {
        String hook = hook("/hook", CHANGED);
        Rotating.on(14).created();
        runDue();
        TestStore.sql("UPDATE webhook_delivery SET ended_at = now() - interval '8 days'");

        runDue();

        deliveries(hook).body("deliveries", equalTo(List.of()));
    }

    // ---- Subscriptions
    // ------------------------------------------------------------------------------------------------

    @Test
    void showsItsSecretOnce() {
        Map<String, Object> body = body(receiver.url("/hook"), CHANGED, "rotation.failed");
        String key = UUID.randomUUID().toString();
        Response made = Api.as().header("Idempotency-Key", key).body(body).post(WEBHOOKS);
        String secret = made.path("secret");
        String id = made.path("webhook.id");
        assertThat(secret).startsWith("whsec_");

        Api.as()
                .header("Idempotency-Key", key)
                .body(body)
                .post(WEBHOOKS)
                .then()
                .statusCode(200)
                .body("webhook.id", equalTo(id))
                .body("secret", nullValue());
        body.put("enabled", false);
        Api.as().header("Idempotency-Key", key).body(body).post(WEBHOOKS).then().statusCode(422);
        Api.as().body(body).post(WEBHOOKS).then().statusCode(400).body("code", equalTo("webhook_name_taken"));

        Api.as()
                .get(WEBHOOKS + "/" + id)
                .then()
                .statusCode(200)
                .body("webhook.url", equalTo(receiver.url("/hook")))
                .body("webhook.events", contains(CHANGED, "rotation.failed"))
                .body("webhook.secret", nullValue());
        String list = Api.as()
                .queryParam("projectId", Rotating.project())
                .get(WEBHOOKS)
                .asString();
        assertThat(list).contains(id).doesNotContain(secret.substring(6));
        assertThat(TestStore.sql("SELECT sealed::text AS sealed FROM webhook WHERE id = '" + id + "'")
                        .get(0)
                        .getString("sealed"))
                .doesNotContain(java.util.HexFormat.of().formatHex("127.0.0.1".getBytes()));

        Response rotated = Api.as().post(WEBHOOKS + "/" + id + "/rotate-secret");
        rotated.then().statusCode(200).body("webhook.previousSecretUntil", notNullValue());
        Api.as().post(WEBHOOKS + "/" + id + "/test").then().body("ok", equalTo(true));
        assertThat(receiver.got.get(0).isSignedWith(secret)).isTrue();
        assertThat(receiver.got.get(0).isSignedWith(rotated.path("secret"))).isTrue();

        Api.as().delete(WEBHOOKS + "/" + id).then().statusCode(200);
        Api.as().get(WEBHOOKS + "/" + id).then().statusCode(404).body("code", equalTo("webhook_not_found"));
    }

    @Test
    void isChangedPieceByPiece() {
        String id = hook("/before", CHANGED);

        Api.as()
                .body(Map.of("url", receiver.url("/after")))
                .patch(WEBHOOKS + "/" + id)
                .then()
                .statusCode(200)
                .body("webhook.events", contains(CHANGED))
                .body("webhook.caCert", equalTo(TestReceiver.AUTHORITY.caPem()));
        Rotating.on(14).created();
        runDue();
        assertThat(receiver.at("/after")).hasSize(1);
        assertThat(receiver.at("/before")).isEmpty();

        Map<String, Object> noAuthority = new HashMap<>();
        noAuthority.put("caCert", null);
        Api.as()
                .body(noAuthority)
                .patch(WEBHOOKS + "/" + id)
                .then()
                .statusCode(200)
                .body("webhook.caCert", nullValue());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://127.0.0.1/hook",
                "https://",
                "https:///hook",
                "https://user:secret@127.0.0.1/hook",
                "https://127.0.0.1/hook#part",
                "ftp://127.0.0.1",
                "hook",
                "https://127.0.0.1/a b"
            })
    void refusesWhatIsNoAddressOfAReceiver(String url) {
        Api.as()
                .body(body(url, CHANGED))
                .post(WEBHOOKS)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("url"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://10.0.0.1/hook",
                "https://169.254.169.254/latest/meta-data",
                "https://[::1]/hook",
                "https://[::ffff:10.0.0.1]/hook",
                "https://metadata.google.internal/hook",
                "https://0.0.0.0/hook"
            })
    void refusesAddressesThatAreClosedToCallers(String url) {
        Api.as()
                .body(body(url, CHANGED))
                .post(WEBHOOKS)
                .then()
                .statusCode(400)
                .body("code", equalTo("receiver_address_refused"));
        String id = hook("/hook", CHANGED);
        Api.as()
                .body(Map.of("url", url))
                .patch(WEBHOOKS + "/" + id)
                .then()
                .statusCode(400)
                .body("code", equalTo("receiver_address_refused"));
    }

    @Test
    void refusesEventsThatDoNotExist() {
        Api.as()
                .body(body(receiver.url("/hook"), CHANGED, "rotation.finished"))
                .post(WEBHOOKS)
                .then()
                .statusCode(422)
                .body("message[0].path", contains((Object) "events", 1));
        Api.as()
                .body(body(receiver.url("/hook")))
                .post(WEBHOOKS)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("events"));
    }

    @Test
    void anotherProjectsWebhookIsNotThere() {
        String id = hook("/hook", CHANGED);
        Identities.Somebody stranger = Identities.in(Identities.project(), "operator");

        for (String path : List.of("", "/deliveries", "/deliveries/" + UUID.randomUUID())) {
            stranger.as()
                    .get(WEBHOOKS + "/" + id + path)
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("webhook_not_found"));
        }
        stranger.as().delete(WEBHOOKS + "/" + id).then().statusCode(404);
        stranger.as().post(WEBHOOKS + "/" + id + "/test").then().statusCode(404);
        stranger.as().get(WEBHOOKS).then().statusCode(200).body("webhooks", equalTo(List.of()));
    }

    @Test
    void goesWithItsProject() {
        String project = Identities.project();
        Map<String, Object> body = body(receiver.url("/hook"), CHANGED);
        body.put("projectId", project);
        String id = Api.as().body(body).post(WEBHOOKS).path("webhook.id");

        Api.as().delete("/api/v1/projects/" + project).then().statusCode(200);

        Api.as().get(WEBHOOKS + "/" + id).then().statusCode(404);
    }

    @Test
    void listsDeliveriesInPages() {
        String hook = hook("/hook", CHANGED);
        String id = Rotating.on(14).created();
        rotateAtOnce(id).then().statusCode(200);
        rotateAtOnce(id).then().statusCode(200);
        runDue();

        Response first = Api.as().queryParam("limit", 2).get(WEBHOOKS + "/" + hook + "/deliveries");
        first.then().body("deliveries.credentialVersion", contains(3, 2)).body("nextCursor", notNullValue());
        Api.as()
                .queryParam("limit", 2)
                .queryParam("cursor", first.<String>path("nextCursor"))
                .get(WEBHOOKS + "/" + hook + "/deliveries")
                .then()
                .body("deliveries.credentialVersion", contains(1))
                .body("nextCursor", nullValue());
        String one = first.path("deliveries[0].id");
        Api.as()
                .get(WEBHOOKS + "/" + hook + "/deliveries/" + one)
                .then()
                .statusCode(200)
                .body("delivery.event", equalTo(CHANGED));
    }
}
