package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static io.rolewright.access.TerraformIdentitiesTest.kept;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.not;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.delivery.Fixture;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Terraform provider's logins by tokens of others, from creation to destruction, and real tokens that are judged by them. */
@QuarkusTest
class TerraformForeignLoginsTest {

    private static TestIssuer issuer;

    private Identities.Somebody somebody;
    private Fixture terraform;

    @BeforeAll
    static void start() {
        issuer = new TestIssuer();
    }

    @AfterAll
    static void stop() {
        issuer.close();
    }

    @BeforeEach
    void begin() {
        issuer.instead.clear();
        somebody = Identities.with("reader");
        terraform = Fixture.of("terraform-provider-infisical")
                .with("token", Api.token())
                .with("identityId", somebody.id());
    }

    private static JsonObject kubernetes() {
        return new JsonObject()
                .put("kubernetesHost", issuer.url())
                .put("caCert", issuer.authority.caPem())
                .put("tokenReviewerJwt", "")
                .put("allowedNamespaces", "payments,billing")
                .put("allowedNames", "rotator")
                .put("allowedAudience", TestIssuer.AUDIENCE)
                .put("tokenReviewMode", "api")
                .putNull("gatewayId")
                .put("accessTokenTTL", 1800)
                .put("accessTokenMaxTTL", 86400)
                .put("accessTokenNumUsesLimit", 0)
                .put("accessTokenTrustedIps", ips("0.0.0.0/0", "::/0"));
    }

    private static JsonObject oidc() {
        return new JsonObject()
                .put("oidcDiscoveryUrl", issuer.url())
                .put("caCert", issuer.authority.caPem())
                .put("boundIssuer", issuer.url())
                .put("boundAudiences", TestIssuer.AUDIENCE + ",another")
                .put("boundClaims", new JsonObject().put("repository", "acme/shop, acme/pay"))
                .put("claimMetadataMapping", new JsonObject().put("repo", "repository"))
                .put("boundSubject", "")
                .put("accessTokenTTL", 1800)
                .put("accessTokenMaxTTL", 86400)
                .put("accessTokenNumUsesLimit", 0)
                .put("accessTokenTrustedIps", ips("0.0.0.0/0", "::/0"));
    }

    private static JsonArray ips(String... networks) {
        return new JsonArray(Arrays.stream(networks)
                .map(each -> new JsonObject().put("ipAddress", each))
                .toList());
    }

    private ValidatableResponse call(String what, JsonObject settings) {
        return terraform.with("settings", settings.encode()).call(what).then();
    }

    private Map<String, Object> kubernetesRead() {
        return kept(
                terraform.call("kubernetes auth read"),
                "identityKubernetesAuth",
                "id:string",
                "kubernetesHost:string",
                "caCert:string",
                "allowedNamespaces:string",
                "allowedNames:string",
                "allowedAudience:string",
                "tokenReviewMode:string",
                "accessTokenTTL:number",
                "accessTokenMaxTTL:number",
                "accessTokenNumUsesLimit:number",
                "accessTokenTrustedIps:list");
    }

    private Map<String, Object> oidcRead() {
        var answer = terraform.call("oidc auth read");
        assertThat(answer.<Object>path("identityOidcAuth.boundClaims")).isInstanceOf(Map.class);
        assertThat(answer.<Map<String, String>>path("identityOidcAuth.claimMetadataMapping"))
                .isEqualTo(Map.of("repo", "repository"));
        return kept(
                answer,
                "identityOidcAuth",
                "id:string",
                "oidcDiscoveryUrl:string",
                "caCert:string",
                "boundIssuer:string",
                "boundAudiences:string",
                "boundSubject:string",
                "accessTokenTTL:number",
                "accessTokenMaxTTL:number",
                "accessTokenNumUsesLimit:number",
                "accessTokenTrustedIps:list");
    }

