package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the Terraform provider asks about identities and their logins, from creation to destruction: all that was configured comes back, by
 * its type, and counts.
 */
@QuarkusTest
class TerraformIdentitiesTest {

    private Fixture terraform;

    @BeforeEach
    void begin() {
        terraform = Fixture.of("terraform-provider-infisical").with("token", Api.token());
    }

    // ---- identity -------------------------------------------------------------------------------------------------

    @Test
    void theOrganisationIsKnownToWhoeverHasAToken() {
        var nobody = Identities.with();
        given().get("/api/v1/identities/details").then().statusCode(401);
        Response answer = terraform.with("token", nobody.token()).call("identity details");
        assertThat(kept(answer, "identityDetails.organization", "id:string", "name:string", "slug:string"))
                .containsEntry("id", orgId());
    }

    private static Map<String, Object> identity(Response answer) {
        return kept(
                answer,
                "identity",
                "identity.name:string",
                "identity.hasDeleteProtection:boolean",
                "identity.authMethods:list",
                "role:string",
                "orgId:string",
                "metadata:list");
    }

    private String anIdentity() {
        terraform
                .with("name", "terraform " + UUID.randomUUID())
                .with("orgId", orgId())
                .with("role", "no-access")
                .with("protected", false)
                .with("metadata", "[]");
        var id = terraform
                .call("identity create")
                .then()
                .statusCode(200)
                .extract()
                .<String>path("identity.id");
        terraform.with("identityId", id);
        return id;
    }

    private static String orgId() {
        return Api.as().get("/api/v1/identities/details").path("identityDetails.organization.id");
    }

    @Test
    void anIdentityLivesWithoutADifference() {
        var metadata = new JsonArray()
                .add(new JsonObject().put("key", "team").put("value", "payments"))
                .add(new JsonObject().put("key", "empty").put("value", ""));
        terraform
                .with("name", "terraform one")
                .with("orgId", orgId())
                .with("role", "member")
                .with("protected", true)
                .with("metadata", metadata.encode());
        Response created = terraform.call("identity create");
        terraform.with("identityId", created.path("identity.id"));
        kept(created, "identity", "id:string", "hasDeleteProtection:boolean", "authMethods:list");
        assertThat(identity(terraform.call("identity read")))
                .containsEntry("identity.name", "terraform one")
                .containsEntry("identity.hasDeleteProtection", true)
                .containsEntry("role", "member")
                .containsEntry("orgId", orgId())
                .containsEntry(
                        "metadata",
                        metadata.getList().stream()
                                .map(each -> ((JsonObject) each).getMap())
                                .toList());

        for (var role : List.of("no-access", "admin", "operator", "member")) {
            kept(
                    terraform.with("role", role).call("identity update"),
                    "identity",
                    "hasDeleteProtection:boolean",
                    "authMethods:list");
            assertThat(identity(terraform.call("identity read"))).containsEntry("role", role);
        }
        terraform.with("name", "terraform two").call("identity update").then().statusCode(200);
        assertThat(identity(terraform.call("identity read"))).containsEntry("identity.name", "terraform two");
        terraform.with("metadata", "[]").call("identity update").then().statusCode(200);
        assertThat(identity(terraform.call("identity read"))).containsEntry("metadata", List.of());

        terraform.call("identity delete").then().statusCode(400).body("code", equalTo("delete_protected"));
        assertThat(identity(terraform.call("identity read"))).containsEntry("identity.hasDeleteProtection", true);
        terraform.with("protected", false).call("identity update").then().statusCode(200);
        terraform.call("identity delete").then().statusCode(200);
        terraform.call("identity read").then().statusCode(404);
    }

    @ParameterizedTest
    @CsvSource({"admin,admin", "member,''", "no-access,''", "operator,operator", "scheduler,scheduler"})
    void aWordMeansRoles(String word, String roles) {
        anIdentity();
        var answer = terraform.with("role", word).call("identity update");
        assertThat(String.join(",", answer.<List<String>>path("identity.roles")))
                .isEqualTo(roles);
        terraform.call("identity delete").then().statusCode(200);
    }

