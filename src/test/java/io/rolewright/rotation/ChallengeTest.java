package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Servers that would not ask a role for its password by SCRAM: nothing is changed there, since nothing could be proven. What the preflight
 * says is what the change then does.
 */
@QuarkusTest
class ChallengeTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    /** The method of pg_hba.conf, and what it is refused with. */
    private static Map<String, String> methods(boolean tls) {
        Map<String, String> methods = new LinkedHashMap<>();
        methods.put("password", "cleartext_password_demanded");
        methods.put("radius radiusservers=127.0.0.1 radiussecrets=secret radiusports=1", "cleartext_password_demanded");
        methods.put("trust", "password_not_asked");
        methods.put("reject", "login_not_offered");
        methods.put("ident", "login_not_offered");
        if (tls) {
            methods.put("cert", "login_not_offered");
        }
        return methods;
    }

    private static String connection(TestPostgres target, Login login, boolean tls) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("challenged"));
        body.put("method", "username-and-password");
        body.put("credentials", credentials(target, login, tls));
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static Map<String, Object> credentials(TestPostgres target, Login login, boolean tls) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", target.port());
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslMode", tls ? "verify-full" : "disable");
        if (tls) {
            credentials.put("sslCertificate", target.caPem());
        }
        return credentials;
    }

    private static Map<String, Object> body(String connection, String strategy, Login first, Login second) {
        String name = Rotating.name("challenge");
        Map<String, Object> body = new HashMap<>();
        body.put("name", name);
        body.put("projectId", Rotating.project());
        body.put("connectionId", connection);
        body.put("environment", "challenge");
        body.put("secretPath", "/" + name);
        body.put("rotationInterval", 30);
        body.put("strategy", strategy);
        body.put("parameters", Map.of("username1", first.role(), "username2", second.role()));
        body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
        return body;
    }

    /** First the lines, then SCRAM for everybody else. */
    private static void rules(TestPostgres target, String... lines) {
        List<String> all = new ArrayList<>(List.of(lines));
        all.add("host all all 127.0.0.1/32 scram-sha-256");
        target.authentication(all.toArray(new String[0]));
    }

    private static String rule(Login role, String method) {
        return (method.equals("cert") ? "hostssl" : "host") + " all " + role.role() + " 127.0.0.1/32 " + method;
    }

    @ParameterizedTest
    @CsvSource({"14, false", "14, true", "18, false", "18, true"})
    void nothingIsChangedWhereItCouldNotBeProven(int major, boolean tls) {
        try (TestPostgres target = TestPostgres.own(major, TestPostgres.Tls.OPTIONAL, b -> b)) {
            assertRefused(target, tls, methods(tls));
        }
    }

    /** The embedded servers know neither LDAP nor PAM nor GSSAPI; the one that {@code -Dpostgres.localised} names does. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @EnabledIfSystemProperty(named = "postgres.localised", matches = ".+")
    void norWhereAnotherSystemJudgesThePassword(boolean tls) {
        Path installation = Path.of(System.getProperty("postgres.localised"));
        try (TestPostgres target = TestPostgres.own(installation, TestPostgres.Tls.OPTIONAL, b -> b)) {
            assertRefused(
                    target,
                    tls,
                    Map.of(
                            "ldap ldapserver=127.0.0.1 ldapport=1 ldapprefix=\"cn=\"", "cleartext_password_demanded",
                            "pam pamservice=login", "cleartext_password_demanded",
                            "gss", "authentication_not_supported"));
        }
    }

    private static void assertRefused(TestPostgres target, boolean tls, Map<String, String> methods) {
        Login managing = target.role("LOGIN SUPERUSER");
        Login plain = target.role("LOGIN");
        String connection = connection(target, managing, tls);
        methods.forEach((method, code) -> {
            Login asked = target.role("LOGIN");
            rules(target, rule(asked, method));
            Map<String, Map<String, Object>> strategies = Map.of(
                    "single", body(connection, "single", asked, asked),
                    "dual, first", body(connection, "dual", asked, plain),
                    "dual, second", body(connection, "dual", plain, asked));
            strategies.forEach((strategy, body) -> {
                String row = method + ", " + strategy;
                Response preflight = Api.as().body(body).post(BASE + "/preflight");

                assertThat(preflight.<Boolean>path("preflight.ok")).as(row).isFalse();
                List<String> codes = preflight.path("preflight.roles.problems.code.flatten()");
                assertThat(codes).as(row).containsExactly(code);
                assertThat(preflight.<String>path("preflight.roles.problems.message.flatten()[0]"))
                        .as(row)
                        .contains((tls ? "hostssl" : "host") + " postgres " + asked.role() + " <address of this"
                                + " service> scram-sha-256");
                Response created = Rotating.post(body);
                assertThat(created.statusCode()).as(row).isEqualTo(400);
                assertThat(created.<String>path("code")).as(row).isEqualTo(code);
            });
            Map<String, Object> managed = new HashMap<>();
            managed.put("name", Rotating.name("managed"));
            managed.put("method", "username-and-password");
            managed.put("credentials", credentials(target, asked, tls));
            managed.put("isPlatformManagedCredentials", true);
            Api.as().body(managed).post(CONNECTIONS).then().statusCode(400);

            rules(target);
            assertThat(target.login(asked.role(), asked.password())).as(method).isEqualTo("ok");
            assertThat(target.login(plain.role(), plain.password())).as(method).isEqualTo("ok");
        });
    }

    /** Regression: the password was changed, and then it turned out that its proof could not be had. */
    @ParameterizedTest
    @CsvSource({"14, password", "14, trust", "18, password", "18, trust"})
    void aConnectionWhosePasswordCannotBeProvenIsNotManaged(int major, String method) {
        try (TestPostgres target = TestPostgres.own(major, TestPostgres.Tls.OPTIONAL, b -> b)) {
            Login login = target.role("LOGIN");
            rules(target, rule(login, method));
            Map<String, Object> body = new HashMap<>();
            body.put("name", Rotating.name("managed"));
            body.put("method", "username-and-password");
            body.put("credentials", credentials(target, login, true));

            String id = Api.as()
                    .body(body)
                    .post(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
            Api.as()
                    .body(Map.of("isPlatformManagedCredentials", true, "credentials", credentials(target, login, true)))
                    .patch(CONNECTIONS + "/" + id)
                    .then()
                    .statusCode(400)
                    .body(
                            "code",
                            equalTo(method.equals("trust") ? "password_not_asked" : "cleartext_password_demanded"));

            rules(target);
            assertThat(target.login(login.role(), login.password())).isEqualTo("ok");
        }
    }

    /** A rule that changes after the rotation was made. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aRuleThatChangesLaterStopsTheRotationAndKeepsWhatIsServed(int major) {
        try (TestPostgres target = TestPostgres.own(major, TestPostgres.Tls.OPTIONAL, b -> b)) {
            Login managing = target.role("LOGIN SUPERUSER");
            Login role = target.role("LOGIN");
            String id = Rotating.created(body(connection(target, managing, true), "single", role, role));
            Login own = target.role("LOGIN");
            String managed = managed(target, own);
            methods(true).forEach((method, code) -> {
                rules(target, rule(role, method), rule(own, method));

                Response preflight = Api.as().post(BASE + "/" + id + "/preflight");
                assertThat(preflight.<String>path("preflight.roles[0].problems[0].code"))
                        .as(method)
                        .isEqualTo(code);
                Response rotated = Rotating.rotate(id);
                rotated.then().statusCode(400).body("details.reason", equalTo(code));
                assertThat(rotated.<String>path("message"))
                        .isEqualTo("The password was not changed: "
                                + preflight.path("preflight.roles[0].problems[0].message"));
                Rotating.makeDue(id);
                Api.as().queryParam("budgetSeconds", 20).post("/api/v1/rotations/run-due");
                Api.as().post(CONNECTIONS + "/" + managed + "/rotate").then().statusCode(400);

                Rotating.read(id).body("secretRotation.state", equalTo("ok"));
                assertThat(unfinished(id, managed)).as(method).isZero();
                rules(target);
                assertThat(loginAsServed(target, id)).as(method).isEqualTo("ok");
                Api.as()
                        .post(CONNECTIONS + "/" + managed + "/test")
                        .then()
                        .statusCode(200)
                        .body("report.ok", equalTo(true));
            });
            Rotating.rotate(id).then().statusCode(200);
            Api.as().post(CONNECTIONS + "/" + managed + "/rotate").then().statusCode(200);
        }
    }

    private static String managed(TestPostgres target, Login login) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("managed"));
        body.put("method", "username-and-password");
        body.put("credentials", credentials(target, login, true));
        body.put("isPlatformManagedCredentials", true);
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static long unfinished(String... owners) {
        return TestStore.sql("SELECT count(*) FROM password_version v JOIN managed_role r ON r.id = v.role_id WHERE"
                        + " r.owner_id IN ('" + String.join("','", owners)
                        + "') AND v.state IN ('PENDING', 'IN_DOUBT', 'APPLIED')")
                .get(0)
                .getLong(0);
    }

    private static String loginAsServed(TestPostgres target, String rotation) {
        Map<String, String> served =
                Api.as().get(BASE + "/" + rotation + "/generated-credentials").path("active");
        return target.login(served.get("username"), served.get("password"));
    }

    /** Whose secret the server keeps is seen without a login: the preflight says when it is not the one of what is served. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void theSaltTellsWhetherWhatIsServedLogsIn(int major) {
        Rotating roles = Rotating.on(major);
        Map<String, Object> body = roles.body(Rotating.name("salt"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role()));
        String id = Rotating.created(body);
        String secret = roles.target
                .sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + roles.first.role() + "'")
                .get(0)
                .getString(0);
        Rotating.rotate(id).then().statusCode(200);
        assertWarns(id, null);

        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD '" + secret + "'");
        assertWarns(id, "target_went_back");

        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'of somebody else'");
        assertWarns(id, "changed_by_third_party");
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD NULL");
        assertWarns(id, "changed_by_third_party");

        Rotating.rotate(id).then().statusCode(200);
        assertWarns(id, null);
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }

    private static void assertWarns(String id, String code) {
        Api.as()
                .post(BASE + "/" + id + "/preflight")
                .then()
                .body("preflight.ok", equalTo(true))
                .body(
                        "preflight.roles[0].warnings" + (code == null ? "" : "[0].code"),
                        code == null ? nullValue() : equalTo(code));
    }

    /** The same rule asks for SCRAM once the secret is one; old clients are told of it before. */
    @ParameterizedTest
    @CsvSource({"14, false", "14, true", "18, false", "18, true"})
    void aSecretThatWasMd5BecomesScramWithAWarning(int major, boolean tls) {
        try (TestPostgres target = TestPostgres.own(major, TestPostgres.Tls.OPTIONAL, b -> b)) {
            Login managing = target.role("LOGIN SUPERUSER");
            String connection = connection(target, managing, tls);
            target.sql("ALTER SYSTEM SET password_encryption = 'md5'");
            target.sql("SELECT pg_reload_conf()");
            target.sql("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'initial'");
            Login old = new Login("old", "initial");
            rules(target, rule(old, "md5"));
            Map<String, Object> body = body(connection, "single", old, old);

            Api.as()
                    .body(body)
                    .post(BASE + "/preflight")
                    .then()
                    .body("preflight.ok", equalTo(true))
                    .body("preflight.roles[0].warnings[0].code", equalTo("md5_password_replaced"));
            assertMd5IsNotAdopted(body);
            String id = Rotating.created(body);

            Rotating.read(id).body("secretRotation.state", equalTo("ok"));
            assertThat(loginAsServed(target, id)).isEqualTo("ok");
            Api.as()
                    .post(BASE + "/" + id + "/preflight")
                    .then()
                    .body("preflight.ok", equalTo(true))
                    .body("preflight.roles[0].warnings", nullValue());
        }
    }

    /** By MD5 the server does not show that it keeps the password, and whoever has the secret logs in with it. */
    private static void assertMd5IsNotAdopted(Map<String, Object> body) {
        Map<String, Object> adopting = new HashMap<>(body);
        adopting.put("initialPassword", "initial");
        Rotating.post(adopting)
                .then()
                .statusCode(400)
                .body("code", equalTo("initial_password_not_proven"))
                .body("details.reason", equalTo("md5_password_demanded"));
    }

    /** A person's MD5 password is shown over verified TLS, as before; ours never is. */
    @Test
    void aManagedConnectionBeginsWithAnMd5SecretAndGoesOnWithScram() {
        try (TestPostgres target = TestPostgres.own(18, TestPostgres.Tls.OPTIONAL, b -> b)) {
            target.sql("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'initial'");
            Login old = new Login("old", "initial");
            rules(target, rule(old, "md5"));

            String id = managed(target, old);

            Api.as().post(CONNECTIONS + "/" + id + "/test").then().body("report.ok", equalTo(true));
            Api.as().post(CONNECTIONS + "/" + id + "/rotate").then().statusCode(200);
            assertThat(target.login(old.role(), old.password())).isEqualTo("28P01");
        }
    }
}
