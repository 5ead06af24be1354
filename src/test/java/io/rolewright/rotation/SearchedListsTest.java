package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lists that are looked through by the service: words, order, pages and counts, and nothing of what the caller may not see. */
@QuarkusTest
class SearchedListsTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static String prefix;
    private static String project;
    private static Login shared;
    private static Somebody reader;
    private static String ninth;
    private static String tenth;
    private static String organisations;

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    @BeforeEach
    void threeConnections() {
        if (prefix != null) {
            return;
        }
        String name = Rotating.name("found");
        project = Identities.project();
        shared = target.role("LOGIN");
        reader = Identities.in(project, "reader");
        ninth = connection(name + "-9", project, "Of the NINTH floor", shared);
        tenth = connection(name + "-10", project, null, target.role("LOGIN"));
        organisations = connection(name + "-org", null, null, target.role("LOGIN"));
        prefix = name;
    }

    private String connection(String name, String in, String description, Login login) {
        Map<String, Object> body = new HashMap<>(Map.of(
                "name",
                name,
                "method",
                "username-and-password",
                "credentials",
                Map.of(
                        "host",
                        "127.0.0.1",
                        "port",
                        target.port(),
                        "database",
                        "postgres",
                        "username",
                        login.role(),
                        "password",
                        login.password(),
                        "sslEnabled",
                        false)));
        body.put("projectId", in);
        body.put("description", description);
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static Response connections(Object... query) {
        return Api.as().queryParams(query(query)).get(CONNECTIONS);
    }

    private static Map<String, Object> query(Object... pairs) {
        Map<String, Object> query = new HashMap<>(Map.of("limit", 10));
        for (int i = 0; i < pairs.length; i += 2) {
            query.put((String) pairs[i], pairs[i + 1]);
        }
        return query;
    }

    @Test
    void everyWordHasToBeSomewhereInTheRowAlsoInWhatIsSealed() {
        connections("search", prefix)
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(ninth, tenth, organisations))
                .body("totalCount", equalTo(3))
                .body("nextCursor", nullValue());
        for (String words : List.of(
                "ninth  FLOOR",
                shared.role(),
                "127.0.0.1:" + target.port() + "/postgres " + prefix + "-9",
                ninth.substring(0, 8))) {
            connections("search", prefix + " " + words)
                    .then()
                    .statusCode(200)
                    .body("appConnections.id", contains(ninth))
                    .body("totalCount", equalTo(1));
        }
        connections("search", prefix + " " + ninth.substring(9, 23)).then().body("totalCount", equalTo(0));
        connections("search", prefix + " " + shared.password()).then().body("totalCount", equalTo(0));
    }

    @Test
    void pagesAreCountedAndInTheOrderThatPeopleCountIn() {
        connections("search", prefix, "sort", "-name", "limit", 2)
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(organisations, tenth))
                .body("totalCount", equalTo(3));
        connections("search", prefix, "sort", "-name", "limit", 2, "offset", 2)
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(ninth))
                .body("totalCount", equalTo(3));
        connections("search", prefix, "sort", "project")
                .then()
                .body("appConnections.id", contains(ninth, tenth, organisations));
        connections("search", prefix, "sort", "-project")
                .then()
                .body("appConnections.id", contains(ninth, tenth, organisations));
    }

    @Test
    void theWorstComesFirst() {
        TestStore.sql("UPDATE app_connection SET test_ok = false WHERE id = '" + tenth + "'");
        try {
            connections("search", prefix, "sort", "status")
                    .then()
                    .body("appConnections.id", contains(tenth, ninth, organisations));
            connections("search", prefix, "status", "test_failed")
                    .then()
                    .body("appConnections.id", contains(tenth))
                    .body("totalCount", equalTo(1));
        } finally {
            TestStore.sql("UPDATE app_connection SET test_ok = true WHERE id = '" + tenth + "'");
        }
    }

    @Test
    void filtersAreNotOnThisPageOnly() {
        connections("search", prefix, "projectId", "organisation")
                .then()
                .body("appConnections.id", contains(organisations));
        connections("search", prefix, "projectId", project).then().body("appConnections.id", contains(ninth, tenth));
        connections("search", prefix, "sslMode", "disable").then().body("totalCount", equalTo(3));
        connections("search", prefix, "sslMode", "require").then().body("totalCount", equalTo(0));
        connections("search", prefix, "managed", "true").then().body("totalCount", equalTo(0));
        connections("search", prefix, "managed", "false").then().body("totalCount", equalTo(3));
    }

    /** By name, to the byte, so that 10 comes before 9. */
    @Test
    void thoseOfOneStatusAreShownInPages() {
        for (boolean everywhere : new boolean[] {true, false}) {
            Map<String, Object> query = query("limit", 1, "status", "ok");
            if (everywhere) {
                query.put("projectId", project);
            }
            Supplier<RequestSpecification> caller = () -> everywhere ? Api.as() : reader.as();
            Response first = caller.get().queryParams(query).get(CONNECTIONS);
            first.then().statusCode(200).body("appConnections.id", contains(tenth));
            query.put("cursor", first.path("nextCursor"));
            caller.get()
                    .queryParams(query)
                    .get(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .body("appConnections.id", contains(ninth))
                    .body("nextCursor", nullValue());
            query.put("status", "test_failed");
            caller.get()
                    .queryParams(query)
                    .get(CONNECTIONS)
                    .then()
                    .statusCode(200)
                    .body("appConnections", hasSize(0));
        }
    }

    /** Not even how many there are. */
    @Test
    void whatSomebodyMayNotSeeIsNotFound() {
        reader.as()
                .queryParams(query("search", prefix))
                .get(CONNECTIONS)
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(ninth, tenth))
                .body("totalCount", equalTo(2));
        reader.as()
                .queryParams(query("search", prefix, "projectId", "organisation"))
                .get(CONNECTIONS)
                .then()
                .statusCode(200)
                .body("totalCount", equalTo(0));
        reader.as()
                .queryParams(query("search", "", "offset", 0))
                .get(BASE)
                .then()
                .statusCode(200)
                .body("secretRotations.projectId", everyItem(equalTo(project)));
    }

    /** Who chooses one sees where it leads, if he may; a clone has the name of the original. */
    @Test
    void whatMayBeUsedSaysWhereItLeads() {
        Api.as()
                .queryParams(query("search", prefix + " " + shared.role(), "projectId", project))
                .get(CONNECTIONS + "/available")
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(ninth))
                .body("appConnections[0].server.host", equalTo("127.0.0.1"))
                .body("appConnections[0].server.port", equalTo(target.port()))
                .body("appConnections[0].server.database", equalTo("postgres"))
                .body("appConnections[0].server.username", equalTo(shared.role()))
                .body("totalCount", equalTo(1));
        Api.as()
                .queryParams(query("search", prefix, "projectId", project))
                .get(CONNECTIONS + "/available")
                .then()
                .body("appConnections.id", contains(ninth, tenth, organisations));
        Api.as()
                .queryParams(query("search", prefix))
                .get(CONNECTIONS + "/available")
                .then()
                .body("appConnections.id", contains(organisations));
    }

    @Test
    void rotationsAreFoundByTheirRolesAndByTheConnectionThatChangesThem() {
        Rotating roles = Rotating.on(target);
        String name = Rotating.name("sought");
        String id = Rotating.created(roles.body(name));
        String connection = Rotating.read(id).extract().path("secretRotation.connection.name");
        for (String words : List.of(
                name,
                roles.second.role(),
                connection + " production",
                name + " " + id.substring(0, 8),
                name + " default")) {
            Api.as()
                    .queryParams(query("search", words, "strategy", "dual", "sort", "-next"))
                    .get(BASE)
                    .then()
                    .statusCode(200)
                    .body("secretRotations.id", contains(id))
                    .body("totalCount", equalTo(1));
        }
        Api.as()
                .queryParams(query("search", name, "strategy", "single"))
                .get(BASE)
                .then()
                .body("totalCount", equalTo(0));
        for (String column : RotationSearch.COLUMNS) {
            Api.as()
                    .queryParams(query("sort", column, "limit", 1))
                    .get(BASE)
                    .then()
                    .statusCode(200)
                    .body("secretRotations", hasSize(1))
                    .body("totalCount", notNullValue());
        }
    }

    /** Identities by their roles, projects by their slugs, webhooks by addresses, which are sealed, and by their projects. */
    @Test
    void identitiesProjectsAndWebhooksAreLookedThroughToo() {
        String name = Rotating.name("list");
        Map<Integer, String> identities = new HashMap<>();
        Map<Integer, String> webhooks = new HashMap<>();
        for (int i : List.of(9, 10)) {
            identities.put(
                    i,
                    Api.as()
                            .body(Map.of("name", name + "-" + i, "roles", List.of(i == 9 ? "reader" : "consumer")))
                            .post("/api/v1/identities")
                            .then()
                            .statusCode(200)
                            .extract()
                            .path("identity.id"));
            webhooks.put(
                    i,
                    Api.as()
                            .body(Map.of(
                                    "projectId",
                                    project,
                                    "name",
                                    name + "-" + i,
                                    "url",
                                    "https://127.0.0.1:1/hook-" + i,
                                    "events",
                                    List.of("rotation.failed")))
                            .post("/api/v1/webhooks")
                            .then()
                            .statusCode(200)
                            .extract()
                            .path("webhook.id"));
        }
        String made = Api.as()
                .body(Map.of("projectName", name + " project", "slug", name + "-slug"))
                .post("/api/v1/projects")
                .then()
                .statusCode(200)
                .extract()
                .path("project.id");

        looked("/api/v1/identities", "search", name)
                .body("identities.id", contains(identities.get(9), identities.get(10)))
                .body("totalCount", equalTo(2))
                .body("nextCursor", nullValue());
        looked("/api/v1/identities", "search", name, "sort", "-name", "limit", 1)
                .body("identities.id", contains(identities.get(10)))
                .body("totalCount", equalTo(2));
        looked("/api/v1/identities", "search", name + " CONSUMER").body("identities.id", contains(identities.get(10)));
        looked("/api/v1/identities", "search", identities.get(9)).body("identities.name", contains(name + "-9"));
        looked("/api/v1/projects", "search", name + "-slug")
                .body("projects.id", contains(made))
                .body("totalCount", equalTo(1));
        looked("/api/v1/projects", "search", name + " project", "sort", "-created")
                .body("projects.id", contains(made));
        looked("/api/v1/webhooks", "search", name + " hook-10").body("webhooks.id", contains(webhooks.get(10)));
        String called = Api.as().get("/api/v1/projects/" + project).path("project.name");
        looked("/api/v1/webhooks", "search", name + " " + called, "sort", "-url")
                .body("webhooks.id", contains(webhooks.get(10), webhooks.get(9)))
                .body("totalCount", equalTo(2));
        looked("/api/v1/webhooks", "search", name, "projectId", project, "sort", "state", "offset", 1)
                .body("webhooks.id", contains(webhooks.get(10)));
        for (String each : List.of(
                "identities name roles projects",
                "projects name slug created",
                "webhooks name project url state last")) {
            String[] words = each.split(" ");
            for (int i = 1; i < words.length; i++) {
                looked("/api/v1/" + words[0], "sort", words[i], "limit", 1).body(words[0], hasSize(1));
            }
            Api.as()
                    .queryParams(query("sort", "password"))
                    .get("/api/v1/" + words[0])
                    .then()
                    .statusCode(422)
                    .body("message.path.flatten()", contains("sort"));
        }
        // Not even how many there are elsewhere.
        reader.as()
                .queryParams(query("offset", 0))
                .get("/api/v1/projects")
                .then()
                .statusCode(200)
                .body("projects.id", contains(project))
                .body("totalCount", equalTo(1));
        reader.as()
                .queryParams(query("search", name))
                .get("/api/v1/identities")
                .then()
                .statusCode(403);
        webhooks.values().forEach(id -> Api.as().delete("/api/v1/webhooks/" + id));
    }

    private static ValidatableResponse looked(String path, Object... query) {
        return Api.as().queryParams(query(query)).get(path).then().statusCode(200);
    }

    @ParameterizedTest
    @CsvSource({
        "sort,       password, sort",
        "sort,       -,        sort",
        "offset,     -1,       offset",
        "offset,     10001,    offset",
        "managed,    yes,      managed",
        "sslMode,    prefer,   sslMode",
        "cursor,     abc,      cursor"
    })
    void whatDoesNotFitIsNamed(String parameter, String value, String field) {
        connections("search", "x", parameter, value)
                .then()
                .statusCode(422)
                .body("message.path.flatten()", contains(field));
    }

    @Test
    void whatIsNotForTheWholeListSaysSo() {
        Api.as()
                .queryParam("search", "x")
                .get(CONNECTIONS)
                .then()
                .statusCode(422)
                .body("message.path.flatten()", contains("limit"));
        Api.as()
                .queryParam("search", "x".repeat(201))
                .queryParam("limit", 1)
                .get(BASE)
                .then()
                .statusCode(422)
                .body("message.path.flatten()", contains("search"));
        connections("managed", "true").then().statusCode(422).body("message.path.flatten()", contains("managed"));
        connections("projectId", "organisation")
                .then()
                .statusCode(422)
                .body("message.path.flatten()", contains("projectId"));
        assertThat(connections().<Integer>path("totalCount")).isNull();
    }
}
