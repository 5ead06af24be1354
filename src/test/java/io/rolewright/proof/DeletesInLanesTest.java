package io.rolewright.proof;

import static io.restassured.RestAssured.given;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.Lanes;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What Terraform does at its default parallelism: many rows of one kind go at the same time. Each is answered, and each is in the audit.
 * The operations come from the API document, so one that is added there has to be added here.
 */
@QuarkusTest
class DeletesInLanesTest {

    private static final int ROWS = 40;
    private static final int LANES = 10;

    /** Fewer make what is to end: targets are not what is tested here. */
    private static final int MAKING_LANES = 4;

    private final Map<String, Kind> kinds = new TreeMap<>();
    private Rotating rotating;
    private Somebody somebody;
    private String environment;

    /**
     * @param audited the type of the fact
     * @param rows how many end
     * @param make makes a row and returns the call that ends it
     */
    private record Kind(String audited, int rows, Callable<Callable<Response>> make) {
        Kind(String audited, Callable<Callable<Response>> make) {
            this(audited, ROWS, make);
        }
    }

    DeletesInLanesTest() {
        kinds.put("deletePostgresAppConnection", new Kind("delete-app-connection", () -> {
            String id = Rotating.connection(server(), server().role("LOGIN"));
            return () -> Api.as().delete("/api/v1/app-connections/postgres/" + id);
        }));
        // Changes a password before, which takes its time, and deletes no row.
        kinds.put("releasePostgresAppConnection", new Kind("release-app-connection", LANES, () -> {
            String id = managedConnection();
            return () -> Api.as().post("/api/v1/app-connections/postgres/" + id + "/release");
        }));
        kinds.put("deletePostgresCredentialsRotation", new Kind("delete-secret-rotation", () -> {
            String id = rotation();
            return () -> Api.as().delete(Rotating.BASE + "/" + id);
        }));
        kinds.put("deleteWebhook", new Kind("delete-webhook", () -> {
            String id = made(
                    "/api/v1/webhooks",
                    Map.of(
                            "projectId",
                            Rotating.project(),
                            "name",
                            Rotating.name("hook"),
                            "url",
                            "https://127.0.0.1/hook",
                            "events",
                            List.of("rotation.failed")),
                    "webhook.id");
            return () -> Api.as().delete("/api/v1/webhooks/" + id);
        }));
        kinds.put("deleteProject", new Kind("delete-project", () -> {
            String id = Identities.project();
            return () -> Api.as().delete("/api/v1/projects/" + id);
        }));
        kinds.put("removeProjectMembership", new Kind("update-project-identity-membership", () -> {
            String project = Rotating.project();
            String membership = "/api/v1/projects/" + project + "/identity-memberships/" + identity();
            Api.as()
                    .body(Map.of("roles", List.of("reader")))
                    .put(membership)
                    .then()
                    .statusCode(200);
            return () -> Api.as().delete(membership);
        }));
        kinds.put("deleteIdentity", new Kind("delete-identity", () -> {
            String id = identity();
            return () -> Api.as().delete("/api/v1/identities/" + id);
        }));
        kinds.put("deleteProjectScopedIdentity", new Kind("delete-identity", () -> {
            String scoped = "/api/v1/projects/" + Rotating.project() + "/identities";
            String id = made(scoped, Map.of("name", Rotating.name("ends")), "identity.id");
            return () -> Api.as().delete(scoped + "/" + id);
        }));
        kinds.put("revokeClientSecret", new Kind("revoke-identity-universal-auth-client-secret", () -> {
            String secrets = "/api/v1/auth/universal-auth/identities/" + identity() + "/client-secrets";
            String id = made(secrets, Map.of(), "clientSecretData.id");
            return () -> Api.as().post(secrets + "/" + id + "/revoke");
        }));
        kinds.put("revokeStaticToken", new Kind("revoke-token-identity-token-auth", () -> {
            String tokens = "/api/v1/auth/token-auth/identities/" + identity() + "/tokens";
            String id = made(tokens, Map.of("name", "to revoke", "role", "reader"), "tokenData.id");
            return () -> Api.as().post(tokens + "/" + id + "/revoke");
        }));
        kinds.put("revokeAccessToken", new Kind("revoke-identity-access-token", () -> {
            String token = Identities.again(somebody());
            return () -> given().contentType(ContentType.JSON)
                    .body(Map.of("accessToken", token))
                    .post("/api/v1/auth/token/revoke");
        }));
        // The same by the reference's paths.
        kinds.put("deleteWorkspace", new Kind("delete-project", () -> {
            String slug = Rotating.name("project");
            made("/api/v2/workspace", Map.of("projectName", slug, "slug", slug), "project.id");
            return () -> Api.as().delete("/api/v2/workspace/" + slug);
        }));
        kinds.put("deleteEnvironment", new Kind("delete-environment", () -> {
            String environments = "/api/v1/workspace/" + Rotating.project() + "/environments";
            String id = made(environments, Map.of("name", "ends", "slug", Rotating.name("ends")), "environment.id");
            return () -> Api.as().delete(environments + "/" + id);
        }));
        kinds.put("deleteFolder", new Kind("delete-folder", () -> {
            Map<String, Object> place = Map.of("workspaceId", Rotating.project(), "environment", environment());
            Map<String, Object> body = new HashMap<>(place);
            body.put("name", Rotating.name("folder"));
            String id = made("/api/v1/folders", body, "folder.id");
            return () -> Api.as().body(place).delete("/api/v2/folders/" + id);
        }));
        kinds.put("deleteProjectIdentity", new Kind("update-project-identity-membership", () -> {
            String membership = "/api/v2/workspace/" + Rotating.project() + "/identity-memberships/" + identity();
            Api.as()
                    .body(Map.of("roles", List.of(Map.of("role", "viewer"))))
                    .post(membership)
                    .then()
                    .statusCode(200);
            return () -> Api.as().delete(membership);
        }));
        kinds.put("revokeToken", new Kind("revoke-token-identity-token-auth", () -> {
            String id = made(
                    "/api/v1/auth/token-auth/identities/" + identity() + "/tokens",
                    Map.of("name", "to revoke", "role", "reader"),
                    "tokenData.id");
            return () -> Api.as().post("/api/v1/auth/token-auth/tokens/" + id + "/revoke");
        }));
        for (String method : List.of("universal", "token")) {
            String operation = "remove" + Character.toUpperCase(method.charAt(0)) + method.substring(1) + "Auth";
            kinds.put(operation, new Kind("remove-identity-auth-method", () -> {
                String auth = "/api/v1/auth/" + method + "-auth/identities/" + identity();
                Api.as().body(Map.of()).post(auth).then().statusCode(200);
                return () -> Api.as().delete(auth);
            }));
        }
        for (String method : List.of("kubernetes", "oidc")) {
            String operation = "remove" + Character.toUpperCase(method.charAt(0)) + method.substring(1) + "Auth";
            kinds.put(operation, new Kind("remove-identity-auth-method", () -> {
                String rule = "/api/v1/auth/" + method + "-auth/identities/" + identity();
                Api.as().body(rule(method)).put(rule).then().statusCode(200);
                return () -> Api.as().delete(rule);
            }));
        }
    }

