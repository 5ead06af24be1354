package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole logins with tokens that a real issuer on this machine has signed. */
@QuarkusTest
class ForeignLoginTest {

    private static TestIssuer issuer;

    private Identities.Somebody somebody;

    @BeforeAll
    static void start() {
        issuer = new TestIssuer();
    }

    @AfterAll
    static void stop() {
        issuer.close();
    }

    @BeforeEach
    void aReaderThatLogsInBothWays() {
        somebody = Identities.with("reader");
        set("oidc-auth", oidc()).statusCode(200);
        set("kubernetes-auth", kubernetes()).statusCode(200);
    }

    @AfterEach
    void forgetFailures() {
        TestStore.sql("delete from login_failure");
    }

    @Test
    void anOidcTokenLogsIn() {
        String token = login("oidc-auth", issuer.token("first", Map.of()))
                .statusCode(200)
                .header("Cache-Control", "no-store")
                .body("tokenType", equalTo("Bearer"))
                .body("expiresIn", equalTo(3600))
                .extract()
                .path("accessToken");

        call(token).statusCode(200);
        given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/renew")
                .then()
                .statusCode(200);
        assertThat(TestStore.sql("select facts ->> 'subject' from audit_event where type = 'login-identity-oidc-auth'"
                        + " and outcome = 'SUCCESS' and actor_id = '" + somebody.id() + "'"))
                .hasSize(1)
                .allSatisfy(row -> assertThat(row.getString(0)).isEqualTo("repo:acme/shop"));
    }

    @Test
    void aServiceAccountTokenLogsIn() {
        var jwt = issuer.token("first", Map.of("sub", "system:serviceaccount:payments:rotator"));

        String token = login("kubernetes-auth", jwt).statusCode(200).extract().path("accessToken");

        call(token).statusCode(200);
        Api.as()
                .get("/api/v1/identities/" + somebody.id())
                .then()
                .body("identity.authMethods", contains("universal-auth", "kubernetes-auth", "oidc-auth"));
    }

    @Test
    void eachWayIsOnlyForItsOwnTokens() {
        login("kubernetes-auth", issuer.token("first", Map.of())).statusCode(401);
        login("oidc-auth", issuer.token("first", Map.of("sub", "system:serviceaccount:payments:rotator")))
                .statusCode(401);
    }

    @Test
    void allRefusalsAreOneAnswerAndTheAuditSaysWhich() {
        var wrong = answer(login("oidc-auth", issuer.token("first", Map.of("aud", "other"))));
        var unknown = answer(login("oidc-auth", UUID.randomUUID().toString(), issuer.token("first", Map.of())));
        var noToken = answer(login("oidc-auth", "no.token.atall"));

        assertThat(wrong).isEqualTo(unknown).isEqualTo(noToken).containsEntry("code", "invalid_credentials");
        assertThat(TestStore.sql(
                                "select reason from audit_event where type = 'login-identity-oidc-auth' and subject_id = '"
                                        + somebody.id() + "' order by id")
                        .stream()
                        .map(row -> row.getString(0)))
                .containsExactly("token_audience", "token_malformed");
    }

    @Test
    void guessesLockTheirOwnAddressOut() {
        for (int i = 0; i < 3; i++) {
            login("oidc-auth", issuer.token("first", Map.of("sub", "x"))).statusCode(401);
        }

        login("oidc-auth", issuer.token("first", Map.of())).statusCode(401).body("code", equalTo("login_locked"));
        TestStore.sql("update login_failure set address = '203.0.113.66'");
        login("oidc-auth", issuer.token("first", Map.of())).statusCode(200);
    }

    /** A client that keeps its first token for ever is told so, and locks out nobody who has a good one. */
    @Test
    void anExpiredTokenIsNoGuess() {
        login("oidc-auth", issuer.token("first", Map.of())).statusCode(200);

        for (int i = 0; i < 12; i++) {
            login("oidc-auth", expired(Map.of())).statusCode(401).body("code", equalTo("invalid_credentials"));
        }

        login("oidc-auth", issuer.token("first", Map.of())).statusCode(200);
        assertThat(refusals()).containsExactly("token_expired");
    }

