package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.credentials;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.post;
import static io.rolewright.rotation.Rotating.project;
import static io.rolewright.rotation.Rotating.read;
import static io.rolewright.rotation.Rotating.rotate;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.emptyOrNullString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.request.Moments;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Rotations over HTTP, against real servers; runs against the JVM build and the executable alike. */
@QuarkusTest
class RotationWireTest {

    /** From its creation to its deletion, a scene for each step. */
    @Nested
    class WholeLife {

        @Test
        void creationAnswersWithAllOfIt() {
            Rotating roles = Rotating.on(14);
            String name = name("whole-life");
            Map<String, Object> body = roles.body(name);
            body.put("description", "of the orders");
            body.put("rotateAtUtc", Map.of("hours", 3, "minutes", 15));

            Response created = post(body);

            Map<String, Object> shown = created.then().statusCode(200).extract().path("secretRotation");
            Map<String, Object> expected = new HashMap<>(Map.ofEntries(
                    entry("name", name),
                    entry("description", "of the orders"),
                    entry("type", "postgres-credentials"),
                    entry("projectId", project()),
                    entry("connectionId", roles.connection),
                    entry("isAutoRotationEnabled", true),
                    entry("rotationInterval", 30),
                    entry("rotateAtUtc", Map.of("hours", 3, "minutes", 15)),
                    entry("activeIndex", 0),
                    entry("rotationStatus", "success"),
                    entry("isLastRotationManual", true),
                    entry("parameters", Map.of("username1", roles.first.role(), "username2", roles.second.role())),
                    entry("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD")),
                    entry("strategy", "dual"),
                    entry("driftPolicy", "report"),
                    entry("state", "ok"),
                    entry("credentialVersion", 1)));
            for (String absent : List.of("lastRotationJobId", "lastRotationMessage", "stateReason")) {
                expected.put(absent, null);
            }
            assertThat(shown).containsAllEntriesOf(expected);
            assertThat(next(created)).isAfter(Instant.now().plus(29, ChronoUnit.DAYS));
        }

        @Test
        void creationNamesTheConnectionAndThePlace() {
            Rotating roles = Rotating.on(14);
            String name = name("placed");

            Response created = post(roles.body(name));

            created.then()
                    .statusCode(200)
                    .body("secretRotation.connection.app", equalTo("postgres"))
                    .body("secretRotation.connection.id", equalTo(roles.connection))
                    .body("secretRotation.connection.name", notNullValue())
                    .body("secretRotation.environment.slug", equalTo("production"))
                    .body("secretRotation.environment.name", equalTo("production"))
                    .body("secretRotation.environment.id", matchesPattern("[0-9a-f-]{36}"))
                    .body("secretRotation.folder.path", equalTo("/" + name))
                    .body("secretRotation.folderId", equalTo(created.path("secretRotation.folder.id")));
        }

        @ParameterizedTest
        @MethodSource("io.rolewright.testing.TestPostgres#versions")
        void creationGivesTheFirstRoleAPasswordOfOursAndLeavesTheSecondAlone(int major) {
            Rotating roles = Rotating.on(major);

            String id = roles.created();

            assertThat(roles.target.login(roles.first.role(), roles.first.password()))
                    .as("username1's old password")
                    .isEqualTo("28P01");
            assertThat(roles.target.login(roles.second.role(), roles.second.password()))
                    .as("username2 is not touched")
                    .isEqualTo("ok");
            assertThat(credentials(id)).hasSize(1);
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        }

        @Test
        void isReadByItsIdAndByItsNameAtItsPlace() {
            String name = name("found");
            Response created = post(Rotating.on(14).body(name));
            String id = created.then().statusCode(200).extract().path("secretRotation.id");

            assertThat(Api.as().get(BASE + "/" + id).asString()).isEqualTo(created.asString());
            Api.as()
                    .queryParams("projectId", project(), "environment", "production", "secretPath", "/" + name + "/")
                    .get(BASE + "/rotation-name/" + name)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.id", equalTo(id));
        }

