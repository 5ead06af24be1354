package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonArray;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

/**
 * Every PATCH and PUT of the OpenAPI document: its row of the audit names the fields that have another value now, and none that was only
 * sent again.
 */
@QuarkusTest
class UpdatesSayWhatChangedTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final Map<String, Map<String, Object>> bodies = new LinkedHashMap<>();
    private final Map<String, String> ids = new HashMap<>();

    /** @param body of which each field is another value than before */
    private void update(String operation, Map<String, Object> body) {
        bodies.put(operation, body);
    }

    private static String made(String path, Map<String, Object> body, String id) {
        return Api.as().body(body).post(path).then().statusCode(200).extract().path(id);
    }

    private void things() {
        String project = Identities.project();
        ids.put("projectId", project);
        ids.put(
                "environmentId",
                made(
                        "/api/v1/workspace/" + project + "/environments",
                        Map.of("name", "Changing", "slug", "changing"),
                        "environment.id"));
        ids.put(
                "folderId",
                made(
                        "/api/v1/folders",
                        Map.of("workspaceId", project, "environment", "changing", "name", "changing", "path", "/"),
                        "folder.id"));
        ids.put(
                "webhookId",
                made(
                        "/api/v1/webhooks",
                        Map.of(
                                "projectId",
                                project,
                                "name",
                                "changing",
                                "url",
                                "https://127.0.0.1:1/hook",
                                "events",
                                List.of("rotation.failed")),
                        "webhook.id"));
        String identity = made("/api/v1/identities", Map.of("name", "changing " + project), "identity.id");
        ids.put("identityId", identity);
        ids.put(
                "scopedIdentityId",
                made(
                        "/api/v1/projects/" + project + "/identities",
                        Map.of("name", "scoped " + project),
                        "identity.id"));
        made("/api/v1/auth/universal-auth/identities/" + identity, Map.of(), "identityUniversalAuth.identityId");
        made("/api/v1/auth/token-auth/identities/" + identity, Map.of(), "identityTokenAuth.identityId");
        ids.put(
                "tokenId",
                made(
                        "/api/v1/auth/token-auth/identities/" + identity + "/tokens",
                        Map.of("name", "changing"),
                        "tokenData.id"));
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        ids.put("connectionId", roles.connection);
        ids.put("rotationId", Rotating.created(roles.body(Rotating.name("changing"))));
    }

    private void updates() {
        String other = "other-" + UUID.randomUUID().toString().substring(0, 8);
        update("updatePostgresAppConnection", Map.of("name", other, "description", "another"));
        update(
                "updatePostgresCredentialsRotation",
                Map.of(
                        "name",
                        other,
                        "description",
                        "another",
                        "isAutoRotationEnabled",
                        false,
                        "rotationInterval",
                        17,
                        "rotateAtUtc",
                        Map.of("hours", 3, "minutes", 7),
                        "driftPolicy",
                        "reassert",
                        "allowPrivileged",
                        true,
                        "lookIntervalMinutes",
                        9,
                        "secretsMapping",
                        Map.of("username", "OTHER_USER", "password", "OTHER_PASSWORD")));
        update("updateEnvironment", Map.of("name", "Other", "slug", "other", "position", 9));
        update("updateFolder", Map.of("name", "other", "description", "another"));
        update(
                "updateProject",
                Map.of("name", other, "slug", other, "description", "another", "hasDeleteProtection", true));
        update(
                "updateWebhook",
                Map.of(
                        "name",
                        "other",
                        "url",
                        "https://127.0.0.1:1/other",
                        "events",
                        List.of("rotation.drifted"),
                        "enabled",
                        false));
        update(
                "updateIdentity",
                Map.of(
                        "name",
                        other,
                        "roles",
                        List.of("reader"),
                        "hasDeleteProtection",
                        true,
                        "metadata",
                        List.of(Map.of("key", "team", "value", "other"))));
        update("updateProjectScopedIdentity", Map.of("name", "scoped " + other, "hasDeleteProtection", true));
        update("updateToken", Map.of("name", "other"));
        Map<String, Object> life = Map.of("accessTokenTTL", 600, "accessTokenMaxTTL", 1200);
        update("updateUniversalAuth", life);
        update("updateTokenAuth", life);
        update(
                "setOidcAuth",
                Map.of("issuer", "https://issuer.example.com", "boundAudiences", List.of("us"), "boundSubject", "app"));
        update(
                "setKubernetesAuth",
                Map.of(
                        "issuer",
                        "https://cluster.example.com",
                        "allowedAudience",
                        "us",
                        "allowedNamespaces",
                        List.of("payments"),
                        "allowedNames",
                        List.of("app")));
        update("updateOidcAuth", life);
        update("updateKubernetesAuth", life);
        update("setProjectMembership", Map.of("roles", List.of("reader")));
        update("updateProjectIdentity", Map.of("roles", List.of(Map.of("role", "member"))));
        update("updateProjectScopedIdentityRoles", Map.of("roles", List.of(Map.of("role", "viewer"))));
    }

    @Test
    void everyOne() {
        things();
        updates();
        Map<String, AccessTableTest.Operation> operations = AccessTableTest.operations().entrySet().stream()
                .filter(each -> List.of("PATCH", "PUT").contains(each.getValue().method()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));

        assertThat(bodies.keySet()).containsExactlyInAnyOrderElementsOf(operations.keySet());

        SoftAssertions all = new SoftAssertions();
        bodies.forEach((id, body) -> {
            all.assertThat(changed(operations.get(id), body)).as(id).containsExactlyInAnyOrderElementsOf(body.keySet());
            all.assertThat(changed(operations.get(id), body))
                    .as(id + ", sent again")
                    .isEmpty();
        });
        all.assertAll();
    }

    private List<String> changed(AccessTableTest.Operation operation, Map<String, Object> body) {
        String path = operation.path();
        if (operation.id().startsWith("updateProjectScopedIdentity")) {
            path = path.replace("{identityId}", ids.get("scopedIdentityId"));
        }
        for (Map.Entry<String, String> each : ids.entrySet()) {
            path = path.replace("{" + each.getKey() + "}", each.getValue());
        }
        Response answer = Api.as().body(body).request(operation.method(), path);
        assertThat(answer.statusCode())
                .as("%s: %s", operation.id(), answer.asString())
                .isEqualTo(200);
        var rows = TestStore.sql(
                "SELECT (facts->'changed')::text FROM audit_event WHERE outcome = 'SUCCESS' AND request_id = '"
                        + answer.header("X-Request-Id") + "'");
        if (rows.size() != 1 || rows.get(0).getString(0) == null) {
            return List.of("rows: " + rows.size());
        }
        return new JsonArray(rows.get(0).getString(0))
                .stream().map(String.class::cast).toList();
    }

    /** Of what leads somewhere, each part has its name; what it was or is, a host or a password, is not said. */
    @Test
    void aConnectionThatLeadsElsewhereNamesThePartsAndNotWhatTheyAre() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login before = server.role("LOGIN");
        TestPostgres.Login after = server.role("LOGIN");
        Map<String, Object> credentials = new HashMap<>(Map.of(
                "host",
                "127.0.0.1",
                "port",
                server.port(),
                "database",
                "postgres",
                "username",
                before.role(),
                "password",
                before.password(),
                "sslEnabled",
                false));
        String id = made(
                CONNECTIONS,
                Map.of(
                        "name",
                        Rotating.name("changing"),
                        "method",
                        "username-and-password",
                        "credentials",
                        credentials),
                "appConnection.id");
        credentials.put("username", after.role());
        credentials.put("password", after.password());
        credentials.put("database", "template1");

        Response answer = Api.as().body(Map.of("credentials", credentials)).patch(CONNECTIONS + "/" + id);

        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
        String facts = TestStore.sql(
                        "SELECT facts::text FROM audit_event WHERE type = 'update-app-connection' AND request_id = '"
                                + answer.header("X-Request-Id") + "'")
                .get(0)
                .getString(0);
        assertThat(new io.vertx.core.json.JsonObject(facts)
                        .getJsonArray("changed")
                        .getList())
                .isEqualTo(List.of("credentials.database", "credentials.username", "credentials.password"));
        assertThat(facts).doesNotContain(after.password(), "template1", "127.0.0.1");
    }
}
