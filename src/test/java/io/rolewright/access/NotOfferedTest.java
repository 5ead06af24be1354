package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.path.json.JsonPath;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients take a 404 for "deleted": what the reference has and we have not is never one. */
@QuarkusTest
class NotOfferedTest {

    @TestFactory
    Stream<DynamicTest> everyRowSaysThatItIsNotOffered() {
        var somebody = Identities.with();
        return NotOffered.ROWS.stream()
                .map(row -> dynamicTest(row.methods() + " " + row.path(), () -> {
                    for (var method : row.methods().isEmpty()
                            ? List.of("GET", "POST", "PATCH", "PUT", "DELETE")
                            : row.methods()) {
                        var path = path(row);
                        if (row.isLogin()) {
                            given().contentType(ContentType.JSON)
                                    .body("{}")
                                    .request(method, path)
                                    .then()
                                    .statusCode(400)
                                    .body("code", equalTo("login_method_not_offered"))
                                    .body("message", equalTo(row.sentence()));
                            continue;
                        }
                        given().request(method, path).then().statusCode(401);
                        somebody.as()
                                .body(method.equals("GET") ? "" : "{}")
                                .request(method, path)
                                .then()
                                .statusCode(501)
                                .body("code", equalTo("not_offered"))
                                .body("error", equalTo("NotImplemented"))
                                .body("message", equalTo(row.sentence()))
                                .body("message", endsWith("."));
                    }
                }));
    }

    private static String path(NotOffered.Row row) {
        return row.path()
                .replace("**", "any/thing")
                .replace("*", UUID.randomUUID().toString());
    }

    @Test
    void noRowHidesWhatIsOffered() {
        JsonPath document = given().get("/api/openapi.json").jsonPath();
        Map<String, Map<String, Object>> paths = document.getMap("paths");
        assertThat(paths).hasSizeGreaterThan(40);
        paths.forEach((path, item) -> item.keySet().forEach(method -> {
            var sent = path.replaceAll("\\{[^}]*}", UUID.randomUUID().toString());
            assertThat(NotOffered.find(method.toUpperCase(Locale.ROOT), sent))
                    .as("%s %s", method, path)
                    .isNull();
        }));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/v1/dynamic-secret",
                "/api/v1/dynamic-secretss/x",
                "/api/api/v1/dynamic-secrets",
                "/api/v1/app-connections/postgress",
                "/api/v1/auth/ldaps-auth/login",
                "/api/not-offered",
                "/api/v1/projects/x/rolls",
                "/api/v1"
            })
    void whatNobodyHasIsNotThere(String path) {
        Api.as().get(path).then().statusCode(404).body("code", equalTo("not_found"));
    }

    @Test
    void theEndOfThePathMayBeASlash() {
        Api.as().get("/api/v1/dynamic-secrets/").then().statusCode(501);
        Api.as().get("/api/v1/dynamic-secrets").then().statusCode(501);
    }

    @Test
    void aTokenThatDoesNotCountIsSaidFirst() {
        given().header("Authorization", "Bearer made-up")
                .get("/api/v1/dynamic-secrets/leases")
                .then()
                .statusCode(403);
    }

    @Test
    void noAlertCountsIt() throws Exception {
        var alerts = Files.readString(Path.of("kubernetes/components/monitoring/rules.yaml"));
        assertThat(alerts.lines().filter(line -> line.contains("status=~\"5..\"")))
                .isNotEmpty()
                .allMatch(line -> line.contains("status!=\"501\""));
    }

    @Test
    void jwtAuthIsOidcAuthByAnotherName() {
        var body = Map.of("identityId", UUID.randomUUID().toString(), "jwt", "a.b.c");
        var oidc = given().contentType(ContentType.JSON).body(body).post("/api/v1/auth/oidc-auth/login");
        given().contentType(ContentType.JSON)
                .body(body)
                .post("/api/v1/auth/jwt-auth/login")
                .then()
                .statusCode(oidc.statusCode())
                .body("code", equalTo(oidc.path("code")))
                .body("message", equalTo(oidc.path("message")));
    }
}
