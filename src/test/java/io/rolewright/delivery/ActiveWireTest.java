package io.rolewright.delivery;

import static io.restassured.RestAssured.given;
import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.emptyOrNullString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;

import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.vertx.pgclient.PgConnectOptions;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.postgresql.Driver;

/** The credential to log in with, by format and by waiting for it. */
@QuarkusTest
class ActiveWireTest {

    @Inject
    MeterRegistry metrics;

    private static Response active(String id) {
        return Api.as().get(BASE + "/" + id + "/active");
    }

    private static String line(String id, String format) {
        Response answer = Api.as().queryParam("format", format).get(BASE + "/" + id + "/active");
        answer.then()
                .statusCode(200)
                .header("Content-Type", equalTo("text/plain;charset=UTF-8"))
                .header("Cache-Control", equalTo("no-store"))
                .header("ETag", notNullValue());
        assertThat(answer.asString()).endsWith("\n");
        return answer.asString().strip();
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void givesTheCredentialInEveryFormat(int major) {
        Rotating roles = Rotating.on(major);
        String id = roles.created();
        rotateAtOnce(id).then().statusCode(200);

        Response json = active(id);
        json.then()
                .statusCode(200)
                .header("Cache-Control", equalTo("no-store"))
                .body("rotationId", equalTo(id))
                .body("credentialVersion", equalTo(2))
                .body("username", equalTo(roles.second.role()))
                .body("host", equalTo("127.0.0.1"))
                .body("port", equalTo(roles.target.port()))
                .body("database", equalTo("postgres"))
                .body("sslMode", equalTo("disable"));
        String password = json.path("password");
        assertThat(roles.target.login(roles.second.role(), password)).isEqualTo("ok");

        assertThat(PgConnectOptions.fromUri(line(id, "uri")).getPassword()).isEqualTo(password);
        Properties jdbc = Driver.parseURL(line(id, "jdbc"), new Properties());
        assertThat(roles.target.login(jdbc.getProperty("user"), jdbc.getProperty("password")))
                .isEqualTo("ok");
        assertThat(line(id, "conninfo")).contains(" user='" + roles.second.role() + "' password='" + password + "'");
        assertThat(line(id, "pgpass")).endsWith(":postgres:" + roles.second.role() + ":" + password);
        String stored = roles.target
                .sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + roles.second.role() + "'")
                .get(0)
                .getString(0);
        assertThat(line(id, "pgbouncer")).isEqualTo('"' + roles.second.role() + "\" \"" + stored + '"');
        Api.as()
                .queryParam("format", "yaml")
                .get(BASE + "/" + id + "/active")
                .then()
                .statusCode(422);
    }

    @Test
    void saysWhoHasWhatAlready() {
        String id = Rotating.on(14).created();
        String etag = active(id).header("ETag");

        known(etag)
                .get(BASE + "/" + id + "/active")
                .then()
                .statusCode(304)
                .header("ETag", equalTo(etag))
                .body(emptyOrNullString());
        known(etag)
                .queryParam("format", "uri")
                .get(BASE + "/" + id + "/active")
                .then()
                .statusCode(200);
        rotateAtOnce(id).then().statusCode(200);
        known(etag).get(BASE + "/" + id + "/active").then().statusCode(200);

        var audited = TestStore.sql("SELECT count(*) FROM audit_event WHERE outcome ILIKE 'success' AND subject_id = '"
                + id + "' AND type = 'get-secret-rotation-generated-credentials'");
        assertThat(audited.get(0).getLong(0)).as("a 304 gives nothing out").isEqualTo(3);
        String absent = UUID.randomUUID().toString();
        active(absent).then().statusCode(404).body("code", equalTo("rotation_not_found"));
        given().get(BASE + "/" + id + "/active").then().statusCode(401);
    }

