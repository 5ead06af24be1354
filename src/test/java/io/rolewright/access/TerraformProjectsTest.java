package io.rolewright.access;

import static io.rolewright.access.TerraformIdentitiesTest.kept;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the Terraform provider asks about projects, environments and folders, from creation to destruction. */
@QuarkusTest
class TerraformProjectsTest {

    private Fixture terraform;

    @BeforeEach
    void begin() {
        terraform = Fixture.of("terraform-provider-infisical").with("token", Api.token());
    }

    private static String unique(String start) {
        return start + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    // ---- project --------------------------------------------------------------------------------------------------

    private static Map<String, Object> project(Response answer) {
        return kept(
                answer,
                "workspace",
                "id:string",
                "name:string",
                "slug:string",
                "type:string",
                "description:string",
                "updatedAt:string",
                "hasDeleteProtection:boolean");
    }

    @Test
    void aProjectLivesWithoutADifference() {
        var slug = unique("terraform");
        terraform
                .with("name", "Terraform " + slug)
                .with("description", "Of the payments team")
                .with("slug", slug)
                .with("usual", true)
                .with("protected", true);
        Response created = terraform.call("project create");
        kept(created, "project", "id:string", "updatedAt:string");
        terraform.with("projectId", created.path("project.id"));
        var before = project(terraform.call("project read"));
        assertThat(before)
                .containsEntry("name", "Terraform " + slug)
                .containsEntry("slug", slug)
                .containsEntry("type", "secret-manager")
                .containsEntry("description", "Of the payments team")
                .containsEntry("hasDeleteProtection", true);
        assertThat(project(terraform.call("project read"))).isEqualTo(before);
        Response data = terraform.call("projects data");
        data.then().statusCode(200).body("id", equalTo(before.get("id")));
        assertThat(data.<List<String>>path("environments.slug")).containsExactly("dev", "staging", "prod");
        assertThat(data.<List<String>>path("environments.name"))
                .containsExactly("Development", "Staging", "Production");

        terraform.with("name", "Another " + slug).call("project update").then().statusCode(200);
        assertThat(project(terraform.call("project read"))).containsEntry("name", "Another " + slug);
        terraform.with("description", "").call("project update").then().statusCode(200);
        assertThat(project(terraform.call("project read"))).containsEntry("description", "");
        var other = unique("other");
        terraform.with("slug", other).call("project update").then().statusCode(200);
        assertThat(project(terraform.call("project read"))).containsEntry("slug", other);

        terraform.call("project delete").then().statusCode(400).body("code", equalTo("delete_protected"));
        Api.as()
                .delete("/api/v1/projects/" + before.get("id"))
                .then()
                .statusCode(400)
                .body("code", equalTo("delete_protected"));
        terraform.with("protected", false).call("project update").then().statusCode(200);
        terraform.call("project delete").then().statusCode(200);
        terraform.call("project read").then().statusCode(404);
        terraform.call("projects data").then().statusCode(404);
    }

    @ParameterizedTest
    @CsvSource({"type,cert-manager", "template,ours", "kmsKeyId,5f0e2b1c"})
    void whatAProjectCannotBeIsRefused(String field, String value) {
        Api.as()
                .body(Map.of("projectName", unique("refused"), field, value))
                .post("/api/v2/workspace")
                .then()
                .statusCode(422)
                .body("message[0].path", equalTo(List.of(field)));
    }

    // ---- environment ----------------------------------------------------------------------------------------------

    private static Map<String, Object> environment(Response answer) {
        return kept(
                answer,
                "environment",
                "id:string",
                "name:string",
                "slug:string",
                "position:number",
                "projectId:string");
    }

    @Test
    void anEnvironmentLivesWithoutADifference() {
        terraform
                .with("projectId", Identities.project())
                .with("name", "Production")
                .with("slug", "production")
                .with("position", 1);
        terraform.call("environment data").then().statusCode(404);
        var created = environment(terraform.call("environment create"));
        terraform.with("environmentId", created.get("id"));
        assertThat(environment(terraform.call("environment read"))).isEqualTo(created);
        terraform.call("environment create").then().statusCode(400).body("code", equalTo("environment_exists"));
        terraform
                .call("environment data")
                .then()
                .statusCode(200)
                .body("id", equalTo(created.get("id")))
                .body("name", equalTo("Production"));
        terraform.with("name", "Live").call("environment update").then().statusCode(200);
        terraform.with("position", 3).call("environment update").then().statusCode(200);
        terraform.with("slug", "live").call("environment update").then().statusCode(200);
        assertThat(environment(terraform.call("environment read")))
                .containsEntry("id", created.get("id"))
                .containsEntry("name", "Live")
                .containsEntry("slug", "live")
                .containsEntry("position", 3);
        terraform.call("environment delete").then().statusCode(200);
        terraform.call("environment read").then().statusCode(404);
    }

    // ---- folder ---------------------------------------------------------------------------------------------------

    private static Map<String, Object> folder(Response answer) {
        return kept(
                answer,
                "folder",
                "id:string",
                "envId:string",
                "path:string",
                "description:string",
                "projectId:string",
                "environment.envSlug:string");
    }

    @Test
    void aFolderLivesWithoutADifference() {
        terraform
                .with("projectId", Identities.project())
                .with("name", "Production")
                .with("slug", "production")
                .with("position", 0)
                .with("environment", "production")
                .with("path", "/");
        assertThat(names(terraform.call("folders data"))).isEmpty();
        terraform.with("description", "").call("folder create").then().statusCode(404);
        terraform.call("environment create").then().statusCode(200);
        terraform.with("name", "payments").with("description", "Of the team");
        var created = folder(terraform.call("folder create"));
        terraform.with("folderId", created.get("id"));
        assertThat(folder(terraform.call("folder read")))
                .isEqualTo(created)
                .containsEntry("path", "/payments")
                .containsEntry("description", "Of the team")
                .containsEntry("environment.envSlug", "production");
        terraform.call("folder create").then().statusCode(400).body("code", equalTo("folder_exists"));
        assertThat(names(terraform.call("folders data"))).containsExactly("payments");
        terraform
                .with("path", "/payments")
                .with("name", "db")
                .call("folder create")
                .then()
                .statusCode(200);
        assertThat(names(terraform.call("folders data"))).containsExactly("db");

        terraform.with("path", "/").with("name", "billing").with("description", "Renamed");
        assertThat(folder(terraform.call("folder update"))).containsEntry("path", "/billing");
        assertThat(folder(terraform.call("folder read")))
                .containsEntry("path", "/billing")
                .containsEntry("description", "Renamed");
        assertThat(names(terraform.with("path", "/billing").call("folders data")))
                .containsExactly("db");
        assertThat(names(terraform.with("path", "/nowhere").call("folders data")))
                .isEmpty();
        terraform.call("folder delete").then().statusCode(200);
        terraform.call("folder read").then().statusCode(404);
        assertThat(names(terraform.with("path", "/billing").call("folders data")))
                .isEmpty();
    }

    private static List<String> names(Response list) {
        return list.then().statusCode(200).extract().path("folders.name");
    }

    // ---- Rotations there ------------------------------------------------------------------------------------------

    @Test
    void aPlaceWithARotationIsNeitherRenamedNorDeleted() {
        var name = Rotating.name("place");
        var id = Rotating.created(Rotating.on(14).body(name));
        Response rotation = Api.as().get("/api/v2/secret-rotations/postgres-credentials/" + id);
        var environment = rotation.<String>path("secretRotation.environment.slug");
        var path = rotation.<String>path("secretRotation.folder.path");
        var environmentId = rotation.<String>path("secretRotation.environment.id");
        terraform
                .with("projectId", Rotating.project())
                .with("environmentId", environmentId)
                .with("folderId", rotation.path("secretRotation.folder.id"))
                .with("environment", environment)
                .with("path", "/")
                .with("position", 1);

        // What a rotation shows of its place is what the rows say.
        assertThat(environment(terraform.call("environment read"))).containsEntry("slug", environment);
        assertThat(folder(terraform.call("folder read")))
                .containsEntry("path", path)
                .containsEntry("envId", environmentId);

        for (var refused : List.of("environment delete", "folder delete")) {
            terraform.call(refused).then().statusCode(400).body("code", equalTo("place_in_use"));
        }
        terraform
                .with("name", "elsewhere")
                .with("slug", "elsewhere")
                .with("description", "")
                .call("environment update")
                .then()
                .statusCode(400)
                .body("code", equalTo("place_in_use"));
        terraform.call("folder update").then().statusCode(400).body("code", equalTo("place_in_use"));

        terraform
                .with("slug", environment)
                .with("name", "Named")
                .call("environment update")
                .then()
                .statusCode(200);
        assertThat(environment(terraform.call("environment read"))).containsEntry("name", "Named");
        Api.as()
                .delete("/api/v2/secret-rotations/postgres-credentials/" + id)
                .then()
                .statusCode(200);
        terraform.call("folder delete").then().statusCode(200);
    }

    /** Nobody sees a rotation whose place is gone. */
    @Test
    void makingARotationAndDeletingItsPlaceFollowEachOther() throws Exception {
        var project = Identities.project();
        terraform.with("projectId", project);
        for (int round = 0; round < 20; round++) {
            var environment = "raced" + round;
            var made = Api.as()
                    .body(Map.of("name", environment, "slug", environment))
                    .post("/api/v1/workspace/" + project + "/environments");
            var environmentId = made.<String>path("environment.id");
            var lanes = List.<Runnable>of(
                    () -> TestStore.sql("select ensure_place('" + project + "', '" + environment + "', '/a/b')"),
                    () -> Api.as()
                            .delete("/api/v1/workspace/" + project + "/environments/" + environmentId)
                            .then()
                            .statusCode(200));
            var threads = lanes.stream().map(Thread::new).toList();
            threads.forEach(Thread::start);
            for (var thread : threads) {
                thread.join();
            }
            // Whoever was last: with an environment it is whole, without one there is no folder.
            assertThat(TestStore.sql("select count(*) from folder f join environment e on e.id = f.environment_id"
                                    + " where e.project_id = '" + project + "' and e.slug = '" + environment + "'")
                            .get(0)
                            .getLong(0))
                    .isIn(0L, 2L);
        }
    }

    @Test
    void onlyTheProjectsAdministratorsWriteAndItsReadersRead() {
        var project = Identities.project();
        var reader = Identities.in(project, "reader");
        var stranger = Identities.in(Identities.project(), "admin");
        terraform
                .with("projectId", project)
                .with("name", "Production")
                .with("slug", "production")
                .with("position", 0);
        terraform
                .with("token", reader.token())
                .call("environment create")
                .then()
                .statusCode(403);
        terraform
                .with("token", stranger.token())
                .call("environment create")
                .then()
                .statusCode(404);
        var id = terraform.with("token", Api.token()).call("environment create").<String>path("environment.id");
        terraform.with("environmentId", id);
        terraform.with("token", reader.token()).call("environment read").then().statusCode(200);
        terraform.call("environment delete").then().statusCode(403);
        terraform
                .with("token", stranger.token())
                .call("environment read")
                .then()
                .statusCode(404);
        terraform.call("environment delete").then().statusCode(404);
    }
}