    @Test
    void anExpiredTokenIsRecordedOnceAnHourAndAddress() {
        login("oidc-auth", issuer.token("first", Map.of())).statusCode(200);
        login("oidc-auth", expired(Map.of())).statusCode(401);
        TestStore.sql("update login_failure set window_ends_at = now() - interval '1 second'");

        login("oidc-auth", expired(Map.of())).statusCode(401);
        login("oidc-auth", expired(Map.of())).statusCode(401);

        assertThat(refusals()).containsExactly("token_expired", "token_expired");
    }

    @Test
    void noKeysAreFetchedForAnExpiredTokenAndItLocksNobodyOut() {
        var other = new LinkedHashMap<>(oidc());
        other.put("issuer", "https://127.0.0.1:1");
        set("oidc-auth", other).statusCode(200);

        for (int i = 0; i < 12; i++) {
            login("oidc-auth", expired(Map.of("iss", "https://127.0.0.1:1")))
                    .statusCode(401)
                    .body("code", equalTo("invalid_credentials"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"signature", "subject", "audience"})
    void anExpiredTokenThatNeverWasGoodIsAGuess(String wrong) {
        login("oidc-auth", issuer.token("first", Map.of())).statusCode(200);
        var guess = switch (wrong) {
            case "subject" -> expired(Map.of("sub", "x"));
            case "audience" -> expired(Map.of("aud", "x"));
            default -> expired(Map.of()).replaceAll("[^.]+$", "A".repeat(342));
        };

        for (int i = 0; i < 3; i++) {
            login("oidc-auth", guess).statusCode(401);
        }

        login("oidc-auth", issuer.token("first", Map.of())).statusCode(401).body("code", equalTo("login_locked"));
    }

    @Test
    void anIssuerThatCannotBeAskedIsNoFailureOfTheCaller() {
        var other = new LinkedHashMap<>(oidc());
        other.put("issuer", "https://127.0.0.1:1");
        set("oidc-auth", other).statusCode(200);

        login("oidc-auth", issuer.token("first", Map.of("iss", "https://127.0.0.1:1")))
                .statusCode(503)
                .body("code", equalTo("issuer_unavailable"));

        assertThat(TestStore.sql("select from login_failure where client_id = 'identity " + somebody.id() + "'"))
                .isEmpty();
    }

    /** By another replica, of which this one has not heard. */
    @Test
    void whenTheRuleGoesItsTokensAreNotRenewed() {
        String token = login("oidc-auth", issuer.token("first", Map.of()))
                .statusCode(200)
                .extract()
                .path("accessToken");
        TestStore.sql("delete from token_rule where identity_id = '" + somebody.id() + "' and method = 'oidc-auth'");

        given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/renew")
                .then()
                .statusCode(403)
                .body("code", equalTo("token_revoked"));
    }

    @Test
    void whenTheRuleGoesItsTokensGo() {
        String token = login("oidc-auth", issuer.token("first", Map.of()))
                .statusCode(200)
                .extract()
                .path("accessToken");
        call(token).statusCode(200);

        Api.as().delete(path("oidc-auth")).then().statusCode(200);

        call(token).statusCode(403).body("code", equalTo("token_revoked"));
        login("oidc-auth", issuer.token("first", Map.of())).statusCode(401);
        Api.as().get(path("oidc-auth")).then().statusCode(404).body("code", equalTo("auth_method_not_found"));
    }

    @Test
    void whatWasSaidIsReadBack() {
        Api.as()
                .get(path("oidc-auth"))
                .then()
                .statusCode(200)
                .body("rule.issuer", equalTo(issuer.url()))
                .body("rule.boundAudiences", contains("rolewright"))
                .body("rule.boundSubject", equalTo("repo:acme/shop"));
        Api.as()
                .get(path("kubernetes-auth"))
                .then()
                .statusCode(200)
                .body("rule.allowedNamespaces", contains("payments"))
                .body("rule.allowedNames", contains("rotator"))
                .body("rule.allowedAudience", equalTo("rolewright"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"issuer\":\"https://x.example\",\"boundAudiences\":[\"a\"]}",
                "{\"issuer\":\"https://x.example\",\"boundAudiences\":[\"a\"],\"boundClaims\":{}}",
                "{\"issuer\":\"https://x.example\",\"boundAudiences\":[],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"http://x.example\",\"boundAudiences\":[\"a\"],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"https://user@x.example\",\"boundAudiences\":[\"a\"],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"https://x.example?a=b\",\"boundAudiences\":[\"a\"],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"file:///etc/passwd\",\"boundAudiences\":[\"a\"],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"https://x.example\",\"boundAudiences\":[\"a\\u0000b\"],\"boundSubject\":\"s\"}",
                "{\"issuer\":\"https://x.example\",\"boundAudiences\":[\"a\"],\"boundSubject\":\"s\",\"caCert\":\"no\"}"
            })
    void aRuleThatIsMalformedOrLetsAnybodyInIsRefused(String body) {
        Api.as().body(body).put(path("oidc-auth")).then().statusCode(422);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"identityId\":\"x\",\"jwt\":\"y\"}",
                "{\"identityId\":\"5f0f3f0e-6f39-4a35-9d5b-6a3ad3b3a001\"}",
                "{\"identityId\":\"5f0f3f0e-6f39-4a35-9d5b-6a3ad3b3a001\",\"jwt\":\" \"}"
            })
    void aBodyWithoutBothIsInvalid(String body) {
        given().contentType(ContentType.JSON)
                .body(body)
                .post("/api/v1/auth/oidc-auth/login")
                .then()
                .statusCode(422);
    }

    private static String expired(Map<String, Object> claims) {
        var all = new HashMap<>(claims);
        var now = Instant.now().getEpochSecond();
        all.put("iat", now - 7200);
        all.put("nbf", now - 7200);
        all.put("exp", now - 3600);
        return issuer.token("first", all);
    }

    private List<String> refusals() {
        return TestStore.sql("select reason from audit_event where type = 'login-identity-oidc-auth' and subject_id = '"
                        + somebody.id() + "' and outcome = 'REFUSED' order by id")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    private static Map<String, Object> oidc() {
        return Map.of(
                "issuer", issuer.url(),
                "boundAudiences", List.of("rolewright"),
                "boundSubject", "repo:acme/shop",
                "caCert", issuer.authority.caPem());
    }

    private static Map<String, Object> kubernetes() {
        return Map.of(
                "issuer", issuer.url(),
                "allowedAudience", "rolewright",
                "allowedNamespaces", List.of("payments"),
                "allowedNames", List.of("rotator"),
                "caCert", issuer.authority.caPem());
    }

    private ValidatableResponse set(String method, Map<String, Object> rule) {
        return Api.as().body(rule).put(path(method)).then();
    }

    private String path(String method) {
        return "/api/v1/auth/" + method + "/identities/" + somebody.id();
    }

    private ValidatableResponse login(String method, String jwt) {
        return login(method, somebody.id(), jwt);
    }

    private static ValidatableResponse login(String method, String identityId, String jwt) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("identityId", identityId, "jwt", jwt, "organizationSlug", "acme"))
                .post("/api/v1/auth/" + method + "/login")
                .then();
    }

    private static ValidatableResponse call(String token) {
        return given().header("Authorization", "Bearer " + token)
                .get("/api/v1/app-connections")
                .then();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> answer(ValidatableResponse response) {
        Map<String, Object> body = response.statusCode(401).extract().as(Map.class);
        body.remove("reqId");
        return body;
    }
}
