package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Servers as they are found, each against one rule: <em>whoever could log in before still can, or the served password logs in; and the
 * preflight never said ok where the change then failed for a reason that was there to be seen.</em>
 */
@QuarkusTest
class SetUpsTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static final TestCertificates CLIENTS = TestCertificates.create();

    private static final Map<Integer, TestPostgres> SERVERS = new HashMap<>();

    /** What the preflight and the change say: refused before anything is touched, with this code. */
    private static final String REFUSED = "refused: ";

    /** The password is changed, proven and served; the state names this reason why the role gets no session. */
    private static final String KEPT = "changed, though ";

    private static final String CHANGED = "changed";

    /**
     * One set-up.
     *
     * @param mode of the connection
     * @param rule the method in pg_hba.conf for the role; the others are asked for SCRAM
     * @param sql of the superuser, before the change; {@code %s} is the role, {@code %m} the one that manages it
     * @param undo the same, after it: from then on whoever has the right password gets in
     */
    private record SetUp(String name, String mode, String rule, String sql, String undo, String expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static SetUp asks(String rule, String mode, String expected) {
        return new SetUp(rule + ", " + mode, mode, rule, "SELECT 1", "SELECT 1", expected);
    }

    private static SetUp role(String sql, String undo, String expected) {
        return new SetUp(sql, "disable", "scram-sha-256", sql, undo, expected);
    }

    /** With a session of a consumer that keeps the only place. */
    private static final String USED_UP = "ALTER ROLE %s CONNECTION LIMIT 1";

    private static final List<SetUp> SET_UPS = Stream.of(
                    Stream.of("disable", "verify-full")
                            .flatMap(mode -> Stream.of(
                                    asks("scram-sha-256", mode, CHANGED),
                                    asks("md5", mode, CHANGED),
                                    asks("password", mode, REFUSED + "cleartext_password_demanded"),
                                    asks("trust", mode, REFUSED + "password_not_asked"),
                                    asks("reject", mode, REFUSED + "login_not_offered"),
                                    asks("ident", mode, REFUSED + "login_not_offered"))),
                    Stream.of(
                            asks("scram-sha-256", "require", CHANGED),
                            asks("password", "require", REFUSED + "cleartext_password_demanded"),
                            asks(
                                    "scram-sha-256 clientcert=verify-full",
                                    "verify-full",
                                    KEPT + "client_certificate_name_refused"),
                            asks("scram-sha-256 clientcert=verify-ca", "verify-full", CHANGED),
                            role(
                                    "ALTER ROLE %s CONNECTION LIMIT 0",
                                    "ALTER ROLE %s CONNECTION LIMIT -1", KEPT + "role_full"),
                            role(USED_UP, "ALTER ROLE %s CONNECTION LIMIT -1", KEPT + "role_full"),
                            role(
                                    "ALTER DATABASE postgres CONNECTION LIMIT 0",
                                    "ALTER DATABASE postgres CONNECTION LIMIT -1",
                                    KEPT + "database_full"),
                            role("ALTER ROLE %s NOLOGIN", "ALTER ROLE %s LOGIN", REFUSED + "role_cannot_login"),
                            role(
                                    "ALTER ROLE %s VALID UNTIL '2020-01-01'",
                                    "ALTER ROLE %s VALID UNTIL 'infinity'", REFUSED + "role_expired"),
                            role("ALTER ROLE %s SET default_transaction_read_only = on", "SELECT 1", CHANGED),
                            role(
                                    "ALTER ROLE %s SET statement_timeout = '1ms'",
                                    // Else the test's own look at it would be cancelled by it, when the machine is
                                    // busy.
                                    "ALTER ROLE %s RESET statement_timeout", CHANGED),
                            role(
                                    "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() FROM PUBLIC",
                                    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() TO PUBLIC",
                                    CHANGED),
                            role("ALTER ROLE %s SET search_path = 'nowhere'", "SELECT 1", CHANGED),
                            role("ALTER ROLE %s SET log_statement = 'all'", "SELECT 1", CHANGED),
                            role("ALTER ROLE %s SET role = 'postgres'", "ALTER ROLE %s RESET role", CHANGED),
                            role("ALTER ROLE %m SET default_transaction_read_only = on", "SELECT 1", CHANGED),
                            role("ALTER ROLE %m SET lock_timeout = '1ms'", "SELECT 1", CHANGED),
                            role("ALTER ROLE %m SET synchronous_commit = off", "SELECT 1", CHANGED),
                            role("ALTER ROLE %m SET default_transaction_isolation = serializable", "SELECT 1", CHANGED),
                            role(
                                    "REVOKE SELECT ON pg_roles FROM PUBLIC; ALTER ROLE %m NOSUPERUSER CREATEROLE",
                                    "GRANT SELECT ON pg_roles TO PUBLIC", REFUSED + "examination_refused"),
                            role(
                                    "ALTER ROLE %m CONNECTION LIMIT 0; ALTER ROLE %m NOSUPERUSER CREATEROLE",
                                    "SELECT 1", REFUSED + "role_full"),
                            role("ALTER ROLE %s PASSWORD NULL", "SELECT 1", CHANGED),
                            role(
                                    "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
                                    "GRANT CONNECT ON DATABASE postgres TO PUBLIC",
                                    REFUSED + "connect_missing")))
            .flatMap(each -> each)
            .toList();

    private static Stream<Arguments> setUps() {
        return on(TestPostgres.versions());
    }

    /** One version of those that are tested: all of them when CI's step postgres is run by its name, one more in the whole. */
    private static Stream<Arguments> setUpsOnOne() {
        Integer[] versions = TestPostgres.versions().toArray(Integer[]::new);
        boolean byName = System.getProperty("postgres.all") != null && versions.length == 5;
        return on(byName ? Stream.of(versions) : Stream.of(versions[versions.length - 1]));
    }

    private static Stream<Arguments> on(Stream<Integer> versions) {
        return versions.flatMap(major -> SET_UPS.stream().map(setUp -> Arguments.of(major, setUp)));
    }

    private static TestPostgres server(int major) {
        return SERVERS.computeIfAbsent(
                major,
                wanted -> TestPostgres.own(
                        wanted,
                        TestPostgres.Tls.OPTIONAL,
                        builder -> builder.setting(
                                "ssl_ca_file", CLIENTS.caFile().toAbsolutePath().toString())));
    }

    @AfterAll
    static void close() {
        SERVERS.values().forEach(TestPostgres::close);
        SERVERS.clear();
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("setUps")
    void aFirstChange(int major, SetUp setUp) {
        TestPostgres server = server(major);
        Scene scene = new Scene(server, setUp);
        scene.begins(scene.role.password());

        Response preflight = Api.as().body(scene.body).post(BASE + "/preflight");
        Response created = Rotating.post(scene.body);

        assertThat(said(preflight, created)).isEqualTo(setUp.expected);
        scene.ends();
        assertThat(created.statusCode() == 200 ? scene.served(created.path("secretRotation.id")) : scene.initial())
                .as("whoever asks for the password gets in")
                .isEqualTo("ok");
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("setUpsOnOne")
    void anotherChange(int major, SetUp setUp) {
        TestPostgres server = server(major);
        Scene scene = new Scene(server, setUp);
        String id = Rotating.created(scene.body);
        scene.begins(active(id).get("password"));

        Response preflight = Api.as().post(BASE + "/" + id + "/preflight");
        Response rotated = Rotating.rotate(id);

        assertThat(said(preflight, rotated)).isEqualTo(setUp.expected);
        scene.ends();
        assertThat(scene.served(id)).as("what is served").isEqualTo("ok");
    }

    /** A connection whose own password is to become ours: its role is asked as the others are, and changes itself. */
    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("setUpsOnOne")
    void aPasswordOfItsOwn(int major, SetUp setUp) {
        Scene scene = new Scene(server(major), setUp);
        scene.begins(scene.role.password());
        Map<String, Object> managed = new HashMap<>(scene.connectionOf(scene.role));
        managed.put("isPlatformManagedCredentials", true);

        Response created = Api.as().body(managed).post(CONNECTIONS);

        scene.ends();
        if (created.statusCode() == 200) {
            Response test =
                    Api.as().body(Map.of()).post(CONNECTIONS + "/" + created.path("appConnection.id") + "/test");
            assertThat(test.<Boolean>path("report.ok")).as(test.asString()).isTrue();
        } else if (!setUp.sql.contains("PASSWORD NULL")) { // with which nobody could log in before
            assertThat(created.statusCode()).as(created.asString()).isEqualTo(400);
            assertThat(scene.initial()).as("after %s", created.asString()).isEqualTo("ok");
        }
    }

    /** It has shown that it has the managing role's secret, so its words are its own. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void theWordsOfAServerThatIsAuthenticAreQuoted(int major) {
        Scene scene = new Scene(
                server(major),
                role(
                        "REVOKE SELECT ON pg_roles FROM PUBLIC; ALTER ROLE %m NOSUPERUSER CREATEROLE",
                        "GRANT SELECT ON pg_roles TO PUBLIC", REFUSED + "examination_refused"));
        scene.begins(scene.role.password());

        Response preflight = Api.as().body(scene.body).post(BASE + "/preflight");

        scene.ends();
        assertThat(preflight.<String>path("preflight.problem.message"))
                .contains("The server's own words: \"permission denied for view pg_roles\".");
    }

    /** @param change of a creation or a rotate */
    private static String said(Response preflight, Response change) {
        boolean ok = preflight.<Boolean>path("preflight.ok");
        if (!ok) {
            String reason = change.path("details.reason");
            assertThat(change.statusCode()).as(change.asString()).isEqualTo(400);
            String code = preflight.path("preflight.problem.code");
            if (code == null) {
                code = preflight.path("preflight.roles[0].problems[0].code");
            }
            assertThat(reason == null ? change.path("code") : reason)
                    .as("what the change says")
                    .isEqualTo(code);
            return REFUSED + code;
        }
        assertThat(change.statusCode())
                .as("the preflight said ok, the change: %s", change.asString())
                .isEqualTo(200);
        String id = change.path("secretRotation.id");
        Response read = Api.as().get(BASE + "/" + id);
        assertThat(read.<String>path("secretRotation.state"))
                .as(read.asString())
                .isEqualTo("ok");
        String reason = read.path("secretRotation.stateReason");
        return reason == null ? CHANGED : KEPT + reason;
    }

    /** A managing role, a role, and a rotation of it through a connection. */
    private static final class Scene {
        private final TestPostgres server;
        private final SetUp setUp;
        private final Login managing;
        private final Login role;
        private final Map<String, Object> body = new HashMap<>();
        private CompletableFuture<?> consumer = CompletableFuture.completedFuture(null);

        Scene(TestPostgres server, SetUp setUp) {
            this.server = server;
            this.setUp = setUp;
            managing = server.role("LOGIN SUPERUSER");
            role = server.role("LOGIN");
            rules("scram-sha-256");
            String name = Rotating.name("set-up");
            body.put("name", name);
            body.put("projectId", Rotating.project());
            body.put("connectionId", connection());
            body.put("environment", "set-ups");
            body.put("secretPath", "/" + name);
            body.put("rotationInterval", 30);
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", role.role(), "username2", role.role()));
            body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
        }

        private void rules(String method) {
            List<String> lines = new ArrayList<>();
            lines.add((method.contains("clientcert") ? "hostssl" : "host") + " all " + role.role() + " 127.0.0.1/32 "
                    + method);
            lines.add("host all all 127.0.0.1/32 scram-sha-256");
            server.authentication(lines.toArray(new String[0]));
        }

        Map<String, Object> connectionOf(Login login) {
            Map<String, Object> credentials = new HashMap<>();
            credentials.put("host", "127.0.0.1");
            credentials.put("port", server.port());
            credentials.put("database", "postgres");
            credentials.put("username", login.role());
            credentials.put("password", login.password());
            credentials.put("sslMode", setUp.mode);
            if (setUp.mode.equals("verify-full")) {
                TestCertificates.Issued own = CLIENTS.client(login.role());
                credentials.put("sslCertificate", server.caPem());
                credentials.put("sslClientCertificate", own.pem());
                credentials.put("sslClientKey", own.keyPem());
            }
            return Map.of(
                    "name", Rotating.name("set-up"), "method", "username-and-password", "credentials", credentials);
        }

        private String connection() {
            return Api.as()
                    .body(connectionOf(managing))
                    .post(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
        }

        /** @param password that a consumer has */
        void begins(String password) {
            rules(setUp.rule);
            server.sql(sql(setUp.sql));
            if (setUp.sql.equals(USED_UP)) {
                consumer = CompletableFuture.runAsync(
                        () -> server.as(role.role(), password, "postgres", "SELECT pg_sleep(60)"));
                await().until(() -> !server.sql("SELECT 1" + sessions()).isEmpty());
            }
        }

        private String sql(String text) {
            return text.replace("%s", role.role()).replace("%m", managing.role());
        }

        private String sessions() {
            return " FROM pg_stat_activity WHERE usename = '" + role.role() + "' AND wait_event = 'PgSleep'";
        }

        void ends() {
            server.sql("SELECT pg_terminate_backend(pid)" + sessions());
            consumer.handle((done, ended) -> done).join();
            server.sql(sql(setUp.undo));
            rules("scram-sha-256");
        }

        String initial() {
            return server.login(role.role(), role.password());
        }

        String served(String id) {
            Map<String, String> active = active(id);
            return server.login(active.get("username"), active.get("password"));
        }
    }

    private static Map<String, String> active(String id) {
        return Api.as()
                .get(BASE + "/" + id + "/generated-credentials")
                .then()
                .statusCode(200)
                .extract()
                .path("active");
    }
}
