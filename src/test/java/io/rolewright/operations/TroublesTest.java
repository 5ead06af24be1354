package io.rolewright.operations;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.rotate;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasKey;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.sealing.RefusedRows;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong on real servers stands in the list of troubles, the worst first, and the numbers are those of the lists. */
@QuarkusTest
class TroublesTest {

    private static final String TROUBLES = "/api/v1/troubles";
    private static final String RUN_DUE = "/api/v1/rotations/run-due";
    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private String project;
    private Somebody reader;
    private Rotating roles;

    @BeforeEach
    void aProjectOfItsOwn() {
        RefusedRows.forget();
        project = Identities.project();
        reader = Identities.in(project, "reader");
        roles = Rotating.on(TestPostgres.NEWEST);
    }

    /** Other tests count what is overdue. */
    @AfterEach
    void nothingIsDueAnyMore() {
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = NULL, due_at = NULL, auto_rotation = false"
                + " WHERE project_id = '" + project + "'");
    }

    private String rotation(Rotating on, Map<String, Object> more) {
        Map<String, Object> body = on.body(name("trouble"));
        body.put("projectId", project);
        body.putAll(more);
        return created(body);
    }

    private Response troubles() {
        Response answer = reader.as().get(TROUBLES);
        answer.then().statusCode(200);
        return answer;
    }

    private static void overdue(String id) {
        TestStore.sql(
                "UPDATE secret_rotation SET next_rotation_at = now() - interval '20 minutes', due_at = now() + interval"
                        + " '1 hour' WHERE id = '" + id + "'");
    }

    /** Due work is not run by itself here. */
    private static void probe(String id) {
        TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + id + "'");
        Api.as().queryParam("budgetSeconds", 20).post(RUN_DUE).then().statusCode(200);
    }

    @Test
    void nothingIsWrongWithARotationThatWorks() {
        rotation(roles, Map.of());

        troubles()
                .then()
                .body("troubles", hasSize(0))
                .body("counts.critical", equalTo(0))
                .body("counts.error", equalTo(0))
                .body("counts.warning", equalTo(0))
                .body("nextCursor", nullValue());
    }

    @Test
    void aRefusedPasswordComesBeforeAFailureAndThatBeforeADelay() {
        String late = rotation(roles, Map.of());
        overdue(late);
        Rotating lacking = Rotating.on(TestPostgres.NEWEST);
        String failed = rotation(lacking, Map.of());
        lacking.target.sql("ALTER ROLE " + lacking.managing.role() + " NOCREATEROLE");
        rotate(failed).then().statusCode(400);
        Rotating taken = Rotating.on(TestPostgres.NEWEST);
        String refused = rotation(taken, Map.of());
        taken.target.sql("ALTER ROLE " + taken.first.role() + " PASSWORD 'somebody else''s'");
        probe(refused);

        troubles()
                .then()
                .body("troubles.id", contains(refused, failed, late))
                .body("troubles.severity", contains("critical", "error", "warning"))
                .body("troubles.status", contains("parked", "failed", "overdue"))
                .body("troubles.code", contains("changed_by_third_party", "createrole_missing", "overdue"))
                .body("troubles[0].role", equalTo(taken.first.role()))
                .body("troubles[1].message", equalTo("The managing role lacks CREATEROLE."))
                .body("troubles.since", not(contains(nullValue(), nullValue(), nullValue())))
                .body("troubles.projectId", contains(project, project, project))
                .body("troubles[0].links.self", equalTo(BASE + "/" + refused))
                .body("troubles[0].links.console", equalTo("/console/rotations/" + refused))
                .body("troubles[0].links.step.name", equalTo("rotate"))
                .body("troubles[1].links.step.name", equalTo("preflight"))
                // Nothing is said of a password that was not proven.
                .body("troubles[0].provenAt", nullValue())
                .body("troubles[1].provenAt", notNullValue())
                .body("counts.critical", equalTo(1))
                .body("counts.error", equalTo(1))
                .body("counts.warning", equalTo(1));
        Map.of(refused, "parked", failed, "failed", late, "overdue")
                .forEach((id, status) -> Rotating.read(id).body("secretRotation.status", equalTo(status)));

        // What it offers helps.
        Api.as()
                .request("POST", troubles().<String>path("troubles[0].links.step.href") + "?force=true")
                .then()
                .statusCode(200);
        assertThat(taken.loginAsServed(refused)).isEqualTo("ok");
    }

    @Test
    void sinceIsWhenItBeganAndNotWhenItWasLookedAtLast() {
        String id = rotation(roles, Map.of());
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
        probe(id);
        String since = troubles().path("troubles[0].since");

        probe(id);

        assertThat(troubles().<String>path("troubles[0].since")).isNotNull().isEqualTo(since);
    }

    /** Of two roles the one that is not served may be refused, and consumers are not. */
    @Test
    void theRoleThatIsNotServedRefusesNobody() {
        String id = rotation(roles, Map.of());
        rotate(id).then().statusCode(200);
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
        probe(id);

        reader.as()
                .queryParam("subjectId", id)
                .get(TROUBLES)
                .then()
                .statusCode(200)
                .body("troubles", hasSize(1))
                .body("troubles[0].severity", equalTo("error"))
                .body("troubles[0].role", equalTo(roles.first.role()))
                .body("troubles[0].provenAt", notNullValue());
        reader.as().queryParam("subjectId", project).get(TROUBLES).then().body("troubles", hasSize(0));
    }

    /** As after a restore, when a look before serving was refused. */
    @Test
    void aPasswordOfAStoreThatWentBackIsCritical() {
        String id = rotation(roles, Map.of());
        TestStore.sql(
                "UPDATE managed_role SET look = 'refused', looked_at = now(), refused_since = now() - interval '5 minutes'"
                        + " WHERE owner_id = '" + id + "' AND role_name = '" + roles.first.role() + "'");

        troubles()
                .then()
                .body("troubles.code", contains("stale_credential"))
                .body("troubles[0].severity", equalTo("critical"))
                .body("troubles[0].message", containsString("refused by its server"))
                .body("troubles[0].remedy", startsWith("Rotate now"))
                .body("troubles[0].role", equalTo(roles.first.role()))
                .body("troubles[0].since", notNullValue())
                .body("troubles[0].provenAt", nullValue())
                .body("troubles[0].links.step.name", equalTo("rotate"));
    }

    /** It is not given out either; nobody but the service has to use it. */
    @Test
    void thatOfAManagedConnectionIsAnError() {
        TestPostgres.Login login = roles.target.role("LOGIN");
        String id = managed(login);
        TestStore.sql("UPDATE managed_role SET look = 'refused', looked_at = now(), refused_since = now()"
                + " WHERE owner_id = '" + id + "'");

        troubles()
                .then()
                .body("troubles.code", contains("stale_credential"))
                .body("troubles[0].kind", equalTo("connection"))
                .body("troubles[0].severity", equalTo("error"))
                .body("troubles[0].role", equalTo(login.role()));

        TestStore.sql("UPDATE managed_role SET refused_since = NULL WHERE owner_id = '" + id + "'");
        Api.as().post(CONNECTIONS + "/" + id + "/release").then().statusCode(200);
        troubles().then().body("troubles", hasSize(0));
    }

    private void endsIn(TestPostgres.Login role, Duration time) {
        roles.target.sql("ALTER ROLE " + role.role() + " VALID UNTIL '"
                + OffsetDateTime.now(ZoneOffset.UTC).plus(time) + "'");
    }

    /** Told before consumers are refused, and gone as soon as a look sees that it is. */
    @Test
    void aRoleThatItsServerLetsInNoMoreBeforeItsNextChangeIsATrouble() {
        String id = rotation(roles, Map.of("isAutoRotationEnabled", true, "rotationInterval", 30));
        endsIn(roles.first, Duration.ofDays(60));
        probe(id);
        troubles().then().body("troubles", hasSize(0));

        endsIn(roles.first, Duration.ofDays(3));
        probe(id);
        troubles()
                .then()
                .body("troubles.id", contains(id))
                .body("troubles.code", contains("valid_until"))
                .body("troubles[0].severity", equalTo("warning"))
                .body("troubles[0].role", equalTo(roles.first.role()))
                .body("troubles[0].message", startsWith("The server lets the role in until "))
                .body("troubles[0].message", containsString("before the next change of its password, planned for "))
                .body("troubles[0].remedy", containsString("VALID UNTIL 'infinity'"))
                .body("troubles[0].provenAt", notNullValue());

        endsIn(roles.first, Duration.ofHours(20));
        probe(id);
        troubles().then().body("troubles.severity", contains("error")).body("counts.error", equalTo(1));

        roles.target.sql("ALTER ROLE " + roles.first.role() + " VALID UNTIL 'infinity'");
        Api.as().post(BASE + "/" + id + "/verify").then().statusCode(200);
        troubles().then().body("troubles", hasSize(0));
    }

    /** Both may end, and each has a page of its own. */
    @Test
    void eachRoleThatEndsIsOne() {
        String id = rotation(roles, Map.of("isAutoRotationEnabled", false));
        rotate(id).then().statusCode(200);
        endsIn(roles.first, Duration.ofHours(20));
        endsIn(roles.second, Duration.ofHours(21));
        probe(id);

        Response first = reader.as().queryParam("limit", 1).get(TROUBLES);
        Response second = reader.as()
                .queryParams("limit", 1, "cursor", first.path("nextCursor"))
                .get(TROUBLES);

        assertThat(List.of(first.<String>path("troubles[0].role"), second.<String>path("troubles[0].role")))
                .containsExactlyInAnyOrder(roles.first.role(), roles.second.role());
        assertThat(second.<String>path("nextCursor")).isNull();
        assertThat(first.<String>path("troubles[0].message")).endsWith("(VALID UNTIL).");
    }

    private String managed(TestPostgres.Login login) {
        return Api.as()
                .body(Map.of(
                        "name",
                        name("self"),
                        "projectId",
                        project,
                        "method",
                        "username-and-password",
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        Map.of(
                                "host",
                                roles.target.host(),
                                "port",
                                roles.target.port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                login.password(),
                                "sslEnabled",
                                false)))
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** Nobody else is there who could put it back: what is said has to be something that can be done, and helps. */
    @Test
    void aRoleThatChangesItselfAndIsRefusedTakesAPasswordThatLogsIn() {
        TestPostgres.Login login = roles.target.role("LOGIN");
        String id = managed(login);
        roles.target.sql("ALTER ROLE " + login.role() + " PASSWORD 'somebody else''s'");
        probe(id);
        troubles()
                .then()
                .body("troubles.code", contains("changed_by_third_party"))
                .body("troubles[0].remedy", startsWith("Send the password that works now (PATCH "));

        Api.as()
                .body(Map.of(
                        "credentials",
                        Map.of(
                                "host",
                                roles.target.host(),
                                "port",
                                roles.target.port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                "somebody else's",
                                "sslEnabled",
                                false)))
                .patch(CONNECTIONS + "/" + id)
                .then()
                .statusCode(200);

        troubles().then().body("troubles", hasSize(0));
    }

    /** It could still read its own VALID UNTIL when it was last in. */
    @Test
    void aRoleThatChangesItselfAndHasExpiredIsNotSaidToBeChangedBySomebody() {
        TestPostgres.Login login = roles.target.role("LOGIN");
        String id = managed(login);
        endsIn(login, Duration.ofHours(20));
        probe(id);
        troubles().then().body("troubles.code", contains("valid_until"));
        roles.target.sql("ALTER ROLE " + login.role() + " VALID UNTIL '2020-01-01'");
        TestStore.sql(
                "UPDATE managed_role SET valid_until = now() - interval '1 minute' WHERE owner_id = '" + id + "'");
        probe(id);
        troubles()
                .then()
                .body("troubles.code", contains("role_expired"))
                .body("troubles[0].remedy", startsWith("Run ALTER ROLE "));

        roles.target.sql("ALTER ROLE " + login.role() + " VALID UNTIL 'infinity'");
        probe(id);

        troubles().then().body("troubles", hasSize(0));
    }

    /** Its password is right, and yet nobody gets in. */
    @Test
    void aServedRoleThatGetsNoSessionIsCritical() {
        String id = rotation(roles, Map.of());
        roles.target.sql("ALTER ROLE " + roles.first.role() + " CONNECTION LIMIT 0");
        probe(id);

        troubles()
                .then()
                .body("troubles.code", contains("role_full"))
                .body("troubles[0].severity", equalTo("critical"))
                .body("troubles[0].since", notNullValue())
                .body("troubles[0].provenAt", notNullValue());
    }

    @Test
    void aTestThatFailedIsATroubleOfItsConnection() {
        Somebody admin = Identities.in(project, "admin");
        String id = admin.as()
                .body(Map.of(
                        "name",
                        name("tested"),
                        "method",
                        "username-and-password",
                        "projectId",
                        project,
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                roles.target.port(),
                                "database",
                                "postgres",
                                "username",
                                roles.second.role(),
                                "password",
                                roles.second.password(),
                                "sslEnabled",
                                false)))
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
        roles.target.sql("ALTER ROLE " + roles.second.role() + " PASSWORD 'another'");
        admin.as().body("{}").post(CONNECTIONS + "/" + id + "/test").then().statusCode(200);

        troubles()
                .then()
                .body("troubles.id", contains(id))
                .body("troubles[0].kind", equalTo("connection"))
                .body("troubles[0].code", equalTo("password_refused"))
                .body("troubles[0].since", notNullValue());
        reader.as()
                .queryParam("status", "test_failed")
                .get(CONNECTIONS)
                .then()
                .statusCode(200)
                .body("appConnections.id", contains(id));
        reader.as()
                .get("/api/v2/secret-rotations/summary")
                .then()
                .body("connections.test_failed", equalTo(1))
                .body("connections", not(hasKey("ok")));
    }

    @Test
    void pagesShowEachTroubleOnceInTheSameOrder() {
        for (int i = 0; i < 3; i++) {
            overdue(rotation(Rotating.on(TestPostgres.NEWEST), Map.of()));
        }
        List<String> all = troubles().path("troubles.id");
        List<String> paged = new ArrayList<>();
        String cursor = null;
        do {
            var request = reader.as().queryParam("limit", 1);
            Response page = (cursor == null ? request : request.queryParam("cursor", cursor)).get(TROUBLES);
            page.then().statusCode(200).body("troubles", hasSize(1)).body("counts.warning", equalTo(3));
            paged.addAll(page.path("troubles.id"));
            cursor = page.path("nextCursor");
        } while (cursor != null);

        assertThat(paged).hasSize(3).isEqualTo(all);
    }

    @Test
    void theNumbersAreTheRowsOfTheLists() {
        String fine = rotation(Rotating.on(TestPostgres.NEWEST), Map.of());
        String late = rotation(Rotating.on(TestPostgres.NEWEST), Map.of());
        overdue(late);
        String byHand = rotation(Rotating.on(TestPostgres.NEWEST), Map.of("isAutoRotationEnabled", false));

        reader.as()
                .get("/api/v2/secret-rotations/summary")
                .then()
                .statusCode(200)
                .body("rotations", equalTo(Map.of("ok", 1, "overdue", 1, "manual", 1)))
                .body("upcoming.id", contains(fine))
                .body("upcoming[0].nextRotationAt", notNullValue());
        for (Map.Entry<String, String> each :
                Map.of("ok", fine, "overdue", late, "manual", byHand).entrySet()) {
            reader.as()
                    .queryParam("status", each.getKey())
                    .get(BASE)
                    .then()
                    .statusCode(200)
                    .body("secretRotations.id", contains(each.getValue()))
                    .body("secretRotations.status", contains(each.getKey()));
        }
        Response first =
                reader.as().queryParams("status", "ok,overdue", "limit", 1).get(BASE);
        Response second = reader.as()
                .queryParams("status", "ok,overdue", "limit", 1, "cursor", first.path("nextCursor"))
                .get(BASE);
        assertThat(List.of(first.<String>path("secretRotations[0].id"), second.<String>path("secretRotations[0].id")))
                .containsExactlyInAnyOrder(fine, late);
        assertThat(second.<String>path("nextCursor")).isNull();
        Identities.in(Identities.project(), "reader")
                .as()
                .queryParam("status", "ok,overdue,manual")
                .get(BASE)
                .then()
                .statusCode(200)
                .body("secretRotations", hasSize(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {BASE, CONNECTIONS})
    void aStatusThatThereIsNotIsRefusedWithThoseThatThereAre(String list) {
        Response answer = Api.as().queryParams("status", "ok,late").get(list);

        answer.then().statusCode(422).body("message[0].path[0]", equalTo("status"));
        assertThat(answer.<String>path("message[0].message")).contains("overdue");
    }

    @Test
    void runDueTurnsRedWhenAskedToAndSomethingStaysOverdue() {
        // Whatever other tests have left.
        for (String table : List.of("secret_rotation", "managed_connection")) {
            TestStore.sql(
                    "UPDATE " + table + " SET next_rotation_at = NULL, due_at = NULL WHERE next_rotation_at < now()");
        }
        String id = rotation(roles, Map.of());
        overdue(id);

        Api.as().queryParams("budgetSeconds", 5).post(RUN_DUE).then().statusCode(200);
        Api.as()
                .queryParams("budgetSeconds", 5, "failOn", "overdue")
                .post(RUN_DUE)
                .then()
                .statusCode(409)
                .body("code", equalTo("still_overdue"))
                .body("details.report.overdue", equalTo(1));
        nothingIsDueAnyMore();
        Api.as()
                .queryParams("budgetSeconds", 5, "failOn", "overdue")
                .post(RUN_DUE)
                .then()
                .statusCode(200)
                .body("overdue", equalTo(0));
        Api.as()
                .queryParams("failOn", "anything")
                .post(RUN_DUE)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("failOn"));
    }
}
