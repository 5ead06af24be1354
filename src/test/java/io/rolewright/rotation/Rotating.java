package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What tests of rotations begin with: a server with a managing role and two roles, a connection, and the bodies of requests. */
public final class Rotating {

    public static final String BASE = "/api/v2/secret-rotations/postgres-credentials";

    public final TestPostgres target;
    public final Login managing;
    public final Login first;
    public final Login second;
    public final String connection;

    private Rotating(TestPostgres target, Login managing, Login first, Login second, String connection) {
        this.target = target;
        this.managing = managing;
        this.first = first;
        this.second = second;
        this.connection = connection;
    }

    /** On a server that tests share. */
    public static Rotating on(int major) {
        return on(TestPostgres.shared(major));
    }

    public static Rotating on(TestPostgres target) {
        return on(target, null);
    }

    /** The same over a connection that verifies the server by the target's own CA. */
    public static Rotating verifying(TestPostgres target) {
        return on(target, target.caPem());
    }

    private static Rotating on(TestPostgres target, @Nullable String caPem) {
        Login managing = target.role("LOGIN CREATEROLE");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        grant(target, managing, first);
        grant(target, managing, second);
        return new Rotating(target, managing, first, second, connection(target.port(), managing, caPem));
    }

    /** What it takes from version 16 on; before, CREATEROLE is enough. */
    public static void grant(TestPostgres target, Login managing, Login role) {
        target.sql("GRANT " + role.role() + " TO " + managing.role() + " WITH ADMIN OPTION");
    }

    public static String connection(TestPostgres target, Login managing) {
        return connection(target.port(), managing);
    }

    /** @param port on 127.0.0.1: of the server, or of what stands before it */
    public static String connection(int port, Login managing) {
        return connection(port, managing, null);
    }

    private static String connection(int port, Login managing, @Nullable String caPem) {
        Map<String, Object> credentials = credentials(port, managing, caPem);
        return Api.as()
                .body(Map.of("name", name("by"), "method", "username-and-password", "credentials", credentials))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** The body of a PATCH by which the connection verifies the server by this CA. */
    public Map<String, Object> trusting(String caPem) {
        return Map.of("credentials", credentials(target.port(), managing, caPem));
    }

    private static Map<String, Object> credentials(int port, Login managing, @Nullable String caPem) {
        Map<String, Object> credentials = new HashMap<>(Map.of(
                "host",
                "127.0.0.1",
                "port",
                port,
                "database",
                "postgres",
                "username",
                managing.role(),
                "password",
                managing.password()));
        if (caPem == null) {
            credentials.put("sslEnabled", false);
        } else {
            credentials.put("sslMode", "verify-full");
            credentials.put("sslCertificate", caPem);
        }
        return credentials;
    }

    /** Asked each time: Quarkus starts the service on a new store after a test that failed. */
    public static String project() {
        return Api.as()
                .get("/api/v1/projects")
                .then()
                .statusCode(200)
                .extract()
                .path("projects.find { it.slug == 'default' }.id");
    }

    public static String name(String start) {
        return TestPostgres.uniqueName(start).replace('_', '-');
    }

    /** A rotation of the two roles, with a name and secrets of its own. */
    public Map<String, Object> body(String name) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", name);
        body.put("projectId", project());
        body.put("connectionId", connection);
        body.put("environment", "production");
        body.put("secretPath", "/" + name);
        body.put("rotationInterval", 30);
        body.put("parameters", Map.of("username1", first.role(), "username2", second.role()));
        body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
        return body;
    }

    public static Response post(Map<String, Object> body) {
        return Api.inTurn(() -> Api.as().body(body).post(BASE));
    }

    public String created() {
        return created(body(name("rotation")));
    }

    public static String created(Map<String, Object> body) {
        return post(body).then().statusCode(200).extract().path("secretRotation.id");
    }

    // ---- At a process that a test has started itself
    // ------------------------------------------------------------------

    public static String project(ServiceProcess service) {
        return service.get("/api/v1/projects")
                .expect(200)
                .json()
                .getJsonArray("projects")
                .getJsonObject(0)
                .getString("id");
    }

