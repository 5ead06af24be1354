package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.sealing.Resealed;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class ProjectTest {

    private String project;

    @BeforeEach
    void aProject() {
        project = Identities.project();
    }

    @Nested
    class Found {

        @Test
        void byItsId() {
            Api.as().get("/api/v1/projects/" + project).then().statusCode(200).body("project.id", equalTo(project));
        }

        @Test
        void byItsSlugWithoutAnEnvelope() {
            var slug = Api.as().get("/api/v1/projects/" + project).<String>path("project.slug");

            Api.as()
                    .get("/api/v1/projects/slug/" + slug)
                    .then()
                    .statusCode(200)
                    .body("id", equalTo(project))
                    .body("slug", equalTo(slug));
        }

        @Test
        void notWhenItIsNotThere() {
            Api.as()
                    .get("/api/v1/projects/" + UUID.randomUUID())
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("project_not_found"));
            Api.as().get("/api/v1/projects/slug/nobodys").then().statusCode(404);
            Api.as().get("/api/v1/projects/none").then().statusCode(422);
        }
    }

    @Nested
    class Renamed {

        @Test
        void hasTheNewNameAndSlug() {
            var name = "renamed " + UUID.randomUUID();
            var slug = "renamed-" + UUID.randomUUID();

            patch(Map.of("name", name, "slug", slug))
                    .then()
                    .statusCode(200)
                    .body("project.name", equalTo(name))
                    .body("project.slug", equalTo(slug));

            Api.as().get("/api/v1/projects/slug/" + slug).then().statusCode(200).body("name", equalTo(name));
        }

        @Test
        void notToAnothersName() {
            patch(Map.of("name", "default")).then().statusCode(400).body("code", equalTo("project_name_taken"));
            patch(Map.of("slug", "default")).then().statusCode(400).body("code", equalTo("project_slug_taken"));
        }

        @Test
        void toItsOwnName() {
            var name = Api.as().get("/api/v1/projects/" + project).<String>path("project.name");

            patch(Map.of("name", name)).then().statusCode(200);
        }

        @ParameterizedTest
        @ValueSource(strings = {"{\"name\":\" \"}", "{\"slug\":\"A\"}", "{\"name\":\"\"}", "{\"name\":\"a\\u0007\"}"})
        void notToSomethingMalformed(String body) {
            Api.as().body(body).patch("/api/v1/projects/" + project).then().statusCode(422);
        }

        private Response patch(Map<String, String> change) {
            return Api.as().body(change).patch("/api/v1/projects/" + project);
        }
    }

    @Nested
    class Deleted {

        @Test
        void whenItIsEmpty() {
            var member = Identities.in(project, "reader");

            Api.as()
                    .delete("/api/v1/projects/" + project)
                    .then()
                    .statusCode(200)
                    .body("project.id", equalTo(project));

            Api.as().get("/api/v1/projects/" + project).then().statusCode(404);
            assertThat(TestStore.sql("select from role_binding where project_id = '" + project + "'"))
                    .isEmpty();
            Api.as().get("/api/v1/identities/" + member.id()).then().body("identity.projects", empty());
        }

        @Test
        void notWhileItHoldsAConnection() {
            Resealed.sql("insert into app_connection (id, project_id, name, version, credentials, credentials_version,"
                    + " credentials_hash, created_at, updated_at) values (gen_random_uuid(), '" + project
                    + "', 'held', 1, '', 1, '', now(), now())");

            Api.as()
                    .delete("/api/v1/projects/" + project)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("project_not_empty"));

            TestStore.sql("delete from app_connection where project_id = '" + project + "'");
        }
    }

    @Nested
    class ItsMembers {

        @Test
        void haveRolesInItAndNowhereElse() {
            var other = Identities.project();
            var member = Identities.in(project, "operator", "consumer");

            Api.as()
                    .get(path())
                    .then()
                    .statusCode(200)
                    .body("identityMemberships.identityId", contains(member.id()))
                    .body("identityMemberships[0].roles", contains("operator", "consumer"));
            member.as().get("/api/v1/projects").then().statusCode(200).body("projects.id", contains(project));
            member.as().get("/api/v1/projects/" + project).then().statusCode(200);
            member.as().get("/api/v1/projects/" + other).then().statusCode(404);
        }

        @Test
        void areNotTheirsAnyMoreAtOnce() {
            var member = Identities.in(project, "admin");
            member.as().get(path()).then().statusCode(200);

            Api.as().delete(path() + "/" + member.id()).then().statusCode(200);

            member.as().get(path()).then().statusCode(403);
            Api.as()
                    .delete(path() + "/" + member.id())
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("membership_not_found"));
        }

        @Test
        void areSetByItsAdministratorWhoHasNoSayElsewhere() {
            var other = Identities.project();
            var admin = Identities.in(project, "admin");
            var somebody = Identities.with();
            var roles = Map.of("roles", List.of("reader"));

            admin.as().body(roles).put(path() + "/" + somebody.id()).then().statusCode(200);
            admin.as()
                    .body(roles)
                    .put("/api/v1/projects/" + other + "/identity-memberships/" + somebody.id())
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("project_not_found"));
            admin.as().body(roles).put(path() + "/" + UUID.randomUUID()).then().statusCode(404);
            admin.as()
                    .body(Map.of("name", "x"))
                    .patch("/api/v1/identities/" + admin.id())
                    .then()
                    .statusCode(403);
            admin.as()
                    .body(Map.of("projectName", "x"))
                    .post("/api/v1/projects")
                    .then()
                    .statusCode(403);

            Api.as()
                    .get("/api/v1/identities/" + somebody.id())
                    .then()
                    .body("identity.projects.projectId", contains(project));
        }

        @ParameterizedTest
        @ValueSource(strings = {"{}", "{\"roles\":[]}", "{\"roles\":[\"scheduler\"]}", "{\"roles\":[\"x\"]}"})
        void areNotSetToSomethingMalformed(String body) {
            Api.as().body(body).put(path() + "/" + UUID.randomUUID()).then().statusCode(422);
        }

        private String path() {
            return "/api/v1/projects/" + project + "/identity-memberships";
        }
    }

    /** Word for word, but for the id of the request: nobody learns from the answer that there is something. */
    @Nested
    class WhatIsNotYours {

        private final UUID nothing = UUID.randomUUID();
        private Identities.Somebody stranger;

        @BeforeEach
        void aStranger() {
            stranger = Identities.in(Identities.project(), "admin");
        }

        @Test
        void isAProjectThatIsNotThere() {
            assertSame(
                    stranger.as().get("/api/v1/projects/" + project),
                    stranger.as().get("/api/v1/projects/" + nothing),
                    project);
            assertSame(
                    stranger.as().body("{\"name\":\"x\"}").patch("/api/v1/projects/" + project),
                    stranger.as().body("{\"name\":\"x\"}").patch("/api/v1/projects/" + nothing),
                    project);
            assertSame(
                    stranger.as().delete("/api/v1/projects/" + project),
                    stranger.as().delete("/api/v1/projects/" + nothing),
                    project);
            assertSame(
                    stranger.as().get("/api/v1/app-connections?projectId=" + project),
                    stranger.as().get("/api/v1/app-connections?projectId=" + nothing),
                    project);
        }

        @Test
        void isAConnectionThatIsNotThere() {
            var connection = UUID.randomUUID();
            Resealed.sql("insert into app_connection (id, project_id, name, version, credentials, credentials_version,"
                    + " credentials_hash, created_at, updated_at) values ('" + connection + "', '" + project
                    + "', 'theirs', 1, '', 1, '', now(), now())");

            var base = "/api/v1/app-connections/postgres/";
            assertSame(stranger.as().get(base + connection), stranger.as().get(base + nothing), connection);
            assertSame(
                    stranger.as().body("{\"name\":\"x\"}").patch(base + connection),
                    stranger.as().body("{\"name\":\"x\"}").patch(base + nothing),
                    connection);
            assertSame(stranger.as().delete(base + connection), stranger.as().delete(base + nothing), connection);
            assertSame(
                    stranger.as().body("{}").post(base + connection + "/test"),
                    stranger.as().body("{}").post(base + nothing + "/test"),
                    connection);
            assertSame(
                    stranger.as().get(base + connection + "/usage"),
                    stranger.as().get(base + nothing + "/usage"),
                    connection);
            stranger.as().get("/api/v1/app-connections").then().body("appConnections", empty());

            TestStore.sql("delete from app_connection where id = '" + connection + "'");
        }

        private void assertSame(Response theirs, Response nobodys, Object there) {
            Map<String, Object> one = theirs.as(Map.class);
            Map<String, Object> other = nobodys.as(Map.class);
            assertThat(one.remove("reqId")).isNotEqualTo(other.remove("reqId"));
            one.replaceAll((key, value) -> value.toString().replace(there.toString(), nothing.toString()));
            other.replaceAll((key, value) -> value.toString());
            assertThat(one).isEqualTo(other);
            assertThat(theirs.statusCode()).isEqualTo(nobodys.statusCode()).isIn(400, 404);
        }
    }

    @Test
    void listsShowWhatTheCallerMaySee() {
        var other = Identities.project();
        var member = Identities.in(project, "reader");
        Api.as()
                .body(Map.of("roles", List.of("operator")))
                .put("/api/v1/projects/" + other + "/identity-memberships/" + member.id())
                .then()
                .statusCode(200);

        member.as().get("/api/v1/projects").then().body("projects.id", containsInAnyOrder(project, other));
    }
}