        @ParameterizedTest
        @MethodSource("io.rolewright.testing.TestPostgres#versions")
        void rotatingServesTheOtherRoleAndBothPasswordsWork(int major) {
            Rotating roles = Rotating.on(major);
            String id = roles.created();

            rotate(id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.activeIndex", equalTo(1))
                    .body("secretRotation.credentialVersion", equalTo(2))
                    .body("secretRotation.isLastRotationManual", equalTo(true));

            List<Map<String, String>> both = credentials(id);
            assertThat(both)
                    .extracting(each -> each.get("username"))
                    .containsExactly(roles.first.role(), roles.second.role());
            assertThat(both.get(1).get("password")).matches("[A-Za-z0-9]{48}");
            assertWork(roles, both);
        }

        @Test
        void eachVersionIsToldInTheTransactionThatMadeItTrue() {
            String id = Rotating.on(14).created();

            rotate(id).then().statusCode(200);

            assertThat(TestStore.sql("SELECT credential_version FROM outbox_fact WHERE subject_id = '" + id
                                    + "' AND type = 'rotation.credential-changed' ORDER BY position")
                            .stream()
                            .map(row -> row.getLong(0)))
                    .containsExactly(1L, 2L);
        }

        @ParameterizedTest
        @MethodSource("io.rolewright.testing.TestPostgres#versions")
        void deletingItWithoutARevokeLeavesThePasswordsAndFreesTheRoles(int major) {
            Rotating roles = Rotating.on(major);
            String name = name("deleted");
            String id = created(roles.body(name));
            rotate(id).then().statusCode(200);
            List<Map<String, String>> both = credentials(id);

            Api.as().delete(BASE + "/" + id).then().statusCode(200).body("secretRotation.name", equalTo(name));

            Api.as().get(BASE + "/" + id).then().statusCode(404).body("code", equalTo("rotation_not_found"));
            assertWork(roles, both);
            assertThat(comment(roles, roles.first)).as("marker").endsWith(" ended");
            assertThat(comment(roles, roles.second)).as("marker").endsWith(" ended");
            assertThat(created(roles.body(name("again"))))
                    .as("made anew on the same roles")
                    .isNotNull();
        }

        private static void assertWork(Rotating roles, List<Map<String, String>> credentials) {
            assertThat(credentials)
                    .hasSize(2)
                    .allSatisfy(each -> assertThat(roles.target.login(each.get("username"), each.get("password")))
                            .as(each.get("username"))
                            .isEqualTo("ok"));
        }
    }

    private static String comment(Rotating roles, Login role) {
        return roles.target
                .sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '" + role.role() + "'")
                .get(0)
                .getString(0);
    }

    private static Instant next(Response response) {
        return Instant.parse(response.path("secretRotation.nextRotationAt"));
    }

    @Test
    void saysWhatItOffers() {
        Api.as()
                .get("/api/v2/secret-rotations/options")
                .then()
                .statusCode(200)
                .body("secretRotationOptions[0].name", equalTo("PostgreSQL Credentials"))
                .body("secretRotationOptions[0].connection", equalTo("postgres"))
                .body("secretRotationOptions[0].type", equalTo("postgres-credentials"))
                .body("secretRotationOptions[0].template.rotationStatement", containsString("{{password}}"))
                .body("secretRotationOptions[0].template.createUserStatement", containsString("CREATE ROLE"))
                .body("secretRotationOptions[0].template.secretsMapping.username", equalTo("POSTGRES_DB_USERNAME"))
                .body("secretRotationOptions[0].template.secretsMapping.password", equalTo("POSTGRES_DB_PASSWORD"));
    }

    @Test
    void listsAProjectsRotationsInPages() {
        Rotating one = Rotating.on(14);
        Rotating other = Rotating.on(14);
        String a = name("list-a");
        String b = name("list-b");
        created(one.body(a));
        created(other.body(b));

        for (String path : List.of("/api/v2/secret-rotations", BASE)) {
            Api.as()
                    .queryParam("projectId", project())
                    .get(path)
                    .then()
                    .statusCode(200)
                    .body("secretRotations.name", hasItem(a))
                    .body("secretRotations.name", hasItem(b));
            Api.as().get(path).then().statusCode(422).body("message[0].path[0]", equalTo("projectId"));
        }
        Response first =
                Api.as().queryParams("projectId", project(), "limit", 1).get(BASE);
        first.then().statusCode(200).body("secretRotations", hasSize(1)).body("nextCursor", notNullValue());
        Api.as()
                .queryParams("projectId", project(), "limit", 1000, "cursor", first.path("nextCursor"))
                .get(BASE)
                .then()
                .statusCode(200)
                .body("secretRotations.id", not(hasItem((String) first.path("secretRotations[0].id"))));
        Api.as()
                .queryParam("projectId", UUID.randomUUID().toString())
                .get(BASE)
                .then()
                .statusCode(400)
                .body("code", equalTo("project_unknown"));
    }

    @Nested
    class Creating {

        @Test
        void refusesTheSameRoleTwiceUnlessItIsASingleRotation() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("same"));
            body.put("parameters", Map.of("username1", roles.first.role(), "username2", roles.first.role()));
            body.put("strategy", "dual");
            post(body).then().statusCode(400).body("code", equalTo("usernames_equal"));