    @Test
    void aWordComesBackOnlyWhileItsRightsStand() {
        var id = anIdentity();
        terraform.with("role", "member").call("identity update").then().statusCode(200);
        Api.as()
                .body(Map.of("roles", List.of("reader")))
                .patch("/api/v1/identities/" + id)
                .then()
                .statusCode(200);
        terraform
                .call("identity read")
                .then()
                .body("identity.role", equalTo("reader"))
                .body("identity.customRole.slug", equalTo("reader"));
        Api.as()
                .body(Map.of("roles", List.of()))
                .patch("/api/v1/identities/" + id)
                .then()
                .statusCode(200);
        terraform.call("identity read").then().body("identity.role", equalTo("no-access"));
        terraform.call("identity delete").then().statusCode(200);
    }

    @Test
    void whatIsUnknownIsRefusedAndNotDropped() {
        anIdentity();
        terraform.with("role", "nonsense");
        for (var call : List.of("identity create", "identity update")) {
            terraform.call(call).then().statusCode(422).body("message[0].path", equalTo(List.of("role")));
        }
        terraform.with("role", "member").with("orgId", UUID.randomUUID());
        terraform
                .call("identity create")
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("organizationId")));
        Api.as()
                .body(Map.of("name", "both", "role", "member", "roles", List.of()))
                .post("/api/v1/identities")
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("role")));
        terraform.call("identity delete").then().statusCode(200);
    }

    // ---- universal auth -------------------------------------------------------------------------------------------

    @Test
    void universalAuthLivesWithoutADifference() {
        anIdentity();
        terraform.call("universal auth read").then().statusCode(404);
        terraform.with("settings", """
                {"accessTokenTTL": 7200, "accessTokenMaxTTL": 86400, "accessTokenNumUsesLimit": 0,
                 "clientSecretTrustedIps": [{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}],
                 "accessTokenTrustedIps": [{"ipAddress": "127.0.0.1"}, {"ipAddress": "10.0.0.0/8"}]}""");
        var created = universal(terraform.call("universal auth create"));
        assertThat(universal(terraform.call("universal auth read")))
                .isEqualTo(created)
                .containsEntry("accessTokenTTL", 7200)
                .containsEntry("accessTokenMaxTTL", 86400)
                .containsEntry("accessTokenNumUsesLimit", 0)
                .containsEntry(
                        "clientSecretTrustedIps", List.of(network("0.0.0.0", "ipv4", 0), network("::", "ipv6", 0)))
                .containsEntry(
                        "accessTokenTrustedIps",
                        List.of(Map.of("ipAddress", "127.0.0.1", "type", "ipv4"), network("10.0.0.0", "ipv4", 8)));
        terraform.call("universal auth create").then().statusCode(400).body("code", equalTo("auth_method_exists"));
        terraform.call("identity read").then().body("identity.identity.authMethods", hasItem("universal-auth"));

        for (var change : Map.of(
                        "accessTokenTTL", "60",
                        "accessTokenMaxTTL", "172800",
                        "clientSecretTrustedIps", "[{\"ipAddress\": \"127.0.0.0/8\"}]",
                        "accessTokenTrustedIps", "[{\"ipAddress\": \"fd00::/8\"}]")
                .entrySet()) {
            var before = universal(terraform.call("universal auth read"));
            var updated = universal(terraform
                    .with("settings", "{\"" + change.getKey() + "\": " + change.getValue() + "}")
                    .call("universal auth update"));
            assertThat(universal(terraform.call("universal auth read"))).isEqualTo(updated);
            updated.forEach((field, value) -> {
                if (field.equals(change.getKey())) {
                    assertThat(value).as(field).isNotEqualTo(before.get(field));
                } else {
                    assertThat(value).as(field).isEqualTo(before.get(field));
                }
            });
        }
        terraform.call("universal auth delete").then().statusCode(200);
        terraform.call("universal auth read").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    private static Map<String, Object> network(String address, String type, int prefix) {
        return Map.of("ipAddress", address, "type", type, "prefix", prefix);
    }

    private static Map<String, Object> universal(Response answer) {
        return kept(
                answer,
                "identityUniversalAuth",
                "id:string",
                "clientId:string",
                "accessTokenTTL:number",
                "accessTokenMaxTTL:number",
                "accessTokenNumUsesLimit:number",
                "clientSecretTrustedIps:list",
                "accessTokenTrustedIps:list");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "accessTokenTTL; {'accessTokenTTL': 0}",
                "accessTokenTTL; {'accessTokenTTL': -1}",
                "accessTokenTTL; {'accessTokenTTL': 315360000}",
                "accessTokenMaxTTL; {'accessTokenMaxTTL': 0}",
                "accessTokenMaxTTL; {'accessTokenMaxTTL': 315360000}",
                "accessTokenTTL; {'accessTokenTTL': 7200, 'accessTokenMaxTTL': 3600}",
                "accessTokenNumUsesLimit; {'accessTokenNumUsesLimit': 3}",
                "accessTokenTrustedIps; {'accessTokenTrustedIps': []}",
                "accessTokenTrustedIps; {'accessTokenTrustedIps': [{'ipAddress': 'localhost'}]}",
                "clientSecretTrustedIps; {'clientSecretTrustedIps': [{'ipAddress': '10.0.0.0/33'}]}"
            })
    void whatNarrowsAndCannotBeEnforcedIsRefused(String field, String body) {
        anIdentity();
        terraform
                .with("settings", body.replace('\'', '"'))
                .call("universal auth create")
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo(field));
        terraform.call("universal auth read").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    @Test
    void aClientSecretLivesWithoutADifferenceAndWhatWasSetCounts() {
        anIdentity();
        terraform
                .with("settings", "{\"accessTokenTTL\": 7200, \"accessTokenMaxTTL\": 86400}")
                .call("universal auth create")
                .then()
                .statusCode(200);
        var clientId = terraform.call("universal auth read").<String>path("identityUniversalAuth.clientId");
        Response made = terraform.call("client secret create");
        var secret = made.<String>path("clientSecret");
        var kept = clientSecret(made);
        terraform.with("secretId", kept.get("id"));
        assertThat(clientSecret(terraform.call("client secret read")))
                .isEqualTo(kept)
                .containsEntry("clientSecretTTL", 86400)
                .containsEntry("clientSecretNumUsesLimit", 7)
                .containsEntry("isClientSecretRevoked", false);

        var granted = login(clientId, secret);
        granted.then().statusCode(200).body("expiresIn", equalTo(7200)).body("accessTokenMaxTTL", equalTo(86400));
        var token = granted.<String>path("accessToken");
        assertThat(TestStore.sql("select max(longest_ttl) from signing_key")
                        .get(0)
                        .getInteger(0))
                .isGreaterThanOrEqualTo(7200);
        caller(token).then().statusCode(200);

        // It counts for what is out already, at use and at renewal.
        settings("{\"accessTokenTrustedIps\": [{\"ipAddress\": \"10.0.0.0/8\"}]}");
        caller(token).then().statusCode(403).body("code", equalTo("token_address_not_trusted"));
        renew(token).then().statusCode(403).body("code", equalTo("token_address_not_trusted"));
        settings(
                "{\"accessTokenTTL\": 90, \"accessTokenTrustedIps\": [{\"ipAddress\": \"127.0.0.0/8\"}, {\"ipAddress\": \"::1\"}]}");
        caller(token).then().statusCode(200);
        renew(token).then().statusCode(200).body("expiresIn", equalTo(90));
        settings("{\"clientSecretTrustedIps\": [{\"ipAddress\": \"10.0.0.0/8\"}]}");
        login(clientId, secret).then().statusCode(401).body("code", equalTo("invalid_credentials"));
        renew(token).then().statusCode(403);

        terraform
                .call("client secret revoke")
                .then()
                .statusCode(200)
                .body("clientSecretData.isClientSecretRevoked", equalTo(true));
        terraform.call("client secret read").then().statusCode(404);
        caller(token).then().statusCode(403);
        terraform.call("universal auth delete").then().statusCode(200);
        terraform.call("identity delete").then().statusCode(200);
    }

    private void settings(String json) {
        terraform.with("settings", json).call("universal auth update").then().statusCode(200);
    }

    private static Map<String, Object> clientSecret(Response answer) {
        return kept(
                answer,
                "clientSecretData",
                "id:string",
                "createdAt:string",
                "clientSecretTTL:number",
                "clientSecretNumUses:number",
                "clientSecretNumUsesLimit:number",
                "isClientSecretRevoked:boolean");
    }

    private static Response login(String clientId, String secret) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", clientId, "clientSecret", secret))
                .post("/api/v1/auth/universal-auth/login");
    }

    private static Response renew(String token) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/renew");
    }

    private static Response caller(String token) {
        return given().header("Authorization", "Bearer " + token).get("/api/v1/auth/caller");
    }

    // ---- token auth -----------------------------------------------------------------------------------------------

    @Test
    void tokenAuthAndItsTokensLiveWithoutADifference() {
        var id = anIdentity();
        terraform.with("settings", """
                {"accessTokenTTL": 86400, "accessTokenMaxTTL": 172800, "accessTokenNumUsesLimit": 0,
                 "accessTokenTrustedIps": [{"ipAddress": "127.0.0.0/8"}, {"ipAddress": "::1"}]}""");
        var created = tokenAuth(terraform.call("token auth create"));
        assertThat(tokenAuth(terraform.call("token auth read")))
                .isEqualTo(created)
                .containsEntry("accessTokenTTL", 86400);
        Response made = terraform.with("name", "first").call("token create");
        var token = made.<String>path("accessToken");
        var kept = token(made, "tokenData");
        terraform.with("tokenId", kept.get("id"));
        assertThat(token(terraform.call("token read"), "token"))
                .isEqualTo(kept)
                .containsEntry("name", "first")
                .containsEntry("accessTokenTTL", 86400)
                .containsEntry("isAccessTokenRevoked", false);
        terraform
                .call("token read")
                .then()
                .body("token.identityId", equalTo(id))
                .body("token.role", nullValue());
        terraform.with("name", "second").call("token update").then().statusCode(200);
        assertThat(token(terraform.call("token read"), "token")).containsEntry("name", "second");

        // Without a role it may what its identity may, judged when it calls.
        given().header("Authorization", "Bearer " + token)
                .get("/api/v1/identities")
                .then()
                .statusCode(403);
        terraform
                .with("name", "terraform")
                .with("role", "admin")
                .call("identity update")
                .then()
                .statusCode(200);
        given().header("Authorization", "Bearer " + token)
                .get("/api/v1/identities")
                .then()
                .statusCode(200);
        terraform.with("role", "no-access").call("identity update").then().statusCode(200);
        given().header("Authorization", "Bearer " + token)
                .get("/api/v1/identities")
                .then()
                .statusCode(403);

        var updated = tokenAuth(terraform
                .with("settings", "{\"accessTokenTrustedIps\": [{\"ipAddress\": \"10.0.0.0/8\"}]}")
                .call("token auth update"));
        assertThat(tokenAuth(terraform.call("token auth read")))
                .isEqualTo(updated)
                .isNotEqualTo(created);
        caller(token).then().statusCode(403).body("code", equalTo("token_address_not_trusted"));

        terraform.call("token revoke").then().statusCode(200).body("token.isAccessTokenRevoked", equalTo(true));
        terraform.call("token read").then().statusCode(404).body("message", endsWith("."));
        terraform.call("token auth delete").then().statusCode(200);
        terraform.call("token auth read").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    private static Map<String, Object> tokenAuth(Response answer) {
        return kept(
                answer,
                "identityTokenAuth",
                "id:string",
                "accessTokenTTL:number",
                "accessTokenMaxTTL:number",
                "accessTokenNumUsesLimit:number",
                "accessTokenTrustedIps:list");
    }

    private static Map<String, Object> token(Response answer, String root) {
        return kept(
                answer,
                root,
                "id:string",
                "name:string",
                "accessTokenTTL:number",
                "accessTokenNumUses:number",
                "accessTokenNumUsesLimit:number",
                "isAccessTokenRevoked:boolean",
                "createdAt:string");
    }

    // ---- project identity -----------------------------------------------------------------------------------------

    @Test
    void aProjectIdentityLivesWithoutADifference() {
        anIdentity();
        terraform.with("projectId", Identities.project());
        terraform.call("project identity read").then().statusCode(404);
        terraform
                .with("roles", roles("no-access"))
                .call("project identity create")
                .then()
                .statusCode(200);
        assertThat(words(terraform.call("project identity read"))).containsExactly("no-access");
        terraform
                .with("roles", roles("member"))
                .call("project identity create")
                .then()
                .statusCode(400)
                .body("code", equalTo("membership_exists"));
        for (var words :
                List.of(List.of("member"), List.of("viewer", "admin"), List.of("viewer"), List.of("operator"))) {
            terraform
                    .with("roles", roles(words.toArray(String[]::new)))
                    .call("project identity update")
                    .then()
                    .statusCode(200);
            assertThat(words(terraform.call("project identity read"))).isEqualTo(words);
        }
        terraform.call("project identity delete").then().statusCode(200);
        terraform.call("project identity read").then().statusCode(404);
        terraform.call("project identity update").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    @ParameterizedTest
    @CsvSource({
        "admin,admin",
        "member,'operator,consumer'",
        "viewer,'reader,consumer'",
        "no-access,''",
        "'viewer,member','operator,reader,consumer'"
    })
    void aWordMeansRolesInAProject(String words, String roles) {
        var id = anIdentity();
        var project = Identities.project();
        terraform
                .with("projectId", project)
                .with("roles", roles(words.split(",")))
                .call("project identity create")
                .then()
                .statusCode(200);
        Map<String, List<String>> inProject = new LinkedHashMap<>();
        Api.as()
                .get("/api/v1/identities/" + id)
                .<List<Map<String, Object>>>path("identity.projects")
                .forEach(each -> inProject.put((String) each.get("projectId"), strings(each.get("roles"))));
        assertThat(String.join(",", inProject.getOrDefault(project, List.of()))).isEqualTo(roles);
        terraform.call("identity delete").then().statusCode(200);
    }

    private static List<String> strings(Object list) {
        return ((List<?>) list).stream().map(String.class::cast).toList();
    }

    @Test
    void aWordInAProjectComesBackOnlyWhileItsRightsStand() {
        var id = anIdentity();
        var project = Identities.project();
        terraform.with("projectId", project).with("roles", roles("member")).call("project identity create");
        Api.as()
                .body(Map.of("roles", List.of("consumer")))
                .put("/api/v1/projects/" + project + "/identity-memberships/" + id)
                .then()
                .statusCode(200);
        assertThat(words(terraform.call("project identity read"))).containsExactly("consumer");
        terraform
                .call("project identity read")
                .then()
                .body("identityMembership.roles[0].role", equalTo("custom"))
                .body("identityMembership.roles[0].customRoleId", notNullValue());
        Api.as()
                .delete("/api/v1/projects/" + project + "/identity-memberships/" + id)
                .then()
                .statusCode(200);
        terraform.call("project identity read").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    @Test
    void aRoleForATimeAndAnUnknownOneAreRefused() {
        anIdentity();
        terraform.with("projectId", Identities.project());
        terraform
                .with("roles", """
                        [{"role": "member", "isTemporary": true, "temporaryMode": "relative", "temporaryRange": "1h",
                          "temporaryAccessStartTime": "2026-11-27T00:00:00Z"}]""")
                .call("project identity create")
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("roles", 0, "isTemporary")));
        terraform
                .with("roles", roles("auditor"))
                .call("project identity create")
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("roles", 0, "role")));
        terraform.call("project identity read").then().statusCode(404);
        terraform.call("identity delete").then().statusCode(200);
    }

    private static String roles(String... words) {
        var roles = new JsonArray();
        for (var word : words) {
            roles.add(new JsonObject()
                    .put("role", word)
                    .put("isTemporary", false)
                    .put("temporaryMode", "")
                    .put("temporaryRange", "")
                    .put("temporaryAccessStartTime", "0001-01-01T00:00:00Z"));
        }
        return roles.encode();
    }

    /** As the provider reads them: the slug of a custom role, else the word. */
    private static List<String> words(Response answer) {
        kept(
                answer,
                "identityMembership",
                "id:string",
                "roles:list",
                "identity.id:string",
                "identity.name:string",
                "identity.authMethods:list");
        return answer.<List<Map<String, Object>>>path("identityMembership.roles").stream()
                .map(role -> {
                    assertThat(role.get("id")).isInstanceOf(String.class);
                    assertThat(role.get("isTemporary")).isEqualTo(false);
                    return (String) (role.get("customRoleId") == null ? role.get("role") : role.get("customRoleSlug"));
                })
                .toList();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private static final Map<String, Class<?>> TYPES =
            Map.of("string", String.class, "number", Integer.class, "boolean", Boolean.class, "list", List.class);

    /** @param fields with the type that the provider decodes each into: another one stops it */
    static Map<String, Object> kept(Response answer, String root, String... fields) {
        var json = answer.then().statusCode(200).extract().jsonPath();
        Map<String, Object> kept = new LinkedHashMap<>();
        for (var field : fields) {
            var name = field.substring(0, field.indexOf(':'));
            Object value = json.get(root + "." + name);
            assertThat(value).as(root + "." + name).isInstanceOf(TYPES.get(field.substring(field.indexOf(':') + 1)));
            kept.put(name, value);
        }
        return kept;
    }
}
