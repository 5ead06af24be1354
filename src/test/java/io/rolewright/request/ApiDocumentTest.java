package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.path.json.JsonPath;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.ApiContract;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What the OpenAPI document promises of every operation, checked against the running service. */
@QuarkusTest
class ApiDocumentTest {

    /** Who may be called without a token; nothing else. */
    /** Takes the console's cookie, from a page of the console only. */
    private static final String BY_COOKIE = "POST /api/v1/auth/console-session/resume";

    private static final Set<String> PUBLIC = Set.of(
            "POST /api/v1/auth/universal-auth/login",
            "POST /api/v1/auth/kubernetes-auth/login",
            "POST /api/v1/auth/oidc-auth/login",
            "POST /api/v1/auth/jwt-auth/login",
            "GET /api/status");

    /** What is made to give a password out, and what says under which name one is served. */
    private static final Set<String> WITH_PASSWORD = Set.of(
            "ActiveAppConnectionCredentialsResponse",
            "ActivePostgresCredentialsResponse",
            "DiscardedPasswordResponse",
            "GeneratedCredential",
            "PostgresCredentialsSecretsMapping");

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    private static final Set<String> METHODS = Set.of("get", "post", "put", "patch", "delete");

    record Described(String method, String path, Map<String, Object> operation) {

        @Override
        public String toString() {
            return method + " " + path;
        }
    }

    /** The executable serves it in another way, and in another order. */
    @Test
    void isTheOneInTheRepositoryInBothFormats() throws IOException {
        JsonNode wanted = YAML.readTree(ApiContract.FILE.toFile());

        assertThat(YAML.readTree(
                        given().queryParam("format", "yaml").get("/api/openapi").asString()))
                .isEqualTo(wanted);
        assertThat(new ObjectMapper().readTree(given().get("/api/openapi.json").asString()))
                .isEqualTo(wanted);
    }

    @Test
    void everyOperationButThePublicOnesRefusesWithoutAToken() {
        List<Described> described = operations();

        assertThat(described).hasSizeGreaterThan(12);
        for (Described each : described) {
            String path = each.path().replaceAll("\\{[^}]*}", UUID.randomUUID().toString());
            var request = given().contentType(ContentType.JSON);
            if (!each.method().equals("GET")) {
                request.body("{}");
            }
            int status = request.request(each.method(), path).statusCode();

            if (PUBLIC.contains(each.toString())) {
                assertThat(status).as(each.toString()).isIn(200, 422);
                assertThat((List<?>) each.operation().get("security"))
                        .as("security of %s", each)
                        .isEmpty();
            } else if (each.toString().equals(BY_COOKIE)) {
                assertThat(status).as(each.toString()).isEqualTo(403);
            } else {
                assertThat(status).as(each.toString()).isEqualTo(401);
            }
        }
    }

    /** What stands beside a field of a form: in one wording, whoever has found it. */
    @Test
    void whatIsWrongWithAFieldIsSaidInOneWording() throws IOException {
        JsonNode document = YAML.readTree(ApiContract.FILE.toFile());
        List<String> sent = new ArrayList<>();
        for (Described each : operations()) {
            JsonNode schema = document.at("/paths/" + each.path().replace("/", "~1") + "/"
                    + each.method().toLowerCase(Locale.ROOT) + "/requestBody/content/application~1json/schema");
            JsonNode form = document.at(schema.path("$ref").asText().replaceFirst("^#", ""));
            if (form.path("required").isEmpty()) {
                continue; // what may be left out altogether would be done
            }
            String path = each.path().replaceAll("\\{[^}]*}", UUID.randomUUID().toString());
            Map<String, Object> blank = new HashMap<>();
            form.path("properties").fieldNames().forEachRemaining(name -> blank.put(name, " "));
            for (Map<String, Object> body : List.of(Map.<String, Object>of(), blank)) {
                Response answer = Api.as().body(body).request(each.method(), path);
                if (answer.statusCode() != 422) {
                    continue;
                }
                List<Map<String, ?>> issues = answer.jsonPath().getList("message");
                assertThat(issues).isNotEmpty().allSatisfy(issue -> {
                    String message = (String) issue.get("message");
                    assertThat(message)
                            .as("%s %s", each, issue)
                            .matches("[A-Z](?s).*")
                            .doesNotContain("must not be");
                    if (body.isEmpty()) {
                        assertThat(message).as("%s %s", each, issue).startsWith("Required");
                    }
                });
                sent.add(each.toString());
            }
        }
        assertThat(sent).hasSizeGreaterThan(30);
    }

