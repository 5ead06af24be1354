package io.rolewright.request;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two who edit the same thing do not undo each other. */
@QuarkusTest
class IfMatchTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static String etag(String path) {
        String etag = Api.as().get(path).then().statusCode(200).extract().header("ETag");
        assertThat(etag).matches("\"[^\"]+\"");
        return etag;
    }

    private static Response patch(String path, String seen, Map<String, ?> change) {
        return Api.as().header("If-Match", seen).body(change).patch(path);
    }

    @Test
    void aRotationThatSomebodyElseHasEditedIsNotEdited() {
        String path = BASE + "/" + Rotating.on(TestPostgres.NEWEST).created();
        String seen = etag(path);

        Response first = patch(path, seen, Map.of("rotationInterval", 7));
        first.then().statusCode(200).body("secretRotation.rotationInterval", equalTo(7));
        patch(path, seen, Map.of("rotationInterval", 27))
                .then()
                .statusCode(412)
                .body("code", equalTo("changed_since_read"))
                .body("details.current.rotationInterval", equalTo(7))
                .body("details.etag", equalTo(first.header("ETag")));
        Api.as().get(path).then().body("secretRotation.rotationInterval", equalTo(7));
        assertThat(etag(path)).isEqualTo(first.header("ETag")).isNotEqualTo(seen);
        patch(path, first.header("ETag"), Map.of("description", "mine"))
                .then()
                .statusCode(200)
                .body("secretRotation.rotationInterval", equalTo(7));
    }

    /** It is of the settings: what the service does by itself stands in nobody's way. */
    @Test
    void aNewPasswordIsNoEdit() {
        String id = Rotating.on(TestPostgres.NEWEST).created();
        String seen = etag(BASE + "/" + id);
        Rotating.rotate(id).then().statusCode(200);

        patch(BASE + "/" + id, seen, Map.of("description", "mine")).then().statusCode(200);
    }

    @Test
    void aConnectionThatSomebodyElseHasEditedIsNotEdited() {
        String path = CONNECTIONS + "/" + Rotating.on(TestPostgres.NEWEST).connection;
        String seen = etag(path);

        patch(path, seen, Map.of("description", "theirs")).then().statusCode(200);
        patch(path, seen, Map.of("description", "mine"))
                .then()
                .statusCode(412)
                .body("details.current.description", equalTo("theirs"));
        Api.as().get(path).then().body("appConnection.description", equalTo("theirs"));
    }

    /**
     * Something that the console edits.
     *
     * @param read where its ETag is
     * @param write where it is changed
     * @param field that is changed by {@code theirs} and {@code mine}
     */
    private record Edited(String read, String write, String field, Object theirs, Object mine) {}

    private static String made(String path, Map<String, ?> body, String id) {
        return Api.as().body(body).post(path).then().statusCode(200).extract().path(id);
    }

    private static Edited edited(String kind) {
        String somebody = Identities.with("reader").id();
        String project = Identities.project();
        String auth = "/api/v1/auth/" + kind + "-auth/identities/" + somebody;
        Edited lifetime = new Edited(auth, auth, "accessTokenTTL", 600, 700);
        switch (kind) {
            case "project":
                String self = "/api/v1/projects/" + project;
                return new Edited(self, self, "description", "theirs", "mine");
            case "environment":
                String environments = "/api/v1/workspace/" + project + "/environments";
                String id = made(environments, Map.of("name", "QA", "slug", "qa"), "environment.id");
                return new Edited(
                        "/api/v1/workspace/environments/" + id, environments + "/" + id, "name", "theirs", "mine");
            case "folder":
                made(
                        "/api/v1/workspace/" + project + "/environments",
                        Map.of("name", "QA", "slug", "qa"),
                        "environment.id");
                String folder = "/api/v1/folders/"
                        + made(
                                "/api/v1/folders",
                                Map.of("workspaceId", project, "environment", "qa", "name", "a"),
                                "folder.id");
                return new Edited(folder, folder, "description", "theirs", "mine");
            case "identity":
                String identity = "/api/v1/identities/" + somebody;
                return new Edited(identity, identity, "roles", List.of("operator"), List.of("consumer"));
            case "identity of a project":
                String those = "/api/v1/projects/" + project + "/identities";
                String own = those + "/" + made(those, Map.of("name", "own"), "identity.id");
                return new Edited(own, own, "name", "theirs", "mine");
            case "webhook":
                String webhook = "/api/v1/webhooks/"
                        + made(
                                "/api/v1/webhooks",
                                Map.of(
                                        "projectId",
                                        project,
                                        "name",
                                        "hook",
                                        "url",
                                        "https://localhost/hook",
                                        "events",
                                        List.of("rotation.credential-changed")),
                                "webhook.id");
                return new Edited(webhook, webhook, "name", "theirs", "mine");
            case "token":
                made(auth, Map.of(), "identityTokenAuth.id");
                return lifetime;
            case "static token":
                String tokens = "/api/v1/auth/token-auth/tokens/"
                        + made(
                                "/api/v1/auth/token-auth/identities/" + somebody + "/tokens",
                                Map.of("name", "t"),
                                "tokenData.id");
                return new Edited(tokens, tokens, "name", "theirs", "mine");
            case "oidc":
                Map<String, ?> rule = Map.of(
                        "issuer", "https://issuer.example", "boundAudiences", List.of("a"), "boundSubject", "somebody");
                Api.as().body(rule).put(auth).then().statusCode(200);
                return lifetime;
            case "kubernetes":
                Map<String, ?> accounts = Map.of(
                        "issuer", "https://issuer.example", "allowedAudience", "a", "allowedNamespaces", List.of("n"));
                Api.as().body(accounts).put(auth).then().statusCode(200);
                return lifetime;
            default:
                return lifetime;
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "project",
                "environment",
                "folder",
                "identity",
                "identity of a project",
                "webhook",
                "static token",
                "universal",
                "token",
                "oidc",
                "kubernetes"
            })
    void whatSomebodyElseHasEditedIsNotEdited(String kind) {
        Edited edited = edited(kind);
        String seen = etag(edited.read);

        Response theirs = patch(edited.write, seen, Map.of(edited.field, edited.theirs));
        theirs.then().statusCode(200);
        String since = etag(edited.read);
        assertThat(since).isEqualTo(theirs.header("ETag")).isNotEqualTo(seen);
        patch(edited.write, seen, Map.of(edited.field, edited.mine))
                .then()
                .statusCode(412)
                .body("code", equalTo("changed_since_read"))
                .body("details.current." + edited.field, equalTo(edited.theirs))
                .body("details.etag", equalTo(since));
        assertThat(etag(edited.read)).as("nothing was changed").isEqualTo(since);
        // As a proxy that compresses sends it.
        patch(edited.write, "W/" + since, Map.of(edited.field, edited.mine))
                .then()
                .statusCode(200);
        Api.as()
                .body(Map.of(edited.field, edited.theirs))
                .patch(edited.write)
                .then()
                .statusCode(200)
                .header("ETag", equalTo(since));
    }

    /** Of those that saw the same, whoever comes first wins, however near to each other they come. */
    @ParameterizedTest
    @ValueSource(
            strings = {"project", "environment", "folder", "identity", "webhook", "static token", "universal", "oidc"})
    void oneOfManyAtTheSameMomentEdits(String kind) {
        Edited edited = edited(kind);
        String seen = etag(edited.read);
        List<Map<String, ?>> changes = edited.field.equals("accessTokenTTL")
                ? List.of(change(edited, 601), change(edited, 602), change(edited, 603), change(edited, 604))
                : edited.field.equals("roles")
                        ? List.of(
                                change(edited, List.of("admin")),
                                change(edited, List.of("operator")),
                                change(edited, List.of("consumer")),
                                change(edited, List.of("scheduler")))
                        : List.of(
                                change(edited, "a1"), change(edited, "a2"), change(edited, "a3"), change(edited, "a4"));

        List<Integer> answers = changes.stream()
                .map(each -> CompletableFuture.supplyAsync(
                        () -> patch(edited.write, seen, each).statusCode()))
                .toList()
                .stream()
                .map(CompletableFuture::join)
                .sorted()
                .toList();

        assertThat(answers).containsExactly(200, 412, 412, 412);
    }

    private static Map<String, ?> change(Edited edited, Object value) {
        return Map.of(edited.field, value);
    }

    /** Roles in a project are put as a whole, by two paths. */
    @Test
    void rolesThatSomebodyElseHasGivenInAProjectAreNotReplaced() {
        String project = Identities.project();
        String somebody = Identities.in(project, "reader").id();
        String path = "/api/v2/workspace/" + project + "/identity-memberships/" + somebody;
        String own = "/api/v1/projects/" + project + "/identity-memberships/" + somebody;
        String seen = etag(path);

        patch(path, seen, Map.of("roles", List.of(Map.of("role", "member"))))
                .then()
                .statusCode(200);
        Api.as()
                .header("If-Match", seen)
                .body(Map.of("roles", List.of("admin")))
                .put(own)
                .then()
                .statusCode(412)
                .body("details.current.roles", equalTo(List.of("operator", "consumer")));
        patch(path, seen, Map.of("roles", List.of(Map.of("role", "admin"))))
                .then()
                .statusCode(412);
        Api.as()
                .header("If-Match", etag(path))
                .body(Map.of("roles", List.of("admin")))
                .put(own)
                .then()
                .statusCode(200)
                .header("ETag", equalTo(etag(path)));
    }

    /** A rule that is put in place of another is one that was seen. */
    @Test
    void aRuleThatSomebodyElseHasPutIsNotReplaced() {
        String auth = "/api/v1/auth/oidc-auth/identities/" + Identities.with().id();
        Map<String, ?> rule =
                Map.of("issuer", "https://issuer.example", "boundAudiences", List.of("a"), "boundSubject", "theirs");
        Api.as().body(rule).put(auth).then().statusCode(200);
        String seen = etag(auth);
        Response theirs = Api.as().header("If-Match", seen).body(rule).put(auth);
        theirs.then().statusCode(200);

        Api.as()
                .header("If-Match", seen)
                .body(rule)
                .put(auth)
                .then()
                .statusCode(412)
                .body("details.etag", equalTo(theirs.header("ETag")))
                .body("details.current.boundSubject", equalTo("theirs"));
        Api.as().delete(auth).then().statusCode(200);
        Api.as()
                .header("If-Match", theirs.header("ETag"))
                .body(rule)
                .put(auth)
                .then()
                .statusCode(412);
    }

    @Test
    void withoutTheHeaderOrWithAStarItIsEditedWhateverThereIs() {
        String path = BASE + "/" + Rotating.on(TestPostgres.NEWEST).created();
        Api.as().body(Map.of("description", "one")).patch(path).then().statusCode(200);
        patch(path, "*", Map.of("description", "two"))
                .then()
                .statusCode(200)
                .body("secretRotation.description", equalTo("two"));
    }
}
