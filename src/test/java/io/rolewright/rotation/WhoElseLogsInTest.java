package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.not;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A password that is changed leaves everybody else who logs in with it outside: so nobody else may, or it is not changed. */
@QuarkusTest
class WhoElseLogsInTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    private static Map<String, Object> credentials(String host, int port, Login login) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", host);
        credentials.put("port", port);
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        return credentials;
    }

    private static Map<String, Object> connection(String host, int port, Login login) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("login"));
        body.put("method", "username-and-password");
        body.put("credentials", credentials(host, port, login));
        return body;
    }

    private static Response create(Map<String, Object> connection) {
        return Api.as().body(connection).post(CONNECTIONS);
    }

    private static String created(Map<String, Object> connection) {
        return create(connection).then().statusCode(200).extract().path("appConnection.id");
    }

    private static Map<String, Object> single(Rotating roles, Login role) {
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", role.role(), "username2", role.role()));
        return body;
    }

    private static void logsIn(String connection) {
        Api.as()
                .post(CONNECTIONS + "/" + connection + "/test")
                .then()
                .statusCode(200)
                .body("report.ok", equalTo(true));
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aRoleThatAStoredConnectionLogsInAsIsNotRotated(int major) {
        Rotating roles = Rotating.on(major);
        // The same server under another address.
        Map<String, Object> stored = connection("localhost", roles.target.port(), roles.first);
        String id = created(stored);
        for (Map<String, Object> body : List.of(single(roles, roles.first), roles.body(Rotating.name("rotation")))) {
            Api.as()
                    .body(body)
                    .post(BASE + "/preflight")
                    .then()
                    .statusCode(200)
                    .body("preflight.ok", equalTo(false))
                    .body("preflight.roles[0].problems[0].code", equalTo("role_of_a_connection"));
            Rotating.post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_of_a_connection"))
                    .body("message", containsString(stored.get("name") + " (" + id + ")"));
        }

        logsIn(id);
        assertThat(roles.target.login(roles.first.role(), roles.first.password()))
                .isEqualTo("ok");
        Api.as().delete(CONNECTIONS + "/" + id).then().statusCode(200);
        assertThat(roles.loginAsServed(roles.created())).isEqualTo("ok");
    }

    /** Nobody can log in with what cannot be opened, so it stands in nobody's way. */
    @Test
    void aConnectionThatCannotBeOpenedStopsNoOther() {
        Rotating roles = Rotating.on(newest());
        String broken = created(connection("127.0.0.1", roles.target.port(), newest().role("LOGIN")));
        TestStore.sql("UPDATE app_connection SET login_of = NULL, credentials = set_byte(credentials, 30,"
                + " get_byte(credentials, 30) # 1) WHERE id = '" + broken + "'");

        assertThat(roles.loginAsServed(roles.created())).isEqualTo("ok");
        Map<String, Object> managed = connection("127.0.0.1", roles.target.port(), newest().role("LOGIN"));
        managed.put("isPlatformManagedCredentials", true);
        created(managed);

        TestStore.sql("DELETE FROM app_connection WHERE id = '" + broken + "'");
    }

    /** What a row says that an older build has written, or one whose server keeps its identifier to itself. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "server = NULL, login = NULL",
                "login_of = NULL, server = NULL, login = NULL, login_address = NULL",
                "login_of = 'of other credentials', server = 'x', login = 'x', login_address = 'x'"
            })
    void whereTheServerIsNotKnownHostAndPortDecide(String unknown) {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = created(connection("127.0.0.1", roles.target.port(), roles.first));
        TestStore.sql("UPDATE app_connection SET " + unknown + " WHERE id = '" + id + "'");

        Rotating.post(single(roles, roles.first)).then().statusCode(400).body("code", equalTo("role_of_a_connection"));
        Rotating.post(single(roles, roles.second)).then().statusCode(200);

        logsIn(id);
        assertThat(TestStore.sql("SELECT login_of = credentials_hash AND server IS NOT NULL AND login IS NOT NULL FROM"
                                + " app_connection WHERE id = '" + id + "'")
                        .get(0)
                        .getBoolean(0))
                .as("a test that succeeds says what was not known")
                .isTrue();
    }

    /** More than a page of them is opened once, and then known. */
    @Test
    void whatOlderBuildsHaveWrittenIsLearnedByWhoAsksFirst() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = created(connection("127.0.0.1", roles.target.port(), roles.first));
        // What cannot be opened is not learned; here it is what fills the pages before and after.
        TestStore.sql(
                "INSERT INTO app_connection (id, project_id, name, version, credentials, credentials_version, credentials_hash,"
                        + " created_at, updated_at) SELECT gen_random_uuid(), c.project_id, 'paged ' || n, 1, c.credentials, 1, 'h', now(), now()"
                        + " FROM app_connection c, generate_series(1, 1200) n WHERE c.id = '" + id + "'");
        try {
            TestStore.sql("UPDATE app_connection SET login_of = NULL WHERE name NOT LIKE 'paged %'");

            Rotating.post(single(roles, roles.first))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_of_a_connection"));

            assertThat(TestStore.sql("SELECT name FROM app_connection WHERE name NOT LIKE 'paged %'"
                            + " AND login_of IS DISTINCT FROM credentials_hash"))
                    .isEmpty();
        } finally {
            TestStore.sql("DELETE FROM app_connection WHERE name LIKE 'paged %'");
        }
    }

    /** An older build beside this one has changed the credentials and does not know what stands beside them. */
    @Test
    void whatWasNotedOfOlderCredentialsDoesNotCount() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String noted = created(connection("127.0.0.1", roles.target.port(), roles.first));
        String changed = created(connection("127.0.0.1", roles.target.port(), roles.target.role("LOGIN")));
        TestStore.sql(
                "UPDATE app_connection c SET login = n.login, login_address = n.login_address, login_of = 'older' FROM"
                        + " app_connection n WHERE n.id = '" + noted + "' AND c.id = '" + changed + "'");
        Api.as().delete(CONNECTIONS + "/" + noted).then().statusCode(200);

        Rotating.post(single(roles, roles.first)).then().statusCode(200);

        logsIn(changed);
    }

    @Test
    void anotherServerIsAnotherMatter() {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            other.sql("CREATE ROLE " + roles.first.role() + " LOGIN PASSWORD 'theirs'");
            String id = created(connection("127.0.0.1", other.port(), new Login(roles.first.role(), "theirs")));

            assertThat(roles.loginAsServed(roles.created())).isEqualTo("ok");

            logsIn(id);
        }
    }

    @Test
    void aPasswordThatTwoConnectionsHaveIsNotManaged() {
        Login shared = newest().role("LOGIN");
        Map<String, Object> first = connection("127.0.0.1", newest().port(), shared);
        Map<String, Object> second = connection("localhost", newest().port(), shared);
        String a = created(first);
        String b = created(second);

        Api.as()
                .body(Map.of("isPlatformManagedCredentials", true, "credentials", first.get("credentials")))
                .patch(CONNECTIONS + "/" + a)
                .then()
                .statusCode(400)
                .body("code", equalTo("role_of_a_connection"))
                .body("details.usedBy.id", equalTo(List.of(b)))
                .body("details.more", equalTo(false));
        Map<String, Object> third = connection("127.0.0.1", newest().port(), shared);
        third.put("isPlatformManagedCredentials", true);
        create(third).then().statusCode(400).body("code", equalTo("role_of_a_connection"));

        logsIn(a);
        logsIn(b);
        Api.as().delete(CONNECTIONS + "/" + b).then().statusCode(200);
        Api.as()
                .body(Map.of("isPlatformManagedCredentials", true, "credentials", first.get("credentials")))
                .patch(CONNECTIONS + "/" + a)
                .then()
                .statusCode(200);
        logsIn(a);
        create(second).then().statusCode(400); // the password is another one by now
    }

    @Test
    void whoMayNotSeeTheConnectionHearsOnlyThatThereIsSomething() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> stored = connection("127.0.0.1", roles.target.port(), roles.first);
        stored.put("projectId", Identities.project());
        String id = created(stored);
        Map<String, Object> theirs = connection("127.0.0.1", roles.target.port(), roles.managing);
        theirs.put("projectId", Rotating.project());
        Map<String, Object> body = single(roles, roles.first);
        body.put("connectionId", created(theirs));
        var somebody = Identities.in(Rotating.project(), "admin");

        somebody.as()
                .body(body)
                .post(BASE)
                .then()
                .statusCode(400)
                .body("code", equalTo("role_of_a_connection"))
                .body("message", not(containsString(id)))
                .body("message", not(containsString((String) stored.get("name"))))
                .body("message", containsString("something that you may not see"));
    }

    /** It works now and dies with the next change. */
    @Test
    void aLoginThatARotationChangesIsNotStored() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = single(roles, roles.first);
        String rotation = Rotating.created(body);
        Map<String, String> served =
                Api.as().get(BASE + "/" + rotation + "/generated-credentials").path("active");
        Login login = new Login(served.get("username"), served.get("password"));

        create(connection("localhost", roles.target.port(), login))
                .then()
                .statusCode(400)
                .body("code", equalTo("role_already_managed"))
                .body("message", containsString(body.get("name") + " (" + rotation + ")"));
        Login own = roles.target.role("LOGIN");
        String other = created(connection("localhost", roles.target.port(), own));
        Api.as()
                .body(Map.of("credentials", credentials("localhost", roles.target.port(), login)))
                .patch(CONNECTIONS + "/" + other)
                .then()
                .statusCode(400)
                .body("code", equalTo("role_already_managed"));
        Map<String, Object> managed = connection("localhost", roles.target.port(), login);
        managed.put("isPlatformManagedCredentials", true);
        create(managed).then().statusCode(400).body("code", equalTo("role_already_managed"));

        logsIn(other);
        assertThat(roles.loginAsServed(rotation)).isEqualTo("ok");
        Api.as().delete(BASE + "/" + rotation).then().statusCode(200);
        created(connection("localhost", roles.target.port(), login));
    }

    /** Two addresses of one server: each owner would change what the other one serves. */
    @Test
    void aManagedConnectionsRoleIsNotRotatedUnderAnotherAddress() throws Exception {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        try (TcpProxy proxy = TcpProxy.to(roles.target)) {
            Map<String, Object> managed = connection("127.0.0.1", proxy.port(), roles.first);
            managed.put("isPlatformManagedCredentials", true);
            String id = created(managed);

            Rotating.post(single(roles, roles.first))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"))
                    .body("message", containsString(id));

            logsIn(id);
        }
    }

    /** Two addresses of a server that keeps its identifier to itself: a lock that is taken through one is seen through the other. */
    @Test
    void aServerWithoutAnIdentifierIsRecognisedUnderAnotherAddress() throws Exception {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST);
                TestPostgres other = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(server)) {
            for (TestPostgres each : List.of(server, other)) {
                each.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
            }
            Rotating roles = Rotating.on(server);
            Map<String, Object> managed = connection("127.0.0.1", proxy.port(), roles.first);
            managed.put("isPlatformManagedCredentials", true);
            String id = created(managed);
            Map<String, Object> rotation = single(roles, roles.first);
            rotation.put("takeover", true);

            Rotating.post(rotation)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"))
                    .body("message", containsString(id));
            logsIn(id);

            String second = Rotating.created(single(roles, roles.second));
            Map<String, Object> again = single(roles, roles.second);
            again.put("connectionId", Rotating.connection(proxy.port(), roles.managing));
            again.put("takeover", true);
            Rotating.post(again)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"))
                    .body("message", containsString(second));
            Login served = new Login(
                    roles.second.role(), Rotating.credentials(second).get(0).get("password"));
            Map<String, Object> self = connection("127.0.0.1", proxy.port(), served);
            self.put("isPlatformManagedCredentials", true);
            create(self).then().statusCode(400).body("code", equalTo("role_already_managed"));
            assertThat(server.login(served.role(), served.password())).isEqualTo("ok");

            other.sql("CREATE ROLE " + served.role() + " LOGIN PASSWORD 'theirs'");
            Map<String, Object> elsewhere = connection("127.0.0.1", other.port(), new Login(served.role(), "theirs"));
            elsewhere.put("isPlatformManagedCredentials", true);
            logsIn(created(elsewhere));
        }
    }

    /** As Terraform does at each change; the pair was there before anybody asked. */
    @Test
    void aLoginThatIsSentAgainUnchangedIsTaken() throws Exception {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        try (TcpProxy proxy = TcpProxy.to(roles.target)) {
            String id = created(connection("127.0.0.1", proxy.port(), roles.first));
            TestStore.sql("UPDATE app_connection SET server = NULL, login = NULL WHERE id = '" + id + "'");
            String rotation = Rotating.created(single(roles, roles.first));
            Map<String, String> served = Api.as()
                    .get(BASE + "/" + rotation + "/generated-credentials")
                    .path("active");

            Api.as()
                    .body(Map.of(
                            "credentials",
                            credentials(
                                    "127.0.0.1", proxy.port(), new Login(roles.first.role(), served.get("password")))))
                    .patch(CONNECTIONS + "/" + id)
                    .then()
                    .statusCode(200);

            Rotating.rotate(rotation).then().statusCode(200);
        }
    }

    @Test
    void theServicesOwnLoginIsNotRotated() {
        String own = ConfigProvider.getConfig().getValue("quarkus.datasource.username", String.class);
        String password = ConfigProvider.getConfig().getValue("quarkus.datasource.password", String.class);
        Login store = new Login(own, password);
        Login managing = newest().role("LOGIN SUPERUSER");
        Map<String, Object> body = Rotating.on(TestPostgres.NEWEST).body(Rotating.name("rotation"));
        body.put("connectionId", Rotating.connection(newest(), managing));
        body.put("strategy", "single");
        body.put("allowPrivileged", true);
        body.put("parameters", Map.of("username1", own, "username2", own));

        Api.as()
                .body(body)
                .post(BASE + "/preflight")
                .then()
                .body("preflight.roles[0].problems[0].code", equalTo("role_of_this_service"));
        Rotating.post(body).then().statusCode(400).body("code", equalTo("role_of_this_service"));
        Map<String, Object> managed = connection("localhost", newest().port(), store);
        managed.put("isPlatformManagedCredentials", true);
        managed.put("allowPrivileged", true);
        create(managed).then().statusCode(400).body("code", equalTo("role_of_this_service"));
        assertThat(newest().login(own, password)).isEqualTo("ok");

        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Login namesake = new Login(own, "theirs");
            other.sql("CREATE ROLE " + own + " LOGIN PASSWORD 'theirs'");
            Map<String, Object> elsewhere = connection("127.0.0.1", other.port(), namesake);
            elsewhere.put("isPlatformManagedCredentials", true);
            created(elsewhere);
        }
    }

    /** Two that come at once would each find the other one not there yet. */
    @Test
    void ofARotationAndALoginAtTheSameMomentOneIsRefused() {
        for (int i = 0; i < 10; i++) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            Map<String, Object> rotation = single(roles, roles.first);
            Map<String, Object> login = connection("localhost", roles.target.port(), roles.first);
            CompletableFuture<Integer> rotating =
                    CompletableFuture.supplyAsync(() -> Rotating.post(rotation).statusCode());

            int connecting = create(login).statusCode();

            assertThat(List.of(rotating.join(), connecting)).contains(400).doesNotContain(500);
        }
    }

    // ---- Moves -----------------------------------------------------------------------------------------------------

    private static Response move(String connection, TestPostgres to, Login login) {
        return Api.as()
                .body(Map.of("confirmAnotherServer", true, "credentials", credentials("127.0.0.1", to.port(), login)))
                .patch(CONNECTIONS + "/" + connection);
    }

    private static String serverOf(String rotation) {
        return TestStore.sql("SELECT encode(server, 'hex') FROM managed_role WHERE owner_id = '" + rotation
                        + "' AND deleted_at IS NULL")
                .get(0)
                .getString(0);
    }

    /** The rotation would go on there with the role of the same name, which is somebody else's login. */
    @Test
    void aMoveTakesNobodysLoginUnderRotation() {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            String rotation = Rotating.created(single(roles, roles.first));
            Login theirs = new Login(roles.first.role(), "theirs");
            Login managing = other.role("LOGIN CREATEROLE");
            other.sql("CREATE ROLE " + theirs.role() + " LOGIN PASSWORD 'theirs'");
            Rotating.grant(other, managing, theirs);
            Map<String, Object> stored = connection("localhost", other.port(), theirs);
            stored.put("projectId", Identities.project());
            String id = created(stored);
            String before = serverOf(rotation);

            move(roles.connection, other, managing)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_of_a_connection"))
                    .body("message", containsString(stored.get("name") + " (" + id + ")"));
            Map<String, Object> managed = new HashMap<>(credentials("127.0.0.1", other.port(), managing));
            Api.as()
                    .body(Map.of("isPlatformManagedCredentials", true, "credentials", managed))
                    .patch(CONNECTIONS + "/" + roles.connection)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_of_a_connection"));

            Rotating.rotateAtOnce(rotation).then().statusCode(200);
            logsIn(id);
            assertThat(roles.loginAsServed(rotation)).isEqualTo("ok");
            assertThat(serverOf(rotation)).isEqualTo(before);

            Api.as().delete(CONNECTIONS + "/" + id).then().statusCode(200);
            move(roles.connection, other, managing).then().statusCode(200);
            assertThat(serverOf(rotation)).isNotEqualTo(before);
            Rotating.rotateAtOnce(rotation).then().statusCode(200);
            assertThat(other.login(theirs.role(), "theirs")).isEqualTo("28P01");
            create(connection("localhost", other.port(), theirs)).then().statusCode(400);
        }
    }

    @Test
    void aMoveTakesNoRoleThatIsManagedThere() {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            String rotation = Rotating.created(single(roles, roles.first));
            Login managing = other.role("LOGIN CREATEROLE");
            Login theirs = new Login(roles.first.role(), "theirs");
            other.sql("CREATE ROLE " + theirs.role() + " LOGIN PASSWORD 'theirs'");
            Rotating.grant(other, managing, theirs);
            Map<String, Object> body = single(roles, roles.first);
            body.put("connectionId", Rotating.connection(other, managing));
            String theirRotation = Rotating.created(body);

            move(roles.connection, other, managing)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"))
                    .body("message", containsString(theirRotation));

            Rotating.rotateAtOnce(rotation).then().statusCode(200);
            assertThat(roles.loginAsServed(rotation)).isEqualTo("ok");
        }
    }

    /** The connection would log in as the role that its own rotation changes. */
    @Test
    void aMoveLogsInAsNoRoleThatIsRotatedThroughIt() {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            Rotating.created(single(roles, roles.first));
            other.sql("CREATE ROLE " + roles.first.role() + " LOGIN PASSWORD 'theirs'");

            move(roles.connection, other, new Login(roles.first.role(), "theirs"))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"));
        }
    }

    @Test
    void aMoveTakesNoRoleOfThisService() {
        String own = ConfigProvider.getConfig().getValue("quarkus.datasource.username", String.class);
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST)) {
            Login managing = other.role("LOGIN CREATEROLE");
            other.sql("CREATE ROLE " + own + " LOGIN PASSWORD 'theirs'");
            Rotating.grant(other, managing, new Login(own, "theirs"));
            Map<String, Object> body = Rotating.on(TestPostgres.NEWEST).body(Rotating.name("rotation"));
            String connection = Rotating.connection(other, managing);
            body.put("connectionId", connection);
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", own, "username2", own));
            String rotation = Rotating.created(body);

            move(connection, newest(), newest().role("LOGIN SUPERUSER"))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_of_this_service"));

            Api.as().delete(BASE + "/" + rotation).then().statusCode(200);
        }
    }

    /** A login that failed at its new server is back where it was, and so are the roles that are rotated through it. */
    @Test
    void aMoveThatIsTakenBackMovesItsRolesBack() throws Exception {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy way = TcpProxy.to(other)) {
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            String rotation = Rotating.created(single(roles, roles.first));
            String before = serverOf(rotation);
            Login managing = other.role("LOGIN CREATEROLE");
            way.before(
                    message -> message.request()
                            && message.type() != 'P'
                            && message.sql().contains("ALTER ROLE")
                            && !serverOf(rotation).equals(before),
                    () -> {
                        other.sql("ALTER ROLE " + managing.role() + " NOLOGIN");
                        return TcpProxy.Fate.CUT;
                    });

            Response managed = Api.as()
                    .body(Map.of(
                            "isPlatformManagedCredentials",
                            true,
                            "confirmAnotherServer",
                            true,
                            "credentials",
                            credentials("127.0.0.1", way.port(), managing)))
                    .patch(CONNECTIONS + "/" + roles.connection);

            boolean stays = Api.as()
                    .get(CONNECTIONS + "/" + roles.connection)
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.isPlatformManagedCredentials");
            assertThat(stays).as(managed.asString()).isFalse();
            assertThat(serverOf(rotation)).isEqualTo(before);
            assertThat(roles.loginAsServed(rotation)).isEqualTo("ok");
            Rotating.rotateAtOnce(rotation).then().statusCode(200);
        }
    }

    /** A role of which {@code SET role} makes another one is still the one that logs in. */
    @Test
    void theManagingRoleIsTheOneThatLogsIn() {
        TestPostgres target = newest();
        Login managing = target.role("LOGIN");
        String boss = TestPostgres.uniqueName("boss");
        target.sql("CREATE ROLE " + boss + " CREATEROLE; GRANT " + boss + " TO " + managing.role() + "; GRANT "
                + managing.role() + " TO postgres WITH ADMIN OPTION; ALTER ROLE " + boss + " SUPERUSER; ALTER ROLE "
                + managing.role() + " SET role = '" + boss + "'");
        Map<String, Object> body = Rotating.on(TestPostgres.NEWEST).body(Rotating.name("rotation"));
        body.put("connectionId", Rotating.connection(target, managing));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", managing.role(), "username2", managing.role()));

        Rotating.post(body).then().statusCode(400).body("code", equalTo("role_is_managing_role"));

        assertThat(target.login(managing.role(), managing.password())).isEqualTo("ok");
    }
}
