package io.rolewright.idempotency;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.sealing.Resealed;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Who has lost a right is not given the reply that he got while he had it, by any operation that takes an Idempotency-Key. */
@QuarkusTest
class ReplayRightsTest {

    /**
     * @param project whose roles count; null for the organisation's
     * @param body null if it takes none
     */
    private record Asked(String project, String path, Map<String, Object> body) {

        Response by(String token) {
            var request = given().header("Authorization", "Bearer " + token)
                    .header("Idempotency-Key", "the same")
                    .contentType(ContentType.JSON);
            return body == null ? request.post(path) : request.body(body).post(path);
        }
    }

    /** What each operation is asked for; an operation that has no entry fails {@link #everyOperationThatTakesAKeyIsTried}. */
    private static final Map<String, Function<String, Asked>> OPERATIONS = Map.of(
            "createIdentity",
            project -> new Asked(null, "/api/v1/identities", Map.of("name", Rotating.name("identity"))),
            "createProject",
            project -> new Asked(null, "/api/v1/projects", Map.of("projectName", Rotating.name("project"))),
            "createPostgresAppConnection",
            project -> new Asked(project, "/api/v1/app-connections/postgres", connection(project, false)),
            "rotatePostgresAppConnection",
            project -> new Asked(
                    project,
                    "/api/v1/app-connections/postgres/" + created(connection(project, true)) + "/rotate",
                    null),
            "createPostgresCredentialsRotation",
            project -> new Asked(project, Rotating.BASE, rotation(project)),
            "rotatePostgresCredentials",
            project -> new Asked(
                    project, Rotating.BASE + "/" + Rotating.created(rotation(project)) + "/rotate-secrets", null),
            "createWebhook",
            project -> new Asked(project, "/api/v1/webhooks", webhook(project)),
            "replayWebhookDelivery",
            project -> {
                String hook = hook(project);
                return new Asked(
                        project,
                        "/api/v1/webhooks/" + hook + "/deliveries/" + deadLetter(project, hook) + "/replay",
                        null);
            },
            "replayDeadWebhookDeliveries",
            project -> new Asked(project, "/api/v1/webhooks/" + hook(project) + "/replay-dead", null));

    /** By which the right is lost; each gives the token to come back with. */
    private static final Map<String, BiFunction<Somebody, String, String>> LOSSES = Map.of(
            "role taken away", (somebody, project) -> roles(somebody, project),
            "role narrowed", (somebody, project) -> roles(somebody, project, "reader"),
            "other role", (somebody, project) -> roles(somebody, project, "consumer"),
            "narrowed static token",
                    (somebody, project) -> Api.as()
                            .body(Map.of("name", "narrow", "role", "reader"))
                            .post("/api/v1/auth/token-auth/identities/" + somebody.id() + "/tokens")
                            .then()
                            .statusCode(200)
                            .extract()
                            .path("accessToken"));

    @Test
    void everyOperationThatTakesAKeyIsTried() {
        var document = new JsonObject(given().get("/api/openapi.json").asString());
        List<String> taking = new ArrayList<>();
        document.getJsonObject("paths")
                .forEach(path -> ((JsonObject) path.getValue()).forEach(operation -> {
                    if (operation.getValue() instanceof JsonObject described
                            && described.containsKey("operationId")
                            && described.encode().contains("\"Idempotency-Key\"")) {
                        taking.add(described.getString("operationId"));
                    }
                }));

        assertThat(taking).containsExactlyInAnyOrderElementsOf(OPERATIONS.keySet());
    }

    @TestFactory
    Stream<DynamicTest> nobodyIsGivenAReplyAgainWithoutTheRight() {
        return OPERATIONS.entrySet().stream()
                .flatMap(operation -> LOSSES.entrySet().stream()
                        .map(loss -> dynamicTest(
                                operation.getKey() + ": " + loss.getKey(),
                                () -> check(operation.getValue().apply(Identities.project()), loss.getValue()))));
    }

    private static void check(Asked asked, BiFunction<Somebody, String, String> loss) {
        Somebody somebody =
                asked.project == null ? Identities.with("admin") : Identities.in(asked.project, "operator", "reader");
        Response first = asked.by(somebody.token());
        first.then().statusCode(200);
        assertThat(withoutOnce(asked.by(somebody.token()).asString())).isEqualTo(withoutOnce(first.asString()));

        Response later = asked.by(loss.apply(somebody, asked.project));

        assertThat(later.statusCode()).as(later.asString()).isIn(400, 403, 404);
        assertThat(later.<String>path("code"))
                .isIn(
                        "permission_denied",
                        "project_not_found",
                        "project_unknown",
                        "webhook_not_found",
                        "rotation_not_found");
        await().untilAsserted(() -> assertThat(TestStore.sql("select from audit_event where actor_id = '"
                        + somebody.id() + "' and outcome <> 'SUCCESS' and request_id = '"
                        + later.header("X-Request-Id") + "'"))
                .as("rows in the audit")
                .hasSize(1));
    }

    /** A secret is shown only the first time. */
    private static String withoutOnce(String reply) {
        var json = new JsonObject(reply);
        json.remove("secret");
        return json.encode();
    }

    private static String roles(Somebody somebody, String project, String... roles) {
        if (project == null) {
            Api.as()
                    .body(Map.of("roles", List.of(roles)))
                    .patch("/api/v1/identities/" + somebody.id())
                    .then()
                    .statusCode(200);
        } else if (roles.length == 0) {
            Api.as()
                    .delete("/api/v1/projects/" + project + "/identity-memberships/" + somebody.id())
                    .then()
                    .statusCode(200);
        } else {
            Api.as()
                    .body(Map.of("roles", List.of(roles)))
                    .put("/api/v1/projects/" + project + "/identity-memberships/" + somebody.id())
                    .then()
                    .statusCode(200);
        }
        return somebody.token();
    }

    private static Map<String, Object> connection(String project, boolean managed) {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = target.role("LOGIN");
        return Map.of(
                "name",
                Rotating.name("connection"),
                "method",
                "username-and-password",
                "projectId",
                project,
                "isPlatformManagedCredentials",
                managed,
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
                        false));
    }

    private static String created(Map<String, Object> connection) {
        return Api.as()
                .body(connection)
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** With a connection of the same project. */
    private static Map<String, Object> rotation(String project) {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Resealed.sql("update app_connection set project_id = '" + project + "' where id = '" + roles.connection + "'");
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("projectId", project);
        return body;
    }

    private static Map<String, Object> webhook(String project) {
        return Map.of(
                "projectId",
                project,
                "name",
                Rotating.name("hook"),
                "url",
                "https://127.0.0.1:9/hook?token=s3cr3t",
                "events",
                List.of("rotation.credential-changed"));
    }

    private static String hook(String project) {
        return Api.as()
                .body(webhook(project))
                .post("/api/v1/webhooks")
                .then()
                .statusCode(200)
                .extract()
                .path("webhook.id");
    }

    private static String deadLetter(String project, String hook) {
        String id = UUID.randomUUID().toString();
        TestStore.sql("insert into webhook_delivery (id, webhook_id, position, fact_id, type, project_id, subject_kind,"
                + " subject_id, facts, ordering_key, at, state, due_at, give_up_at, ended_at) values ('" + id + "', '"
                + hook + "', 1, gen_random_uuid(), 'rotation.credential-changed', '" + project
                + "', 'rotation', gen_random_uuid(), '{}', 'none', now(), 'dead', now(), now(), now())");
        return id;
    }
}
