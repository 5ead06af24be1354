package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static io.rolewright.access.TerraformIdentitiesTest.kept;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.not;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Identities that belong to a project: the Terraform resource's chain, and what they and its administrators cannot do elsewhere. */
@QuarkusTest
class ScopedIdentitiesTest {

    private String project;
    private String id;
    private Fixture terraform;

    @BeforeEach
    void anIdentityOfAProject() {
        project = Identities.project();
        terraform = Fixture.of("terraform-provider-infisical")
                .with("token", Api.token())
                .with("projectId", project)
                .with("name", "scoped-" + UUID.randomUUID())
                .with("protected", false)
                .with("metadata", "[{\"key\": \"team\", \"value\": \"payments\"}]");
        id = terraform
                .call("scoped identity create")
                .then()
                .statusCode(200)
                .extract()
                .path("identity.id");
        terraform.with("identityId", id);
    }

    @AfterEach
    void itGoes() {
        terraform.with("protected", false).call("scoped identity update");
        terraform.call("scoped identity delete");
    }

    private static Map<String, Object> identity(Response answer) {
        return kept(answer, "identity", "id:string", "name:string", "hasDeleteProtection:boolean", "projectId:string");
    }

    private static String roles(String... words) {
        return "["
                + String.join(
                        ",",
                        List.of(words).stream()
                                .map(word -> "{\"role\": \"" + word + "\", \"isTemporary\": false}")
                                .toList())
                + "]";
    }

    @Test
    void livesWithoutADifference() {
        var before = identity(terraform.call("scoped identity read"));
        assertThat(before).containsEntry("projectId", project).containsEntry("hasDeleteProtection", false);
        terraform
                .call("scoped identity read")
                .then()
                .body("identity.authMethods", empty())
                .body("identity.metadata.key", contains("team"))
                .body("identity.metadata.value", contains("payments"));
        assertThat(words()).containsExactly("no-access");
        for (var words : List.of(List.of("member"), List.of("viewer", "operator"), List.of("no-access"))) {
            terraform
                    .with("roles", roles(words.toArray(String[]::new)))
                    .call("scoped identity roles update")
                    .then()
                    .statusCode(200);
            assertThat(words()).isEqualTo(words);
        }
        terraform
                .with("name", "renamed-" + id)
                .with("protected", true)
                .with("metadata", "[]")
                .call("scoped identity update")
                .then()
                .statusCode(200);
        assertThat(identity(terraform.call("scoped identity read")))
                .containsEntry("name", "renamed-" + id)
                .containsEntry("hasDeleteProtection", true);
        terraform
                .call("scoped identities")
                .then()
                .body("identities.id", contains(id))
                .body("totalCount", equalTo(1));
        terraform.call("scoped identity delete").then().statusCode(400).body("code", equalTo("delete_protected"));
        terraform.with("protected", false).call("scoped identity update").then().statusCode(200);
        terraform.call("scoped identity delete").then().statusCode(200);
        terraform.call("scoped identity read").then().statusCode(404);
        terraform.call("scoped identity roles").then().statusCode(404);
    }

    private List<String> words() {
        List<Map<String, Object>> roles = terraform
                .call("scoped identity roles")
                .then()
                .statusCode(200)
                .extract()
                .path("identityMembership.roles");
        return roles.stream()
                .map(each ->
                        (String) (each.get("role").equals("custom") ? each.get("customRoleSlug") : each.get("role")))
                .toList();
    }

    @Test
    void isListedByItsProjectOnly() {
        String another = Identities.project();
        Api.as()
                .get("/api/v1/projects/" + another + "/identities")
                .then()
                .statusCode(200)
                .body("identities", empty())
                .body("totalCount", equalTo(0));
        Api.as().get("/api/v1/projects/" + another + "/identities/" + id).then().statusCode(404);
        Api.as()
                .delete("/api/v1/projects/" + another + "/identities/" + id)
                .then()
                .statusCode(404);
        String next = null;
        do {
            Response page = Api.as().get("/api/v1/identities?limit=200" + (next == null ? "" : "&cursor=" + next));
            page.then().statusCode(200).body("identities.id", not(hasItem(id)));
            next = page.path("nextCursor");
        } while (next != null);
        Api.as()
                .get("/api/v1/projects/" + project + "/identities?limit=1&offset=1")
                .then()
                .body("identities", empty())
                .body("totalCount", equalTo(1));
        for (String wrong : List.of("limit=0", "limit=1001", "offset=-1", "offset=x", "search=%00")) {
            given().urlEncodingEnabled(false)
                    .header("Authorization", "Bearer " + Api.token())
                    .get("/api/v1/projects/" + project + "/identities?" + wrong)
                    .then()
                    .statusCode(422);
        }
    }

    @Test
    void hasRolesInItsProjectOnly() {
        String another = Identities.project();
        Api.as()
                .body(Map.of("roles", List.of("reader")))
                .put("/api/v1/projects/" + another + "/identity-memberships/" + id)
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("identityId")));
        Api.as()
                .body(Map.of("roles", List.of(Map.of("role", "no-access"))))
                .post("/api/v2/workspace/" + another + "/identity-memberships/" + id)
                .then()
                .statusCode(422);
        for (Map<String, Object> more : List.<Map<String, Object>>of(
                Map.of("roles", List.of("admin")), Map.of("role", "admin"), Map.of("roles", List.of("scheduler")))) {
            Api.as()
                    .body(more)
                    .patch("/api/v1/identities/" + id)
                    .then()
                    .statusCode(422)
                    .body(
                            "message[0].path",
                            equalTo(List.of(more.keySet().iterator().next())));
        }
        Api.as().get("/api/v1/identities/" + id).then().statusCode(200).body("identity.roles", empty());
    }

    @Test
    void itsProjectsAdministratorMakesItAndNoOther() {
        Somebody administrator = Identities.in(project, "admin");
        String own = administrator
                .as()
                .body(Map.of("name", "of the administrator"))
                .post("/api/v1/projects/" + project + "/identities")
                .then()
                .statusCode(200)
                .extract()
                .path("identity.id");
        String organisations = Identities.with().id();
        administrator
                .as()
                .delete("/api/v1/projects/" + project + "/identities/" + organisations)
                .then()
                .statusCode(404);
        administrator
                .as()
                .body(Map.of("name", "x"))
                .patch("/api/v1/projects/" + project + "/identities/" + organisations)
                .then()
                .statusCode(404);
        administrator
                .as()
                .body(Map.of("name", "x"))
                .post("/api/v1/projects/" + Identities.project() + "/identities")
                .then()
                .statusCode(404);
        // How it logs in is not his to say: he would be who he is not.
        administrator
                .as()
                .body("{}")
                .post("/api/v1/auth/universal-auth/identities/" + own + "/client-secrets")
                .then()
                .statusCode(403);
        Identities.in(project, "operator")
                .as()
                .get("/api/v1/projects/" + project + "/identities")
                .then()
                .statusCode(403);
        Api.as()
                .delete("/api/v1/projects/" + project)
                .then()
                .statusCode(400)
                .body("code", equalTo("project_not_empty"));
        administrator
                .as()
                .delete("/api/v1/projects/" + project + "/identities/" + own)
                .then()
                .statusCode(200);
    }
}
