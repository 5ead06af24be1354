package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * One thing of each kind is made, and each answer about it is held against the table of what the reference's answers have in {@code
 * src/test/resources/clients/answers.json}: no field is missing, and none is of another type. What more there is may differ.
 */
@QuarkusTest
class AnswersOfTheReferenceTest {

    private static final Path TABLE = Path.of("src/test/resources/clients/answers.json");
    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";
    private static final String ABSENT = "absent";

    private final ObjectMapper json = new ObjectMapper();
    private final Set<String> compared = new HashSet<>();
    private final List<String> faults = new ArrayList<>();
    private JsonNode table;
    private Fixture terraform;

    @Test
    void everyFieldIsThereWithItsType() throws IOException {
        table = json.readTree(TABLE.toFile()).path("answers");
        terraform = Fixture.of("terraform-provider-infisical")
                .with("token", Api.token())
                .with("name", unique("answers"))
                .with("protected", false)
                .with("metadata", "[{\"key\": \"team\", \"value\": \"payments\"}]");
        projects();
        identities();
        foreignLogins();
        connections();
        rotations();
        webhooks();
        errors();

        assertThat(faults)
                .as("what the reference's answers have and ours have not")
                .isEmpty();
        assertThat(table.fieldNames())
                .toIterable()
                .as("answers that no call was compared with")
                .allMatch(compared::contains);
    }

    // ---- Comparing ------------------------------------------------------------------------------------------------

    private Response called(String call, String answer) {
        Response got = terraform.call(call);
        assertThat(got.statusCode()).as(call + ": " + got.asString()).isEqualTo(200);
        return compared(answer, got);
    }

    private Response compared(String answer, Response got) {
        JsonNode fields = table.path(answer);
        assertThat(fields.isObject()).as(answer).isTrue();
        compared.add(answer);
        try {
            JsonNode body = json.readTree(got.asString());
            fields.properties()
                    .forEach(field -> compare(
                            answer + ": " + field.getKey(),
                            body,
                            List.of(field.getKey().split("\\.")),
                            List.of(field.getValue().asText().split("\\|"))));
        } catch (IOException noJson) {
            faults.add(answer + ": no JSON: " + got.asString());
        }
        return got;
    }

    private void compare(String field, JsonNode at, List<String> path, List<String> types) {
        if (path.isEmpty()) {
            if (types.stream().noneMatch(type -> isOf(type, at))) {
                faults.add(field + " is " + (at.isMissingNode() ? ABSENT : at.toString()) + ", not " + types);
            }
            return;
        }
        String name = path.get(0).replace("[]", "");
        JsonNode value = at.path(name);
        List<String> rest = path.subList(1, path.size());
        if (!path.get(0).endsWith("[]")) {
            compare(field, value, rest, types);
        } else if (value.isArray() && !value.isEmpty()) {
            value.forEach(each -> compare(field, each, rest, types));
        } else {
            faults.add(field + ": " + name + " is no list with elements: " + value);
        }
    }

    private static boolean isOf(String type, JsonNode value) {
        return switch (type) {
            case "string" -> value.isTextual();
            case "number" -> value.isNumber();
            case "boolean" -> value.isBoolean();
            case "list" -> value.isArray();
            case "object" -> value.isObject();
            case "null" -> value.isNull();
            case "moment" ->
                value.isTextual() && value.asText().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
            case ABSENT -> value.isMissingNode();
            default -> throw new IllegalStateException("no type: " + type);
        };
    }

