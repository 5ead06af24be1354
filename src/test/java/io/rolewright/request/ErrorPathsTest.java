package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What an error names is a field or a parameter of the API document, and never a name that only our Java has. */
@QuarkusTest
class ErrorPathsTest {

    private static final Set<String> METHODS = Set.of("post", "put", "patch");

    /** These end what the test itself needs. */
    private static final Set<String> LEFT_OUT = Set.of("rotateSigningKeys", "revokeAccessToken");

    @TestFactory
    Stream<DynamicTest> everyPathOfAnErrorIsInTheDocument() {
        var document = new JsonObject(given().get("/api/openapi.json").asString());
        List<DynamicTest> tests = new ArrayList<>();
        document.getJsonObject("paths").forEach(entry -> {
            var item = (JsonObject) entry.getValue();
            METHODS.forEach(method -> {
                var operation = item.getJsonObject(method);
                if (operation != null
                        && operation.containsKey("requestBody")
                        && !LEFT_OUT.contains(operation.getString("operationId"))) {
                    var names = names(document, operation);
                    tests.add(dynamicTest(operation.getString("operationId"), () -> {
                        for (var body : List.of("{}", "null", "[]", "1")) {
                            check(method, entry.getKey(), body, names);
                        }
                    }));
                }
            });
        });
        assertThat(tests).hasSizeGreaterThan(30);
        return tests.stream();
    }

    private static void check(String method, String path, String body, List<String> names) {
        Response answer = Api.as()
                .body(body)
                .request(
                        method.toUpperCase(Locale.ROOT),
                        path.replaceAll("\\{[^}]*}", UUID.randomUUID().toString()));
        assertThat(answer.statusCode()).as("%s %s", body, answer.asString()).isLessThan(500);
        if (answer.statusCode() == 422) {
            answer.<List<List<Object>>>path("message.path").forEach(each -> {
                if (!each.isEmpty()) {
                    assertThat(names).as(answer.asString()).contains(String.valueOf(each.get(0)));
                }
            });
        }
    }

    private static List<String> names(JsonObject document, JsonObject operation) {
        List<String> names = new ArrayList<>();
        operation
                .getJsonArray("parameters", new JsonArray())
                .forEach(each -> names.add(((JsonObject) each).getString("name")));
        var reference = operation
                .getJsonObject("requestBody")
                .getJsonObject("content")
                .getJsonObject("application/json")
                .getJsonObject("schema")
                .getString("$ref");
        names.addAll(document.getJsonObject("components")
                .getJsonObject("schemas")
                .getJsonObject(reference.replaceAll(".*/", ""))
                .getJsonObject("properties")
                .fieldNames());
        return names;
    }
}
