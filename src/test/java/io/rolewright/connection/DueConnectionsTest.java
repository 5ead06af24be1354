package io.rolewright.connection;

import static io.restassured.RestAssured.given;
import static io.rolewright.connection.ManagedConnectionTest.created;
import static io.rolewright.connection.ManagedConnectionTest.managed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.notNullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.path.json.JsonPath;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** A managed connection is due, late and tried again as a rotation is, and those who watch the one see the other. */
@QuarkusTest
class DueConnectionsTest {

    private static final String BASE = "/api/v1/app-connections/postgres/";

    private static TestPostgres server() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    private static String scheduled(int port, Login login) {
        Map<String, Object> body = managed(server(), port, login);
        body.put("isAutoRotationEnabled", true);
        body.put("rotation", Map.of("rotationInterval", 7));
        return created(body);
    }

    private static void due(String id, String since) {
        TestStore.sql(
                "UPDATE managed_connection SET next_rotation_at = " + since + " WHERE connection_id = '" + id + "'");
        TestStore.sql("UPDATE managed_role SET due_at = " + since + ", change_at = " + since + " WHERE owner_id = '"
                + id + "'");
    }

    private static JsonPath runDue() {
        return Api.as()
                .body("{}")
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200)
                .extract()
                .jsonPath();
    }

    private static double metric(String name) {
        String all = given().port(ConfigProvider.getConfig().getValue("quarkus.management.port", Integer.class))
                .get("/q/metrics")
                .asString();
        return all.lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no metric " + name));
    }

    private static List<String> told(String id) {
        return TestStore.sql("SELECT type FROM outbox_fact WHERE subject_id = '" + id + "' ORDER BY position").stream()
                .map(row -> row.getString(0))
                .toList();
    }

    @Test
    void oneThatIsLateIsCountedAndToldOnce() {
        try (TcpProxy proxy = TcpProxy.to(server())) {
            String id = scheduled(proxy.port(), server().role("LOGIN"));
            long before = runDue().getLong("overdue");
            proxy.refuse();
            due(id, "now() - interval '2 days'");

            runDue();
            JsonPath report = runDue();

            assertThat(report.getLong("overdue")).isEqualTo(before + 1);
            assertThat(metric("rolewright_rotations_overdue")).isEqualTo(before + 1);
            assertThat(metric("rolewright_credentials_overdue")).isEqualTo(before + 1);
            assertThat(told(id)).containsOnlyOnce("app-connection.overdue");
            Api.as().delete(BASE + id + "?discardManagedPassword=true").then().statusCode(200);
            assertThat(runDue().getLong("overdue")).as("of those that exist").isEqualTo(before);
        }
    }

    @Test
    void itIsToldADayBeforeThatThePasswordEnds() {
        Login login = server().role("LOGIN");
        String id = scheduled(server().port(), login);
        TestStore.sql(
                "UPDATE managed_connection SET next_rotation_at = now() + interval '1 hour' WHERE connection_id = '"
                        + id + "'");

        runDue();
        runDue();

        assertThat(told(id)).containsOnlyOnce("app-connection.credential-expiring");
        assertThat(TestStore.sql("SELECT facts->>'username' FROM outbox_fact WHERE subject_id = '" + id
                                + "' AND type = 'app-connection.credential-expiring'")
                        .get(0)
                        .getString(0))
                .isEqualTo(login.role());
    }

    /** The role may no longer log in: nothing waits for a server, and by the next day nobody would have looked. */
    @Test
    void oneThatFailedForGoodIsTriedAgainAfterAQuarterOfAnHourAndThenLessOften() {
        Login login = server().role("LOGIN");
        String id = scheduled(server().port(), login);
        server().sql("ALTER ROLE " + login.role() + " NOLOGIN");

        due(id, "now() - interval '1 minute'");
        runDue();
        Duration first = untilNextTry(id);
        due(id, "now() - interval '1 minute'");
        runDue();
        Duration second = untilNextTry(id);

        assertThat(first).isBetween(Duration.ofMinutes(11), Duration.ofMinutes(15));
        assertThat(second).isBetween(Duration.ofMinutes(22), Duration.ofMinutes(30));
        Api.as()
                .get(BASE + id)
                .then()
                .body("appConnection.rotation.rotationStatus", equalTo("failed"))
                .body("appConnection.rotation.nextRotationAt", notNullValue());
        Instant shown = Instant.parse(Api.as().get(BASE + id).path("appConnection.rotation.nextRotationAt"));
        assertThat(Duration.between(Instant.now(), shown)).isBetween(Duration.ofMinutes(21), Duration.ofMinutes(30));
    }

    private static Duration untilNextTry(String id) {
        double seconds = TestStore.sql("SELECT extract(epoch FROM change_at - now())::float8 FROM managed_role"
                        + " WHERE owner_id = '" + id + "'")
                .get(0)
                .getDouble(0);
        return Duration.ofSeconds(Math.round(seconds));
    }

    @Test
    void itsAttemptsAndVersionsAreShown() {
        String id = created(managed(server(), server().role("LOGIN")));
        Api.as().post(BASE + id + "/rotate").then().statusCode(200);

        Api.as()
                .get(BASE + id + "/attempts")
                .then()
                .statusCode(200)
                .body("attempts.size()", equalTo(2))
                .body("attempts[0].cause", equalTo("manual"))
                .body("attempts[0].state", equalTo("done"))
                .body("attempts[1].cause", equalTo("managed"));
        String cursor = Api.as().get(BASE + id + "/attempts?limit=1").path("nextCursor");
        Api.as()
                .get(BASE + id + "/attempts?limit=1&cursor=" + cursor)
                .then()
                .body("attempts[0].cause", equalTo("managed"));
        Api.as()
                .get(BASE + id + "/versions")
                .then()
                .statusCode(200)
                .body("versions.state", equalTo(List.of("current", "previous", "retired")))
                .body("versions[2].cause", equalTo("adopted"));
    }

    @Test
    void anIdThatAnAnswerNamesIsShown() {
        Login login = server().role("LOGIN");
        String id = created(managed(server(), login));
        server().sql("ALTER ROLE " + login.role() + " PASSWORD 'theirs'");

        var refused = Api.as().post(BASE + id + "/rotate");
        refused.then().statusCode(400).body("code", equalTo("rotation_failed"));

        String attempt = refused.path("details.attemptId");
        assertThat(Api.as().get(BASE + id + "/attempts").<List<String>>path("attempts.id"))
                .contains(attempt);
    }

    @Test
    void theSummaryCountsItsAttempts() {
        long before =
                Api.as().get("/api/v2/secret-rotations/summary").jsonPath().getLong("done");

        created(managed(server(), server().role("LOGIN")));

        Api.as().get("/api/v2/secret-rotations/summary").then().statusCode(200).body("done", greaterThan((int) before));
    }

    /** The process that sent it is gone: until somebody goes on, nobody knows which password the role has. */
    @Test
    void aChangeThatWasInterruptedIsNotShownAsWell() {
        String id = created(managed(server(), server().role("LOGIN")));
        String role = TestStore.sql("SELECT id::text FROM managed_role WHERE owner_id = '" + id + "'")
                .get(0)
                .getString(0);
        String sql = "INSERT INTO attempt (id, role_id, owner_id, epoch, cause, state, step, tries, started_at) VALUES"
                + " (gen_random_uuid(), '%s', '%s', 9, 'MANUAL', '%s', 'APPLY', 1, now())";
        TestStore.sql("UPDATE managed_role SET lease_until = now() + interval '30 seconds', due_at = now() + interval"
                + " '1 hour' WHERE id = '" + role + "'");
        TestStore.sql(sql.formatted(role, id, "SENT"));

        Api.as()
                .get(BASE + id)
                .then()
                .body("appConnection.state", equalTo("in_doubt"))
                .body("appConnection.stateReason", containsString("not_answered_yet"));

        TestStore.sql("UPDATE attempt SET state = 'CLAIMED' WHERE owner_id = '" + id + "' AND finished_at IS NULL");
        TestStore.sql("UPDATE managed_role SET lease_until = now() - interval '1 second' WHERE id = '" + role + "'");
        Api.as()
                .get(BASE + id)
                .then()
                .body("appConnection.state", equalTo("parked"))
                .body("appConnection.stateReason", equalTo("interrupted"));
        TestStore.sql("DELETE FROM attempt WHERE owner_id = '" + id + "' AND finished_at IS NULL");
    }
}