    private static String unique(String start) {
        return start + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    // ---- One thing of each kind -----------------------------------------------------------------------------------

    private void projects() {
        terraform
                .with("slug", unique("answers"))
                .with("description", "Of the payments team")
                .with("usual", true);
        terraform.with("projectId", called("project create", "project create").path("project.id"));
        called("project read", "project");
        called("projects data", "projects data");
        compared("projects", Api.as().get("/api/v1/projects"));

        terraform.with("name", "Production").with("slug", "production").with("position", 4);
        terraform.with(
                "environmentId", called("environment create", "environment").path("environment.id"));
        called("environment read", "environment");
        called("environment update", "environment");
        called("environment data", "environment data");

        terraform.with("name", "payments").with("environment", "production").with("path", "/");
        terraform.with("folderId", called("folder create", "folder").path("folder.id"));
        called("folder read", "folder");
        called("folder update", "folder");
        called("folders data", "folders data");
    }

    private void identities() {
        Response details = called("identity details", "identity details");
        terraform
                .with("orgId", details.path("identityDetails.organization.id"))
                .with("name", unique("answers"))
                .with("role", "no-access");
        terraform.with(
                "identityId", called("identity create", "identity create").path("identity.id"));
        called("identity read", "identity read");
        called("identity update", "identity update");

        String networks = "[{\"ipAddress\": \"0.0.0.0/0\"}, {\"ipAddress\": \"::/0\"}]";
        String settings = "{\"accessTokenTTL\": 1800, \"accessTokenMaxTTL\": 86400, \"accessTokenNumUsesLimit\": 0,"
                + " \"accessTokenTrustedIps\": " + networks;
        terraform.with("settings", settings + ", \"clientSecretTrustedIps\": " + networks + "}");
        called("universal auth create", "universal auth");
        String clientId = called("universal auth read", "universal auth").path("identityUniversalAuth.clientId");
        called("universal auth update", "universal auth");
        Response made = called("client secret create", "client secret create");
        terraform.with("secretId", made.path("clientSecretData.id"));
        called("client secret read", "client secret");
        Fixture holder = Fixture.of("terraform-provider-infisical")
                .with("clientId", clientId)
                .with("clientSecret", made.path("clientSecret"));
        String token = compared("login", holder.login()).path("accessToken");
        String body = new JsonObject().put("accessToken", token).encode();
        compared("token renew", Api.as().body(body).post("/api/v1/auth/token/renew"));
        compared("token revoke", Api.as().body(body).post("/api/v1/auth/token/revoke"));
        called("client secret revoke", "client secret");

        terraform.with("settings", settings + "}");
        called("token auth create", "token auth");
        called("token auth read", "token auth");
        called("token auth update", "token auth");
        terraform.with("tokenId", called("token create", "token create").path("tokenData.id"));
        called("token read", "token");
        called("token update", "token");
        called("token revoke", "token");

        terraform.with("roles", "[{\"role\": \"member\", \"isTemporary\": false}]");
        assertThat(terraform.call("project identity create").statusCode()).isEqualTo(200);
        called("project identity read", "project identity");

        terraform.with("name", unique("scoped"));
        String organisations = called("identity read", "identity read").path("identity.id");
        terraform.with(
                "identityId",
                called("scoped identity create", "scoped identity").path("identity.id"));
        called("scoped identity read", "scoped identity");
        called("scoped identity update", "scoped identity");
        called("scoped identity roles", "project identity");
        terraform.call("scoped identity delete").then().statusCode(200);
        terraform.with("identityId", organisations);
    }

    private void foreignLogins() {
        try (TestIssuer issuer = new TestIssuer()) {
            JsonObject common = new JsonObject()
                    .put("caCert", issuer.authority.caPem())
                    .put("accessTokenTTL", 1800)
                    .put("accessTokenMaxTTL", 86400)
                    .put("accessTokenNumUsesLimit", 0)
                    .put("accessTokenTrustedIps", List.of(Map.of("ipAddress", "0.0.0.0/0")));
            terraform.with(
                    "settings",
                    common.copy()
                            .put("kubernetesHost", issuer.url())
                            .put("allowedNamespaces", "payments")
                            .put("allowedNames", "rotator")
                            .put("allowedAudience", TestIssuer.AUDIENCE)
                            .put("tokenReviewMode", "api"));
            called("kubernetes auth create", "kubernetes auth");
            called("kubernetes auth read", "kubernetes auth");
            called("kubernetes auth update", "kubernetes auth");
            terraform.with(
                    "settings",
                    common.copy()
                            .put("oidcDiscoveryUrl", issuer.url())
                            .put("boundIssuer", issuer.url())
                            .put("boundAudiences", TestIssuer.AUDIENCE)
                            .put("boundClaims", Map.of("repository", "acme/shop"))
                            .put("claimMetadataMapping", Map.of("repo", "repository"))
                            .put("boundSubject", "me"));
            called("oidc auth create", "oidc auth");
            called("oidc auth read", "oidc auth");
            called("oidc auth update", "oidc auth");
        }
    }

    private Rotating roles;

    private void connections() {
        roles = Rotating.on(14);
        terraform
                .with("name", unique("answers"))
                .with("port", roles.target.port())
                .with("username", roles.managing.role())
                .with("password", roles.managing.password());
        compared("connection options", Api.as().get("/api/v1/app-connections/options"));
        Response made = called("connection create", "connection");
        terraform.with("connectionId", made.path("appConnection.id"));
        called("connection read", "connection");
        called("connection update", "connection");
        String inProject = "?projectId=" + made.path("appConnection.projectId");
        compared(
                "connection",
                Api.as().get(CONNECTIONS + "/connection-name/" + made.path("appConnection.name") + inProject));
        compared("connections", Api.as().get(CONNECTIONS + inProject));
        compared("connections available", Api.as().get(CONNECTIONS + "/available" + inProject));

        compared("connection of the organisation", connection(Map.of("credentials", credentials())));
        compared(
                "managed connection",
                connection(Map.of(
                        "credentials",
                        credentials(),
                        "isPlatformManagedCredentials",
                        true,
                        "isAutoRotationEnabled",
                        true,
                        "rotation",
                        Map.of("rotationInterval", 30))));
    }

    private Map<String, Object> credentials() {
        Login login = roles.target.role("LOGIN");
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", roles.target.port());
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        credentials.put("sslRejectUnauthorized", false);
        credentials.put("sslCertificate", TestCertificates.create().caPem());
        return credentials;
    }

    private static Response connection(Map<String, Object> fields) {
        Map<String, Object> body = new HashMap<>(fields);
        body.put("name", unique("answers"));
        body.put("method", "username-and-password");
        Response made = Api.as().body(body).post(CONNECTIONS);
        assertThat(made.statusCode()).as(made.asString()).isEqualTo(200);
        return made;
    }

    private void rotations() {
        compared("rotation options", Api.as().get("/api/v2/secret-rotations/options"));
        terraform.with("role1", roles.first.role()).with("role2", roles.second.role());
        Response made = called("rotation create", "rotation");
        String id = made.path("secretRotation.id");
        terraform.with("rotationId", id);
        called("rotation read", "rotation");
        called("rotation update", "rotation");
        compared("rotation", Rotating.rotateAtOnce(id));
        String project = made.path("secretRotation.projectId");
        String path = made.path("secretRotation.folder.path");
        compared("rotations", Api.as().get(Rotating.BASE + "?projectId=" + project));
        compared(
                "rotation",
                Api.as()
                        .get(Rotating.BASE + "/rotation-name/" + made.path("secretRotation.name") + "?projectId="
                                + project + "&environment=production&secretPath=" + path));
        compared("generated credentials", Api.as().get(Rotating.BASE + "/" + id + "/generated-credentials"));

        String place = "environment=production&secretPath=" + path;
        compared("secrets", Api.as().get("/api/v3/secrets/raw?workspaceId=" + project + "&" + place));
        compared("secrets", Api.as().get("/api/v4/secrets?projectId=" + project + "&" + place));
        compared("secret", Api.as().get("/api/v3/secrets/raw/DB_USER?workspaceId=" + project + "&" + place));
        compared("secret", Api.as().get("/api/v4/secrets/DB_USER?projectId=" + project + "&" + place));
        called("rotation delete", "rotation");
        called("connection delete", "connection");
    }

    private void webhooks() {
        terraform
                .with("url", "https://127.0.0.1:1/hook")
                .with("secretKey", "a key that the receiver has too")
                .with("secretPath", "/payments")
                .with("isDisabled", true)
                .with("eventsFilter", "[{\"eventName\": \"secrets.rotation-failed\"}]");
        terraform.with("webhookId", called("webhook create", "webhook").path("webhook.id"));
        called("webhook read", "webhook");
        called("webhook update", "webhook");
        called("webhook delete", "webhook");
    }

    private void errors() {
        compared("refused", Api.as().get(CONNECTIONS + "/" + UUID.randomUUID()));
        compared("refused", Api.as().get("/api/v1/nothing/here"));
        compared("invalid", Api.as().body("{}").post(CONNECTIONS));
        Fixture nobody = Fixture.of("terraform-provider-infisical").with("projectId", UUID.randomUUID());
        compared("refused", nobody.call("project read"));
        compared("refused", nobody.with("token", "no token").call("project read"));
        Identities.Somebody somebody = Identities.with();
        compared("refused", somebody.as().get("/api/v1/identities"));
        Stream.of("folder delete", "environment delete", "identity delete")
                .forEach(call ->
                        assertThat(terraform.call(call).statusCode()).as(call).isEqualTo(200));
    }
}
