package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reference documents its logins as forms: scripts that were copied from there work here. */
@QuarkusTest
class FormLoginTest {

    private static ValidatableResponse post(String path, Map<String, ?> form) {
        return given().contentType(ContentType.URLENC.withCharset("UTF-8"))
                .formParams(form)
                .post("/api/v1/auth/" + path)
                .then();
    }

    @Test
    void aClientLogsInRenewsAndRevokesByForms() {
        var somebody = Identities.with("reader");
        String own = Api.as().get("/api/v1/identities/" + somebody.id()).path("identity.clientId");
        String clientSecret = Api.as()
                .body(Map.of())
                .post("/api/v1/auth/universal-auth/identities/" + somebody.id() + "/client-secrets")
                .path("clientSecret");

        String token = post(
                        "universal-auth/login",
                        Map.of("clientId", own, "clientSecret", clientSecret, "accessTokenMaxTTL", 7200))
                .statusCode(200)
                .body("accessTokenMaxTTL", equalTo(7200))
                .extract()
                .path("accessToken");
        String renewed = post("token/renew", Map.of("accessToken", token))
                .statusCode(200)
                .extract()
                .path("accessToken");
        post("token/revoke", Map.of("accessToken", renewed)).statusCode(200);
        given().header("Authorization", "Bearer " + renewed)
                .get("/api/v1/auth/caller")
                .then()
                .statusCode(403);
    }

    @ParameterizedTest
    @ValueSource(strings = {"kubernetes-auth", "oidc-auth", "jwt-auth"})
    void tokensOfOthersAreTakenFromForms(String method) {
        post(method + "/login", Map.of("identityId", Identities.with().id(), "jwt", "e30.e30.e30"))
                .statusCode(401)
                .body("code", equalTo("invalid_credentials"));
        post(method + "/login", Map.of("identityId", "x"))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("jwt")));
    }

    @Test
    void whatIsWrongInAFormIsSaidAsInJson() {
        post("universal-auth/login", Map.of("clientId", "x"))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("clientSecret")));
        post("universal-auth/login", Map.of("clientId", "x", "clientSecret", "y", "accessTokenMaxTTL", "soon"))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("accessTokenMaxTTL")));
        given().contentType("application/x-www-form-urlencoded")
                .body("clientId=%zz&clientSecret=y")
                .post("/api/v1/auth/universal-auth/login")
                .then()
                .statusCode(400)
                .body("code", equalTo("bad_request"));
        given().contentType("application/x-www-form-urlencoded")
                .post("/api/v1/auth/token/revoke")
                .then()
                .statusCode(401);
    }

    @Test
    void elsewhereAFormIsRefused() {
        given().header("Authorization", "Bearer " + Api.token())
                .contentType(ContentType.URLENC)
                .formParam("name", "x")
                .post("/api/v1/identities")
                .then()
                .statusCode(415);
    }
}