    /** By its method, or by a word for an end in its name. */
    @Test
    void everyOperationThatEndsSomethingIsHere() {
        Map<String, Map<String, Map<String, Object>>> paths =
                given().get("/api/openapi.json").jsonPath().getMap("paths");
        Set<String> ends = new TreeSet<>();
        paths.values()
                .forEach(path -> path.forEach((method, operation) -> {
                    String id = (String) operation.get("operationId");
                    if (method.equals("delete")
                            || id.matches("(delete|remove|revoke|release|end|discard|forget)[A-Z]\\w*")) {
                        ends.add(id);
                    }
                }));
        assertThat(ends).isEqualTo(kinds.keySet());
    }

    @TestFactory
    Stream<DynamicTest> tenAtATime() {
        return kinds.entrySet().stream().map(kind -> dynamicTest(kind.getKey(), () -> endAll(kind.getValue())));
    }

    private static void endAll(Kind kind) {
        List<Callable<Response>> ends = Lanes.run(
                MAKING_LANES,
                IntStream.range(0, kind.rows).mapToObj(row -> kind.make).toList());
        List<Response> answers = Lanes.run(LANES, ends);

        assertThat(answers)
                .allSatisfy(answer ->
                        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200));
        assertThat(audited(kind, answers)).hasSize(kind.rows);
    }

    /** @return the requests that the audit has as successes */
    private static Set<String> audited(Kind kind, List<Response> answers) {
        String requests = answers.stream()
                .map(answer -> "'" + answer.header("X-Request-Id") + "'")
                .collect(joining(","));
        Set<String> found = new TreeSet<>();
        TestStore.sql("SELECT request_id FROM audit_event WHERE outcome = 'SUCCESS' AND type = '" + kind.audited
                        + "' AND request_id IN (" + requests + ")")
                .forEach(row -> found.add(row.getString(0)));
        return found;
    }

    // ---- What is ended ---------------------------------------------------------------------------------------------

    private static TestPostgres server() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    private static String identity() {
        return made("/api/v1/identities", Map.of("name", Rotating.name("ends"), "roles", List.of()), "identity.id");
    }

    /** On one connection for all: each of its own would only take longer to make. */
    private synchronized String rotation() {
        if (rotating == null) {
            rotating = Rotating.on(server());
        }
        TestPostgres.Login role = server().role("LOGIN");
        Rotating.grant(server(), rotating.managing, role);
        Map<String, Object> body = rotating.body(Rotating.name("rotation"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", role.role()));
        return Rotating.created(body);
    }

    /** One for all folders. */
    private synchronized String environment() {
        if (environment == null) {
            environment = Rotating.name("folders");
            made(
                    "/api/v1/workspace/" + Rotating.project() + "/environments",
                    Map.of("name", environment, "slug", environment),
                    "environment.id");
        }
        return environment;
    }

    private synchronized Somebody somebody() {
        if (somebody == null) {
            somebody = Identities.with();
        }
        return somebody;
    }

    private static String managedConnection() {
        TestPostgres.Login login = server().role("LOGIN");
        return made(
                "/api/v1/app-connections/postgres",
                Map.of(
                        "name",
                        Rotating.name("managed"),
                        "method",
                        "username-and-password",
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                server().port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                login.password(),
                                "sslEnabled",
                                false)),
                "appConnection.id");
    }

    private static Map<String, Object> rule(String method) {
        String issuer = "https://issuer.example.com";
        return method.equals("oidc")
                ? Map.of("issuer", issuer, "boundAudiences", List.of("rolewright"), "boundSubject", "somebody")
                : Map.of("issuer", issuer, "allowedAudience", "rolewright", "allowedNamespaces", List.of("apps"));
    }

    private static String made(String path, Map<String, Object> body, String id) {
        return Api.as().body(body).post(path).then().statusCode(200).extract().path(id);
    }
}
