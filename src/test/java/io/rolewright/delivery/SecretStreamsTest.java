package io.rolewright.delivery;

import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Listening to what becomes of secrets, as the reference's operator does. */
@QuarkusTest
class SecretStreamsTest {

    private static final String PATH = "/api/v1/events/subscribe/project-events";
    private static final Duration LONG = Duration.ofSeconds(30);

    private final List<Listening> open = new ArrayList<>();

    @AfterEach
    void hangUp() {
        open.forEach(each -> each.lines.cancel(true));
    }

    /** The lines of a stream as they come. */
    private final class Listening {

        private final List<String> got = new CopyOnWriteArrayList<>();
        private final CompletableFuture<HttpResponse<Void>> lines;

        Listening(String token, JsonObject body) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + RestAssured.port + PATH))
                    .header("Authorization", "Bearer " + token)
                    .header("Accept", "text/event-stream")
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body.encode()))
                    .build();
            lines = HttpClient.newHttpClient().sendAsync(request, info -> {
                assertThat(info.statusCode()).isEqualTo(200);
                assertThat(info.headers().firstValue("Content-Type"))
                        .hasValueSatisfying(type -> assertThat(type).startsWith("text/event-stream"));
                assertThat(info.headers().firstValue("Cache-Control")).hasValue("no-cache");
                return HttpResponse.BodySubscribers.fromLineSubscriber(new Each(got));
            });
            open.add(this);
            await().atMost(LONG).untilAsserted(() -> assertThat(got).startsWith("event: ping", ""));
        }

        /** Kind and name of all that was said but heartbeats. */
        List<String> told() {
            List<String> told = new ArrayList<>();
            for (int i = 0; i < got.size(); i++) {
                if (got.get(i).startsWith("data: ")) {
                    JsonObject data = new JsonObject(got.get(i).substring(6));
                    assertThat(got.get(i - 1))
                            .isEqualTo("event: " + data.getJsonObject("data").getString("eventType"));
                    assertThat(got.get(i - 2)).startsWith("id: ");
                    told.add(got.get(i - 1).substring("event: secret:".length()) + " " + data.getString("secretKey"));
                }
            }
            return told;
        }

        boolean hasEnded() {
            return lines.isDone();
        }
    }

    private record Each(List<String> got) implements java.util.concurrent.Flow.Subscriber<String> {
        @Override
        public void onSubscribe(java.util.concurrent.Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(String line) {
            got.add(line);
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onComplete() {}
    }

    private static JsonObject everything(String project) {
        return new JsonObject().put("projectId", project);
    }

    /** As the operator sends it. */
    private static JsonObject at(String project, String path) {
        JsonArray register = new JsonArray();
        for (String event : List.of("secret:create", "secret:update", "secret:delete", "secret:import-mutation")) {
            register.add(new JsonObject()
                    .put("event", event)
                    .put("conditions", new JsonObject().put("secretPath", path).put("environmentSlug", "production")));
        }
        return everything(project).put("register", register);
    }

    private static Map<String, Object> body(Rotating roles, String project, String path) {
        Map<String, Object> body = roles.body(Rotating.name("streamed"));
        body.put("projectId", project);
        body.put("secretPath", path);
        return body;
    }

    @Test
    void tellsWhatBecomesOfTheSecretsOfAPlaceAndNoValue() {
        String project = Identities.project();
        Listening here = new Listening(Identities.in(project, "consumer").token(), at(project, "/orders"));
        Listening elsewhere = new Listening(Api.token(), at(project, "/order"));
        Listening other = new Listening(Api.token(), everything(Identities.project()));

        String id = Rotating.created(body(Rotating.on(18), project, "/orders/eu"));
        await().atMost(LONG)
                .untilAsserted(() -> assertThat(here.told()).containsExactly("create DB_USER", "create DB_PASSWORD"));
        rotateAtOnce(id).then().statusCode(200);
        await().atMost(LONG)
                .untilAsserted(() -> assertThat(here.told().stream().skip(2))
                        .containsExactly("update DB_USER", "update DB_PASSWORD"));
        Api.as()
                .body(Map.of("secretsMapping", Map.of("username", "NEW_USER", "password", "DB_PASSWORD")))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
        Api.as().delete(Rotating.BASE + "/" + id).then().statusCode(200);
        await().atMost(LONG)
                .untilAsserted(() -> assertThat(here.told().stream().skip(4))
                        .containsExactly(
                                "delete DB_USER",
                                "delete DB_PASSWORD",
                                "create NEW_USER",
                                "create DB_PASSWORD",
                                "delete NEW_USER",
                                "delete DB_PASSWORD"));

        JsonObject data = new JsonObject(here.got.stream()
                .filter(line -> line.startsWith("data: "))
                .findFirst()
                .orElseThrow()
                .substring(6));
        JsonObject secret = new JsonObject()
                .put("environment", "production")
                .put("secretPath", "/orders/eu")
                .put("secretKey", "DB_USER");
        JsonObject inPayload = secret.copy().put("secretKeys", "DB_USER");
        assertThat(data)
                .isEqualTo(secret.copy()
                        .put("projectId", project)
                        .put("projectType", "secret-manager")
                        .put("type", "secret-manager")
                        .put(
                                "data",
                                new JsonObject()
                                        .put("eventType", "secret:create")
                                        .put("payload", new JsonArray().add(inPayload))));
        assertThat(elsewhere.told()).isEmpty();
        assertThat(other.told()).isEmpty();
    }

    @Test
    void beginsWithWhatHappenedJustBefore() {
        String project = Identities.project();
        Rotating.created(body(Rotating.on(18), project, "/orders"));

        Listening late = new Listening(Api.token(), everything(project));

        await().atMost(LONG)
                .untilAsserted(() -> assertThat(late.told()).containsExactly("create DB_USER", "create DB_PASSWORD"));
        Listening onlyUpdates = new Listening(
                Api.token(),
                everything(project)
                        .put("register", new JsonArray().add(new JsonObject().put("event", "secret:update"))));
        String second = Rotating.created(body(Rotating.on(18), project, "/second"));
        rotateAtOnce(second).then().statusCode(200);
        await().atMost(LONG)
                .untilAsserted(
                        () -> assertThat(onlyUpdates.told()).containsExactly("update DB_USER", "update DB_PASSWORD"));
        assertThat(late.told()).as("each once").hasSize(6);
    }

    @Test
    void endsWithTheTokenAndWithTheRightAndTellsNothingMore() {
        String project = Identities.project();
        Somebody revoked = Identities.in(project, "consumer");
        Somebody demoted = Identities.in(project, "consumer");
        Listening byToken = new Listening(revoked.token(), everything(project));
        Listening byRight = new Listening(demoted.token(), everything(project));
        Listening stays = new Listening(Identities.in(project, "reader").token(), everything(project));

        Api.as()
                .body(Map.of("accessToken", revoked.token()))
                .post("/api/v1/auth/token/revoke")
                .then()
                .statusCode(200);
        Api.as()
                .delete("/api/v1/projects/" + project + "/identity-memberships/" + demoted.id())
                .then()
                .statusCode(200);

        await().atMost(LONG).until(() -> byToken.hasEnded() && byRight.hasEnded());
        Rotating.created(body(Rotating.on(18), project, "/orders"));
        await().atMost(LONG).untilAsserted(() -> assertThat(stays.told()).hasSize(2));
        assertThat(byToken.told()).isEmpty();
        assertThat(byRight.told()).isEmpty();
    }

    @Test
    void whoMayNotReadOrSaysNonsenseGetsAnAnswerAndNoStream() {
        String project = Identities.project();
        Somebody elsewhere = Identities.in(Identities.project(), "consumer");
        for (String unseen : List.of(project, UUID.randomUUID().toString())) {
            Api.as()
                    .auth()
                    .oauth2(elsewhere.token())
                    .accept("text/event-stream")
                    .body(Map.of("projectId", unseen))
                    .post(PATH)
                    .then()
                    .statusCode(403)
                    .contentType("application/json")
                    .body("code", equalTo("permission_denied"));
        }
        Api.as()
                .body(Map.of("projectId", UUID.randomUUID().toString()))
                .post(PATH)
                .then()
                .statusCode(404)
                .body("code", equalTo("project_not_found"));
        Api.as()
                .body(Map.of("projectId", project, "register", List.of(Map.of("event", "secret:read"))))
                .post(PATH)
                .then()
                .statusCode(422)
                .body("message[0].path", contains("register", 0, "event"))
                .body("message[0].message", containsString("secret:update"));
    }
}