    private ValidatableResponse login(String method, Map<String, Object> claims) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("identityId", somebody.id(), "jwt", issuer.token("first", claims)))
                .post("/api/v1/auth/" + method + "/login")
                .then();
    }

    private static Map<String, Object> account(String namespace, String name) {
        return Map.of("sub", "system:serviceaccount:" + namespace + ":" + name);
    }

    @Test
    void kubernetesAuthLivesWithoutADifference() {
        call("kubernetes auth create", kubernetes()).statusCode(200);
        assertThat(kubernetesRead())
                .containsEntry("kubernetesHost", issuer.url())
                .containsEntry("caCert", issuer.authority.caPem())
                .containsEntry("allowedNamespaces", "payments,billing")
                .containsEntry("allowedNames", "rotator")
                .containsEntry("allowedAudience", TestIssuer.AUDIENCE)
                .containsEntry("tokenReviewMode", "api")
                .containsEntry("accessTokenTTL", 1800)
                .containsEntry("accessTokenMaxTTL", 86400);
        login("kubernetes-auth", account("billing", "rotator")).statusCode(200).body("expiresIn", equalTo(1800));
        login("kubernetes-auth", account("billing", "other")).statusCode(401);
        login("kubernetes-auth", account("shop", "rotator")).statusCode(401);
        call("kubernetes auth create", kubernetes()).statusCode(400).body("code", equalTo("auth_method_exists"));

        var changed = kubernetes()
                .put("allowedNamespaces", "shop")
                .put("allowedNames", "")
                .put("accessTokenTTL", 600);
        call("kubernetes auth update", changed).statusCode(200);
        assertThat(kubernetesRead())
                .containsEntry("allowedNamespaces", "shop")
                .containsEntry("allowedNames", "")
                .containsEntry("accessTokenTTL", 600);
        login("kubernetes-auth", account("shop", "any")).statusCode(200).body("expiresIn", equalTo(600));

        terraform.call("kubernetes auth delete").then().statusCode(200);
        terraform.call("kubernetes auth read").then().statusCode(404);
        login("kubernetes-auth", account("shop", "any")).statusCode(401);
        call("kubernetes auth create", kubernetes().put("accessTokenTTL", 900)).statusCode(200);
        assertThat(kubernetesRead()).containsEntry("accessTokenTTL", 900);
    }

    @Test
    void oidcAuthLivesWithoutADifference() {
        call("oidc auth create", oidc()).statusCode(200);
        assertThat(oidcRead())
                .containsEntry("oidcDiscoveryUrl", issuer.url())
                .containsEntry("boundIssuer", issuer.url())
                .containsEntry("boundAudiences", TestIssuer.AUDIENCE + ",another")
                .containsEntry("boundSubject", "")
                .containsEntry("accessTokenTTL", 1800);
        assertThat(terraform.call("oidc auth read").<Map<String, String>>path("identityOidcAuth.boundClaims"))
                .isEqualTo(Map.of("repository", "acme/shop, acme/pay"));
        login("oidc-auth", Map.of("repository", "acme/pay")).statusCode(200).body("expiresIn", equalTo(1800));
        login("oidc-auth", Map.of("repository", "acme/other")).statusCode(401);

        var changed = oidc().put("boundSubject", "repo:acme/pay").put("boundClaims", new JsonObject());
        call("oidc auth update", changed).statusCode(200);
        assertThat(oidcRead()).containsEntry("boundSubject", "repo:acme/pay");
        assertThat(terraform.call("oidc auth read").<Map<String, String>>path("identityOidcAuth.boundClaims"))
                .isEmpty();
        login("oidc-auth", Map.of("repository", "acme/pay")).statusCode(401);
        login("oidc-auth", Map.of("sub", "repo:acme/pay")).statusCode(200);

        terraform.call("oidc auth delete").then().statusCode(200);
        terraform.call("oidc auth read").then().statusCode(404);
    }

    @Test
    void whatIsAbsentStaysAsItIs() {
        call("oidc auth create", oidc()).statusCode(200);
        var before = oidcRead();
        call("oidc auth update", new JsonObject()).statusCode(200);
        assertThat(oidcRead()).isEqualTo(before);
        call("kubernetes auth create", kubernetes()).statusCode(200);
        var beforeToo = kubernetesRead();
        call("kubernetes auth update", new JsonObject()).statusCode(200);
        assertThat(kubernetesRead()).isEqualTo(beforeToo);
    }

    /** So that a plan that changes a lifetime throws nobody out, and one that changes who is meant does. */
    @Test
    void tokensEndOnlyIfOtherTokensAreToBeGood() {
        call("oidc auth create", oidc()).statusCode(200);
        String token = login("oidc-auth", Map.of("repository", "acme/pay"))
                .statusCode(200)
                .extract()
                .path("accessToken");
        call("oidc auth update", oidc().put("accessTokenTTL", 700)).statusCode(200);
        whoAmI(token).statusCode(200);
        call("oidc auth update", oidc().put("boundAudiences", TestIssuer.AUDIENCE))
                .statusCode(200);
        whoAmI(token).statusCode(403);
    }

    private static ValidatableResponse whoAmI(String token) {
        return given().header("Authorization", "Bearer " + token)
                .get("/api/v1/auth/caller")
                .then();
    }

    @Test
    void trustedAddressesCountAtTheLoginsOfOthersToo() {
        call("kubernetes auth create", kubernetes().put("accessTokenTrustedIps", ips("203.0.113.0/24")))
                .statusCode(200);
        String token = login("kubernetes-auth", account("billing", "rotator"))
                .extract()
                .path("accessToken");
        whoAmI(token).statusCode(403).body("code", equalTo("token_address_not_trusted"));
        assertThat(terraform
                        .call("kubernetes auth read")
                        .<List<Map<String, Object>>>path("identityKubernetesAuth.accessTokenTrustedIps"))
                .containsExactly(Map.of("ipAddress", "203.0.113.0", "type", "ipv4", "prefix", 24));
    }

    @Test
    void theIssuerIsWhatDiscoverySays() {
        var elsewhere = "https://127.0.0.1:1/cluster";
        issuer.instead.put(
                "/.well-known/openid-configuration",
                new JsonObject()
                        .put("issuer", elsewhere)
                        .put("jwks_uri", issuer.url() + "/keys")
                        .encode());
        call("kubernetes auth create", kubernetes())
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("kubernetesHost")))
                .body("message[0].message", containsString("the operator has to set the issuer"));
        issuer.instead.clear();
        call("oidc auth create", oidc().put("boundIssuer", "https://other.example"))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("boundIssuer")))
                .body("message[0].message", containsString(issuer.url()));
        terraform.call("oidc auth read").then().statusCode(404);
        call("oidc auth create", oidc().put("boundIssuer", "")).statusCode(200);
        assertThat(oidcRead()).containsEntry("boundIssuer", issuer.url());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '"',
            value = {
                "kubernetes; kubernetesHost; null",
                "kubernetes; kubernetesHost; 'http://127.0.0.1'",
                "kubernetes; kubernetesHost; 'https://127.0.0.1:1'",
                "kubernetes; kubernetesHost; 'https://user@127.0.0.1'",
                "kubernetes; allowedAudience; ''",
                "kubernetes; allowedAudience; null",
                "kubernetes; allowedNamespaces; 'pay*'",
                "kubernetes; allowedNames; 'rot?tor'",
                "kubernetes; tokenReviewerJwt; 'e30.e30.e30'",
                "kubernetes; tokenReviewMode; 'gateway'",
                "kubernetes; gatewayId; '5f0f3f0e-6f39-4a35-9d5b-6a3ad3b3a001'",
                "kubernetes; accessTokenNumUsesLimit; 3",
                "kubernetes; accessTokenTTL; 0",
                "kubernetes; caCert; 'no certificate'",
                "oidc; oidcDiscoveryUrl; ''",
                "oidc; oidcDiscoveryUrl; 'https://127.0.0.1:1'",
                "oidc; boundAudiences; ''",
                "oidc; boundAudiences; ' , '",
                "oidc; boundSubject; 'repo:acme/*'",
                "oidc; accessTokenMaxTTL; 315360000"
            })
    void whatIsNotEnforcedIsRefusedByItsField(String method, String field, String value) {
        var body = method.equals("oidc") ? oidc() : kubernetes();
        body.put(field, new JsonObject("{\"value\":" + value.replace('\'', '"') + "}").getValue("value"));
        var answer = call(method + " auth create", body).statusCode(422);
        answer.body("message[0].path", equalTo(List.of(field)));
        answer.body("message[0].message", not(containsString("e30.e30.e30")));
        terraform.call(method + " auth read").then().statusCode(404);
    }

    @Test
    void aRuleThatLetsAnybodyInIsRefused() {
        call("kubernetes auth create", kubernetes().put("allowedNamespaces", "").put("allowedNames", ""))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("allowedNamespaces")));
        call("oidc auth create", oidc().put("boundClaims", new JsonObject()))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("boundSubject")));
        call("oidc auth create", oidc().put("boundClaims", new JsonObject().put("repository", "acme/*")))
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("boundClaims")));
    }

    /** One rule, two bodies: what PUT has set is read in the reference's words too. */
    @Test
    void whatWasSetByOurBodyIsReadInBoth() {
        Api.as()
                .body(Map.of(
                        "issuer", issuer.url(),
                        "allowedAudience", "rolewright",
                        "allowedNamespaces", List.of("a", "b"),
                        "caCert", issuer.authority.caPem()))
                .put("/api/v1/auth/kubernetes-auth/identities/" + somebody.id())
                .then()
                .statusCode(200);
        assertThat(kubernetesRead())
                .containsEntry("kubernetesHost", issuer.url())
                .containsEntry("allowedNamespaces", "a,b")
                .containsEntry("allowedNames", "");
        terraform
                .call("kubernetes auth read")
                .then()
                .body("rule.allowedNamespaces", equalTo(List.of("a", "b")))
                .body("identityKubernetesAuth.issuer", equalTo(issuer.url()));
        call("kubernetes auth update", new JsonObject().put("allowedNames", "c"))
                .statusCode(200);
        terraform
                .call("kubernetes auth read")
                .then()
                .body("rule.allowedNamespaces", equalTo(List.of("a", "b")))
                .body("rule.allowedNames", equalTo(List.of("c")));
    }
}
