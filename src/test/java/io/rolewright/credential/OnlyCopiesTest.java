package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every way by which the versions of a role come to an end, while one of them may be the only copy of the password that the role has:
 * it was sent, and is neither proven nor rejected.
 */
@QuarkusTest
class OnlyCopiesTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    @Inject
    ManagedRoles roles;

    @Inject
    Purge purge;

    /** What may be the only copy. */
    enum Unfinished {
        PENDING,
        IN_DOUBT,
        APPLIED;

        int status() {
            return this == APPLIED ? 400 : 504;
        }

        String code() {
            return this == APPLIED ? "rotation_unfinished" : "rotation_in_doubt";
        }
    }

    // ---- rotations

    private static Rotating single(String[] id) {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = roles.body(Rotating.name("single"));
        body.put("parameters", Map.of("username1", roles.first.role()));
        body.put("strategy", "single");
        id[0] = Rotating.created(body);
        Rotating.rotate(id[0]).then().statusCode(200);
        return roles;
    }

    /** The server has the newest password, and the store does not know it for certain. */
    private static void leaveUnfinished(String owner, Unfinished state) {
        TestStore.sql("UPDATE password_version SET state = '" + state + "', current_at = NULL WHERE role_id IN"
                + " (SELECT id FROM managed_role WHERE owner_id = '" + owner + "') AND state = 'CURRENT'");
        TestStore.sql("UPDATE password_version SET state = 'CURRENT', ended_at = NULL WHERE role_id IN"
                + " (SELECT id FROM managed_role WHERE owner_id = '" + owner + "') AND state = 'PREVIOUS'");
        TestStore.sql("UPDATE attempt SET state = 'PARKED', step = 'VERIFY', finished_at = NULL, reason = 'role_full',"
                + " message = 'The limit is used up.', next_try_at = now() + interval '1 hour' WHERE id ="
                + " (SELECT id FROM attempt WHERE owner_id = '" + owner + "' ORDER BY started_at DESC LIMIT 1)");
        TestStore.sql(
                "UPDATE managed_role SET state = 'PARKED', reason = 'role_full', due_at = now() + interval '1 hour',"
                        + " lease_until = NULL WHERE owner_id = '" + owner + "'");
    }

    private static Response delete(String path) {
        return Api.as().delete(path);
    }

    private static List<String> versions(String owner) {
        return TestStore.sql("SELECT v.number || ' ' || v.state FROM password_version v JOIN managed_role r ON r.id ="
                        + " v.role_id WHERE r.owner_id = '" + owner + "' ORDER BY v.number")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    private static UUID role(String owner) {
        return TestStore.sql("SELECT id FROM managed_role WHERE owner_id = '" + owner + "'")
                .get(0)
                .getUUID(0);
    }

    @ParameterizedTest
    @EnumSource
    void aRotationIsNotDeleted(Unfinished state) {
        String[] id = new String[1];
        Rotating rotating = single(id);
        leaveUnfinished(id[0], state);
        List<String> before = versions(id[0]);

        delete(Rotating.BASE + "/" + id[0])
                .then()
                .statusCode(state.status())
                .body("code", equalTo(state.code()))
                .body("details.role", equalTo(rotating.first.role()))
                .body("details.reason", equalTo("role_full"));

        assertThat(versions(id[0])).isEqualTo(before);
        Rotating.read(id[0]).body("secretRotation.state", equalTo("parked"));
        Rotating.rotate(id[0]).then().statusCode(200);
        assertThat(rotating.loginAsServed(id[0])).isEqualTo("ok");
        delete(Rotating.BASE + "/" + id[0]).then().statusCode(200);
    }

    @Test
    void norWhileSomebodyWorksOnIt() {
        String[] id = new String[1];
        single(id);
        leaveUnfinished(id[0], Unfinished.PENDING);
        TestStore.sql(
                "UPDATE managed_role SET lease_until = now() + interval '1 hour' WHERE owner_id = '" + id[0] + "'");

        delete(Rotating.BASE + "/" + id[0])
                .then()
                .statusCode(400)
                .header("Retry-After", "1")
                .body("code", equalTo("rotation_in_progress"));

        Rotating.read(id[0]);
    }

    /** The role gets another password, so nobody misses this one. */
    @ParameterizedTest
    @EnumSource
    void aRotationIsRevoked(Unfinished state) {
        String[] id = new String[1];
        Rotating rotating = single(id);
        Map<String, String> given = Rotating.credentials(id[0]).get(0);
        leaveUnfinished(id[0], state);

        delete(Rotating.BASE + "/" + id[0] + "?revokeGeneratedCredentials=true")
                .then()
                .statusCode(200);

        Api.as().get(Rotating.BASE + "/" + id[0]).then().statusCode(404);
        assertThat(versions(id[0])).noneMatch(each -> each.endsWith(state.name()));
        assertThat(rotating.target.login(given.get("username"), given.get("password")))
                .as("that one was never proven here, so it was given to nobody but this test")
                .isIn("ok", "28P01");
    }

    @ParameterizedTest
    @EnumSource
    void whatItNeedsStaysToo(Unfinished state) {
        String[] id = new String[1];
        Rotating rotating = single(id);
        leaveUnfinished(id[0], state);
        List<String> before = versions(id[0]);

        delete(CONNECTIONS + "/" + rotating.connection)
                .then()
                .statusCode(400)
                .body("code", equalTo("connection_in_use"));
        delete("/api/v1/projects/" + Rotating.project()).then().statusCode(400);
        clearAway(role(id[0]));

        assertThat(versions(id[0])).isEqualTo(before);
    }

    /** As housekeeping would long after. */
    private void clearAway(UUID role) {
        TestStore.sql("UPDATE password_version SET created_at = created_at - interval '1 year', ended_at = ended_at -"
                + " interval '1 year', applied_at = applied_at - interval '1 year' WHERE role_id = '" + role + "'");
        roles.purge().await().atMost(Duration.ofSeconds(10));
        purge.versions(role).await().atMost(Duration.ofSeconds(10));
    }

    // ---- managed connections

    private static String managed(Login login) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("managed"));
        body.put("method", "username-and-password");
        body.put("isPlatformManagedCredentials", true);
        body.put("credentials", credentials(login));
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static Map<String, Object> credentials(Login login) {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        return Map.of(
                "host",
                "127.0.0.1",
                "port",
                server.port(),
                "database",
                "postgres",
                "username",
                login.role(),
                "password",
                login.password(),
                "sslEnabled",
                false);
    }

    @ParameterizedTest
    @EnumSource
    void aManagedConnectionIsNeitherDeletedNorReleased(Unfinished state) {
        String id = managed(TestPostgres.shared(TestPostgres.NEWEST).role("LOGIN"));
        leaveUnfinished(id, state);
        List<String> before = versions(id);

        delete(CONNECTIONS + "/" + id).then().statusCode(400).body("code", equalTo("managed_password_would_be_lost"));
        Api.as()
                .post(CONNECTIONS + "/" + id + "/release")
                .then()
                .statusCode(400)
                .body("code", equalTo("rotation_unfinished"));
        clearAway(role(id));

        assertThat(versions(id)).isEqualTo(before);
        Api.as().post(CONNECTIONS + "/" + id + "/rotate").then().statusCode(200);
        Api.as().post(CONNECTIONS + "/" + id + "/test").then().body("report.ok", equalTo(true));
    }

    @ParameterizedTest
    @EnumSource
    void whatIsDiscardedInSoManyWordsStaysSealedForItsThirtyDays(Unfinished state) {
        String id = managed(TestPostgres.shared(TestPostgres.NEWEST).role("LOGIN"));
        leaveUnfinished(id, state);
        List<String> before = versions(id);
        UUID role = role(id);

        delete(CONNECTIONS + "/" + id + "?discardManagedPassword=true").then().statusCode(200);
        clearAway(role);

        assertThat(versions(id)).isEqualTo(before);
        TestStore.sql("UPDATE managed_role SET deleted_at = now() - interval '31 days' WHERE id = '" + role + "'");
        clearAway(role);
        assertThat(versions(id)).isEmpty();
    }

    // ---- and read by an administrator

    private static final String DISCARDED = "/api/v1/discarded-passwords";

    private static List<Map<String, Object>> discarded(String owner) {
        return Api.as()
                .get(DISCARDED + "?managedById=" + owner)
                .then()
                .statusCode(200)
                .extract()
                .path("discardedPasswords");
    }

    private static String read(Map<String, Object> discarded) {
        return Api.as()
                .get(DISCARDED + "/" + discarded.get("id"))
                .then()
                .statusCode(200)
                .header("Cache-Control", "no-store")
                .body("discardedPassword", equalTo(discarded))
                .extract()
                .path("password");
    }

    @Test
    void isReadUntilItsThirtyDaysAreOver() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        String id = managed(login);
        leaveUnfinished(id, Unfinished.IN_DOUBT);
        assertThat(discarded(id)).as("before it is discarded").isEmpty();
        UUID role = role(id);

        delete(CONNECTIONS + "/" + id + "?discardManagedPassword=true").then().statusCode(200);

        List<Map<String, Object>> kept = discarded(id);
        assertThat(kept)
                .as("not the one that a human chose")
                .singleElement()
                .satisfies(only -> assertThat(only)
                        .containsEntry("username", login.role())
                        .containsEntry("managedBy", "connection")
                        .containsEntry("managedById", id)
                        .containsEntry("state", "in_doubt"));
        assertThat(kept.get(0).get("managedByName")).asString().startsWith("managed");
        assertThat(server.login(login.role(), read(kept.get(0)))).isEqualTo("ok");
        assertThat(TestStore.sql("SELECT actor_name, subject_id FROM audit_event WHERE type = 'get-discarded-password'"
                        + " AND outcome = 'SUCCESS' AND facts->>'managedById' = '" + id
                        + "' AND facts->>'state' = 'in_doubt'"))
                .singleElement()
                .satisfies(row -> assertThat(row.getString("subject_id"))
                        .isEqualTo(kept.get(0).get("id")));

        TestStore.sql(
                "UPDATE managed_role SET deleted_at = now() - interval '29 days 23 hours' WHERE id = '" + role + "'");
        assertThat(discarded(id)).hasSize(1);
        TestStore.sql("UPDATE managed_role SET deleted_at = now() - interval '31 days' WHERE id = '" + role + "'");
        assertThat(discarded(id)).as("though nothing has cleared it away yet").isEmpty();
        Api.as()
                .get(DISCARDED + "/" + kept.get(0).get("id"))
                .then()
                .statusCode(404)
                .body("code", equalTo("discarded_password_not_found"));
    }

    @Test
    void whatAHumansPasswordHasReplacedIsReadAndWhatIsServedIsNot() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        String id = managed(login);
        leaveUnfinished(id, Unfinished.APPLIED);
        server.sql("ALTER ROLE " + login.role() + " PASSWORD 'given-by-hand-1'");
        Api.as()
                .body(Map.of("credentials", credentials(new Login(login.role(), "given-by-hand-1"))))
                .patch(CONNECTIONS + "/" + id)
                .then()
                .statusCode(200);

        List<Map<String, Object>> kept = discarded(id);

        assertThat(kept).extracting(each -> each.get("state")).containsExactly("rejected");
        assertThat(read(kept.get(0))).isNotEqualTo("given-by-hand-1").hasSizeGreaterThan(20);
        String served = TestStore.sql(
                        "SELECT id FROM password_version WHERE state = 'CURRENT' AND role_id = '" + role(id) + "'")
                .get(0)
                .getUUID(0)
                .toString();
        Api.as().get(DISCARDED + "/" + served).then().statusCode(404);
    }

    @Test
    void whatNobodyIsGivenIsNotReadEither() {
        String[] id = new String[1];
        single(id);

        delete(Rotating.BASE + "/" + id[0] + "?revokeGeneratedCredentials=true")
                .then()
                .statusCode(200);

        assertThat(discarded(id[0]))
                .isNotEmpty()
                .allSatisfy(each -> assertThat(each.get("cause")).isNotEqualTo("revoke"))
                .allSatisfy(each -> assertThat(each)
                        .containsEntry("projectId", Rotating.project().toString()));
    }

    @Test
    void isListedInPages() {
        String[] id = new String[1];
        Rotating rotating = single(id);
        delete(Rotating.BASE + "/" + id[0]).then().statusCode(200);
        List<Map<String, Object>> all = discarded(id[0]);
        assertThat(all).hasSize(2);

        String path = DISCARDED + "?username=" + rotating.first.role() + "&limit=1";
        Response first = Api.as().get(path);
        Response second = Api.as().get(path + "&cursor=" + first.path("nextCursor"));

        assertThat(List.<Object>of(first.path("discardedPasswords[0]"), second.path("discardedPasswords[0]")))
                .isEqualTo(all);
        assertThat(second.<String>path("nextCursor")).isNull();
    }
}
