package io.rolewright.testing;

import static io.restassured.RestAssured.given;

import io.restassured.http.ContentType;
import io.restassured.specification.RequestSpecification;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Makes machine identities over the API and calls the service as them. */
public final class Identities {

    private Identities() {}

    /**
     * @param id of the identity
     * @param clientId and secret: what it logs in with
     * @param token of one login
     */
    public record Somebody(String id, String clientId, String clientSecret, String token) {

        /** A request with a bearer token and a JSON body type. */
        public RequestSpecification as() {
            return given().header("Authorization", "Bearer " + token).contentType(ContentType.JSON);
        }
    }

    /** @param roles in the organisation, as on the wire */
    public static Somebody with(String... roles) {
        String id = Api.as()
                .body(Map.of("name", "test " + UUID.randomUUID(), "roles", List.of(roles)))
                .post("/api/v1/identities")
                .then()
                .statusCode(200)
                .extract()
                .path("identity.id");
        String clientId = Api.as().get("/api/v1/identities/" + id).path("identity.clientId");
        String secret = Api.as()
                .body("{}")
                .post("/api/v1/auth/universal-auth/identities/" + id + "/client-secrets")
                .then()
                .statusCode(200)
                .extract()
                .path("clientSecret");
        return new Somebody(id, clientId, secret, login(clientId, secret));
    }

    /** With roles in one project, and none elsewhere. */
    public static Somebody in(String projectId, String... roles) {
        Somebody somebody = with();
        Api.as()
                .body(Map.of("roles", List.of(roles)))
                .put("/api/v1/projects/" + projectId + "/identity-memberships/" + somebody.id())
                .then()
                .statusCode(200);
        return somebody;
    }

    /** All that there are, at once. */
    public static void endTokens() {
        Api.as()
                .body(Map.of("endTokens", true))
                .post("/api/v1/auth/signing-keys/rotate")
                .then()
                .statusCode(200);
        Api.forget();
    }

    /** @return the token of another login */
    public static String again(Somebody somebody) {
        return login(somebody.clientId(), somebody.clientSecret());
    }

    /** @return the id of a new project */
    public static String project() {
        return Api.as()
                .body(Map.of("projectName", "test " + UUID.randomUUID()))
                .post("/api/v1/projects")
                .then()
                .statusCode(200)
                .extract()
                .path("project.id");
    }

    private static String login(String clientId, String secret) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", clientId, "clientSecret", secret))
                .post("/api/v1/auth/universal-auth/login")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
    }
}