    @Test
    void everyOperationIsNamedOnceTaggedOnceAndStatesItsErrors() {
        Set<String> names = new HashSet<>();
        for (Described each : operations()) {
            String name = (String) each.operation().get("operationId");
            assertThat(name).as("operationId of %s", each).matches("[a-z][A-Za-z0-9]+");
            assertThat(names.add(name)).as("operationId %s is unique", name).isTrue();
            assertThat((List<?>) each.operation().get("tags"))
                    .as("tags of %s", each)
                    .hasSize(1);
            Map<?, ?> responses = (Map<?, ?>) each.operation().get("responses");
            for (String status : List.of("200", "400", "422", "500", "503")) {
                assertThat(responses.containsKey(status))
                        .as("%s states %s", each, status)
                        .isTrue();
            }
            if (!PUBLIC.contains(each.toString())) {
                assertThat(responses.containsKey("401"))
                        .as("%s states 401", each)
                        .isTrue();
                assertThat(responses.containsKey("403"))
                        .as("%s states 403", each)
                        .isTrue();
            }
        }
    }

    /** Whoever follows links needs no other knowledge of where an id goes. */
    @Test
    void whatIsMadeIsLinkedToWhatCanBeDoneWithIt() {
        Map<String, Described> named = new HashMap<>();
        operations().forEach(each -> named.put((String) each.operation().get("operationId"), each));
        Map<String, Set<?>> linked = new HashMap<>();
        named.forEach((name, each) -> {
            var answer = (Map<?, ?>) ((Map<?, ?>) each.operation().get("responses")).get("200");
            if (answer.get("links") instanceof Map<?, ?> links) {
                linked.put(name, links.keySet());
                links.values().forEach(link -> assertLeads(each, named, (Map<?, ?>) link));
            }
        });

        assertThat(linked)
                .hasSizeGreaterThan(10)
                .containsEntry(
                        "createPostgresCredentialsRotation",
                        Set.of(
                                "getPostgresCredentialsRotation",
                                "updatePostgresCredentialsRotation",
                                "deletePostgresCredentialsRotation"))
                .containsEntry("createWorkspace", Set.of("getWorkspaceBySlug", "deleteWorkspace"));
    }