    /** @return the id of a rotation of two new roles; {@code more} is what else stands in its body */
    public static String created(ServiceProcess service, TestPostgres target, JsonObject more) {
        Login managing = target.role("LOGIN CREATEROLE");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        grant(target, managing, first);
        grant(target, managing, second);
        return created(service, target.port(), managing, first, second, more);
    }

    public static String created(
            ServiceProcess service, int port, Login managing, Login first, Login second, JsonObject more) {
        String name = name("rotation");
        JsonObject connection = new JsonObject()
                .put("name", name)
                .put("method", "username-and-password")
                .put(
                        "credentials",
                        new JsonObject()
                                .put("host", "127.0.0.1")
                                .put("port", port)
                                .put("database", "postgres")
                                .put("username", managing.role())
                                .put("password", managing.password())
                                .put("sslEnabled", false));
        JsonObject body = new JsonObject()
                .put("name", name)
                .put("projectId", project(service))
                .put(
                        "connectionId",
                        service.post("/api/v1/app-connections/postgres", connection)
                                .expect(200)
                                .json()
                                .getJsonObject("appConnection")
                                .getString("id"))
                .put("environment", "production")
                .put("secretPath", "/" + name)
                .put("rotationInterval", 30)
                .put(
                        "parameters",
                        new JsonObject().put("username1", first.role()).put("username2", second.role()))
                .put(
                        "secretsMapping",
                        new JsonObject().put("username", "DB_USER").put("password", "DB_PASSWORD"))
                .mergeIn(more);
        Answer created = service.post(BASE, body);
        // Of a busy machine. Whoever lost the answer sends the same again, and gets what was made, as far as it is.
        int again = 0;
        for (; again < 3 && created.text().contains("\"not_in_time\""); again++) {
            created = service.post(BASE, body);
        }
        String id = created.expect(200).json().getJsonObject("secretRotation").getString("id");
        if (again > 0) {
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> service.get(BASE + "/" + id)
                                    .expect(200)
                                    .json()
                                    .getJsonObject("secretRotation")
                                    .getInteger("credentialVersion")
                            > 0);
        }
        return id;
    }

    // ---- At the service of the tests
    // ----------------------------------------------------------------------------------

    public static ValidatableResponse read(String id) {
        return Api.as().get(BASE + "/" + id).then().statusCode(200);
    }

    public static Response rotate(String id) {
        return Api.inTurn(() -> Api.as().post(BASE + "/" + id + "/rotate-secrets"));
    }

    public static Response preflight(String id) {
        return Api.inTurn(() -> Api.as().post(BASE + "/" + id + "/preflight"));
    }

    /** Something is in the way of a rotation: its preflight and the rotation itself tell the same first. */
    public static void assertSameReason(String id, String reason) {
        Response looked = preflight(id);
        String told = looked.path("preflight.problem.code");
        Response rotated = rotate(id);
        assertThat(looked.<Boolean>path("preflight.ok")).as(reason).isFalse();
        assertThat(told == null ? looked.path("preflight.roles[0].problems[0].code") : told)
                .as(looked.asString())
                .isEqualTo(reason);
        assertThat(rotated.statusCode()).as(rotated.asString()).isEqualTo(400);
        assertThat(rotated.<String>path("details.reason"))
                .as(rotated.asString())
                .isEqualTo(reason);
    }

    public static Response rotateAtOnce(String id) {
        return Api.inTurn(() -> Api.as().queryParam("force", true).post(BASE + "/" + id + "/rotate-secrets"));
    }

    public static List<Map<String, String>> credentials(String id) {
        return Api.as()
                .get(BASE + "/" + id + "/generated-credentials")
                .then()
                .statusCode(200)
                .extract()
                .path("generatedCredentials");
    }

    /** What a consumer would log in with now. @return {@code ok} or the SQLSTATE of the refusal */
    public String loginAsServed(String id) {
        Map<String, String> active = Api.as()
                .get(BASE + "/" + id + "/generated-credentials")
                .then()
                .statusCode(200)
                .extract()
                .path("active");
        return target.login(active.get("username"), active.get("password"));
    }

    /** Lets the next look of due work find the rotation. */
    public static void makeDue(String id) {
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = now() - interval '1 minute',"
                + " due_at = now() - interval '1 minute', last_rotated_at = now() - interval '1 hour' WHERE id = '" + id
                + "'");
    }
}
