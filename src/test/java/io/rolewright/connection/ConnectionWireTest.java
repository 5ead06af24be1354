package io.rolewright.connection;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasItems;
import static org.hamcrest.Matchers.hasKey;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestPostgres.Tls;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** App Connections over HTTP, against real servers; runs against the JVM build and the executable alike. */
@QuarkusTest
class ConnectionWireTest {

    private static final String BASE = "/api/v1/app-connections/postgres";

    static TestPostgres target() {
        return TestPostgres.shared(14);
    }

    static Map<String, Object> credentials(Login login) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", target().port());
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        credentials.put("sslRejectUnauthorized", true);
        return credentials;
    }

    static Map<String, Object> newConnection(String name, Map<String, Object> credentials) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", name);
        body.put("method", "username-and-password");
        body.put("credentials", credentials);
        return body;
    }

    static String name(String start) {
        return TestPostgres.uniqueName(start).replace('_', '-');
    }

    static Response create(Map<String, Object> body) {
        return Api.as().body(body).post(BASE);
    }

    static String created(Map<String, Object> body) {
        return create(body).then().statusCode(200).extract().path("appConnection.id");
    }

    static String defaultProject() {
        return Api.as()
                .get("/api/v1/projects")
                .then()
                .statusCode(200)
                .extract()
                .path("projects.find { it.slug == 'default' }.id");
    }

    /** From its creation to its deletion, a scene for each step. */
    @Nested
    class WholeLife {

        private final Login login = target().role("LOGIN");
        private final String name = name("whole-life");
        private Response created;
        private String id;
        private String hash;

        @BeforeEach
        void create() {
            created = ConnectionWireTest.create(newConnection(name, credentials(login)));
            id = created.then().statusCode(200).extract().path("appConnection.id");
            hash = created.path("appConnection.credentialsHash");
        }

        @Test
        void creationAnswersWithAllOfIt() {
            created.then().header("X-Request-Id", matchesPattern("req-[0-9a-f]{20}"));
            Map<String, Object> expected = new HashMap<>(Map.of(
                    "name",
                    name,
                    "version",
                    1,
                    "app",
                    "postgres",
                    "method",
                    "username-and-password",
                    "isPlatformManagedCredentials",
                    false,
                    "isAutoRotationEnabled",
                    false));
            for (String absent : List.of("description", "projectId", "project", "gatewayId")) {
                expected.put(absent, null);
            }
            Map<String, Object> shown = created.path("appConnection");
            assertThat(shown).containsAllEntriesOf(expected);
            assertThat(shown.get("orgId")).isNotNull();
            assertThat(shown.get("createdAt").toString()).matches("\\d{4}-\\d\\d-\\d\\dT.*Z");
        }

        @Test
        void creationShowsWhereItLeadsAndNoPassword() {
            assertThat(created.<Map<String, Object>>path("appConnection.credentials"))
                    .containsAllEntriesOf(Map.of(
                            "host", "127.0.0.1", "port", target().port(), "sslEnabled", false, "sslMode", "disable"))
                    .doesNotContainKeys("password", "sslCertificate");
            assertThat(created.asString()).doesNotContain(login.password());
            assertThat(hash).matches("[0-9a-f]{64}");
        }

        @Test
        void isReadByItsIdAndByItsName() {
            Api.as().get(BASE + "/" + id).then().statusCode(200).body(equalTo(created.asString()));
            Api.as()
                    .get(BASE + "/connection-name/" + name)
                    .then()
                    .statusCode(200)
                    .body("appConnection.id", equalTo(id));
        }

        @Test
        void isTested() {
            Api.as()
                    .body("{}")
                    .post(BASE + "/" + id + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.ok", equalTo(true))
                    .body("report.server.version", containsString("14."));
        }

        @Test
        void getsAnotherNameAndDescription() {
            Api.as()
                    .body(Map.of("name", name + "-2", "description", "said"))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("appConnection.name", equalTo(name + "-2"))
                    .body("appConnection.description", equalTo("said"))
                    .body("appConnection.version", equalTo(2))
                    .body("appConnection.credentialsHash", equalTo(hash));
        }

        @Test
        void isGoneAfterItsDeletion() {
            Api.as().delete(BASE + "/" + id).then().statusCode(200).body("appConnection.name", equalTo(name));

            Api.as()
                    .get(BASE + "/" + id)
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("connection_not_found"))
                    .body("error", equalTo("NotFound"))
                    .body("reqId", notNullValue());
        }
    }

    @Test
    void testsWithoutABodyAndWithoutAContentType() {
        String id = created(newConnection(name("bare-test"), credentials(target().role("LOGIN"))));

        given().header("Authorization", "Bearer " + Api.token())
                .noContentType() // as curl -X POST does
                .post(BASE + "/" + id + "/test")
                .then()
                .statusCode(200)
                .body("report.ok", equalTo(true));
    }

    @Test
    void keepsNothingReadableInTheStore() {
        Login login = target().role("LOGIN");
        String id = created(newConnection(name("sealed"), credentials(login)));

        String row = TestStore.sql("SELECT app_connection::text || encode(credentials, 'escape') FROM app_connection"
                        + " WHERE id = '" + id + "'")
                .get(0)
                .getString(0);

        assertThat(row)
                .doesNotContain(login.password())
                .doesNotContain(login.role())
                .doesNotContain("127.0.0.1");
    }

    @Nested
    class Creating {

        @Test
        void refusesAWrongPasswordAndSaysWhy() {
            Map<String, Object> credentials = credentials(target().role("LOGIN"));
            credentials.put("password", "not the one");

            create(newConnection(name("refused"), credentials))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("connection_test_failed"))
                    .body("error", equalTo("BadRequest"))
                    .body("message", containsString("Unable to validate connection: "))
                    .body("details.failure.reason", equalTo("password_refused"))
                    .body("details.failure.sqlState", equalTo("28P01"))
                    .body(not(containsString("not the one")));
        }

        /** What a file or {@code echo} leaves at the end is part of a password, and seen by nobody who looks at it. */
        @Test
        void saysOfAPasswordThatIsRefusedThatItHasWhiteSpaceAround() {
            Login login = target().role("LOGIN");
            Map<String, Object> credentials = credentials(login);
            credentials.put("password", login.password() + "\n");

            create(newConnection(name("padded"), credentials))
                    .then()
                    .statusCode(400)
                    .body("message", containsString("white space"))
                    .body("details.failure.remedy", containsString("white space"));
            Api.as()
                    .body(Map.of("credentials", credentials))
                    .post(BASE + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.failure.remedy", containsString("white space"))
                    .body("report.steps.find { it.name == 'login' }.remedy", containsString("white space"));
            credentials.put("password", "not the one");
            Api.as()
                    .body(Map.of("credentials", credentials))
                    .post(BASE + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.failure.reason", equalTo("password_refused"))
                    .body("report.failure.remedy", not(containsString("white space")));
        }

        @Test
        void refusesATakenNameBeforeTheTargetIsAsked() {
            Login login = target().role("LOGIN");
            String name = name("taken");
            created(newConnection(name, credentials(login)));
            Map<String, Object> unreachable = credentials(login);
            unreachable.put("password", "wrong: a login would be refused with another reason");

            create(newConnection(name, unreachable))
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("name_taken"))
                    .body("message", containsString(name));
        }

        @Test
        void namesOfAProjectAndOfTheOrganisationDoNotClash() {
            Login login = target().role("LOGIN");
            String name = name("scoped");
            String project = defaultProject();
            Map<String, Object> inProject = newConnection(name, credentials(login));
            inProject.put("projectId", project);
            String organisationId = created(newConnection(name, credentials(login)));

            create(inProject)
                    .then()
                    .statusCode(200)
                    .body("appConnection.projectId", equalTo(project))
                    .body("appConnection.project.slug", equalTo("default"));
            create(inProject).then().statusCode(400).body("code", equalTo("name_taken"));
            Api.as()
                    .get(BASE + "/connection-name/" + name)
                    .then()
                    .statusCode(200)
                    .body("appConnection.id", equalTo(organisationId));
            Api.as()
                    .queryParam("projectId", project)
                    .get(BASE + "/connection-name/" + name)
                    .then()
                    .statusCode(200)
                    .body("appConnection.projectId", equalTo(project));
        }

        @Test
        void refusesAnUnknownProject() {
            Map<String, Object> body = newConnection(name("nowhere"), credentials(target().role("LOGIN")));
            body.put("projectId", UUID.randomUUID().toString());

            create(body).then().statusCode(400).body("code", equalTo("project_unknown"));
        }

        @Test
        void refusesGatewaysAndWhatItDoesNotOffer() {
            Map<String, Object> body = newConnection(name("gateway"), credentials(target().role("LOGIN")));
            body.put("gatewayId", UUID.randomUUID().toString());
            create(body).then().statusCode(400).body("code", equalTo("gateway_not_supported"));

            body.remove("gatewayId");
            body.put("isAutoRotationEnabled", true);
            create(body).then().statusCode(422).body("message[0].path", contains("isAutoRotationEnabled"));
            body.remove("isAutoRotationEnabled");
            body.put("rotation", Map.of("rotationInterval", 30));
            create(body).then().statusCode(422).body("message[0].path", contains("rotation"));
        }

        @ParameterizedTest(name = "{0}")
        @CsvSource(textBlock = """
                '{"method":"username-and-password"}',                                    name
                '{"name":"ok","credentials":{}}',                                        method
                '{"name":"Not A Slug","method":"username-and-password"}',                name
                '{"name":"x","method":"password"}',                                      method
                '{"name":"x","method":"username-and-password"}',                         credentials
                '{"name":123,"method":"username-and-password"}',                         name
                '{"name":"x","method":"username-and-password","credentials":"text"}',    credentials
                """)
        void namesTheFieldThatDoesNotFit(String body, String field) {
            Api.as()
                    .body(body)
                    .post(BASE)
                    .then()
                    .statusCode(422)
                    .body("error", equalTo("ValidationFailure"))
                    .body("code", equalTo("validation_failed"))
                    .body("message.path.flatten()", hasItem(field));
        }

        @ParameterizedTest(name = "{0} = {1}")
        @CsvSource(textBlock = """
                port,                  0
                port,                  65536
                port,                  54.5
                port,                  99999999999999999999
                port,                  '"5432x"'
                port,                  true
                sslEnabled,            '"true"'
                sslRejectUnauthorized, 1
                host,                  '""'
                host,                  null
                password,              17
                sslMode,               '"prefer"'
                sslCertificate,        '"not a certificate"'
                sslClientCertificate,  '"not a certificate"'
                database,              '"a\\u0000b"'
                """)
        void namesTheCredentialThatDoesNotFit(String field, String value) {
            Map<String, String> fields = new HashMap<>(Map.of(
                    "host", "\"127.0.0.1\"",
                    "database", "\"postgres\"",
                    "username", "\"r\"",
                    "password", "\"p\""));
            fields.put(field, value);
            List<String> json = new ArrayList<>();
            fields.forEach((key, text) -> json.add("\"" + key + "\":" + text));

            Api.as()
                    .body("{\"name\":\"x\",\"method\":\"username-and-password\",\"credentials\":{"
                            + String.join(",", json) + "}}")
                    .post(BASE)
                    .then()
                    .statusCode(422)
                    .body("message.path", hasItem(contains("credentials", field)));
        }

        @Test
        void takesAPortAsTextAndDefaultsForWhatIsAbsent() {
            Map<String, Object> credentials = credentials(target().role("LOGIN"));
            credentials.put("port", " " + target().port() + " ");

            create(newConnection(name("port-text"), credentials))
                    .then()
                    .statusCode(200)
                    .body("appConnection.credentials.port", equalTo(target().port()));

            credentials.put("sslEnabled", false);
            for (boolean said : List.of(false, true)) {
                credentials.put("sslRejectUnauthorized", said);
                String name = name("said");
                create(newConnection(name, credentials))
                        .then()
                        .statusCode(200)
                        .body("appConnection.credentials.sslMode", equalTo("disable"))
                        .body("appConnection.credentials.sslRejectUnauthorized", equalTo(said));
                Api.as()
                        .get("/api/v1/app-connections/postgres/connection-name/" + name)
                        .then()
                        .body("appConnection.credentials.sslRejectUnauthorized", equalTo(said));
            }

            credentials.remove("port");
            credentials.remove("sslEnabled");
            credentials.remove("sslRejectUnauthorized");
            credentials.put("host", "192.0.2.1"); // documentation address, refused before it is dialled
            create(newConnection(name("defaults"), credentials))
                    .then()
                    .statusCode(400)
                    .body("details.failure.reason", equalTo("address_refused"));
        }
    }

    @Nested
    class Changing {

        @Test
        void testsNewCredentialsAndKeepsTheOldOnesWhenTheyFail() {
            Login login = target().role("LOGIN");
            Login other = target().role("LOGIN");
            Response created = create(newConnection(name("change"), credentials(login)));
            String id = created.path("appConnection.id");
            Map<String, Object> wrong = credentials(other);
            wrong.put("password", "wrong");

            Api.as()
                    .body(Map.of("credentials", wrong))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("connection_test_failed"));
            Api.as().get(BASE + "/" + id).then().body(equalTo(created.asString()));

            Api.as()
                    .body(Map.of("credentials", credentials(other)))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("appConnection.version", equalTo(2))
                    .body("appConnection.credentials.username", equalTo(other.role()))
                    .body(
                            "appConnection.credentialsHash",
                            not(equalTo(created.<String>path("appConnection.credentialsHash"))));
        }

        @Test
        void keepsTheHashWhenTheSameCredentialsAreSentAgain() {
            Login login = target().role("LOGIN");
            Response created = create(newConnection(name("same"), credentials(login)));

            Api.as()
                    .body(Map.of("credentials", credentials(login)))
                    .patch(BASE + "/" + created.path("appConnection.id"))
                    .then()
                    .statusCode(200)
                    .body(
                            "appConnection.credentialsHash",
                            equalTo(created.<String>path("appConnection.credentialsHash")));
        }

        @Test
        void removesADescriptionByNullAndKeepsAnAbsentOne() {
            Map<String, Object> body = newConnection(name("described"), credentials(target().role("LOGIN")));
            body.put("description", "  first  ");
            String id = created(body);

            Api.as()
                    .body("{\"isAutoRotationEnabled\":false}")
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("appConnection.description", equalTo("first"));
            Api.as()
                    .body("{\"description\":null}")
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("appConnection.description", nullValue());
            Api.as()
                    .body(Map.of("description", "x".repeat(257)))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(422)
                    .body("message[0].path", contains("description"));
        }

        @Test
        void refusesATakenNameAndAnUnknownId() {
            Login login = target().role("LOGIN");
            String taken = name("first");
            created(newConnection(taken, credentials(login)));
            String id = created(newConnection(name("second"), credentials(login)));

            Api.as()
                    .body(Map.of("name", taken))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("name_taken"));
            Api.as().body("{}").patch(BASE + "/" + UUID.randomUUID()).then().statusCode(404);
            Api.as()
                    .body("{}")
                    .patch(BASE + "/not-an-id")
                    .then()
                    .statusCode(422)
                    .body("message[0].path", contains("connectionId"));
        }
    }

    @Nested
    class Listing {

        @Test
        void listsByNameAndByProject() {
            Login login = target().role("LOGIN");
            String project = Api.as()
                    .body(Map.of("projectName", name("lists")))
                    .post("/api/v1/projects")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("project.id");
            String start = name("in-list");
            for (String end : List.of("-c", "-a", "-b")) {
                Map<String, Object> body = newConnection(start + end, credentials(login));
                body.put("projectId", project);
                created(body);
            }
            String organisation = name("of-organisation");
            created(newConnection(organisation, credentials(login)));

            Api.as()
                    .queryParam("projectId", project)
                    .get(BASE)
                    .then()
                    .statusCode(200)
                    .body("appConnections.name", contains(start + "-a", start + "-b", start + "-c"))
                    .body("$", not(hasKey("nextCursor")));
            Api.as()
                    .get("/api/v1/app-connections")
                    .then()
                    .body("appConnections.name", hasItems(start + "-a", organisation))
                    .body("appConnections.credentials", everyItem(not(hasKey("password"))));
            Api.as()
                    .queryParam("projectId", project)
                    .get(BASE + "/available")
                    .then()
                    .statusCode(200)
                    .body("appConnections.name", hasItems(start + "-a", organisation))
                    .body("appConnections[0]", hasKey("orgId"))
                    .body("appConnections[0]", not(hasKey("credentials")));
            Api.as().get(BASE + "/available").then().body("appConnections.name", not(hasItem(start + "-a")));
        }

        @Test
        void goesThroughPages() {
            Login login = target().role("LOGIN");
            String project = Api.as()
                    .body(Map.of("projectName", name("pages")))
                    .post("/api/v1/projects")
                    .then()
                    .extract()
                    .path("project.id");
            List<String> names = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                names.add(name("page-" + i));
                Map<String, Object> body = newConnection(names.get(i), credentials(login));
                body.put("projectId", project);
                created(body);
            }

            List<String> seen = new ArrayList<>();
            String cursor = null;
            int pages = 0;
            do {
                var request = Api.as().queryParam("projectId", project).queryParam("limit", 2);
                if (cursor != null) {
                    request.queryParam("cursor", cursor);
                }
                Response page = request.get(BASE);
                page.then().statusCode(200);
                seen.addAll(page.path("appConnections.name"));
                cursor = page.path("nextCursor");
                pages++;
            } while (cursor != null);

            assertThat(seen).containsExactlyElementsOf(names);
            assertThat(pages).isEqualTo(3);
        }

        @ParameterizedTest
        @ValueSource(strings = {"limit=0", "limit=1001", "limit=x", "limit=5&cursor=nonsense", "cursor=abc"})
        void refusesPagesThatCannotBe(String query) {
            Api.as().get(BASE + "?" + query).then().statusCode(422);
        }

        @Test
        void refusesAnUnknownProjectAndOffersOneKind() {
            Api.as()
                    .queryParam("projectId", UUID.randomUUID())
                    .get(BASE)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("project_unknown"));
            Api.as()
                    .get("/api/v1/app-connections/options")
                    .then()
                    .statusCode(200)
                    .body("appConnectionOptions.app", contains("postgres"))
                    .body("appConnectionOptions[0].methods", contains("username-and-password"));
        }
    }

    @Nested
    class Testing {

        @Test
        void reportsOnRolesAndTheGrantThatIsMissing() {
            TestPostgres server = TestPostgres.shared(18);
            Login managing = server.role("LOGIN CREATEROLE");
            Login managed = server.role("LOGIN");
            Login granted = server.role("LOGIN");
            server.sql("GRANT " + granted.role() + " TO " + managing.role()
                    + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
            Map<String, Object> credentials = credentials(managing);
            credentials.put("port", server.port());

            Api.as()
                    .body(Map.of(
                            "credentials",
                            credentials,
                            "roles",
                            List.of(managed.role(), granted.role(), "nobody-there")))
                    .post(BASE + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.ok", equalTo(false))
                    .body("report.address", equalTo("127.0.0.1"))
                    .body("report.role.createRole", equalTo(true))
                    .body("report.role.passwordProven", equalTo(true))
                    .body("report.roundTripMillis", notNullValue())
                    .body("report.managedRoles.rotatable", contains(false, true, false))
                    .body(
                            "report.managedRoles[0].problems.sql",
                            hasItem("GRANT " + managed.role() + " TO " + managing.role()
                                    + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"))
                    .body("report.managedRoles[2].exists", equalTo(false));
        }

        @Test
        void aRefusedLoginIsAReport() {
            Map<String, Object> credentials = credentials(target().role("LOGIN"));
            credentials.put("database", "not_there");

            Api.as()
                    .body(Map.of("credentials", credentials))
                    .post(BASE + "/test")
                    .then()
                    .statusCode(200)
                    .body("report.ok", equalTo(false))
                    .body("report.failure.step", equalTo("login"))
                    .body("report.failure.reason", equalTo("no_such_database"))
                    .body("report.failure.sqlState", equalTo("3D000"))
                    .body("report.steps.name", contains("resolve", "connect", "tls", "login", "rights"));
        }
    }

    @Nested
    class OverTls {

        @Test
        void verifiesTheServerWithItsOwnCa() {
            TestPostgres server = TestPostgres.shared(18, Tls.REQUIRED);
            Map<String, Object> credentials = credentials(server.role("LOGIN"));
            credentials.put("host", server.host());
            credentials.put("port", server.port());
            credentials.put("sslEnabled", true);
            create(newConnection(name("tls-unknown"), credentials))
                    .then()
                    .statusCode(400)
                    .body("details.failure.step", equalTo("tls"))
                    .body("details.failure.reason", equalTo("tls_unknown_authority"));

            credentials.put("sslCertificate", server.caPem());
            create(newConnection(name("tls"), credentials))
                    .then()
                    .statusCode(200)
                    .body("appConnection.credentials.sslMode", equalTo("verify-full"))
                    .body("appConnection.credentials.sslCertificate", containsString("BEGIN CERTIFICATE"));
        }

        @Test
        void saysThatTheServerDemandsOrLacksTls() {
            TestPostgres server = TestPostgres.shared(18, Tls.REQUIRED);
            Map<String, Object> plain = credentials(server.role("LOGIN"));
            plain.put("port", server.port());
            create(newConnection(name("no-tls"), plain))
                    .then()
                    .statusCode(400)
                    .body("details.failure.reason", equalTo("tls_demanded"));

            Map<String, Object> encrypted = credentials(target().role("LOGIN"));
            encrypted.put("sslEnabled", true);
            create(newConnection(name("no-server-tls"), encrypted))
                    .then()
                    .statusCode(400)
                    .body("details.failure.reason", equalTo("tls_not_offered"));
        }
    }

    /** Transcribed from the source of terraform-provider-infisical at commit e64b1b7a (2026-08-18). */
    @Nested
    class AsTerraformCalls {

        @Test
        void goesThroughItsWholeCycleWithoutDrift() {
            Login login = target().role("LOGIN");
            String name = name("terraform");
            String credentials = "\"credentials\":{\"host\":\"127.0.0.1\",\"port\":" + target().port()
                    + ",\"database\":\"postgres\",\"username\":\"" + login.role() + "\",\"password\":\""
                    + login.password()
                    + "\",\"sslEnabled\":false,\"sslRejectUnauthorized\":true,\"sslCertificate\":\"\"}";

            Response created = terraform()
                    .body("{\"App\":\"postgres\",\"method\":\"username-and-password\",\"name\":\"" + name + "\","
                            + credentials + "}")
                    .post(BASE);
            created.then().statusCode(200);
            String id = created.path("appConnection.id");
            String hash = created.path("appConnection.credentialsHash");

            for (int refresh = 0; refresh < 2; refresh++) {
                terraform()
                        .get(BASE + "/" + id)
                        .then()
                        .statusCode(200)
                        .body("appConnection.credentialsHash", equalTo(hash));
            }
            Response updated = terraform()
                    .body("{\"ID\":\"" + id
                            + "\",\"App\":\"postgres\",\"description\":\"\",\"method\":\"username-and-password\","
                            + "\"name\":\"" + name + "\"," + credentials + "}")
                    .patch(BASE + "/" + id);
            updated.then().statusCode(200).body("appConnection.description", equalTo(""));
            terraform()
                    .get(BASE + "/" + id)
                    .then()
                    .body("appConnection.credentialsHash", equalTo(updated.path("appConnection.credentialsHash")));
            terraform()
                    .body("{\"ID\":\"" + id + "\"}") // other resources of the provider send a body with DELETE
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200);
            terraform().get(BASE + "/" + id).then().statusCode(404);
        }

        private io.restassured.specification.RequestSpecification terraform() {
            return Api.as().header("User-Agent", "terraform").accept("application/json");
        }
    }

    /** The sample request of the product's own documentation, with a real host, project and credentials put in. */
    @Nested
    class AsTheDocumentationShows {

        @Test
        void worksWithOnesOwnHostProjectAndCredentials() {
            TestPostgres server = TestPostgres.shared(18, Tls.REQUIRED);
            Login login = server.role("LOGIN");
            String sample = """
                    {
                        "name": "%s",
                        "method": "username-and-password",
                        "isPlatformManagedCredentials": %s,
                        "projectId": "%s",
                        "credentials": {
                            "host": "%s",
                            "port": %d,
                            "database": "postgres",
                            "username": "%s",
                            "password": "%s",
                            "sslEnabled": true,
                            "sslRejectUnauthorized": true,
                            "sslCertificate": "%s"
                        }
                    }""";
            String name = name("sample");
            String project = defaultProject();
            String ca = server.caPem().replace("\n", "\\n");

            Login managed = server.role("LOGIN");
            Api.as()
                    .body(sample.formatted(
                            name("sample"),
                            true,
                            project,
                            server.host(),
                            server.port(),
                            managed.role(),
                            managed.password(),
                            ca))
                    .post(BASE)
                    .then()
                    .statusCode(200)
                    .body("appConnection.isPlatformManagedCredentials", equalTo(true))
                    .body("appConnection.rotation.rotationStatus", equalTo("success"));
            Api.as()
                    .body(sample.formatted(
                            name, false, project, server.host(), server.port(), login.role(), login.password(), ca))
                    .post(BASE)
                    .then()
                    .statusCode(200)
                    .body("appConnection.name", equalTo(name))
                    .body("appConnection.projectId", equalTo(project))
                    .body("appConnection.credentials.sslRejectUnauthorized", equalTo(true));
        }
    }

    @Nested
    class Repeating {

        @Test
        void theSameKeyGivesTheSameAnswerAndOneConnection() {
            Map<String, Object> body = newConnection(name("once"), credentials(target().role("LOGIN")));
            String key = UUID.randomUUID().toString();

            Response first = Api.as().header("Idempotency-Key", key).body(body).post(BASE);
            Response second = Api.as().header("Idempotency-Key", key).body(body).post(BASE);

            first.then().statusCode(200);
            second.then().statusCode(200).body(equalTo(first.asString()));
            body.put("description", "another body");
            Api.as().header("Idempotency-Key", key).body(body).post(BASE).then().statusCode(422);
        }
    }

    @Nested
    class Errors {

        @Test
        void haveOneShape() {
            given().get(BASE)
                    .then()
                    .statusCode(401)
                    .body("error", equalTo("UnauthorizedError"))
                    .body("code", notNullValue());
            given().header("Authorization", "Bearer nonsense")
                    .get(BASE)
                    .then()
                    .statusCode(403)
                    .body("error", equalTo("TokenError"));
            Api.as().get("/api/v1/nothing-here").then().statusCode(404).body("code", equalTo("not_found"));
            Api.as().body("{}").put(BASE).then().statusCode(405).body("code", equalTo("method_not_allowed"));
            Api.as().body("{\"name\":").post(BASE).then().statusCode(400).body("code", equalTo("malformed_json"));
            Api.as()
                    .body("{\"name\":\"x\",}")
                    .post(BASE)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("malformed_json"));
            given().header("Authorization", "Bearer " + Api.token())
                    .contentType(ContentType.TEXT)
                    .body("text")
                    .post(BASE)
                    .then()
                    .statusCode(415)
                    .body("code", equalTo("unsupported_media_type"));
            Api.as()
                    .body("{\"name\":\"" + "x".repeat(330_000) + "\"}")
                    .post(BASE)
                    .then()
                    .statusCode(413)
                    .body("code", equalTo("body_too_large"))
                    .body("error", equalTo("PayloadTooLarge"));
            Api.as().post(BASE).then().statusCode(422);
        }
    }

    @Test
    void recordsWhatWasDoneAndWhatFailed() {
        Login login = target().role("LOGIN");
        String name = name("audited");
        String id = created(newConnection(name, credentials(login)));
        Map<String, Object> wrong = credentials(login);
        wrong.put("password", "a wrong one");
        create(newConnection(name + "-x", wrong)).then().statusCode(400);
        Api.as().delete(BASE + "/" + id).then().statusCode(200);

        var rows =
                TestStore.sql("SELECT type, outcome, reason, audit_event::text FROM audit_event WHERE subject_id IN ('"
                        + id + "', '" + name + "-x') ORDER BY id");

        assertThat(rows)
                .extracting(row -> row.getString(0) + " " + row.getString(1).toLowerCase(java.util.Locale.ROOT) + " "
                        + row.getString(2))
                .containsExactly(
                        "create-app-connection success null",
                        "create-app-connection failed connection_test_failed",
                        "delete-app-connection success null");
        assertThat(rows)
                .allSatisfy(row -> assertThat(row.getString(3))
                        .doesNotContain(login.password())
                        .doesNotContain("a wrong one"));
    }
}