    private static void assertLeads(Described from, Map<String, Described> named, Map<?, ?> link) {
        Described to = named.get((String) link.get("operationId"));
        assertThat(to).as("%s: %s", from, link).isNotNull();
        var parameters = (Map<?, ?>) link.get("parameters");
        assertThat(parameters.keySet().stream().map(name -> "{" + name + "}"))
                .as("%s: %s", from, link)
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(to.path().split("/"))
                        .filter(segment -> segment.startsWith("{"))
                        .toList());
        assertThat(parameters.values())
                .as("%s: %s", from, link)
                .allSatisfy(value -> assertThat(value.toString())
                        .matches("\\$response\\.body#(/\\w+)*/(id|slug)|\\$request\\.path\\.\\w+"));
    }

    @Test
    void everySuccessAndEveryBodyIsANamedSchemaWithAnExample() {
        for (Described each : operations()) {
            Map<?, ?> responses = (Map<?, ?>) each.operation().get("responses");
            assertNamedWithExample((Map<?, ?>) responses.get("200"), each + " 200");
            Map<?, ?> body = (Map<?, ?>) each.operation().get("requestBody");
            if (body != null) {
                assertNamedWithExample(body, each + " body");
            }
        }
    }

    /** OpenAPI 3.1 §4.8.14.1; generators refuse the whole document. */
    @Test
    void noAnswerHasBothAnExampleAndExamples() throws IOException {
        YAML.readTree(ApiContract.FILE.toFile())
                .findParents("examples")
                .forEach(each -> assertThat(each.has("schema") && each.has("example"))
                        .as(each.toString())
                        .isFalse());
    }

    /** What is kept of a request for longer than it lasts, in maps and rows, is never as long as a whole body may be. */
    @Test
    void everyTextAndListOfEveryRequestIsBounded() throws IOException {
        JsonNode document = YAML.readTree(ApiContract.FILE.toFile());
        List<String> unbounded = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        document.path("paths")
                .forEach(path -> path.forEach(operation -> operation
                        .at("/requestBody/content")
                        .forEach(body -> findUnbounded(document, body.path("schema"), "", seen, unbounded))));

        assertThat(seen).contains("CreatePostgresAppConnection", "PostgresCredentialsInput", "OidcAuth");
        assertThat(unbounded).isEmpty();
    }

    private static void findUnbounded(
            JsonNode document, JsonNode schema, String where, Set<String> seen, List<String> unbounded) {
        if (schema.isMissingNode()) {
            return;
        }
        if (schema.has("$ref")) {
            String reference = schema.path("$ref").asText();
            String name = reference.substring(reference.lastIndexOf('/') + 1);
            if (seen.add(name)) {
                findUnbounded(document, document.at(reference.substring(1)), name, seen, unbounded);
            }
            return;
        }
        String types = schema.path("type").toString();
        boolean isBounded = schema.has("maxLength")
                || schema.has("enum")
                || schema.path("format").asText().equals("date-time") // is read as one, and so is not kept as text
                || schema.path("pattern").asText().matches("\\^[^*+]*\\$"); // that repeats nothing without end
        if (types.contains("\"string\"") && !isBounded || types.contains("\"array\"") && !schema.has("maxItems")) {
            unbounded.add(where);
        }
        for (String kind : List.of("allOf", "anyOf", "oneOf")) {
            schema.path(kind).forEach(one -> findUnbounded(document, one, where, seen, unbounded));
        }
        schema.path("properties")
                .fields()
                .forEachRemaining(field ->
                        findUnbounded(document, field.getValue(), where + "." + field.getKey(), seen, unbounded));
        findUnbounded(document, schema.path("items"), where + "[]", seen, unbounded);
        findUnbounded(document, schema.path("additionalProperties"), where + "{}", seen, unbounded);
    }

    @Test
    void noSchemaOfAResponseHasAPassword() {
        Map<String, Map<String, Object>> schemas = document().getMap("components.schemas");
        schemas.forEach((name, schema) -> {
            Object properties = schema.get("properties");
            if (!WITH_PASSWORD.contains(name)
                    && properties instanceof Map<?, ?> fields
                    && fields.containsKey("password")) {
                Map<?, ?> password = (Map<?, ?>) fields.get("password");
                assertThat(password.get("writeOnly")).as("password in %s", name).isEqualTo(true);
            }
        });
    }

    private static void assertNamedWithExample(Map<?, ?> part, String what) {
        Map<?, ?> content = (Map<?, ?>) part.get("content");
        assertThat(content).as("content of %s", what).isNotNull();
        if (!content.containsKey("application/json")) {
            return; // a download
        }
        Map<?, ?> json = (Map<?, ?>) content.get("application/json");
        assertThat(((Map<?, ?>) json.get("schema")).containsKey("$ref"))
                .as("%s is a named schema", what)
                .isTrue();
        assertThat(json.containsKey("example") || json.containsKey("examples"))
                .as("%s has an example", what)
                .isTrue();
    }

    private static List<Described> operations() {
        List<Described> described = new ArrayList<>();
        Map<String, Map<String, Object>> paths = document().getMap("paths");
        paths.forEach((path, item) -> item.forEach((method, operation) -> {
            if (METHODS.contains(method)) {
                @SuppressWarnings("unchecked")
                Map<String, Object> content = (Map<String, Object>) operation;
                described.add(new Described(method.toUpperCase(java.util.Locale.ROOT), path, content));
            }
        }));
        return described;
    }

    private static JsonPath document() {
        return given().get("/api/openapi.json").then().statusCode(200).extract().jsonPath();
    }
}
