package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.path.json.JsonPath;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every cell of {@code docs/access.md} over HTTP, with a role of the organisation and with one of a project. */
@QuarkusTest
class AccessTableTest {

    private static final List<String> ROLES = List.of("admin", "operator", "reader", "consumer", "scheduler");

    private static final List<String> METHODS = List.of("get", "post", "put", "patch", "delete");

    /**
     * @param body an example of the document's; null if it takes none
     * @param takesProject whether body or query may name a project
     * @param query names of its query parameters
     */
    record Operation(
            String id, String method, String path, JsonObject body, boolean takesProject, List<String> query) {}

    /** Query parameters without which a request is malformed. */
    private static final Map<String, String> QUERY = Map.of("environment", "production", "secretPath", "/");

    private static final List<String> READ = List.of(
            "getActivePostgresCredentials", "getPostgresCredentialsRotationCa", "getPostgresGeneratedCredentials");

    private static String rotation;

    @Test
    void everyOperationHasARowAndEveryRowAnOperation() {
        assertThat(operations().keySet()).containsExactlyInAnyOrderElementsOf(table().keySet());
    }

    @TestFactory
    Stream<DynamicTest> everyCell() {
        var project = Identities.project();
        // So that whoever may delete the project finds it in use.
        aConnectionIn(project);
        rotation = aRotationIn(project);
        var table = table();
        var nobody = Identities.with();
        Map<String, Somebody> ofOrganisation = new HashMap<>();
        Map<String, Somebody> ofProject = new HashMap<>();
        ROLES.forEach(role -> {
            ofOrganisation.put(role, Identities.with(role));
            if (!role.equals("scheduler")) {
                ofProject.put(role, Identities.in(project, role));
            }
        });
        List<DynamicTest> cells = new ArrayList<>();
        operations().values().forEach(operation -> {
            var row = table.getOrDefault(operation.id, Map.of());
            ROLES.forEach(role -> {
                var cell = row.getOrDefault(role, "missing");
                cells.add(dynamicTest(
                        operation.id + ": " + role + " of the organisation: " + cell,
                        () -> check(operation, cell, ofOrganisation.get(role), project, !cell.equals("no"))));
                if (ofProject.containsKey(role)) {
                    cells.add(dynamicTest(
                            operation.id + ": " + role + " of a project: " + cell,
                            () -> check(operation, cell, ofProject.get(role), project, cell.equals("yes"))));
                }
            });
            if (List.of("yes", "org").contains(row.get("admin")) && !"yes".equals(row.get("scheduler"))) {
                cells.add(dynamicTest(
                        operation.id + ": without any role", () -> check(operation, "no", nobody, project, false)));
            }
        });
        return cells.stream();
    }

    private static void check(Operation operation, String cell, Somebody who, String project, boolean allowed) {
        switch (cell) {
            case "public" ->
                assertThat(call(operation, null, project).<String>path("code")).isNotEqualTo("token_missing");
            case "token" -> {
                assertThat(call(operation, null, project).statusCode()).isEqualTo(401);
                var bearer = given().header("Authorization", "Bearer " + Identities.again(who))
                        .contentType(ContentType.JSON)
                        .body("{}")
                        .request(operation.method, operation.path);
                assertThat(bearer.statusCode()).isEqualTo(200);
            }
            case "yes", "org", "no" -> {
                var answer = call(operation, who.token(), project);
                if (allowed) {
                    assertThat(answer.statusCode())
                            .as(answer.asString())
                            .isNotIn(401, 403, 405, 415, 422)
                            .isLessThan(500);
                } else {
                    assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(403);
                    assertThat(answer.<String>path("code")).isEqualTo("permission_denied");
                }
            }
            default -> throw new AssertionError("docs/access.md has no such cell: " + cell);
        }
    }

