package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who lost the answer of a creation gets it from the same POST, once; everybody else learns whose name it is. */
@QuarkusTest
class LostAnswerTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    private Map<String, Object> connection() {
        TestPostgres.Login login = target.role("LOGIN");
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("lost"));
        body.put("method", "username-and-password");
        body.put(
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
        return body;
    }

    private static Response post(String path, Map<String, Object> body) {
        return Api.as().body(body).post(path);
    }

    /** Sends a POST and hangs up while the service cannot write its audit; returns when the row is there all the same. */
    private static void postAndHangUp(String path, Map<String, Object> body, String table) throws IOException {
        Api.token(); // before the audit is locked, which logins write too
        CompletableFuture<?> locked = CompletableFuture.runAsync(() ->
                TestStore.sql("BEGIN; LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT"));
        Awaitility.await()
                .until(() -> !TestStore.sql("SELECT 1 FROM pg_locks WHERE relation = 'audit_event'::regclass"
                                + " AND mode = 'AccessExclusiveLock' AND granted")
                        .isEmpty());
        String json = new JsonObject(body).encode();
        URI base = URI.create(RestAssured.baseURI + ":" + RestAssured.port);
        try (Socket socket = new Socket(base.getHost(), base.getPort())) {
            socket.getOutputStream()
                    .write(("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + Api.token()
                                    + "\r\nContent-Type: application/json\r\nContent-Length: "
                                    + json.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + json)
                            .getBytes(StandardCharsets.UTF_8));
            // It has written the row and waits with its COMMIT.
            Awaitility.await()
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> !TestStore.sql("SELECT 1 FROM pg_locks waits JOIN pg_locks has USING (pid)"
                                    + " WHERE waits.relation = 'audit_event'::regclass AND NOT waits.granted"
                                    + " AND has.relation = '" + table + "'::regclass"
                                    + " AND has.mode = 'RowExclusiveLock' AND has.granted")
                            .isEmpty());
        }
        locked.join();
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> !TestStore.sql("SELECT 1 FROM " + table + " WHERE name = '" + nameOf(body) + "'")
                        .isEmpty());
    }

    private static String nameOf(Map<String, Object> body) {
        return (String) body.getOrDefault("name", body.get("projectName"));
    }

    private static int unanswered(String id) {
        return TestStore.sql("SELECT 1 FROM unanswered_creation WHERE id = '" + id + "'")
                .size();
    }

    @Test
    void aConnectionWhoseCallerHungUpIsGivenToTheSamePostOnce() throws IOException {
        Map<String, Object> body = connection();
        postAndHangUp(CONNECTIONS, body, "app_connection");

        Map<String, Object> other = new HashMap<>(body);
        other.put("description", "not what was sent");
        post(CONNECTIONS, other).then().statusCode(400).body("code", equalTo("name_taken"));
        String id = post(CONNECTIONS, body)
                .then()
                .statusCode(200)
                .body("appConnection.name", equalTo(body.get("name")))
                .extract()
                .path("appConnection.id");
        post(CONNECTIONS, body)
                .then()
                .statusCode(400)
                .body("code", equalTo("name_taken"))
                .body("details.id", equalTo(id))
                .body("message", containsString(id));
        assertThat(TestStore.sql("SELECT facts->>'replayed' FROM audit_event WHERE subject_id = '" + id
                        + "' AND type = 'create-app-connection' AND facts->>'replayed' = 'true'"))
                .hasSize(1);
    }

    @Test
    void aRotationWhoseCallerHungUpIsGivenToTheSamePostOnce() throws IOException {
        Rotating roles = Rotating.on(target);
        Map<String, Object> body = roles.body(Rotating.name("lost"));
        postAndHangUp(Rotating.BASE, body, "secret_rotation");

        String id = Rotating.post(body).then().statusCode(200).extract().path("secretRotation.id");
        Rotating.post(body)
                .then()
                .statusCode(400)
                .body("code", equalTo("name_taken"))
                .body("details.id", equalTo(id))
                .body("message", containsString(id));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }

    @ParameterizedTest
    @CsvSource({"/api/v1/projects, true", "/api/v2/workspace, false"})
    void aProjectWhoseCallerHungUpIsGivenToTheSamePostOnce(String path, boolean withSlug) throws IOException {
        Map<String, Object> body = new HashMap<>(Map.of("projectName", Rotating.name("lost")));
        if (withSlug) {
            body.put("slug", body.get("projectName"));
        } else {
            body.put("shouldCreateDefaultEnvs", true);
        }
        postAndHangUp(path, body, "project");

        Map<String, Object> other = new HashMap<>(body);
        other.put("slug", Rotating.name("other"));
        post(path, other).then().statusCode(400).body("code", equalTo("project_name_taken"));
        String id = post(path, body)
                .then()
                .statusCode(200)
                .body("project.name", equalTo(nameOf(body)))
                .body("project.environments", withSlug ? nullValue() : hasSize(3))
                .extract()
                .path("project.id");
        post(path, body)
                .then()
                .statusCode(400)
                .body("code", equalTo("project_name_taken"))
                .body("details.id", equalTo(id))
                .body("message", containsString(id));
        assertThat(TestStore.sql("SELECT FROM audit_event WHERE subject_id = '" + id
                        + "' AND type = 'create-project' AND facts->>'replayed' = 'true'"))
                .hasSize(1);
    }

    @Test
    void aProjectThatWasChangedSinceOrWasAnsweredIsNotGivenAgain() throws IOException {
        Map<String, Object> body = Map.of("projectName", Rotating.name("lost"));
        postAndHangUp("/api/v1/projects", body, "project");
        Api.as()
                .body(Map.of("description", "changed"))
                .patch("/api/v1/projects/"
                        + TestStore.sql("SELECT id FROM project WHERE name = '" + nameOf(body) + "'")
                                .get(0)
                                .getUUID(0))
                .then()
                .statusCode(200);
        post("/api/v1/projects", body).then().statusCode(400).body("code", equalTo("project_name_taken"));

        Map<String, Object> answered = Map.of("projectName", Rotating.name("answered"));
        String id = post("/api/v1/projects", answered)
                .then()
                .statusCode(200)
                .extract()
                .path("project.id");
        Awaitility.await().until(() -> unanswered(id) == 0);
        post("/api/v1/projects", answered).then().statusCode(400).body("code", equalTo("project_name_taken"));
    }

    @Test
    void whatWasAnsweredIsNotGivenAgain() {
        Map<String, Object> body = connection();
        String id = post(CONNECTIONS, body).then().statusCode(200).extract().path("appConnection.id");

        Awaitility.await().until(() -> unanswered(id) == 0);
        post(CONNECTIONS, body).then().statusCode(400).body("code", equalTo("name_taken"));
    }

    @Test
    void whatWasChangedSinceIsNotGivenAgain() throws IOException {
        Map<String, Object> body = connection();
        postAndHangUp(CONNECTIONS, body, "app_connection");
        String id = post(
                        CONNECTIONS,
                        Map.of(
                                "name",
                                body.get("name"),
                                "method",
                                body.get("method"),
                                "credentials",
                                body.get("credentials"),
                                "description",
                                "another"))
                .then()
                .statusCode(400)
                .extract()
                .path("details.id");
        Api.as()
                .body(Map.of("description", "changed"))
                .patch(CONNECTIONS + "/" + id)
                .then()
                .statusCode(200);

        post(CONNECTIONS, body)
                .then()
                .statusCode(400)
                .body("code", equalTo("name_taken"))
                .body("details.id", equalTo(id));
    }

    /** As a killed process leaves it: nobody has said that the answer was lost, nor that it was not. */
    @Test
    void whatNobodyAnsweredInTimeCountsAsLost() throws IOException {
        Map<String, Object> body = connection();
        postAndHangUp(CONNECTIONS, body, "app_connection");
        String name = (String) body.get("name");
        TestStore.sql("UPDATE unanswered_creation SET answered_by = now() + INTERVAL '2 seconds' WHERE id ="
                + " (SELECT id FROM app_connection WHERE name = '" + name + "')");

        post(CONNECTIONS, body).then().statusCode(200).body("appConnection.name", equalTo(name));
    }

    @Test
    void anHourLaterItIsNotGivenAgain() throws IOException {
        Map<String, Object> body = connection();
        postAndHangUp(CONNECTIONS, body, "app_connection");
        TestStore.sql("UPDATE unanswered_creation SET expires_at = now() - INTERVAL '1 second'");

        post(CONNECTIONS, body).then().statusCode(400).body("code", equalTo("name_taken"));
    }

    /** The attempt cannot be begun for want of the store; the row is there, and its caller learns so. */
    @Test
    void aCreationThatExistsIsNeverAnswered503() {
        Rotating roles = Rotating.on(target);
        Map<String, Object> body = roles.body(Rotating.name("late"));
        CompletableFuture<?> locked = CompletableFuture.runAsync(
                () -> TestStore.sql("BEGIN; LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(10); COMMIT"));
        Awaitility.await()
                .until(() -> !TestStore.sql("SELECT 1 FROM pg_locks WHERE relation = 'attempt'::regclass"
                                + " AND mode = 'AccessExclusiveLock' AND granted")
                        .isEmpty());

        String id = Rotating.post(body)
                .then()
                .statusCode(200)
                .body("secretRotation.state", equalTo("in_doubt"))
                .extract()
                .path("secretRotation.id");
        locked.join();

        Rotating.read(id).body("secretRotation.name", equalTo(body.get("name")));
    }
}