            body.put("strategy", "single");
            post(body)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.strategy", equalTo("single"))
                    .body("secretRotation.parameters.username2", equalTo(roles.first.role()));
        }

        @Test
        void refusesARoleThatIsManagedAlready() {
            Rotating roles = Rotating.on(14);
            roles.created();
            Map<String, Object> body = roles.body(name("again"));
            body.put("connectionId", Rotating.connection(roles.target, roles.managing));

            post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_already_managed"))
                    .body("message", containsString(roles.first.role()));

            Login third = roles.target.role("LOGIN");
            body.put("parameters", Map.of("username1", third.role(), "username2", roles.second.role()));
            post(body).then().statusCode(400).body("code", equalTo("role_already_managed"));
            assertThat(roles.target.login(third.role(), third.password()))
                    .as("nothing was done to the free role")
                    .isEqualTo("ok");
        }

        @Test
        void refusesTheManagingRoleAsItsOwnTarget() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("itself"));
            body.put("parameters", Map.of("username1", roles.managing.role(), "username2", roles.second.role()));

            post(body).then().statusCode(400).body("code", equalTo("role_is_managing_role"));
        }

        @Test
        void refusesPrivilegedRolesUnlessTheyAreWanted() {
            TestPostgres target = TestPostgres.shared(14);
            Login superuser = target.role("LOGIN SUPERUSER");
            Login replication = target.role("LOGIN REPLICATION");
            Login other = target.role("LOGIN SUPERUSER");
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("privileged"));
            body.put("connectionId", Rotating.connection(target, superuser));
            body.put("parameters", Map.of("username1", other.role(), "username2", replication.role()));

            post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_is_superuser"))
                    .body("details.problems.code", hasItem("role_is_replication"));

            body.put("allowPrivileged", true);
            post(body).then().statusCode(200).body("secretRotation.allowPrivileged", equalTo(true));
        }

        @Test
        void saysWhichGrantIsMissing() {
            TestPostgres target = TestPostgres.shared(18);
            Login managing = target.role("LOGIN CREATEROLE");
            Login first = target.role("LOGIN");
            Login second = target.role("LOGIN");
            Rotating.grant(target, managing, first);
            Rotating roles = Rotating.on(18);
            Map<String, Object> body = roles.body(name("ungranted"));
            body.put("connectionId", Rotating.connection(target, managing));
            body.put("parameters", Map.of("username1", first.role(), "username2", second.role()));

            String grant = post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("admin_option_missing"))
                    .body("details.problems[0].role", equalTo(second.role()))
                    .extract()
                    .path("details.problems[0].sql");
            assertThat(target.login(first.role(), first.password()))
                    .as("not touched")
                    .isEqualTo("ok");

            target.sql(grant);
            post(body).then().statusCode(200);
        }

        @Test
        void refusesANameOrASecretThatIsTakenAtThePlace() {
            Rotating roles = Rotating.on(14);
            Rotating other = Rotating.on(14);
            String name = name("taken");
            created(roles.body(name));

            post(other.body(name)).then().statusCode(400).body("code", equalTo("name_taken"));

            Map<String, Object> body = other.body(name("other"));
            body.put("secretPath", "/" + name);
            body.put("secretsMapping", Map.of("username", "OTHER_USER", "password", "DB_PASSWORD"));
            post(body)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("secret_name_taken"))
                    .body("details.secrets", hasItem("DB_PASSWORD"));
            assertThat(other.target.login(other.first.role(), other.first.password()))
                    .as("refused before the target is asked")
                    .isEqualTo("ok");

            body.put("environment", "staging");
            post(body).then().statusCode(200);
        }

        @Test
        void ofManyWithTheSameNamesOneGoesThrough() throws Exception {
            String name = name("race");
            List<Rotating> all =
                    IntStream.range(0, 4).mapToObj(i -> Rotating.on(14)).toList();

            List<Integer> statuses = atOnce(all.stream()
                    .map(roles ->
                            (Callable<Integer>) () -> post(roles.body(name)).statusCode())
                    .toList());

            assertThat(statuses).containsOnlyOnce(200).containsOnly(200, 400);
        }

        @ParameterizedTest
        @CsvSource(delimiter = '|', textBlock = """
            name             | Not A Slug      | name
            environment      | Not A Slug      | environment
            secretPath       | /a//b           | secretPath
            secretPath       | /a/../b         | secretPath
            connectionId     | 17              | connectionId
            strategy         | triple          | strategy
            driftPolicy      | ignore          | driftPolicy
            """)
        void namesTheFieldThatDoesNotFit(String field, String value, String path) {
            Map<String, Object> body = Rotating.on(14).body(name("unfit"));
            body.put(field, value);

            post(body).then().statusCode(422).body("message[0].path[0]", equalTo(path));
        }

        @Test
        void checksIntervalsTimesMappingAndParameters() {
            Map<String, Object> body = Rotating.on(14).body(name("unfit"));
            for (Object interval : List.of(0, 366, "soon", 1.5)) {
                expect422(body, "rotationInterval", interval, "rotationInterval");
            }
            expect422(body, "rotateAtUtc", Map.of("hours", 24, "minutes", 0), "rotateAtUtc");
            expect422(body, "rotateAtUtc", Map.of("hours", 2), "rotateAtUtc");
            expect422(body, "secretsMapping", Map.of("username", "a:b", "password", "c"), "secretsMapping");
            expect422(body, "parameters", Map.of("username2", "b"), "parameters");
            expect422(body, "parameters", Map.of("username1", "a"), "parameters");
            expect422(body, "parameters", Map.of("username1", "ä".repeat(32), "username2", "b"), "parameters");
            expect422(body, "nextRotationAt", "2199-01-01T00:00:00Z", "nextRotationAt");
            for (Map<String, Object> requirements : List.of(
                    Map.<String, Object>of("length", 0, "required", Map.of("digits", 1)),
                    Map.<String, Object>of("length", 20, "required", Map.of("digits", 0)),
                    Map.<String, Object>of("length", 20, "required", Map.of("digits", 21)),
                    Map.<String, Object>of("length", 20, "required", Map.of("symbols", 1), "allowedSymbols", "§"))) {
                expect422(
                        body,
                        "parameters",
                        Map.of("username1", "a", "username2", "b", "passwordRequirements", requirements),
                        "parameters");
            }
            body.put("secretsMapping", Map.of("username", "SAME", "password", "SAME"));
            post(body).then().statusCode(400).body("code", equalTo("secret_names_equal"));
        }

        private void expect422(Map<String, Object> good, String field, Object value, String path) {
            Map<String, Object> body = new HashMap<>(good);
            body.put(field, value);
            post(body).then().statusCode(422).body("message[0].path[0]", equalTo(path));
        }

        @Test
        void takesTheIntervalAsTextAndKeepsRequirements() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("requirements"));
            body.put("rotationInterval", "7");
            body.put(
                    "parameters",
                    Map.of(
                            "username1",
                            roles.first.role(),
                            "username2",
                            roles.second.role(),
                            "rotationStatement",
                            "ALTER USER \"{{username}}\" WITH PASSWORD '{{password}}'",
                            "passwordRequirements",
                            Map.of(
                                    "length",
                                    24,
                                    "required",
                                    Map.of("digits", 2, "lowercase", 3, "uppercase", 0, "symbols", 4),
                                    "allowedSymbols",
                                    "+%'")));

            String id = post(body)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.rotationInterval", equalTo(7))
                    .body("secretRotation.parameters.passwordRequirements.length", equalTo(24))
                    .body("secretRotation.parameters.passwordRequirements.allowedSymbols", equalTo("+%'"))
                    .extract()
                    .path("secretRotation.id");

            assertThat(credentials(id).get(0).get("password")).matches("[0-9a-z+%']{24}");
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        }

        @Test
        void refusesAStatementOfOnesOwn() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("statement"));
            body.put(
                    "parameters",
                    Map.of(
                            "username1",
                            roles.first.role(),
                            "username2",
                            roles.second.role(),
                            "rotationStatement",
                            "ALTER USER \"{{username}}\" WITH PASSWORD '{{password}}'; GRANT x TO y"));

            post(body).then().statusCode(400).body("code", equalTo("rotation_statement_not_supported"));
        }

        @Test
        void refusesAnUnknownConnectionAndOneOfAnotherProject() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("stray"));
            body.put("connectionId", UUID.randomUUID().toString());
            post(body).then().statusCode(404).body("code", equalTo("connection_not_found"));

            String project = Api.as()
                    .body(Map.of("projectName", name("another")))
                    .post("/api/v1/projects")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("project.id");
            Login managing = roles.target.role("LOGIN CREATEROLE");
            String elsewhere = Api.as()
                    .body(Map.of(
                            "name",
                            name("elsewhere"),
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
                                    managing.role(),
                                    "password",
                                    managing.password(),
                                    "sslEnabled",
                                    false)))
                    .post("/api/v1/app-connections/postgres")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
            body.put("connectionId", elsewhere);
            post(body).then().statusCode(400).body("code", equalTo("connection_of_another_project"));
        }

        @Test
        void repeatsItsAnswerForTheSameKey() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("once"));
            String key = UUID.randomUUID().toString();

            Response first = Api.as().header("Idempotency-Key", key).body(body).post(BASE);
            Response second = Api.as().header("Idempotency-Key", key).body(body).post(BASE);

            first.then().statusCode(200);
            second.then().statusCode(200);
            assertThat(second.asString()).isEqualTo(first.asString());
        }

        @Test
        void leavesNothingBehindWhenItFails() {
            Rotating roles = Rotating.on(14);
            String name = name("failed");
            roles.target.sql("ALTER ROLE " + roles.first.role() + " NOLOGIN");
            post(roles.body(name)).then().statusCode(400).body("code", equalTo("role_cannot_login"));

            assertThat(TestStore.sql("SELECT 1 FROM secret_rotation WHERE name = '" + name + "'"))
                    .isEmpty();
            roles.target.sql("ALTER ROLE " + roles.first.role() + " LOGIN");
            created(roles.body(name));
        }

        @Test
        void reportsAnExpiredRoleWithTheWayOut() {
            Rotating roles = Rotating.on(14);
            roles.target.sql("ALTER ROLE " + roles.second.role() + " VALID UNTIL '2001-01-01'");

            post(roles.body(name("expired")))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("role_expired"))
                    .body("details.problems[0].sql", containsString("VALID UNTIL 'infinity'"));
        }
    }

    /** Transcribed from provider e64b1b7a: the untagged keys of its Go structs, and a DELETE with a JSON body. */
    @Nested
    class Terraform {

        @Test
        void createsRefreshesUpdatesAndDestroys() {
            Rotating roles = Rotating.on(14);
            String name = name("terraform");
            Map<String, Object> create = new HashMap<>(roles.body(name));
            create.put("Provider", "postgres-credentials");
            create.put("description", "");
            create.put("isAutoRotationEnabled", true);
            create.put("rotateAtUtc", Map.of("hours", 0, "minutes", 0));

            Response created = Api.as().body(create).post(BASE);
            created.then()
                    .statusCode(200)
                    .body("secretRotation.description", equalTo(""))
                    .body("secretRotation.connection.id", equalTo(roles.connection))
                    .body("secretRotation.environment.slug", equalTo("production"))
                    .body("secretRotation.folder.path", equalTo("/" + name))
                    .body("secretRotation.parameters.username1", equalTo(roles.first.role()))
                    .body("secretRotation.secretsMapping.password", equalTo("DB_PASSWORD"));
            String id = created.path("secretRotation.id");

            assertThat(refreshed(id)).isEqualTo(refreshed(id));

            Map<String, Object> update = new HashMap<>(create);
            update.remove("projectId");
            update.put("ID", id);
            update.put("rotationInterval", 7);
            update.put("secretsMapping", Map.of("username", "PG_USER", "password", "PG_PASSWORD"));
            Api.as()
                    .body(update)
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.rotationInterval", equalTo(7))
                    .body("secretRotation.secretsMapping.username", equalTo("PG_USER"));
            Map<String, Object> after = refreshed(id);
            assertThat(after).containsEntry("rotationInterval", 7);
            assertThat(refreshed(id))
                    .as("the second refresh shows no difference")
                    .isEqualTo(after);

            Api.as()
                    .body(Map.of("Provider", "postgres-credentials", "ID", id))
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200);
            Api.as().get(BASE + "/" + id).then().statusCode(404).body("message", notNullValue());
        }

        private Map<String, Object> refreshed(String id) {
            Map<String, Object> rotation = read(id).extract().path("secretRotation");
            return rotation;
        }
    }

    @Nested
    class Changing {

        @Test
        void movesTheSchedule() {
            String id = Rotating.on(14).created();
            LocalDate today = LocalDate.now(ZoneOffset.UTC);

            Api.as()
                    .body(Map.of("rotationInterval", 3, "rotateAtUtc", Map.of("hours", 23, "minutes", 59)))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.nextRotationAt", equalTo(today.plusDays(3) + "T23:59:00.000Z"));

            Api.as()
                    .body(Map.of("isAutoRotationEnabled", false))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.isAutoRotationEnabled", equalTo(false))
                    .body("secretRotation.nextRotationAt", nullValue());
            rotate(id).then().statusCode(200).body("secretRotation.nextRotationAt", nullValue());
            Api.as()
                    .body(Map.of("nextRotationAt", "2026-12-24T12:00:00Z"))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("auto_rotation_is_off"));

            String next = Instant.now()
                    .plus(5, ChronoUnit.DAYS)
                    .truncatedTo(ChronoUnit.SECONDS)
                    .toString();
            Api.as()
                    .body(Map.of("isAutoRotationEnabled", true, "nextRotationAt", next))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.nextRotationAt", equalTo(next.replace("Z", ".000Z")));
        }

        @Test
        void takesWhatIsUnchangedAndRefusesWhatWouldLeaveCredentialsAndRolesDisagreeing() {
            Rotating roles = Rotating.on(14);
            String name = name("fixed");
            String id = created(roles.body(name));
            Map<String, Object> same = Map.of(
                    "connectionId",
                    roles.connection.toUpperCase(java.util.Locale.ROOT),
                    "environment",
                    "production",
                    "secretPath",
                    "/" + name + "/",
                    "strategy",
                    "dual",
                    "parameters",
                    Map.of("username1", roles.first.role(), "username2", roles.second.role()));
            Api.as().body(same).patch(BASE + "/" + id).then().statusCode(200);

            for (Map<String, Object> other : List.of(
                    Map.<String, Object>of("connectionId", UUID.randomUUID().toString()),
                    Map.<String, Object>of("environment", "staging"),
                    Map.<String, Object>of("secretPath", "/elsewhere"),
                    Map.<String, Object>of("strategy", "single"),
                    Map.<String, Object>of("parameters", Map.of("username1", "another")),
                    Map.<String, Object>of("parameters", Map.of("username2", roles.first.role())))) {
                Api.as()
                        .body(other)
                        .patch(BASE + "/" + id)
                        .then()
                        .statusCode(400)
                        .body("code", equalTo("field_cannot_change"))
                        .body("message", containsString("cannot be changed, because"));
            }
        }

        @Test
        void renamesAndRemapsUnlessTaken() {
            Rotating roles = Rotating.on(14);
            Rotating other = Rotating.on(14);
            String taken = name("first");
            Map<String, Object> body = roles.body(taken);
            created(body);
            Map<String, Object> second = other.body(name("second"));
            second.put("secretPath", body.get("secretPath"));
            second.put("secretsMapping", Map.of("username", "U2", "password", "P2"));
            String id = created(second);

            Api.as()
                    .body(Map.of("name", taken))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("name_taken"));
            Api.as()
                    .body(Map.of("secretsMapping", Map.of("username", "DB_USER", "password", "P2")))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("secret_name_taken"));
            String renamed = name("renamed");
            Map<String, Object> change = new HashMap<>();
            change.put("name", renamed);
            change.put("description", null);
            change.put("secretsMapping", Map.of("username", "P2", "password", "U2"));
            Api.as()
                    .body(change)
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.name", equalTo(renamed))
                    .body("secretRotation.secretsMapping.username", equalTo("P2"));
        }
    }

    @Nested
    class RotatingNow {

        @Test
        void refusesASecondOneWithinTheOverlapUnlessForced() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();
            rotate(id).then().statusCode(200);
            List<Map<String, String>> before = credentials(id);

            rotate(id)
                    .then()
                    .statusCode(400)
                    .header("Retry-After", notNullValue())
                    .body("code", equalTo("overlap_not_over"))
                    .body("details.until", notNullValue());
            assertThat(credentials(id)).isEqualTo(before);
            assertThat(roles.target.login(
                            before.get(0).get("username"), before.get(0).get("password")))
                    .as("the replaced one")
                    .isEqualTo("ok");

            rotateAtOnce(id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.activeIndex", equalTo(0))
                    .body("secretRotation.credentialVersion", equalTo(3));
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        }

        @Test
        void ofManyAtOnceOneGoesThroughAndNoneTouchesWhatIsServed() throws Exception {
            Rotating roles = Rotating.on(14);
            String id = roles.created();
            rotate(id).then().statusCode(200);
            TestStore.sql(
                    "UPDATE secret_rotation SET last_rotated_at = now() - interval '1 hour' WHERE id = '" + id + "'");

            List<String> answers = atOnce(IntStream.range(0, 20)
                    .mapToObj(i -> (Callable<String>) () -> {
                        Response answer = rotate(id);
                        return answer.statusCode() == 200 ? "ok" : answer.path("code");
                    })
                    .toList());

            assertThat(answers).containsOnlyOnce("ok").isSubsetOf("ok", "rotation_in_progress", "overlap_not_over");
            read(id).body("secretRotation.credentialVersion", equalTo(3));
            for (Map<String, String> each : credentials(id)) {
                assertThat(roles.target.login(each.get("username"), each.get("password")))
                        .as(each.get("username"))
                        .isEqualTo("ok");
            }
        }

        @Test
        void aSingleRotationReplacesItsOnlyPassword() {
            Rotating roles = Rotating.on(14);
            Map<String, Object> body = roles.body(name("single"));
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", roles.first.role()));
            String id = created(body);
            String old = credentials(id).get(0).get("password");

            rotate(id).then().statusCode(200).body("secretRotation.activeIndex", equalTo(0));
            rotate(id).then().statusCode(200).body("secretRotation.credentialVersion", equalTo(3));

            assertThat(credentials(id)).hasSize(1);
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");
            assertThat(roles.target.login(roles.first.role(), old)).isEqualTo("28P01");
        }

        @Test
        void saysWhyItFailedAndWhatHelps() {
            Rotating roles = Rotating.on(18);
            String id = roles.created();
            roles.target.sql("REVOKE " + roles.second.role() + " FROM " + roles.managing.role());

            rotate(id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("rotation_failed"))
                    .body("details.reason", equalTo("admin_option_missing"))
                    .body("details.attemptId", notNullValue())
                    .body("details.problems[0].sql", containsString("GRANT " + roles.second.role()));
            read(id).body("secretRotation.rotationStatus", equalTo("failed"))
                    .body("secretRotation.lastRotationMessage", not(emptyOrNullString()))
                    .body("secretRotation.credentialVersion", equalTo(1));
            assertThat(roles.loginAsServed(id)).as("what is served").isEqualTo("ok");
        }

        @Test
        void rotatesOnceForTheSameKey() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();
            String key = UUID.randomUUID().toString();

            for (int i = 0; i < 2; i++) {
                Api.as()
                        .header("Idempotency-Key", key)
                        .post(BASE + "/" + id + "/rotate-secrets")
                        .then()
                        .statusCode(200)
                        .body("secretRotation.credentialVersion", equalTo(2));
            }
            Api.as()
                    .header("Idempotency-Key", key)
                    .queryParam("force", true)
                    .post(BASE + "/" + id + "/rotate-secrets")
                    .then()
                    .statusCode(422);
        }
    }

    @Nested
    class ReadingCredentials {

        @Test
        void areNeverCachedAndKnowTheirVersion() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();
            Response first = Api.as().get(BASE + "/" + id + "/generated-credentials");
            first.then()
                    .statusCode(200)
                    .header("Cache-Control", "no-store")
                    .body("rotationId", equalTo(id))
                    .body("type", equalTo("postgres-credentials"))
                    .body("activeIndex", equalTo(0))
                    .body("credentialVersion", equalTo(1))
                    .body("active.username", equalTo(roles.first.role()))
                    .body("generatedCredentials", hasSize(1));
            String etag = first.header("ETag");

            Api.as()
                    .header("If-None-Match", "\"other\", W/" + etag)
                    .get(BASE + "/" + id + "/generated-credentials")
                    .then()
                    .statusCode(304)
                    .header("ETag", etag)
                    .body(emptyOrNullString());
            rotate(id).then().statusCode(200);
            Api.as()
                    .header("If-None-Match", etag)
                    .get(BASE + "/" + id + "/generated-credentials")
                    .then()
                    .statusCode(200)
                    .header("ETag", not(equalTo(etag)))
                    .body("active.username", equalTo(roles.second.role()));
        }

        @Test
        void areAudited() {
            String id = Rotating.on(14).created();
            credentials(id);

            assertThat(TestStore.sql("SELECT outcome FROM audit_event WHERE subject_id = '" + id
                            + "' AND type = 'get-secret-rotation-generated-credentials'"))
                    .hasSize(1);
        }
    }

    @Nested
    class Preflight {

        @Test
        void saysWhatStandsInTheWayAndTouchesNothing() {
            TestPostgres target = TestPostgres.shared(18);
            Login managing = target.role("LOGIN CREATEROLE");
            Login second = target.role("LOGIN");
            Rotating roles = Rotating.on(18);
            Rotating.grant(target, managing, roles.first);
            Map<String, Object> body = Map.of(
                    "projectId", project(),
                    "connectionId", Rotating.connection(target, managing),
                    "parameters", Map.of("username1", roles.first.role(), "username2", second.role()));

            Api.as()
                    .body(body)
                    .post(BASE + "/preflight")
                    .then()
                    .statusCode(200)
                    .body("preflight.ok", equalTo(false))
                    .body("preflight.serverVersion", containsString("18"))
                    .body("preflight.roles[0].ok", equalTo(true))
                    .body("preflight.roles[1].ok", equalTo(false))
                    .body("preflight.roles[1].problems[0].code", equalTo("admin_option_missing"))
                    .body("preflight.roles[1].problems[0].sql", containsString("GRANT " + second.role()));
            assertThat(target.login(roles.first.role(), roles.first.password())).isEqualTo("ok");

            String id = roles.created();
            Api.as()
                    .post(BASE + "/" + id + "/preflight")
                    .then()
                    .statusCode(200)
                    .body("preflight.ok", equalTo(true))
                    .body("preflight.roles", hasSize(2));
        }
    }

    @Nested
    class Deleting {

        @Test
        void keepsItsConnectionFromBeingDeleted() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();

            Api.as()
                    .delete("/api/v1/app-connections/postgres/" + roles.connection)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("connection_in_use"))
                    .body("details.usedBy[0].id", equalTo(id));
            Api.as().delete(BASE + "/" + id).then().statusCode(200);
            Api.as()
                    .delete("/api/v1/app-connections/postgres/" + roles.connection)
                    .then()
                    .statusCode(200);
        }

        @Test
        void revokesWhatItHasGivenOut() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();
            rotate(id).then().statusCode(200);
            List<Map<String, String>> given = credentials(id);

            Api.as()
                    .queryParams("revokeGeneratedCredentials", "true", "deleteSecrets", "true")
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200);

            Api.as().get(BASE + "/" + id).then().statusCode(404);
            for (Map<String, String> each : given) {
                assertThat(roles.target.login(each.get("username"), each.get("password")))
                        .as(each.get("username"))
                        .isEqualTo("28P01");
            }
            assertThat(comment(roles, roles.first)).as("marker").endsWith(" ended");
        }

        @Test
        void revokesOnlyWhatItHasGivenOut() {
            Rotating roles = Rotating.on(14);
            String id = roles.created();

            Api.as()
                    .queryParam("revokeGeneratedCredentials", "true")
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200);

            assertThat(roles.target.login(roles.second.role(), roles.second.password()))
                    .isEqualTo("ok");
            assertThat(comment(roles, roles.second)).as("marker").endsWith(" ended");
        }

        @Test
        void refusesFlagsThatAreNeither() {
            String id = Rotating.on(14).created();
            Api.as()
                    .queryParam("revokeGeneratedCredentials", "maybe")
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(422)
                    .body("message[0].path[0]", equalTo("revokeGeneratedCredentials"));
        }
    }

    @Nested
    class LookingBack {

        private static final String SUMMARY = "/api/v2/secret-rotations/summary";

        @Test
        void tellsWhoDidWhatWhenAndHowItEnded() {
            Rotating roles = Rotating.on(18);
            String id = roles.created();
            rotate(id).then().statusCode(200);
            roles.target.sql("REVOKE " + roles.first.role() + " FROM " + roles.managing.role());
            String failed = rotateAtOnce(id).then().statusCode(400).extract().path("details.attemptId");

            Response attempts = Api.as().get(BASE + "/" + id + "/attempts");
            attempts.then()
                    .statusCode(200)
                    .body("attempts.cause", equalTo(List.of("manual", "manual", "creation")))
                    .body(
                            "attempts.username",
                            equalTo(List.of(roles.first.role(), roles.second.role(), roles.first.role())))
                    .body("attempts.state", equalTo(List.of("failed", "done", "done")))
                    .body("attempts[0].id", equalTo(failed))
                    .body("attempts[0].step", equalTo("preflight"))
                    .body("attempts[0].reason", equalTo("admin_option_missing"))
                    .body("attempts[0].actorName", notNullValue())
                    .body("attempts[0].requestId", matchesPattern("req-[0-9a-f]{20}"))
                    .body("attempts[1].finishedAt", notNullValue())
                    .body("nextCursor", nullValue());
            Response versions = Api.as().get(BASE + "/" + id + "/versions");
            versions.then()
                    .statusCode(200)
                    .body("versions.username", equalTo(List.of(roles.second.role(), roles.first.role())))
                    .body("versions.state", equalTo(List.of("current", "current")))
                    .body("versions[0].currentAt", notNullValue());
            for (Map<String, String> each : credentials(id)) {
                assertThat(attempts.asString() + versions.asString()).doesNotContain(each.get("password"));
            }

            for (String list : List.of("attempts", "versions")) {
                Response first = Api.as().queryParam("limit", 1).get(BASE + "/" + id + "/" + list);
                first.then().statusCode(200).body(list, hasSize(1));
                Api.as()
                        .queryParams("limit", 1, "cursor", first.path("nextCursor"))
                        .get(BASE + "/" + id + "/" + list)
                        .then()
                        .statusCode(200)
                        .body(list, hasSize(1))
                        .body(list + "[0].id", not(equalTo(first.path(list + "[0].id"))));
            }
        }

        @Test
        void countsHowAttemptsEndedByDay() {
            String project = Identities.project();
            Rotating roles = Rotating.on(18);
            Map<String, Object> body = roles.body(name("counted"));
            body.put("projectId", project);
            String id = created(body);
            rotate(id).then().statusCode(200);
            roles.target.sql("REVOKE " + roles.first.role() + " FROM " + roles.managing.role());
            rotateAtOnce(id).then().statusCode(400);
            // The creation is made three days older, and an attempt of twenty seconds.
            TestStore.sql("UPDATE attempt SET started_at = started_at - INTERVAL '3 days',"
                    + " finished_at = started_at - INTERVAL '3 days' + INTERVAL '20 seconds'"
                    + " WHERE owner_id = '" + id + "' AND cause = 'CREATION'");

            Response month = summary(Map.of("projectId", project));
            month.then()
                    .statusCode(200)
                    .body("days", hasSize(30))
                    .body("days[29]", equalTo(Map.of("date", today("UTC"), "done", 1, "failed", 1)))
                    .body("days[26]", equalTo(Map.of("date", past("UTC", 3), "done", 1, "failed", 0)))
                    .body("days.done.sum()", equalTo(2))
                    .body("since", equalTo(past("UTC", 29) + "T00:00:00.000Z"))
                    .body("done", equalTo(2))
                    .body("failed", equalTo(1))
                    .body("medianMillis", lessThan(20_000))
                    .body("p95Millis", equalTo(20_000));
            summary(Map.of("projectId", project, "days", 3))
                    .then()
                    .statusCode(200)
                    .body("days", hasSize(3))
                    .body("done", equalTo(1))
                    .body("p95Millis", lessThan(20_000));
            // Where it is tomorrow already, and where it may still be yesterday.
            for (String zone : List.of("Pacific/Kiritimati", "Pacific/Pago_Pago")) {
                summary(Map.of("projectId", project, "days", 2, "timeZone", zone))
                        .then()
                        .statusCode(200)
                        .body("days[1].date", equalTo(today(zone)))
                        .body("days.done.sum()", equalTo(1))
                        .body(
                                "since",
                                equalTo(Moments.text(LocalDate.parse(past(zone, 1))
                                        .atStartOfDay(ZoneId.of(zone))
                                        .toInstant())));
            }
            summary(Map.of("projectId", Identities.project()))
                    .then()
                    .statusCode(200)
                    .body("done", equalTo(0))
                    .body("medianMillis", nullValue())
                    .body("p95Millis", nullValue());
        }

        @Test
        void countsWhatTheCallerMayRead() {
            String project = Identities.project();
            Map<String, Object> body = Rotating.on(18).body(name("counted"));
            body.put("projectId", project);
            created(body);
            created(Rotating.on(18).body(name("elsewhere")));

            assertThat(summary(Map.of()).<Integer>path("done")).isGreaterThanOrEqualTo(2);
            Identities.in(project, "reader")
                    .as()
                    .get(SUMMARY)
                    .then()
                    .statusCode(200)
                    .body("done", equalTo(1));
            Identities.in(Identities.project(), "reader")
                    .as()
                    .queryParam("projectId", project)
                    .get(SUMMARY)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("project_unknown"));
        }

        @ParameterizedTest
        @CsvSource({"days, 0", "days, 91", "days, -1", "days, many", "timeZone, Europe/Atlantis"})
        void refusesDaysThatItCannotCount(String parameter, String value) {
            summary(Map.of(parameter, value)).then().statusCode(422).body("message[0].path[0]", equalTo(parameter));
        }

        private static Response summary(Map<String, ?> query) {
            return Api.as().queryParams(query).get(SUMMARY);
        }

        private static String today(String zone) {
            return past(zone, 0);
        }

        private static String past(String zone, int days) {
            return LocalDate.now(ZoneId.of(zone)).minusDays(days).toString();
        }
    }

    static <T> List<T> atOnce(List<Callable<T>> all) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(all.size());
        try {
            List<T> results = new java.util.ArrayList<>();
            for (Future<T> each : threads.invokeAll(all)) {
                results.add(each.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }
}