    /** @return its id */
    static String aConnectionIn(String project) {
        var server = TestPostgres.shared(TestPostgres.NEWEST);
        var role = server.role("LOGIN");
        var credentials = Map.of(
                "host", server.host(),
                "port", server.port(),
                "database", "postgres",
                "username", role.role(),
                "password", role.password(),
                "sslEnabled", false,
                "sslRejectUnauthorized", false);
        return Api.as()
                .body(Map.of(
                        "name",
                        "in-use",
                        "method",
                        "username-and-password",
                        "projectId",
                        project,
                        "credentials",
                        credentials))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** One that is there: who mirrors what he reads is answered 403 where nothing is, lest he takes it for deleted. */
    static String aRotationIn(String project) {
        var roles = Rotating.on(TestPostgres.NEWEST);
        var body = roles.body(Rotating.name("read"));
        body.put("projectId", project);
        return Rotating.created(body);
    }

    private static Response call(Operation operation, String token, String project) {
        return call(operation, token, project, READ.contains(operation.id) ? Map.of("rotationId", rotation) : Map.of());
    }

    /** @param ids of things that are there, by the names of parameters of the path; others are made up */
    static Response call(Operation operation, String token, String project, Map<String, String> ids) {
        var path = operation.path.replace("{projectId}", project);
        for (var id : ids.entrySet()) {
            path = path.replace("{" + id.getKey() + "}", id.getValue());
        }
        path = path.replaceAll("\\{\\w*Id}", UUID.randomUUID().toString()).replaceAll("\\{\\w+}", "nothing");
        var request = given().contentType(ContentType.JSON);
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        if (operation.id.equals("subscribeToProjectEvents")) {
            request.queryParam("timeout", 1);
        }
        if (operation.id.matches("(list|get)(Raw)?Secrets?")) {
            request.queryParam("environment", "production");
        }
        var body = operation.id.equals("renewAccessToken") || operation.id.equals("revokeAccessToken")
                ? new JsonObject()
                : operation.body;
        if (body != null) {
            var sent = body.copy();
            if (operation.takesProject) {
                sent.put("projectId", project);
            }
            if (sent.containsKey("workspaceId")) {
                sent.put("workspaceId", project);
            }
            request.body(sent.encode().replace("db.example.com", "127.0.0.1"));
        } else if (operation.takesProject) {
            request.queryParam("projectId", project);
        }
        if (operation.query.contains("workspaceId")) { // the reference's older word for it
            request.queryParam("workspaceId", project);
        }
        operation.query.forEach(name -> {
            if (QUERY.containsKey(name)) {
                request.queryParam(name, QUERY.get(name));
            }
        });
        return request.request(operation.method, path);
    }

    static Map<String, Map<String, String>> table() {
        Map<String, Map<String, String>> table = new LinkedHashMap<>();
        List<String> head = List.of();
        try {
            for (var line : Files.readAllLines(Path.of("docs/access.md"))) {
                if (!line.startsWith("| ")) {
                    continue;
                }
                var cells = Stream.of(line.substring(1).split("\\|"))
                        .map(String::strip)
                        .toList();
                if (cells.get(0).equals("operation")) {
                    head = cells;
                    continue;
                }
                Map<String, String> row = new LinkedHashMap<>();
                for (int i = 1; i < head.size(); i++) {
                    row.put(head.get(i), cells.get(i));
                }
                assertThat(table.put(cells.get(0), row))
                        .as("only row of " + cells.get(0))
                        .isNull();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return table;
    }

    static Map<String, Operation> operations() {
        JsonPath document = given().get("/api/openapi.json").jsonPath();
        Map<String, Map<String, Map<String, Object>>> schemas = document.getMap("components.schemas");
        Map<String, Map<String, Map<String, Object>>> paths = document.getMap("paths");
        Map<String, Operation> operations = new LinkedHashMap<>();
        paths.forEach((path, item) -> item.forEach((method, described) -> {
            if (METHODS.contains(method)) {
                var operation = new JsonObject(described);
                var json = operation
                        .getJsonObject("requestBody", new JsonObject())
                        .getJsonObject("content", new JsonObject())
                        .getJsonObject("application/json");
                var query = operation.getJsonArray("parameters", new JsonArray()).stream()
                        .map(JsonObject.class::cast)
                        .filter(each -> "query".equals(each.getString("in")))
                        .map(each -> each.getString("name"))
                        .toList();
                boolean projectInBody = false;
                if (json != null) {
                    var schema = json.getJsonObject("schema").getString("$ref").replaceAll(".*/", "");
                    projectInBody = new JsonObject(new HashMap<>(schemas.get(schema)))
                            .getJsonObject("properties", new JsonObject())
                            .containsKey("projectId");
                }
                operations.put(
                        operation.getString("operationId"),
                        new Operation(
                                operation.getString("operationId"),
                                method.toUpperCase(Locale.ROOT),
                                path,
                                json == null ? null : json.getJsonObject("example"),
                                json == null ? query.contains("projectId") : projectInBody,
                                query));
            }
        }));
        return operations;
    }
}