    /** What mirrors into a Secret takes a 404 for "deleted", and would delete what pods use. */
    @Test
    void whoReadsElsewhereIsRefusedWhateverIsThere() {
        String id = Rotating.on(14).created();
        var consumer = Identities.in(Identities.project(), "consumer");
        for (String rotation : List.of(id, UUID.randomUUID().toString())) {
            for (String path : List.of("/active", "/active?waitForVersion=1", "/generated-credentials")) {
                consumer.as()
                        .get(BASE + "/" + rotation + path)
                        .then()
                        .statusCode(403)
                        .body("code", equalTo("permission_denied"));
            }
        }
        Identities.with("consumer")
                .as()
                .get(BASE + "/" + UUID.randomUUID() + "/generated-credentials")
                .then()
                .statusCode(404)
                .body("code", equalTo("rotation_not_found"));
    }

    private static RequestSpecification known(String etag) {
        return Api.as().header("If-None-Match", etag);
    }

    @Test
    void answersWhenTheVersionIsThere() throws Exception {
        String id = Rotating.on(14).created();
        Api.as()
                .queryParam("waitForVersion", 1)
                .get(BASE + "/" + id + "/active")
                .then()
                .statusCode(200)
                .body("credentialVersion", equalTo(1));

        var threads = Executors.newFixedThreadPool(21);
        List<CompletableFuture<Response>> waiting = IntStream.range(0, 20)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> waitFor(id, 2, 60), threads))
                .toList();
        String other = Rotating.on(14).created();
        CompletableFuture<Response> lookout = CompletableFuture.supplyAsync(() -> waitFor(other, 2, 60), threads);
        awaitWaiters(21);
        rotateAtOnce(other).then().statusCode(200);
        // One question is asked for all: the one that found this was asked for the others too.
        lookout.get().then().statusCode(200).body("credentialVersion", equalTo(2));
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        rotateAtOnce(id).then().statusCode(200);
        long promoted = System.nanoTime();

        for (CompletableFuture<Response> each : waiting) {
            each.get().then().statusCode(200).body("credentialVersion", equalTo(2));
        }
        assertThat(Duration.ofNanos(System.nanoTime() - promoted)).isLessThan(Duration.ofSeconds(15));
        threads.shutdown();
    }

    private void awaitWaiters(int many) {
        await().atMost(Duration.ofSeconds(30))
                .until(() -> metrics.get("rolewright.delivery.waiters").gauge().value() == many);
    }

    private static Response waitFor(String id, long version, int seconds) {
        return Api.as()
                .queryParams("waitForVersion", version, "timeout", seconds)
                .get(BASE + "/" + id + "/active");
    }

    @Test
    void saysWhenItDidNotComeInTimeAndOutlastsTheOneDeadline() {
        String id = Rotating.on(14).created();
        long begun = System.nanoTime();

        waitFor(id, 2, 11).then().statusCode(304);

        assertThat(Duration.ofNanos(System.nanoTime() - begun))
                .isBetween(Duration.ofSeconds(11), Duration.ofSeconds(30));
    }

    @Test
    void doesNotWaitForWhatIsGone() throws Exception {
        String id = Rotating.on(14).created();
        CompletableFuture<Response> waiting = CompletableFuture.supplyAsync(() -> waitFor(id, 2, 60));
        awaitWaiters(1);

        Api.as().delete(BASE + "/" + id).then().statusCode(200);

        waiting.get().then().statusCode(404).body("code", equalTo("rotation_not_found"));
    }

    @Test
    void saysWhatIsWrongWithAWait() {
        String id = UUID.randomUUID().toString();

        for (Map.Entry<String, String> wrong : List.of(
                Map.entry("waitForVersion", "0"),
                Map.entry("waitForVersion", "-1"),
                Map.entry("waitForVersion", "soon"),
                Map.entry("timeout", "61"),
                Map.entry("timeout", "0"))) {
            Api.as()
                    .queryParam(wrong.getKey(), wrong.getValue())
                    .get(BASE + "/" + id + "/active")
                    .then()
                    .statusCode(422)
                    .body("message[0].path[0]", equalTo(wrong.getKey()));
        }
    }
}
