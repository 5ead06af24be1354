package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.path.json.JsonPath;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The key commands over HTTP, from the first to the last of the order that replaces a data key. */
@QuarkusTest
class KeyResourceTest {

    private static final String RUNS = "/api/v1/keys/runs";

    @Test
    void replacesTheDataKeyWhileTokensAndRecordsGoOn() {
        int before = active();

        var made = finished(begin("new-data-key"));

        assertThat(made.getString("run.state")).as(made.getString("run.reason")).isEqualTo("done");
        assertThat(active()).isEqualTo(before + 1);

        var sealed = finished(begin("re-encrypt"));

        assertThat(sealed.getString("run.state"))
                .as(sealed.getString("run.reason"))
                .isEqualTo("done");
        assertThat(sealed.getLong("run.done") + sealed.getLong("run.unreadable"))
                .isEqualTo(sealed.getLong("run.total"));
        assertThat(sealed.getLong("run.done")).isGreaterThanOrEqualTo(3); // canary, fingerprint key, signing key

        var wrapped = finished(begin("rewrap"));

        assertThat(wrapped.getString("run.reason")).startsWith("The data keys are wrapped by file test.");

        // Which other tests may have left records behind that cannot be opened: those keep their key.
        var retired = finished(begin("retire"));

        assertThat(retired.getString("run.state").equals("done")
                        == keys().getList("keys.dataKeys").size() < 2)
                .as(retired.getString("run.reason"))
                .isTrue();
        assertThat(TestStore.sql("""
                SELECT facts ->> 'command' AS command FROM audit_event
                WHERE type = 'run-key-command' AND outcome = 'SUCCESS' ORDER BY id DESC LIMIT 4"""))
                .extracting(row -> row.getString("command"))
                .containsExactly("retire", "rewrap", "re-encrypt", "new-data-key");
        Api.as().get(RUNS).then().statusCode(200).body("runs.size()", greaterThanOrEqualTo(4));
    }

    @Test
    void showsWhatEachKeyIsNeededForAndNoKey() {
        var answer = Api.as().get("/api/v1/keys").then().statusCode(200).extract();

        assertThat(answer.jsonPath().getString("keys.rootKeySource")).isEqualTo("file");
        assertThat(answer.jsonPath().getInt("keys.processes")).isPositive();
        assertThat(answer.asString()).doesNotContain("wrapped").doesNotContain("secret");
    }

    @Test
    void refusesACommandThatIsNone() {
        Api.as()
                .body(Map.of("command", "shred"))
                .post(RUNS)
                .then()
                .statusCode(422)
                .body("message[0].path", hasItem("command"))
                .body(
                        "message[0].message",
                        equalTo("Must be one of new-data-key, re-encrypt, rewrap, retire, seal-rows"));
        Api.as().body("{}").post(RUNS).then().statusCode(422).body("message", hasSize(1));
    }

    @Test
    void knowsNoRunThatNeverWas() {
        Api.as().get(RUNS + "/" + UUID.randomUUID()).then().statusCode(404).body("code", equalTo("not_found"));
        Api.as().get(RUNS + "/42").then().statusCode(422);
    }

    private static String begin(String command) {
        return Api.as()
                .body(Map.of("command", command))
                .post(RUNS)
                .then()
                .statusCode(200)
                .body("run.command", equalTo(command))
                .extract()
                .path("run.id");
    }

    private static JsonPath finished(String id) {
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> !run(id).getString("run.state").equals("running"));
        return run(id);
    }

    private static JsonPath run(String id) {
        return Api.as().get(RUNS + "/" + id).then().statusCode(200).extract().jsonPath();
    }

    private static JsonPath keys() {
        return Api.as().get("/api/v1/keys").then().statusCode(200).extract().jsonPath();
    }

    private static int active() {
        return keys().getInt("keys.dataKeys.find { it.active }.id");
    }
}
