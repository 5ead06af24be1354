package io.rolewright.connection;

import static io.rolewright.connection.ConnectionWireTest.newConnection;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasKey;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.oneOf;
import static org.hamcrest.Matchers.startsWith;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Connections whose password the service keeps and changes, over HTTP and against real servers. */
@QuarkusTest
class ManagedConnectionTest {

    private static final String BASE = "/api/v1/app-connections/postgres";

    static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    static Map<String, Object> credentials(TestPostgres server, int port, Login login) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", port);
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        return credentials;
    }

    static Map<String, Object> managed(TestPostgres server, int port, Login login) {
        Map<String, Object> body = newConnection(ConnectionWireTest.name("managed"), credentials(server, port, login));
        body.put("isPlatformManagedCredentials", true);
        return body;
    }

    static Map<String, Object> managed(TestPostgres server, Login login) {
        return managed(server, server.port(), login);
    }

    static Response create(Map<String, Object> body) {
        return Api.as().body(body).post(BASE);
    }

    static String created(Map<String, Object> body) {
        return create(body).then().statusCode(200).extract().path("appConnection.id");
    }

    static Response act(String id, String what) {
        return Api.as().post(BASE + "/" + id + "/" + what);
    }

    static String released(String id) {
        return act(id, "release")
                .then()
                .statusCode(200)
                .header("Cache-Control", "no-store")
                .extract()
                .path("releasedCredentials.releasedPassword");
    }

    static List<String> versions(String id) {
        return TestStore.sql("SELECT v.number || ' ' || v.state FROM password_version v JOIN managed_role r ON r.id ="
                        + " v.role_id WHERE r.owner_id = '" + id + "' ORDER BY r.created_at, v.number")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    private static void logsIn(String id) {
        act(id, "test").then().statusCode(200).body("report.ok", equalTo(true));
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void theServiceGivesTheRoleAPasswordOfItsOwnAndHandsItOutOnRelease(int major) {
        TestPostgres server = TestPostgres.shared(major);
        Login login = server.role("LOGIN");

        Response created = create(managed(server, login));

        created.then()
                .statusCode(200)
                .body("appConnection.isPlatformManagedCredentials", equalTo(true))
                .body("appConnection.state", equalTo("ok"))
                .body("appConnection.rotation.rotationStatus", equalTo("success"))
                .body("appConnection.rotation.strategy", equalTo("single"))
                .body("appConnection.rotation.nextRotationAt", nullValue())
                .body("appConnection.rotation.credentialVersion", equalTo(2))
                .body("appConnection.credentials", not(hasKey("password")));
        String id = created.path("appConnection.id");
        assertThat(server.login(login.role(), login.password())).isEqualTo("28P01");
        assertThat(versions(id)).containsExactly("1 PREVIOUS", "2 CURRENT");
        logsIn(id);

        act(id, "rotate").then().statusCode(200).body("appConnection.rotation.credentialVersion", equalTo(3));
        logsIn(id);
        assertThat(versions(id)).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");

        String password = released(id);
        assertThat(password).hasSize(32).isEqualTo(released(id));
        assertThat(server.login(login.role(), password)).isEqualTo("ok");
        Api.as()
                .get(BASE + "/" + id)
                .then()
                .statusCode(200)
                .body("appConnection.isPlatformManagedCredentials", equalTo(false))
                .body("appConnection", not(hasKey("rotation")))
                .body("appConnection.credentialsHash", equalTo(created.path("appConnection.credentialsHash")));
        logsIn(id);
        act(id, "rotate").then().statusCode(400).body("code", equalTo("not_managed"));
        Api.as().delete(BASE + "/" + id).then().statusCode(200);
    }

    /** A release is repeatable because replies get lost, and only until the credentials change. */
    @Test
    void aReleaseCanBeRepeatedUntilTheNextChange() {
        Login login = newest().role("LOGIN");
        Map<String, Object> body = managed(newest(), login);
        String id = created(body);
        String password = released(id);
        Map<String, Object> credentials = credentials(newest(), newest().port(), new Login(login.role(), password));

        Api.as()
                .body(Map.of("credentials", credentials))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200);

        act(id, "release").then().statusCode(400).body("code", equalTo("not_managed"));
        Api.as()
                .body(Map.of("isPlatformManagedCredentials", true, "credentials", credentials))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200)
                .body("appConnection.isPlatformManagedCredentials", equalTo(true));
        assertThat(newest().login(login.role(), password)).isEqualTo("28P01");
        assertThat(newest().login(login.role(), released(id))).isEqualTo("ok");
    }

    /** What Terraform does: it sends its whole configuration again and again, with the password that it was given once. */
    @Test
    void whatTerraformRepeatsIsNoDifferenceAndNoError() {
        Login login = newest().role("LOGIN");
        Map<String, Object> body = managed(newest(), login);
        Response created = create(body);
        String id = created.path("appConnection.id");
        act(id, "rotate").then().statusCode(200);

        Response refreshed = Api.as().get(BASE + "/" + id);
        for (String field : List.of("name", "description", "credentialsHash", "credentials", "method", "projectId")) {
            Object before = created.path("appConnection." + field);
            Object after = refreshed.path("appConnection." + field);
            assertThat(after).as(field).isEqualTo(before);
        }
        Map<String, Object> repeated = new HashMap<>(body);
        repeated.put("description", "");
        Response patched = Api.as().body(repeated).patch(BASE + "/" + id);

        patched.then()
                .statusCode(200)
                .body("appConnection.credentialsHash", equalTo(created.path("appConnection.credentialsHash")))
                .body("appConnection.isPlatformManagedCredentials", equalTo(true));
        logsIn(id);
        assertThat(newest().login(login.role(), login.password())).isEqualTo("28P01");
    }

    @Test
    void managedCredentialsAreNotEdited() {
        Login login = newest().role("LOGIN");
        String id = created(managed(newest(), login));
        Map<String, Object> other = credentials(newest(), newest().port(), login);
        other.put("database", "template1");

        Api.as()
                .body(Map.of("credentials", other))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(400)
                .body("code", equalTo("credentials_are_managed"));
        Api.as()
                .body(Map.of("isPlatformManagedCredentials", false))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(400)
                .body("code", equalTo("credentials_are_managed"))
                .body("message", containsString("release"));
        logsIn(id);
    }

    private static Response sent(String id, Map<String, Object> credentials) {
        return Api.as().body(Map.of("credentials", credentials)).patch(BASE + "/" + id);
    }

    /** A human has reset the password, and says which one it is. */
    @Test
    void aPasswordThatAHumanSendsAndThatLogsInIsTheCurrentOne() {
        Login login = newest().role("LOGIN");
        String id = created(managed(newest(), login));
        newest().sql("ALTER ROLE " + login.role() + " PASSWORD 'reset by a human'");
        Map<String, Object> credentials = credentials(newest(), newest().port(), login);
        credentials.put("password", "of nobody");

        sent(id, credentials).then().statusCode(400).body("code", equalTo("connection_test_failed"));
        credentials.put("password", "reset by a human");
        sent(id, credentials)
                .then()
                .statusCode(200)
                .body("appConnection.state", equalTo("ok"))
                .body("appConnection.isPlatformManagedCredentials", equalTo(true));

        logsIn(id);
        assertThat(newest().login(login.role(), "reset by a human")).isEqualTo("ok");
        assertThat(versions(id)).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");
        sent(id, credentials).then().statusCode(200);
        assertThat(versions(id)).as("repeated").hasSize(3);
        act(id, "rotate").then().statusCode(200);
        sent(id, credentials).then().statusCode(200);
        assertThat(versions(id)).as("repeated after a change").hasSize(4);
        logsIn(id);
    }

    /** In doubt, and before anybody could look, the server was given another password: only a human knows it. */
    @Test
    void aPasswordThatAHumanSendsEndsADoubt() {
        Login login = newest().role("LOGIN");
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            String id = created(managed(newest(), proxy.port(), login));
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return Fate.CUT;
            });
            act(id, "rotate").then().statusCode(504);
            newest().sql("ALTER ROLE " + login.role() + " PASSWORD '" + login.password() + "x'");
            proxy.accept(true);
            Map<String, Object> credentials = credentials(newest(), proxy.port(), login);
            credentials.put("password", login.password() + "x");

            Awaitility.await()
                    .untilAsserted(() ->
                            sent(id, credentials).then().statusCode(200).body("appConnection.state", equalTo("ok")));

            assertThat(versions(id)).containsExactly("1 RETIRED", "2 PREVIOUS", "3 REJECTED", "4 CURRENT");
            logsIn(id);
            act(id, "rotate").then().statusCode(200);
            logsIn(id);
        }
    }

    @Test
    void theOnlyCopyOfAPasswordIsNotDeletedByAccident() {
        Login login = newest().role("LOGIN");
        String id = created(managed(newest(), login));

        Api.as().delete(BASE + "/" + id).then().statusCode(400).body("code", equalTo("managed_password_would_be_lost"));
        logsIn(id);
        Api.as().delete(BASE + "/" + id + "?discardManagedPassword=true").then().statusCode(200);

        Api.as().get(BASE + "/" + id).then().statusCode(404);
        assertThat(versions(id)).as("kept sealed for a while").containsExactly("1 PREVIOUS", "2 CURRENT");
    }

    @Test
    void anExistingConnectionComesUnderManagement() {
        Login login = newest().role("LOGIN");
        String id =
                created(newConnection(ConnectionWireTest.name("later"), credentials(newest(), newest().port(), login)));
        String hash = Api.as().get(BASE + "/" + id).path("appConnection.credentialsHash");

        Api.as()
                .body(Map.of(
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        credentials(newest(), newest().port(), login),
                        "isAutoRotationEnabled",
                        true,
                        "rotation",
                        Map.of("rotationInterval", 30, "rotateAtUtc", Map.of("hours", 3, "minutes", 15))))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200)
                .body("appConnection.isPlatformManagedCredentials", equalTo(true))
                .body("appConnection.isAutoRotationEnabled", equalTo(true))
                .body("appConnection.credentialsHash", equalTo(hash))
                .body("appConnection.rotation.interval", equalTo(30))
                .body("appConnection.rotation.rotateAtUtc.minutes", equalTo(15))
                .body("appConnection.rotation.nextRotationAt", containsString("T03:15:00"));

        assertThat(newest().login(login.role(), login.password())).isEqualTo("28P01");
        Api.as()
                .body(Map.of("isAutoRotationEnabled", false))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200)
                .body("appConnection.rotation.nextRotationAt", nullValue());
    }

    @Test
    void aScheduleBelongsToAManagedConnectionAndIsChecked() {
        Map<String, Object> body = managed(newest(), newest().role("LOGIN"));
        body.put("isAutoRotationEnabled", true);
        create(body).then().statusCode(422).body("message[0].path", contains("rotation"));

        body.put("rotation", Map.of("rotationInterval", 366));
        create(body).then().statusCode(422).body("message[0].path", contains("rotation", "rotationInterval"));
        body.put("rotation", Map.of("rotationInterval", 1, "rotateAtUtc", Map.of("hours", 24, "minutes", 0)));
        create(body).then().statusCode(422).body("message[0].path", contains("rotation", "rotateAtUtc", "hours"));
    }

    /** A superuser needs leave to be managed, and a role that the server lets in without a password cannot be. */
    @Test
    void refusesWhatItShouldNotOrCannotManage() {
        Login superuser = newest().role("LOGIN SUPERUSER");
        Map<String, Object> body = managed(newest(), superuser);
        create(body).then().statusCode(400).body("code", equalTo("role_is_privileged"));
        assertThat(newest().login(superuser.role(), superuser.password())).isEqualTo("ok");

        body.put("allowPrivileged", true);
        create(body).then().statusCode(200);

        try (TestPostgres trusting = TestPostgres.own(TestPostgres.NEWEST)) {
            Login login = trusting.role("LOGIN");
            trusting.authentication("host all all 127.0.0.1/32 trust");
            create(managed(trusting, login)).then().statusCode(400).body("code", equalTo("password_not_asked"));
        }
    }

    /** The role cannot carry a marker of ours, but that of another installation says that somebody else changes its password. */
    @Test
    void aRoleWithTheMarkerOfAnotherInstallationIsLeftAlone() {
        Login login = newest().role("LOGIN");
        newest().sql("COMMENT ON ROLE " + login.role() + " IS 'rolewright:other/rotation epoch=41 version=3'");

        create(managed(newest(), login)).then().statusCode(400).body("details.reason", equalTo("role_already_managed"));

        assertThat(newest().login(login.role(), login.password())).isEqualTo("ok");
        newest().sql("COMMENT ON ROLE " + login.role() + " IS NULL");
        String id = created(managed(newest(), login));
        newest().sql("COMMENT ON ROLE " + login.role() + " IS 'rolewright:other/rotation epoch=41 version=3'");
        act(id, "rotate")
                .then()
                .statusCode(400)
                .body("details.reason", equalTo("role_already_managed"))
                .body("details.problems[0].sql", equalTo("COMMENT ON ROLE " + login.role() + " IS NULL"));
        logsIn(id);
        newest().sql("COMMENT ON ROLE " + login.role() + " IS 'rolewright:other/rotation epoch=42 version=3 ended'");
        act(id, "rotate").then().statusCode(200);
        logsIn(id);
    }

    @Test
    void oneRoleIsManagedOnce() {
        Login login = newest().role("LOGIN");
        String other = created(newConnection(
                ConnectionWireTest.name("other"), credentials(newest(), newest().port(), newest().role("LOGIN"))));
        created(managed(newest(), login));
        newest().sql("ALTER ROLE " + login.role() + " PASSWORD '" + login.password() + "'");

        Api.as()
                .body(Map.of(
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        credentials(newest(), newest().port(), login)))
                .patch(BASE + "/" + other)
                .then()
                .statusCode(400)
                .body("code", equalTo("role_already_managed"));

        Api.as().get(BASE + "/" + other).then().body("appConnection.isPlatformManagedCredentials", equalTo(false));
        logsIn(other);
        Map<String, Object> third = managed(newest(), login);
        create(third).then().statusCode(400).body("code", equalTo("role_already_managed"));
        Api.as().get(BASE + "/connection-name/" + third.get("name")).then().statusCode(404);
    }

    /** As the reference has it: what replaces a live password names the one that it replaces. */
    @Test
    void managementBeginsWithTheCredentialsInTheSameRequest() {
        Login login = newest().role("LOGIN");
        String plain =
                created(newConnection(ConnectionWireTest.name("plain"), credentials(newest(), newest().port(), login)));
        String managed = created(managed(newest(), newest().role("LOGIN")));

        for (String id : List.of(plain, managed)) {
            Api.as()
                    .body(Map.of("isPlatformManagedCredentials", true, "description", "not written"))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("credentials_required"))
                    .body("message", containsString("Send credentials in the same request"));
            Api.as().get(BASE + "/" + id).then().body("appConnection.description", nullValue());
            logsIn(id);
        }

        assertThat(newest().login(login.role(), login.password())).isEqualTo("ok");
    }

    /** The server's answer to COMMIT never comes: the password is sent again, and the caller hears of none of it. */
    @Test
    void aLostAnswerIsMadeUpForWithinTheRequest() {
        Login login = newest().role("LOGIN");
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            String id = created(managed(newest(), proxy.port(), login));
            TcpProxy.Sighting lost = proxy.before(TcpProxy.reply("COMMIT"), () -> Fate.CUT);

            act(id, "rotate").then().statusCode(200).body("appConnection.state", equalTo("ok"));

            assertThat(lost.times()).isPositive();
            assertThat(versions(id)).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");
            logsIn(id);
        }
    }

    /** The network is gone after the statement was sent: the row is there, says so, and mends itself. */
    @Test
    void aCreateInDoubtAnswersWithTheRow() {
        Login login = newest().role("LOGIN");
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return Fate.CUT;
            });

            Response created = create(managed(newest(), proxy.port(), login));

            created.then()
                    .statusCode(200)
                    .body("appConnection.state", equalTo("in_doubt"))
                    .body("appConnection.stateReason", notNullValue());
            String id = created.path("appConnection.id");
            act(id, "release")
                    .then()
                    .statusCode(400)
                    .body("code", oneOf("rotation_in_progress", "rotation_unfinished"));
            proxy.accept(true);
            act(id, "rotate").then().statusCode(200).body("appConnection.state", equalTo("ok"));
            logsIn(id);
            assertThat(newest().login(login.role(), released(id))).isEqualTo("ok");
        }
    }

    /** Nothing of a create that definitely failed stays behind. */
    @Test
    void aCreateThatFailsChangesNothing() {
        Login login = newest().role("LOGIN");
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            proxy.before(TcpProxy.request("ALTER ROLE"), () -> {
                proxy.refuse();
                return Fate.CUT;
            });
            Map<String, Object> body = managed(newest(), proxy.port(), login);

            create(body).then().statusCode(400).body("code", equalTo("managed_credentials_failed"));

            proxy.accept(true);
            Api.as().get(BASE + "/connection-name/" + body.get("name")).then().statusCode(404);
            assertThat(newest().login(login.role(), login.password())).isEqualTo("ok");
            create(body).then().statusCode(200);
        }
    }

    @Test
    void aRotateWithAKeyIsDoneOnce() {
        String id = created(managed(newest(), newest().role("LOGIN")));
        String key = UUID.randomUUID().toString();

        for (int i = 0; i < 2; i++) {
            Api.as()
                    .header("Idempotency-Key", key)
                    .post(BASE + "/" + id + "/rotate")
                    .then()
                    .statusCode(200)
                    .body("appConnection.rotation.credentialVersion", equalTo(3));
        }
    }

    // ---- By itself --------------------------------------------------------------------------------------------------

    private static void runDue(String id, String due) {
        TestStore.sql("UPDATE managed_role SET due_at = now(), " + due + " WHERE owner_id = '" + id + "'");
        Api.as().body("{}").post("/api/v1/rotations/run-due").then().statusCode(200);
        // The clock inside may have been quicker, and be at it still.
        Awaitility.await()
                .untilAsserted(() -> assertThat(TestStore.sql("SELECT 1 FROM managed_role WHERE owner_id = '" + id
                                + "' AND lease_until IS NULL AND due_at > now()"))
                        .hasSize(1));
    }

    @Test
    void itIsChangedOnSchedule() {
        Map<String, Object> body = managed(newest(), newest().role("LOGIN"));
        body.put("isAutoRotationEnabled", true);
        body.put("rotation", Map.of("rotationInterval", 7));
        String id = created(body);
        String next = Api.as().get(BASE + "/" + id).path("appConnection.rotation.nextRotationAt");
        assertThat(next).endsWith("T00:00:00.000Z");

        runDue(id, "change_at = now()");

        Api.as()
                .get(BASE + "/" + id)
                .then()
                .body("appConnection.rotation.credentialVersion", equalTo(3))
                .body("appConnection.rotation.rotationStatus", equalTo("success"))
                .body("appConnection.rotation.nextRotationAt", notNullValue());
        logsIn(id);
    }

    /** A failover or a restore: the role has a password from before. */
    @Test
    void aTargetThatWentBackInTimeGetsTheCurrentPasswordAgain() {
        Login login = newest().role("LOGIN");
        String id = created(managed(newest(), login));
        newest().sql("ALTER ROLE " + login.role() + " PASSWORD '" + login.password() + "'");

        runDue(id, "state = 'OK'");

        logsIn(id);
        assertThat(newest().login(login.role(), login.password())).isEqualTo("28P01");
        assertThat(versions(id)).containsExactly("1 PREVIOUS", "2 CURRENT");
    }

    @Test
    void aThirdPartysPasswordIsSaid() {
        Login login = newest().role("LOGIN");
        String id = created(managed(newest(), login));
        newest().sql("ALTER ROLE " + login.role() + " PASSWORD 'theirs'");

        runDue(id, "state = 'OK'");

        Api.as()
                .get(BASE + "/" + id)
                .then()
                .body("appConnection.state", equalTo("parked"))
                .body("appConnection.stateReason", equalTo("changed_by_third_party"));
        act(id, "rotate")
                .then()
                .statusCode(400)
                .body("code", equalTo("rotation_failed"))
                .body("details.reason", equalTo("changed_by_third_party"));
        assertThat(newest().login(login.role(), "theirs")).isEqualTo("ok");
    }

    /** Found by releasing: 200 with a password that nobody could log in with, and no word of it. */
    @Test
    void aReleaseSaysWhetherTheServerTakesThePassword() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        String id = created(managed(server, login));

        act(id, "release")
                .then()
                .statusCode(200)
                .body("releasedCredentials.proven", equalTo(true))
                .body("releasedCredentials.reason", nullValue())
                .body("releasedCredentials.message", nullValue());

        server.sql("ALTER ROLE " + login.role() + " PASSWORD 'somebody else''s'");
        act(id, "release")
                .then()
                .statusCode(200)
                .body("releasedCredentials.releasedPassword", notNullValue())
                .body("releasedCredentials.proven", equalTo(false))
                .body("releasedCredentials.reason", equalTo("password_refused"))
                .body("releasedCredentials.message", startsWith("The server refused the password"));
    }

    @Test
    void aPasswordOfAServerThatIsGoneIsReleasedAsUnproven() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = server.role("LOGIN");
        try (TcpProxy proxy = TcpProxy.to(server)) {
            String id = created(managed(server, proxy.port(), login));
            proxy.refuse();
            proxy.cut();

            String password = act(id, "release")
                    .then()
                    .statusCode(200)
                    .body("releasedCredentials.proven", equalTo(false))
                    .body("releasedCredentials.reason", notNullValue())
                    .body("appConnection.isPlatformManagedCredentials", equalTo(false))
                    .extract()
                    .path("releasedCredentials.releasedPassword");

            assertThat(server.login(login.role(), password)).isEqualTo("ok");
        }
    }
}
