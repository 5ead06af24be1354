package io.rolewright.proof;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.password.ScramSecret;
import io.rolewright.testing.Api;
import io.rolewright.testing.Evidence;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.rolewright.testing.TestVault;
import io.rolewright.testing.VaultProtocolStub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;
import org.junit.jupiter.api.Test;

/**
 * Calls every operation of the API with recognisable secrets, well and badly, against a target that writes down all it is told,
 * with the service's log at TRACE; then looks for each secret in all that anybody but the caller could read. A secret that the
 * service made up itself is recognised because its caller was given it.
 *
 * <p>An operation that the OpenAPI document knows and no leg of the tour calls fails the test: add it to one, or a leg of its own.
 */
@QuarkusTest
@TestProfile(SecretLeakTest.AllIsLogged.class)
class SecretLeakTest {

    private static final Path LOG = Path.of("target/leaks/service.log").toAbsolutePath();
    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";
    private static final String ROTATIONS = "/api/v2/secret-rotations/postgres-credentials";

    /** Of a target, by a name that no server knows. */
    private static final String HOST = "leak-" + UUID.randomUUID() + ".invalid";

    /** Must be found wherever is searched, or the search is worth nothing. */
    private static final String CONTROL = "control-" + UUID.randomUUID();

    public static final class AllIsLogged implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> settings = new HashMap<>(Map.of(
                    "quarkus.log.min-level", "TRACE",
                    "quarkus.log.level", "TRACE",
                    "quarkus.log.console.level", "ERROR",
                    "quarkus.log.file.enabled", "true",
                    "quarkus.log.file.level", "TRACE",
                    "quarkus.log.file.path", LOG.toString(),
                    "quarkus.log.file.rotation.max-file-size", "2G"));
            // The test's own client lives in the same process and writes down all that it sends.
            settings.put("quarkus.log.category.\"org.apache.http\".level", "OFF");
            settings.put("quarkus.log.category.\"io.restassured\".level", "OFF");
            settings.putAll(TestVault.settings());
            return settings;
        }
    }

    private final Secrets secrets = new Secrets();
    private final Set<String> called = new HashSet<>();
    private final List<String> answers = new ArrayList<>();
    private String token;

    @Test
    void noSecretIsFoundWhereItDoesNotBelong() throws Exception {
        TestPostgres store = TestPostgres.shared(TestPostgres.NEWEST);
        keepTheLogOf(store, "2GB"); // a checkpoint while the tour goes on would remove what is to be searched
        try (TestPostgres target = talkative();
                VaultProtocolStub vault = TestVault.start()) {
            Logger.getLogger("io.rolewright.proof").trace(CONTROL);
            target.sql("SELECT '" + CONTROL + "'");

            logins();
            projects();
            places();
            identities();
            connections(target);
            managedConnections(target);
            rotations(target, vault);
            webhooks();
            keys();
            operations();

            assertThat(unvisited())
                    .as("operations of the OpenAPI document that no leg of the tour calls")
                    .isEmpty();
            assertThat(secrets.count()).isGreaterThan(20);
            assertNothingIsFound(target, store);
        } finally {
            keepTheLogOf(store, "0");
        }
        Files.delete(LOG); // some hundred megabytes; it stays where the test fails
    }

    private static TestPostgres talkative() {
        return TestPostgres.own(
                TestPostgres.NEWEST,
                TestPostgres.Tls.OPTIONAL,
                builder -> builder.setting("shared_preload_libraries", "pg_stat_statements,auto_explain")
                        .setting("log_statement", "all")
                        .setting("log_min_error_statement", "debug5")
                        .setting("log_error_verbosity", "verbose")
                        .setting("log_connections", "on")
                        .setting("log_disconnections", "on")
                        .setting("log_parameter_max_length", "-1")
                        .setting("log_parameter_max_length_on_error", "-1")
                        .setting("auto_explain.log_min_duration", "0")
                        .setting("auto_explain.log_nested_statements", "on")
                        .setting("pg_stat_statements.track", "all")
                        .setting("pg_stat_statements.track_utility", "on")
                        .setting("track_activity_query_size", "65536"));
    }

    // ---- the tour: every leg calls its operations with secrets that it has registered

    private void logins() {
        secrets.add("bootstrap secret", TestStore.CLIENT_SECRET);
        String wrong = secrets.add("wrong client secret", recognisable("client"));
        say(call("POST", "/api/v1/auth/universal-auth/login", login(wrong)), 401, 403);
        say(call("POST", "/api/v1/auth/universal-auth/login", "{\"clientSecret\":\"" + wrong + "\""), 400, 422);
        token = secrets.add(
                "access token",
                call("POST", "/api/v1/auth/universal-auth/login", login(TestStore.CLIENT_SECRET))
                        .then()
                        .statusCode(200)
                        .extract()
                        .path("accessToken"));
        say(call("GET", "/api/v1/auth/caller", null), 200);
        Response renewed = call("POST", "/api/v1/auth/token/renew", Map.of("accessToken", token));
        renewed.then().statusCode(200);
        String second = secrets.add("renewed token", renewed.path("accessToken"));
        String forged = secrets.add("forged token", second.substring(0, second.length() - 3) + "AAA");
        say(call("POST", "/api/v1/auth/token/renew", Map.of("accessToken", forged)), 401, 403);
        say(given().header("Authorization", "Bearer " + forged).get(CONNECTIONS), 401, 403);
        say(given().header("Authorization", "Basic " + forged).get(CONNECTIONS), 401, 403);
        say(given().queryParam("token", forged).get(CONNECTIONS), 401, 403);
        String page = "http://localhost:" + RestAssured.port;
        called.add("POST /api/v1/auth/console-session");
        called.add("POST /api/v1/auth/console-session/resume");
        Response kept = given().header("Authorization", "Bearer " + token)
                .header("Origin", page)
                .post("/api/v1/auth/console-session");
        kept.then().statusCode(200);
        String session = secrets.add("console session", kept.cookie("rolewright-console"));
        for (String value : List.of(session, session.substring(0, session.length() - 3) + "AAA")) {
            Response resumed = given().header("Origin", page)
                    .header("Cookie", "rolewright-console=" + value)
                    .post("/api/v1/auth/console-session/resume");
            if (resumed.statusCode() == 200) {
                secrets.add("resumed token", resumed.path("accessToken"));
            } else {
                say(resumed, 403);
            }
        }
        String other = call("POST", "/api/v1/auth/universal-auth/login", login(TestStore.CLIENT_SECRET))
                .path("accessToken");
        secrets.add("revoked token", other);
        say(call("POST", "/api/v1/auth/token/revoke", Map.of("accessToken", other)), 200);
    }

    private static Map<String, Object> login(String secret) {
        return Map.of("clientId", TestStore.CLIENT_ID, "clientSecret", secret);
    }

    private void projects() {
        say(call("GET", "/api/status", null), 200);
        String id = say(call("POST", "/api/v1/projects", Map.of("projectName", TestPostgres.uniqueName("leaks"))), 200)
                .path("project.id");
        Response shown = say(call("GET", "/api/v1/projects/" + id, null), 200);
        say(call("GET", "/api/v1/projects/slug/" + shown.path("project.slug"), null), 200);
        say(call("PATCH", "/api/v1/projects/" + id, Map.of("description", "x")), 200);
        say(call("GET", "/api/v1/projects", null), 200);
        say(call("DELETE", "/api/v1/projects/" + id, null), 200);
    }

    private void identities() {
        String identities = "/api/v1/identities";
        String id = say(call("POST", identities, Map.of("name", TestPostgres.uniqueName("leaks"))), 200)
                .path("identity.id");
        String one = identities + "/" + id;
        say(call("GET", identities, null), 200);
        say(call("GET", one, null), 200);
        say(call("PATCH", one, Map.of("name", TestPostgres.uniqueName("leaks"))), 200);

        String clientSecrets = "/api/v1/auth/universal-auth/identities/" + id + "/client-secrets";
        Response made = call("POST", clientSecrets, Map.of("description", "x"));
        made.then().statusCode(200).header("Cache-Control", "no-store");
        String secret = secrets.add("generated client secret", made.path("clientSecret"));
        String clientId = call("GET", one, null).path("identity.clientId");
        secrets.add(
                "token of an identity",
                call("POST", "/api/v1/auth/universal-auth/login", Map.of("clientId", clientId, "clientSecret", secret))
                        .path("accessToken"));
        String oneSecret = clientSecrets + "/" + made.path("clientSecretData.id");
        say(call("GET", clientSecrets, null), 200);
        say(call("GET", oneSecret, null), 200);
        say(call("POST", oneSecret + "/revoke", "{}"), 200);

        String tokens = "/api/v1/auth/token-auth/identities/" + id + "/tokens";
        Response issued = call("POST", tokens, Map.of("name", "x", "role", "consumer"));
        issued.then().statusCode(200).header("Cache-Control", "no-store");
        secrets.add("static token", issued.path("accessToken"));
        say(call("GET", tokens, null), 200);
        say(call("POST", tokens + "/" + issued.path("tokenData.id") + "/revoke", "{}"), 200);

        asTheReferencesClientsDo();

        Map<String, Map<String, Object>> rules = Map.of(
                "oidc-auth",
                Map.of(
                        "oidcDiscoveryUrl",
                        "https://127.0.0.1:1",
                        "issuer",
                        "https://127.0.0.1:1",
                        "boundAudiences",
                        List.of("x")),
                "kubernetes-auth",
                Map.of("issuer", "https://127.0.0.1:1", "allowedAudience", "x", "allowedNamespaces", List.of("x")));
        rules.forEach((method, rule) -> {
            String path = "/api/v1/auth/" + method + "/identities/" + id;
            say(call("PUT", path, rule), 200, 400, 422);
            say(call("GET", path, null), 200, 404);
            String reviewer = secrets.add("token reviewer's token by " + method, recognisable("reviewer"));
            Map<String, Object> byTheReference = new HashMap<>(Map.of("tokenReviewerJwt", reviewer));
            byTheReference.put(
                    method.equals("oidc-auth") ? "oidcDiscoveryUrl" : "kubernetesHost", "https://127.0.0.1:1");
            say(call("POST", path, byTheReference), 400, 422);
            say(call("PATCH", path, byTheReference), 400, 404, 422);
            String jwt = secrets.add("token of another issuer by " + method, recognisable("header") + ".e30.e30");
            List<String> names = method.equals("oidc-auth") ? List.of(method, "jwt-auth") : List.of(method);
            for (String name : names) {
                say(
                        call("POST", "/api/v1/auth/" + name + "/login", Map.of("identityId", id, "jwt", jwt)),
                        400,
                        401,
                        403,
                        502,
                        503);
            }
            say(call("DELETE", path, null), 200, 404);
        });
        say(call("GET", "/api/v1/auth/signing-keys", null), 200);

        String members = "/api/v1/projects/" + defaultProject() + "/identity-memberships";
        say(call("PUT", members + "/" + id, Map.of("roles", List.of("reader"))), 200);
        say(call("GET", members, null), 200);
        say(call("DELETE", members + "/" + id, null), 200);
        say(call("DELETE", one, null), 200);
    }

    /** By the paths and bodies of the reference. */
    private void asTheReferencesClientsDo() {
        String organisation =
                say(call("GET", "/api/v1/identities/details", null), 200).path("identityDetails.organization.id");
        String id = say(
                        call(
                                "POST",
                                "/api/v1/identities",
                                Map.of(
                                        "name",
                                        TestPostgres.uniqueName("leaks"),
                                        "organizationId",
                                        organisation,
                                        "role",
                                        "no-access")),
                        200)
                .path("identity.id");
        for (String method : List.of("universal-auth", "token-auth")) {
            String auth = "/api/v1/auth/" + method + "/identities/" + id;
            say(call("POST", auth, Map.of("accessTokenTTL", 600)), 200);
            say(call("GET", auth, null), 200);
            say(call("PATCH", auth, Map.of("accessTokenTTL", 900)), 200);
        }
        String scoped = "/api/v1/projects/" + defaultProject() + "/identities";
        String own = say(call("POST", scoped, Map.of("name", "scoped")), 200).path("identity.id");
        say(call("GET", scoped, null), 200);
        say(call("GET", scoped + "/" + own, null), 200);
        say(call("PATCH", scoped + "/" + own, Map.of("name", "renamed")), 200);
        String itsRoles = "/api/v1/projects/" + defaultProject() + "/memberships/identities/" + own;
        say(call("PATCH", itsRoles, Map.of("roles", List.of(Map.of("role", "viewer")))), 200);
        say(call("GET", itsRoles, null), 200);
        say(call("DELETE", scoped + "/" + own, null), 200);
        String membership = "/api/v2/workspace/" + defaultProject() + "/identity-memberships/" + id;
        Map<String, Object> roles = Map.of("roles", List.of(Map.of("role", "viewer")));
        say(call("POST", membership, roles), 200);
        say(call("GET", membership, null), 200);
        say(call("PATCH", membership, roles), 200);
        Response issued =
                call("POST", "/api/v1/auth/token-auth/identities/" + id + "/tokens", Map.of("name", "reference"));
        issued.then().statusCode(200).header("Cache-Control", "no-store");
        secrets.add("token by the reference's body", issued.path("accessToken"));
        String token = "/api/v1/auth/token-auth/tokens/" + issued.path("tokenData.id");
        say(call("GET", token, null), 200);
        say(call("PATCH", token, Map.of("name", "renamed")), 200);
        say(call("POST", token + "/revoke", "{}"), 200);
        say(call("DELETE", membership, null), 200);
        for (String method : List.of("universal-auth", "token-auth")) {
            say(call("DELETE", "/api/v1/auth/" + method + "/identities/" + id, null), 200);
        }
        say(call("DELETE", "/api/v1/identities/" + id, null), 200);
    }

    private void places() {
        String slug = TestPostgres.uniqueName("leaks").replace('_', '-');
        String project = say(call("POST", "/api/v2/workspace", Map.of("projectName", "leaks", "slug", slug)), 200)
                .path("project.id");
        say(call("GET", "/api/v2/workspace/" + slug, null), 200);
        say(call("GET", "/api/v1/workspace/" + project, null), 200);
        String environments = "/api/v1/workspace/" + project + "/environments";
        String environment = say(call("POST", environments, Map.of("name", "leaks", "slug", slug)), 200)
                .path("environment.id");
        say(call("GET", "/api/v1/workspace/environments/" + environment, null), 200);
        say(call("GET", "/api/v1/projects/" + project + "/environments/slug/" + slug, null), 200);
        say(call("PATCH", environments + "/" + environment, Map.of("name", "renamed")), 200);
        Map<String, Object> folder = Map.of("workspaceId", project, "environment", slug, "name", "payments");
        String id = say(call("POST", "/api/v1/folders", folder), 200).path("folder.id");
        say(call("GET", "/api/v1/folders?workspaceId=" + project + "&environment=" + slug, null), 200);
        say(call("GET", "/api/v1/folders/" + id, null), 200);
        say(call("PATCH", "/api/v1/folders/" + id, folder), 200);
        say(call("DELETE", "/api/v2/folders/" + id, Map.of("workspaceId", project, "environment", slug)), 200);
        say(call("DELETE", environments + "/" + environment, null), 200);
        say(call("DELETE", "/api/v2/workspace/" + slug, null), 200);
    }

    private void webhooks() {
        String webhooks = "/api/v1/webhooks";
        String path = secrets.add(
                "token in a receiver's address", recognisable("receiver").replaceAll("[^A-Za-z0-9]", "x"));
        Map<String, Object> body = Map.of(
                "projectId", defaultProject(),
                "name", TestPostgres.uniqueName("leaks").replace('_', '-'),
                "url", "https://127.0.0.1:1/" + path,
                "events", List.of("rotation.credential-changed"));
        Response made = call("POST", webhooks, body);
        made.then().statusCode(200).header("Cache-Control", "no-store");
        secrets.add("secret of a webhook", made.path("secret"));
        String one = webhooks + "/" + made.path("webhook.id");
        String key = secrets.add("key of a webhook of the reference's form", recognisable("signing"));
        String environments = "/api/v1/workspace/" + defaultProject() + "/environments";
        String slug = TestPostgres.uniqueName("told").replace('_', '-');
        String environment = say(call("POST", environments, Map.of("name", "told", "slug", slug)), 200)
                .path("environment.id");
        Response other = call(
                "POST",
                webhooks,
                Map.of(
                        "projectId",
                        defaultProject(),
                        "environment",
                        slug,
                        "webhookUrl",
                        "https://127.0.0.1:1/hook",
                        "webhookSecretKey",
                        key));
        say(other, 200);
        String theirs = webhooks + "/" + other.path("webhook.id");
        say(call("GET", theirs, null), 200);
        say(call("PATCH", theirs, Map.of("isDisabled", true)), 200);
        say(call("POST", theirs + "/test", null), 200);
        say(call("DELETE", theirs, null), 200);
        say(call("DELETE", environments + "/" + environment, null), 200);
        // Whoever may read webhooks sees the address; nobody else does.
        call("GET", webhooks, null).then().statusCode(200);
        call("GET", one, null).then().statusCode(200);
        call("PATCH", one, Map.of("enabled", true)).then().statusCode(200);
        secrets.add(
                "second secret of a webhook",
                call("POST", one + "/rotate-secret", "{}").path("secret"));
        say(call("POST", webhooks, "{\"url\":\"https://127.0.0.1:1/" + path), 400, 422);
        say(call("POST", one + "/test", "{}"), 200);
        say(call("GET", one + "/deliveries", null), 200);
        say(call("GET", one + "/deliveries/" + UUID.randomUUID(), null), 404);
        say(call("POST", one + "/deliveries/" + UUID.randomUUID() + "/replay", "{}"), 404);
        say(call("POST", one + "/replay-dead", "{}"), 200);
        say(call("POST", "/api/v1/rotations/run-due?budgetSeconds=10", "{}"), 200);
        say(call("GET", "/api/v1/store", null), 200);
        say(call("POST", "/api/v1/store/adopt", null), 200);
        call("DELETE", one, null).then().statusCode(200);
    }

    private void keys() throws IOException {
        String file = ConfigProvider.getConfig().getValue("rolewright.root-key-file", String.class);
        for (String line : Files.readAllLines(Path.of(file))) {
            secrets.add("root key", line.substring(line.indexOf(':') + 1));
        }
        say(call("GET", "/api/v1/keys", null), 200);
        say(call("POST", "/api/v1/keys/runs", Map.of("command", "shred")), 422);
        Response run = say(call("POST", "/api/v1/keys/runs", Map.of("command", "re-encrypt")), 200);
        say(call("GET", "/api/v1/keys/runs", null), 200);
        say(call("GET", "/api/v1/keys/runs/" + run.path("run.id"), null), 200);
    }

    private void connections(TestPostgres target) {
        String password = secrets.add("password of a connection", recognisable("password"));
        TestPostgres.Login app = role(target, password, "LOGIN");
        Map<String, Object> good = credentials(target, app.role(), password);

        // Refused, malformed, misunderstood.
        String wrong = secrets.add("wrong password", recognisable("wrong' \"\\ % &"));
        Map<String, Object> refused = credentials(target, app.role(), wrong);
        say(call("POST", CONNECTIONS, connection("refused", refused)), 400);
        say(call("POST", CONNECTIONS + "/test", Map.of("credentials", refused)), 200);
        String cut = secrets.add("password in broken JSON", recognisable("broken"));
        say(call("POST", CONNECTIONS, "{\"credentials\":{\"password\":\"" + cut + "\",,}}"), 400);
        say(call("POST", CONNECTIONS, "{\"credentials\":{\"password\":\"" + cut), 400);
        say(call("POST", CONNECTIONS, "{\"credentials\":{\"password\":" + cut + "}}"), 400);
        Map<String, Object> list = new HashMap<>(good);
        list.put("password", List.of(secrets.add("password in a list", recognisable("list"))));
        say(call("POST", CONNECTIONS, connection("list", list)), 422);
        Map<String, Object> nul = new HashMap<>(good);
        nul.put("password", secrets.add("password with NUL", recognisable("nul") + "\0more"));
        say(call("POST", CONNECTIONS, connection("nul", nul)), 400, 422);
        Map<String, Object> unreachable = new HashMap<>(good);
        unreachable.put("port", 1);
        say(call("POST", CONNECTIONS, connection("unreachable", unreachable)), 400);
        // Where targets are is nobody's business but the caller's, who is told of the host that he gave.
        Map<String, Object> elsewhere = new HashMap<>(good);
        elsewhere.put("host", HOST);
        call("POST", CONNECTIONS, connection("elsewhere", elsewhere)).then().statusCode(400);
        call("POST", CONNECTIONS + "/test", Map.of("credentials", elsewhere))
                .then()
                .statusCode(200);
        Map<String, Object> keyed = new HashMap<>(good);
        keyed.put("sslMode", "verify-full");
        keyed.remove("sslEnabled");
        keyed.put(
                "sslClientKey",
                "-----BEGIN PRIVATE KEY-----\n" + secrets.add("client key", recognisable("key"))
                        + "\n-----END PRIVATE KEY-----");
        say(call("POST", CONNECTIONS, connection("keyed", keyed)), 400, 422);

        // Well.
        Map<String, Object> described = connection("good", good);
        Response created = say(call("POST", CONNECTIONS, described), 200);
        String id = created.path("appConnection.id");
        String name = created.path("appConnection.name");
        String one = CONNECTIONS + "/" + id;
        say(call("POST", CONNECTIONS, described), 400);
        say(call("GET", "/api/v1/app-connections/options", null), 200);
        say(call("GET", "/api/v1/app-connections", null), 200);
        say(call("GET", CONNECTIONS, null), 200);
        say(call("GET", CONNECTIONS + "/available?projectId=" + defaultProject(), null), 200);
        say(call("GET", one, null), 200);
        say(call("GET", CONNECTIONS + "/connection-name/" + name, null), 200);
        say(call("GET", one + "/usage", null), 200);
        say(call("GET", one + "/ca.pem", null), 404);
        say(call("POST", one + "/test", "{}"), 200);
        say(call("POST", CONNECTIONS + "/test", Map.of("credentials", good)), 200);

        // The role's password is changed behind our back, then here.
        String next = secrets.add("second password of a connection", recognisable("second"));
        give(target, app.role(), next);
        say(call("POST", one + "/test", "{}"), 200);
        say(call("PATCH", one, Map.of("credentials", credentials(target, app.role(), wrong))), 400);
        say(call("PATCH", one, Map.of("credentials", credentials(target, app.role(), next))), 200);
        say(call("PATCH", one, Map.of("credentials", "x")), 422);
        say(call("DELETE", one, null), 200);
        say(call("GET", one, null), 404);

        // A server that asks for the password in clear is not told it, over TLS that is not verified either.
        target.authentication("host all all 127.0.0.1/32 password");
        say(call("POST", CONNECTIONS + "/test", Map.of("credentials", credentials(target, app.role(), next))), 200);
        target.authentication("host all all 127.0.0.1/32 scram-sha-256");
        Map<String, Object> kept = connection("kept", credentials(target, app.role(), next));
        kept.put("description", CONTROL);
        say(call("POST", CONNECTIONS, kept), 200);
    }

    private void managedConnections(TestPostgres target) {
        String password = secrets.add("password before management", recognisable("managed"));
        TestPostgres.Login app = role(target, password, "LOGIN");
        Map<String, Object> body = connection("managed", credentials(target, app.role(), password));
        body.put("isPlatformManagedCredentials", true);
        String one =
                CONNECTIONS + "/" + say(call("POST", CONNECTIONS, body), 200).path("appConnection.id");
        say(call("POST", one + "/rotate", "{}"), 200);
        say(call("POST", one + "/verify", null), 200);
        say(call("POST", one + "/test", "{}"), 200);
        say(call("GET", one + "/attempts", null), 200);
        say(call("GET", one + "/versions", null), 200);
        for (String format : List.of("json", "uri", "conninfo", "jdbc", "pgpass", "pgbouncer")) {
            call("GET", one + "/active?format=" + format, null)
                    .then()
                    .statusCode(200)
                    .header("Cache-Control", "no-store");
        }
        // Each password that was ever its own is known afterwards by being released: what the target has is not what
        // was said.
        String released = release(one, "released password");
        assertThat(target.login(app.role(), released)).isEqualTo("ok");
        say(call("DELETE", one, null), 200);
        String kept = "/api/v1/discarded-passwords";
        Response discarded =
                say(call("GET", kept + "?managedById=" + one.substring(CONNECTIONS.length() + 1), null), 200);
        for (String id : discarded.<List<String>>path("discardedPasswords.id")) {
            secrets.add(
                    "discarded password",
                    call("GET", kept + "/" + id, null)
                            .then()
                            .statusCode(200)
                            .extract()
                            .path("password"));
        }
        say(call("GET", kept + "/" + UUID.randomUUID(), null), 404);

        // A change that the target refuses, and one whose role is changed by somebody else.
        String own = secrets.add("password of a refused change", recognisable("refusing"));
        TestPostgres.Login refusing = role(target, own, "LOGIN");
        target.sql("ALTER ROLE " + refusing.role() + " SET default_transaction_read_only = on");
        Map<String, Object> refused = connection("refusing", credentials(target, refusing.role(), own));
        refused.put("isPlatformManagedCredentials", true);
        say(call("POST", CONNECTIONS, refused), 400, 200);
    }

    private String release(String one, String name) {
        // The one answer that has a password in it.
        Response released = call("POST", one + "/release", "{}");
        released.then().statusCode(200).header("Cache-Control", "no-store");
        return secrets.add(name, released.path("releasedCredentials.releasedPassword"));
    }

    private void adopted(TestPostgres target, TestPostgres.Login manager, String managing) {
        String password = secrets.add("password that a rotation begins with", recognisable("initial"));
        String role = role(target, password, "LOGIN").role();
        target.sql("GRANT " + role + " TO " + manager.role() + " WITH ADMIN TRUE");
        Map<String, Object> body = rotation(managing, role, role);
        body.put("name", "adopted");
        body.put("strategy", "single");
        body.put("secretsMapping", Map.of("username", "ADOPTED_USER", "password", "ADOPTED_PASSWORD"));
        body.put("initialPassword", secrets.add("wrong initial password", recognisable("guessed")));
        say(call("POST", ROTATIONS, body), 400);
        body.put("initialPassword", secrets.add("initial password with NUL", recognisable("nul") + "\0more"));
        say(call("POST", ROTATIONS, body), 422);
        body.put("initialPassword", password);
        say(call("POST", ROTATIONS, body), 200);
    }

    private void rotations(TestPostgres target, VaultProtocolStub vault) {
        secrets.add("token for Vault", VaultProtocolStub.ROOT_TOKEN);
        String password = secrets.add("password of a managing role", recognisable("managing"));
        TestPostgres.Login manager = role(target, password, "LOGIN CREATEROLE");
        String first = role(target, secrets.add("password before rotation", recognisable("first")), "LOGIN")
                .role();
        String second = role(target, secrets.add("second password before rotation", recognisable("second")), "LOGIN")
                .role();
        target.sql("GRANT " + first + ", " + second + " TO " + manager.role() + " WITH ADMIN TRUE");
        String managing = say(
                        call(
                                "POST",
                                CONNECTIONS,
                                connection("managing", credentials(target, manager.role(), password))),
                        200)
                .path("appConnection.id");
        Map<String, Object> body = rotation(managing, first, second);
        say(call("GET", "/api/v2/secret-rotations/options", null), 200);
        say(
                call(
                        "POST",
                        ROTATIONS + "/preflight",
                        Map.of("connectionId", managing, "parameters", body.get("parameters"))),
                200);
        adopted(target, manager, managing);
        String inVault = "rolewright/default/leaks";
        body.put("vaultKv", Map.of("mount", TestVault.MOUNT, "path", inVault));
        Response created = say(call("POST", ROTATIONS, body), 200);
        say(call("POST", ROTATIONS, body), 400);
        String one = ROTATIONS + "/" + created.path("secretRotation.id");
        String list = "?projectId=" + defaultProject();
        generated(one);
        say(call("POST", one + "/rotate-secrets?force=true", null), 200);
        generated(one);
        say(call("POST", one + "/rotate-secrets?force=true", null), 200);
        generated(one);
        say(call("POST", one + "/verify", null), 200);
        say(call("GET", "/api/v2/secret-rotations" + list, null), 200);
        say(call("GET", ROTATIONS + list, null), 200);
        say(call("GET", one, null), 200);
        say(
                call(
                        "GET",
                        ROTATIONS + "/rotation-name/" + body.get("name") + list + "&environment=prod&secretPath=/",
                        null),
                200);
        say(call("POST", one + "/preflight", "{}"), 200);
        say(call("GET", one + "/ca.pem", null), 404);
        say(call("GET", one + "/attempts", null), 200);
        say(call("GET", "/api/v2/secret-rotations/summary?days=7&timeZone=Asia/Tokyo", null), 200);
        say(call("GET", "/api/v1/troubles", null), 200);
        say(call("GET", one + "/versions", null), 200);
        say(call("GET", one + "/usage", null), 200);
        // Vault takes what was proven, is sealed, refuses, and takes it after all.
        say(call("POST", "/api/v1/rotations/run-due?budgetSeconds=5", null), 200);
        for (String trouble : List.of("sealed", "overtaken")) {
            say(call("POST", one + "/rotate-secrets?force=true", null), 200);
            generated(one);
            if (trouble.equals("sealed")) {
                vault.become(VaultProtocolStub.Node.SEALED);
            } else {
                vault.beforeNext(
                        "POST " + TestVault.MOUNT + "/data/" + inVault,
                        () -> vault.ask("POST", TestVault.MOUNT + "/data/" + inVault, "{\"data\":{\"x\":\"y\"}}"));
            }
            say(call("POST", "/api/v1/rotations/run-due?budgetSeconds=5", null), 200);
            vault.become(VaultProtocolStub.Node.ACTIVE);
        }
        TestStore.sql("UPDATE vault_server SET quiet_until = NULL");
        say(call("POST", "/api/v1/rotations/run-due?budgetSeconds=5", null), 200);
        assertThat(vault.ask("GET", TestVault.MOUNT + "/data/" + inVault, "").toString())
                .contains(call("GET", one + "/active", null).<String>path("password"));
        for (String format : List.of("json", "uri", "conninfo", "jdbc", "pgpass", "pgbouncer")) {
            call("GET", one + "/active?format=" + format, null)
                    .then()
                    .statusCode(200)
                    .header("Cache-Control", "no-store");
        }
        for (String path : List.of("/api/v3/secrets/raw", "/api/v4/secrets")) {
            String where = "?workspaceId=" + defaultProject() + "&projectId=" + defaultProject()
                    + "&environment=prod&secretPath=/";
            // Answers with the password in them, which is known from the credentials.
            call("GET", path + where, null).then().statusCode(200).header("Cache-Control", "no-store");
            call("GET", path + "/DB_PASSWORD" + where, null).then().statusCode(200);
        }
        say(
                call(
                        "POST",
                        "/api/v1/events/subscribe/project-events?timeout=1",
                        Map.of("projectId", defaultProject())),
                200);
        say(call("PATCH", one, Map.of("description", "x", "rotationInterval", 31)), 200);

        // Refused by the target: the statement with the secret is written to its log as an error.
        target.sql("REVOKE ADMIN OPTION FOR " + first + ", " + second + " FROM " + manager.role());
        say(call("POST", one + "/rotate-secrets?force=true", null), 400);
        target.sql("GRANT " + first + ", " + second + " TO " + manager.role() + " WITH ADMIN TRUE");
        say(call("POST", one + "/rotate-secrets?force=true", null), 200);
        generated(one);
        say(call("DELETE", one + "?revokeGeneratedCredentials=true", null), 200);
        say(call("GET", one + "/generated-credentials", null), 404);
    }

    /** The one answer of a rotation that has passwords in it. */
    private void generated(String one) {
        Response generated = call("GET", one + "/generated-credentials", null);
        generated.then().statusCode(200).header("Cache-Control", "no-store");
        List<String> passwords = generated.path("generatedCredentials.password");
        assertThat(passwords).isNotEmpty();
        passwords.forEach(password -> secrets.add("generated password " + secrets.count(), password));
    }

    private Map<String, Object> rotation(String connection, String first, String second) {
        return new HashMap<>(Map.of(
                "name",
                TestPostgres.uniqueName("rotation").replace('_', '-'),
                "projectId",
                defaultProject(),
                "connectionId",
                connection,
                "environment",
                "prod",
                "secretPath",
                "/",
                "rotationInterval",
                30,
                "parameters",
                Map.of("username1", first, "username2", second),
                "secretsMapping",
                Map.of("username", "DB_USER", "password", "DB_PASSWORD")));
    }

    private void operations() {
        // Old tokens stay good after that, so the ones that are looked for do.
        say(call("POST", "/api/v1/auth/signing-keys/rotate", "{}"), 200);
        say(call("GET", "/api/v1/audit-events", null), 200);
        say(call("GET", "/api/v1/audit-events/export.csv", null), 200);
        say(call("GET", "/api/v1/audit-events/export.jsonl", null), 200);
    }

    private static Map<String, Object> credentials(TestPostgres target, String role, String password) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", target.port());
        credentials.put("database", "postgres");
        credentials.put("username", role);
        credentials.put("password", password);
        credentials.put("sslEnabled", false);
        return credentials;
    }

    private static Map<String, Object> connection(String name, Map<String, Object> credentials) {
        return new HashMap<>(Map.of(
                "name",
                TestPostgres.uniqueName(name).replace('_', '-'),
                "method",
                "username-and-password",
                "credentials",
                credentials));
    }

    private String defaultProject() {
        return call("GET", "/api/v1/projects", null).path("projects.find { it.slug == 'default' }.id");
    }

    // ---- calling

    private static String recognisable(String what) {
        return "leak-" + what + "-" + UUID.randomUUID();
    }

    /** A role whose password the target's own log has never seen: it is given as what PostgreSQL would store. */
    private static TestPostgres.Login role(TestPostgres target, String password, String attributes) {
        String role = TestPostgres.uniqueName("leaks");
        target.sql("CREATE ROLE " + role + " " + attributes);
        give(target, role, password);
        return new TestPostgres.Login(role, password);
    }

    private static void give(TestPostgres target, String role, String password) {
        String secret = ScramSecret.derive(password, 4096, new SecureRandom()).text();
        target.sql("ALTER ROLE " + role + " PASSWORD '" + secret + "'");
    }

    private Response call(String method, String path, Object body) {
        called.add(method + " " + path.replaceAll("\\?.*", ""));
        return Api.inTurn(() -> send(method, path, body));
    }

    private Response send(String method, String path, Object body) {
        var request = given().contentType(ContentType.JSON);
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        if (body != null) {
            request.body(body);
        }
        return request.request(method, path);
    }

    /** Keeps the answer for the search: no secret may be in it. */
    private Response say(Response response, Integer... statuses) {
        assertThat(response.statusCode()).as(response.asString()).isIn((Object[]) statuses);
        answers.add(response.headers() + "\n" + response.asString());
        return response;
    }

    // ---- the search

    private static void keepTheLogOf(TestPostgres server, String size) {
        server.sql("ALTER SYSTEM SET wal_keep_size = '" + size + "'");
        server.sql("SELECT pg_reload_conf()");
    }

    private void assertNothingIsFound(TestPostgres target, TestPostgres store) throws Exception {
        store.sql("CHECKPOINT");
        target.sql("CHECKPOINT");
        target.sql("CREATE EXTENSION pg_stat_statements");
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("the target's log", target.server().log());
        texts.put("the target's pg_stat_statements", rows(target, "pg_stat_statements"));
        texts.put("the target's pg_stat_activity", rows(target, "pg_stat_activity"));
        texts.put("the store's pg_stat_activity", rows(store, "pg_stat_activity"));
        texts.put("the store's rows", storeRows());
        texts.put("the service's log", Files.readString(LOG));
        texts.put("metrics", metrics());
        texts.put("the OpenAPI document", given().get("/api/openapi").asString());
        texts.put("answers", String.join("\n", answers));
        texts.put("what a test that fails would show of them", String.join("\n", Evidence.calls()));

        Map<String, Set<String>> found = new LinkedHashMap<>();
        texts.forEach((where, text) -> put(found, where, secrets.in(text)));
        secrets.below(target.server().dataFolder()).forEach((file, names) -> put(found, "the target's " + file, names));
        secrets.below(store.server().dataFolder()).forEach((file, names) -> put(found, "the store's " + file, names));

        Secrets hosts = new Secrets();
        hosts.add("host of a target", HOST);
        for (String where : List.of("the store's rows", "the service's log", "metrics")) {
            put(found, where + " (where a target is)", hosts.in(texts.get(where)));
        }

        assertThat(found).as("secrets by where they were found").isEmpty();
        assertSearchesWhereThereIsSomething(target, store, texts);
    }

    private static void put(Map<String, Set<String>> found, String where, Set<String> names) {
        if (!names.isEmpty()) {
            found.put(where, names);
        }
    }

    private static void assertSearchesWhereThereIsSomething(
            TestPostgres target, TestPostgres store, Map<String, String> texts) {
        assertThat(texts.entrySet().stream()
                        .filter(text -> text.getValue().contains(CONTROL))
                        .map(Map.Entry::getKey))
                .contains("the target's log", "the store's rows", "the service's log", "answers");
        assertThat(texts.get("the target's pg_stat_statements")).contains("ALTER ROLE");
        assertThat(texts.get("the target's log")).contains("Query Text:", "FATAL:  28P01");
        assertThat(texts.get("what a test that fails would show of them").lines())
                .anyMatch(line ->
                        line.contains("POST ") && line.contains(CONNECTIONS) && line.contains("\"password\":\"…\""));
        assertThat(texts.get("the service's log")).contains("TRACE").hasSizeGreaterThan(100_000);
        Secrets control = new Secrets();
        control.add("control", CONTROL);
        assertThat(control.below(store.server().dataFolder()).keySet().stream().map(Path::toString))
                .anyMatch(file -> file.startsWith("base/"))
                .anyMatch(file -> file.startsWith("pg_wal/"));
        assertThat(target.server().dataFolder().resolve("global")).isNotEmptyDirectory();
    }

    private static String rows(TestPostgres server, String relation) {
        return server.sql("SELECT string_agg(r::text, E'\\n') FROM " + relation + " r")
                .get(0)
                .getString(0);
    }

    private static String storeRows() {
        return TestStore.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").stream()
                .map(table -> TestStore.sql("SELECT coalesce(string_agg(r::text, E'\\n'), '') FROM \""
                                + table.getString(0) + "\" r")
                        .get(0)
                        .getString(0))
                .collect(Collectors.joining("\n"));
    }

    private static String metrics() {
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        return given().port(port).get("/q/metrics").asString();
    }

    private List<String> unvisited() {
        Map<String, Map<String, Object>> paths =
                given().accept(ContentType.JSON).get("/api/openapi").path("paths");
        List<String> unvisited = new ArrayList<>();
        paths.forEach((path, operations) -> {
            String pattern = path.replaceAll("\\{[^}]*}", "[^/]+");
            operations.keySet().stream()
                    .map(String::toUpperCase)
                    .filter(method ->
                            Set.of("GET", "POST", "PUT", "PATCH", "DELETE").contains(method))
                    .filter(method -> called.stream().noneMatch(call -> call.matches(method + " " + pattern)))
                    .forEach(method -> unvisited.add(method + " " + path));
        });
        return unvisited;
    }
}
