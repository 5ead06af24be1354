package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.rolewright.sealing.Resealed;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestPostgres.Tls;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every field of a connection and of a rotation that can be changed: does it decide who learns a password, or how easily it is guessed? Then
 * whoever changes it must be allowed to read the passwords, and the audit says what he did.
 */
@QuarkusTest
class WhereSecretsGoTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";
    private static final String READ = "read-generated-credentials";
    private static final Set<String> FACTS = Set.of("leadsElsewhere", "tlsWeakened", "requirementsWeakened");

    /** Refused to everybody, without effect, or another test's: {@code VaultDeliveryTest} for {@code vaultKv}. */
    private static final Set<String> NO_CHANGE = Set.of(
            "gatewayId",
            "gatewayPoolId",
            "isPlatformManagedCredentials",
            "rotation",
            "connectionId",
            "environment",
            "secretPath",
            "strategy",
            "username1",
            "username2",
            "rotationStatement",
            "lookIntervalMinutes",
            "vaultKv");

    private final TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST, Tls.OPTIONAL);
    private final TestCertificates others = TestCertificates.create();

    /**
     * One change.
     *
     * @param field that this row is about
     * @param start of credentials or of password requirements, beside what they always have
     * @param change sent with it, or instead of it
     * @param read whether it takes the right to read the passwords
     * @param facts what the audit says of it
     */
    private record Row(
            String field, Map<String, Object> start, Map<String, Object> change, boolean read, Set<String> facts) {}

    private static Row free(String field, Object value) {
        Map<String, Object> change = new HashMap<>();
        change.put(field, value);
        return new Row(field, Map.of(), change, false, Set.of());
    }

    private static Row decides(String field, Map<String, Object> start, Map<String, Object> change, String... facts) {
        return new Row(field, start, change, true, Set.of(facts));
    }

    // ---- Connections -----------------------------------------------------------------------------------------------

    private List<Row> ofConnections() {
        Map<String, Object> verified = Map.of("sslMode", "verify-full", "sslCertificate", server.caPem());
        Map<String, Object> required = Map.of("sslMode", "require", "sslCertificate", server.caPem());
        Login other = server.role("LOGIN CREATEROLE");
        TestCertificates.Issued client = others.client("somebody");
        return List.of(
                free("name", Rotating.name("renamed")),
                free("description", "another"),
                free("allowPrivileged", true),
                decides("confirmAnotherServer", Map.of(), Map.of("confirmAnotherServer", true)),
                free("isAutoRotationEnabled", false),
                new Row(
                        "username",
                        verified,
                        Map.of("username", other.role(), "password", other.password()),
                        false,
                        Set.of()),
                new Row("password", verified, Map.of(), false, Set.of()),
                decides("host", verified, Map.of("host", "localhost"), "leadsElsewhere"),
                decides("port", Map.of("sslMode", "disable"), Map.of("port", "of a proxy"), "leadsElsewhere"),
                decides("database", verified, Map.of("database", server.database()), "leadsElsewhere"),
                decides("sslMode", verified, Map.of("sslMode", "verify-ca"), "tlsWeakened"),
                decides("sslMode", verified, Map.of("sslMode", "require"), "tlsWeakened"),
                decides("sslMode", required, Map.of("sslMode", "verify-full")),
                decides("sslEnabled", verified, Map.of("sslEnabled", false), "tlsWeakened"),
                decides("sslRejectUnauthorized", verified, Map.of("sslRejectUnauthorized", false), "tlsWeakened"),
                decides(
                        "sslCertificate",
                        verified,
                        Map.of("sslCertificate", server.caPem() + "\n" + others.caPem()),
                        "tlsWeakened"),
                decides("sslCertificate", required, Map.of("sslCertificate", ""), "tlsWeakened"),
                decides(
                        "sslClientCertificate",
                        verified,
                        Map.of("sslClientCertificate", client.pem(), "sslClientKey", client.keyPem())),
                decides(
                        "sslClientKey",
                        verified,
                        Map.of("sslClientCertificate", client.pem(), "sslClientKey", client.keyPem())));
    }

    @TestFactory
    Stream<DynamicTest> whoMayChangeWhatOfAConnection() {
        People people = new People();
        return ofConnections().stream()
                .map(row -> dynamicTest(row.field + " " + row.facts, () -> {
                    Login managing = server.role("LOGIN CREATEROLE");
                    try (TcpProxy proxy = TcpProxy.to(server)) {
                        Map<String, Object> start = body(row, credentials(managing, row.start), Map.of());
                        Map<String, Object> change = body(row, credentials(managing, row.start), row.change);
                        if (change.get("credentials") instanceof Map<?, ?> sent
                                && "of a proxy".equals(sent.get("port"))) {
                            change.put("credentials", with(sent, "port", proxy.port()));
                        }

                        String unused = connection(people.project, managing, row.start);
                        allowed(people.operator, CONNECTIONS + "/" + unused, change, row.facts);

                        change.computeIfPresent("name", (field, taken) -> Rotating.name("renamed"));
                        String used = connection(people.project, managing, row.start);
                        rotation(people.project, used, managing, null);
                        String path = CONNECTIONS + "/" + used;
                        refused(people.reader, path, change, "edit");
                        refused(people.consumer, path, change, "edit");
                        if (row.read) {
                            String before = Api.as().get(path).asString();
                            refused(people.operator, path, change, READ);
                            assertThat(Api.as().get(path).asString()).isEqualTo(before);
                            allowed(people.both, path, change, row.facts);
                            allowed(people.admin, path, start, null);
                            allowed(people.organisation, path, change, row.facts);
                        } else {
                            allowed(people.operator, path, change, row.facts);
                            allowed(people.admin, path, change, Set.of());
                        }
                    }
                }));
    }

    /** It is not enough to be allowed to read some of what would go elsewhere. */
    @Test
    void aConnectionOfTheOrganisationTakesTheRightInEveryProjectThatUsesIt() {
        String first = Identities.project();
        String second = Identities.project();
        Login managing = server.role("LOGIN CREATEROLE");
        Map<String, Object> start = Map.of("sslMode", "disable");
        String connection = connection(null, managing, start);
        rotation(first, connection, managing, null);
        rotation(second, connection, managing, null);
        Somebody somebody = Identities.with("operator");
        Map<String, Object> change =
                Map.of("credentials", with(credentials(managing, start), "database", server.database()));

        member(somebody, first);
        refused(somebody, CONNECTIONS + "/" + connection, change, READ);
        member(somebody, second);
        allowed(somebody, CONNECTIONS + "/" + connection, change, Set.of("leadsElsewhere"));
    }

    /** Nor is the right to read enough to have somebody else's login changed: the role of the same name on the other server. */
    @Test
    void aHostOrPortWhereTheRoleIsSomebodysLoginIsRefusedToEverybody() {
        People people = new People();
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(people.project, managing, Map.of("sslMode", "disable"));
        String rotation = rotation(people.project, connection, managing, null);
        String role = Rotating.credentials(rotation).get(0).get("username");
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST, Tls.OPTIONAL, builder -> builder)) {
            Login there = other.role("LOGIN SUPERUSER");
            other.sql("CREATE ROLE " + role + " LOGIN PASSWORD 'theirs'");
            connection(
                    Identities.project(),
                    new Login(role, "theirs"),
                    Map.of("sslMode", "disable", "port", other.port()));
            Map<String, Object> change =
                    Map.of("credentials", with(credentials(there, Map.of("sslMode", "disable")), "port", other.port()));

            for (Somebody somebody : List.of(people.both, people.admin, people.organisation)) {
                Response answer = somebody.as().body(change).patch(CONNECTIONS + "/" + connection);
                assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(400);
                assertThat(answer.<String>path("code")).isEqualTo("role_of_a_connection");
            }
            Rotating.rotateAtOnce(rotation).then().statusCode(200);
            assertThat(other.login(role, "theirs")).isEqualTo("ok");
        }
    }

    /** The thief of the finding: his own server, which the service would trust, for the authority is his. */
    @Test
    void anOperatorsServerIsNotEvenDialled() {
        String project = Identities.project();
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(project, managing, Map.of("sslMode", "disable"));
        String rotation = rotation(project, connection, managing, null);
        Somebody thief = Identities.in(project, "operator");
        try (TestPostgres his = TestPostgres.own(TestPostgres.NEWEST, Tls.OPTIONAL, builder -> builder);
                TcpProxy watched = TcpProxy.to(his)) {
            TcpProxy.Sighting dialled = watched.always(message -> true, () -> TcpProxy.Fate.PASS);
            Login own = his.role("LOGIN CREATEROLE");
            Map<String, Object> change = Map.of(
                    "credentials",
                    Map.of(
                            "host", "127.0.0.1",
                            "port", watched.port(),
                            "database", "postgres",
                            "username", own.role(),
                            "password", own.password(),
                            "sslMode", "verify-full",
                            "sslCertificate", his.caPem()));

            refused(thief, CONNECTIONS + "/" + connection, change, READ);
            thief.as()
                    .queryParam("force", true)
                    .post(Rotating.BASE + "/" + rotation + "/rotate-secrets")
                    .then()
                    .statusCode(200);
            TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + rotation
                    + "' AND deleted_at IS NULL");
            Api.as()
                    .queryParam("budgetSeconds", 20)
                    .post("/api/v1/rotations/run-due")
                    .then()
                    .statusCode(200);

            assertThat(dialled.times()).isZero();
        }
    }

    /** As a server does that has taken the place of another: even a certificate that is good does not get more out of the service. */
    @ParameterizedTest
    @ValueSource(strings = {"password", "md5"})
    void aPasswordThatWasAskedForBySCRAMIsNotShownInAWeakerForm(String weaker) {
        try (TestPostgres own = TestPostgres.own(TestPostgres.NEWEST, Tls.OPTIONAL, builder -> builder)) {
            Login managing = own.role("LOGIN CREATEROLE");
            Map<String, Object> trusting = Map.of(
                    "port", own.port(), "sslMode", "verify-full", "sslCertificate", own.caPem(), "host", "localhost");
            String connection = connection(null, managing, trusting);
            String older = connection(null, managing, trusting);
            TestStore.sql("UPDATE app_connection SET scram_of = NULL WHERE id = '" + older + "'");
            own.sql("SET password_encryption = '" + ("md5".equals(weaker) ? "md5" : "scram-sha-256") + "'; ALTER ROLE "
                    + managing.role() + " PASSWORD '" + managing.password() + "'");
            own.authentication("hostssl all all 127.0.0.1/32 " + weaker);
            String refused = ("md5".equals(weaker) ? "md5" : "cleartext") + "_password_demanded";

            tested(connection).body("report.steps[3].reason", equalTo(refused));
            tested(older).body("report.ok", equalTo(true)); // of which nobody wrote down how it was asked for

            Api.as()
                    .body(Map.of("credentials", credentials(managing, trusting)))
                    .patch(CONNECTIONS + "/" + connection)
                    .then()
                    .statusCode(200);
            tested(connection).body("report.ok", equalTo(true));
        }
    }

    /** Connections that a build before stored, which did not write it down, learn it from the first login that shows it. */
    @ParameterizedTest
    @ValueSource(strings = {"test", "change"})
    void anOlderConnectionLearnsItFromTheFirstLookThatProvesIt(String look) {
        try (TestPostgres own = TestPostgres.own(TestPostgres.NEWEST, Tls.OPTIONAL, builder -> builder)) {
            Rotating roles = Rotating.verifying(own);
            Map<String, Object> body = roles.body(Rotating.name("pinned"));
            String rotation = Rotating.created(body);
            String connection = roles.connection;
            TestStore.sql("UPDATE app_connection SET scram_of = NULL WHERE id = '" + connection + "'");
            if (look.equals("test")) {
                tested(connection).body("report.ok", equalTo(true));
            } else {
                Rotating.rotateAtOnce(rotation).then().statusCode(200);
            }

            own.authentication(
                    "hostssl all " + roles.managing.role() + " 127.0.0.1/32 password",
                    "hostssl all all 127.0.0.1/32 scram-sha-256");

            tested(connection).body("report.steps[3].reason", equalTo("cleartext_password_demanded"));
        }
    }

    private static ValidatableResponse tested(String connection) {
        return Api.as().post(CONNECTIONS + "/" + connection + "/test").then().statusCode(200);
    }

    /**
     * Once somebody who may has moved it: the server has an authority of its own, so TLS is verified, and asks for each password in clear.
     */
    @Test
    void aServerThatAsksInClearIsShownNoPasswordThatTheServiceHasMade() {
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(null, managing, Map.of("sslMode", "disable"));
        String rotation = rotation(Rotating.project(), connection, managing, null);
        Rotating.rotateAtOnce(rotation).then().statusCode(200);
        String role = Rotating.credentials(rotation).get(0).get("username");
        try (TestPostgres his = TestPostgres.own(TestPostgres.NEWEST, Tls.OPTIONAL, builder -> builder)) {
            Login own = his.role("LOGIN SUPERUSER");
            Login shown = his.role("LOGIN");
            his.sql("CREATE ROLE " + role + " LOGIN PASSWORD 'another one'");
            his.authentication("host all all 127.0.0.1/32 password");
            Api.as()
                    .body(Map.of(
                            "confirmAnotherServer",
                            true,
                            "credentials",
                            Map.of(
                                    "host", "127.0.0.1",
                                    "port", his.port(),
                                    "database", "postgres",
                                    "username", own.role(),
                                    "password", own.password(),
                                    "sslMode", "verify-full",
                                    "sslCertificate", his.caPem())))
                    .patch(CONNECTIONS + "/" + connection)
                    .then()
                    .statusCode(200);

            for (int i = 0; i < 2; i++) {
                Rotating.rotateAtOnce(rotation);
                TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '"
                        + rotation + "' AND deleted_at IS NULL");
                Api.as()
                        .queryParam("budgetSeconds", 20)
                        .post("/api/v1/rotations/run-due")
                        .then()
                        .statusCode(200);
            }

            assertThat(his.login(shown.role(), "a wrong one")).isEqualTo("28P01");
            String failed = "password authentication failed for user \"%s\"";
            assertThat(his.server().log())
                    .as("what it says of a password that it is shown")
                    .contains(failed.formatted(shown.role()))
                    .doesNotContain(failed.formatted(role));
        }
        Api.as().delete(Rotating.BASE + "/" + rotation).then().statusCode(200);
    }

    // ---- Rotations -------------------------------------------------------------------------------------------------

    private static Map<String, Object> requirements(int length, int symbols, String allowed) {
        return Map.of(
                "passwordRequirements",
                Map.of(
                        "length",
                        length,
                        "required",
                        Map.of("digits", 1, "lowercase", 1, "uppercase", 1, "symbols", symbols),
                        "allowedSymbols",
                        allowed));
    }

    private static List<Row> ofRotations() {
        Map<String, Object> start = requirements(30, 1, "+-_");
        return List.of(
                free("name", Rotating.name("renamed")),
                free("description", "another"),
                free("isAutoRotationEnabled", true),
                free("rotationInterval", 7),
                free("rotateAtUtc", Map.of("hours", 1, "minutes", 2)),
                free("secretsMapping", Map.of("username", "OTHER_USER", "password", "OTHER_PASSWORD")),
                free("driftPolicy", "reassert"),
                free("takeover", true),
                free("allowPrivileged", true),
                free("nextRotationAt", java.time.Instant.now().plusSeconds(3600).toString()),
                new Row("passwordRequirements", start, start, false, Set.of()),
                new Row("length", start, requirements(31, 1, "+-_"), false, Set.of()),
                new Row("allowedSymbols", start, requirements(30, 1, "+-_~"), false, Set.of()),
                decides("length", start, requirements(29, 1, "+-_"), "requirementsWeakened"),
                decides("required", start, requirements(30, 20, "+-_"), "requirementsWeakened"),
                decides("allowedSymbols", start, requirements(30, 1, "+"), "requirementsWeakened"));
    }

    @TestFactory
    Stream<DynamicTest> whoMayChangeWhatOfARotation() {
        People people = new People();
        return ofRotations().stream()
                .map(row -> dynamicTest(row.field + " " + row.facts, () -> {
                    Login managing = server.role("LOGIN CREATEROLE");
                    String connection = connection(people.project, managing, Map.of("sslMode", "disable"));
                    boolean inParameters = row.change.containsKey("passwordRequirements");
                    String path = Rotating.BASE + "/"
                            + rotation(people.project, connection, managing, inParameters ? row.start : null);
                    Map<String, Object> start = Map.of("parameters", row.start);
                    Map<String, Object> change = inParameters ? Map.of("parameters", row.change) : row.change;

                    refused(people.reader, path, change, "edit");
                    refused(people.consumer, path, change, "edit");
                    if (row.read) {
                        refused(people.operator, path, change, READ);
                        allowed(people.both, path, change, row.facts);
                        allowed(people.operator, path, start, Set.of());
                        allowed(people.admin, path, change, row.facts);
                    } else {
                        allowed(people.operator, path, change, row.facts);
                        allowed(people.admin, path, change, Set.of());
                    }
                }));
    }

    @Test
    void requirementsThatMakePasswordsTooEasyToGuessAreRefusedToEverybody() {
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(null, managing, Map.of("sslMode", "disable"));
        String id = rotation(Rotating.project(), connection, managing, null);
        Map<String, Object> oneDigit = Map.of("length", 1, "required", Map.of("digits", 1));

        Api.as()
                .body(Map.of("parameters", Map.of("passwordRequirements", oneDigit)))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(422)
                .body("message[0].path.join('.')", equalTo("parameters.passwordRequirements.length"))
                .body(
                        "message[0].message",
                        equalTo("Such passwords have 3 bits, and at least 72 are needed: 21 more characters would do"
                                + " (22), or more kinds of them"));
        Map<String, Object> body = rotationBody(Rotating.project(), connection, managing, Map.of());
        body.put("parameters", with((Map<?, ?>) body.get("parameters"), "passwordRequirements", oneDigit));
        Rotating.post(body).then().statusCode(422);
        Api.as()
                .body(Map.of("connectionId", connection, "strategy", "single", "parameters", body.get("parameters")))
                .post(Rotating.BASE + "/preflight")
                .then()
                .statusCode(422)
                .body("message[0].path.join('.')", equalTo("parameters.passwordRequirements.length"));
    }

    /** Refusing to go on would leave its old password in use for ever. */
    @Test
    void aRotationThatIsWeakAlreadyGoesOnAndMayBeStrengthenedOnly() {
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(null, managing, Map.of("sslMode", "disable"));
        String id = rotation(Rotating.project(), connection, managing, null);
        Resealed.sql(digitsInTheStore(id, 8));

        Rotating.rotateAtOnce(id).then().statusCode(200);

        assertThat(Rotating.credentials(id).get(0).get("password")).matches("[0-9]{8}");
        digits(id, 8).then().statusCode(200); // what it has, sent again by a client that sends everything
        digits(id, 9)
                .then()
                .statusCode(422)
                .body("message[0].message", containsString("13 more characters would do (22)"));
        digits(id, 22).then().statusCode(200);
        Rotating.rotateAtOnce(id).then().statusCode(200);
        assertThat(Rotating.credentials(id).get(0).get("password")).matches("[0-9]{22}");
    }

    @Test
    void whoSendsWeakRequirementsAgainDoesNotUndoThatAnotherStrengthenedThem() throws Exception {
        Login managing = server.role("LOGIN CREATEROLE");
        String connection = connection(null, managing, Map.of("sslMode", "disable"));
        String id = rotation(Rotating.project(), connection, managing, null);
        Resealed.sql(digitsInTheStore(id, 8));
        List<CompletableFuture<Response>> again = new ArrayList<>();

        Resealed.sql(digitsInTheStore(id, 22), () -> {
            again.add(CompletableFuture.supplyAsync(() -> digits(id, 8)));
            await().until(() -> !TestStore.sql("select from pg_stat_activity where datname = current_database()"
                            + " and wait_event_type = 'Lock'")
                    .isEmpty());
        });

        again.get(0).get(20, TimeUnit.SECONDS).then().statusCode(422);
        Rotating.rotateAtOnce(id).then().statusCode(200);
        assertThat(Rotating.credentials(id).get(0).get("password")).matches("[0-9]{22}");
    }

    private static String digitsInTheStore(String id, int length) {
        return "update secret_rotation set password_requirements = '{\"length\": " + length
                + ", \"required\": {\"digits\": 8, \"lowercase\": 0, \"uppercase\": 0, \"symbols\": 0}}' where id = '"
                + id
                + "'";
    }

    private static Response digits(String id, int length) {
        return Api.as()
                .body(Map.of(
                        "parameters",
                        Map.of(
                                "passwordRequirements",
                                Map.of("length", length, "required", Map.of("digits", Math.min(length, 8))))))
                .patch(Rotating.BASE + "/" + id);
    }

    // ---- The tables are whole --------------------------------------------------------------------------------------

    @Test
    void everyFieldThatCanBeChangedHasItsRow() {
        var schemas = new JsonObject(RestAssured.get("/api/openapi.json").asString())
                .getJsonObject("components")
                .getJsonObject("schemas");
        Set<String> fields = new HashSet<>();
        for (String schema : List.of(
                "UpdatePostgresAppConnection",
                "PostgresCredentialsInput",
                "UpdatePostgresCredentialsRotation",
                "ChangedPostgresCredentialsParameters",
                "PasswordRequirements")) {
            fields.addAll(
                    schemas.getJsonObject(schema).getJsonObject("properties").fieldNames());
        }
        fields.removeAll(Set.of("credentials", "parameters")); // which hold the others
        Set<String> rows = Stream.concat(ofConnections().stream(), ofRotations().stream())
                .map(Row::field)
                .collect(Collectors.toCollection(HashSet::new));
        rows.addAll(NO_CHANGE);

        assertThat(rows).containsExactlyInAnyOrderElementsOf(fields);
    }

    // ---- Parts -----------------------------------------------------------------------------------------------------

    private static final class People {
        final String project = Identities.project();
        final Somebody operator = Identities.in(project, "operator");
        final Somebody reader = Identities.in(project, "reader");
        final Somebody consumer = Identities.in(project, "consumer");
        final Somebody both = Identities.in(project, "operator", "consumer");
        final Somebody admin = Identities.in(project, "admin");
        final Somebody organisation = Identities.with("admin");
    }

    private static void member(Somebody somebody, String project) {
        Api.as()
                .body(Map.of("roles", List.of("consumer")))
                .put("/api/v1/projects/" + project + "/identity-memberships/" + somebody.id())
                .then()
                .statusCode(200);
    }

    private static void refused(Somebody who, String path, Map<String, Object> change, String action) {
        Response answer = who.as().body(change).patch(path);
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(403);
        assertThat(answer.<String>path("code")).isEqualTo("permission_denied");
        assertThat(answer.<String>path("details.action")).isEqualTo(action);
        assertThat(TestStore.sql("select from audit_event where request_id = '" + answer.header("X-Request-Id")
                        + "' and outcome = 'REFUSED' and actor_id = '" + who.id() + "'"))
                .hasSize(1);
    }

    /** @param facts null if it does not matter */
    private static void allowed(Somebody who, String path, Map<String, Object> change, Set<String> facts) {
        Response answer = who.as().body(change).patch(path);
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
        var rows = TestStore.sql("select facts::text from audit_event where request_id = '"
                + answer.header("X-Request-Id") + "' and outcome = 'SUCCESS' and actor_id = '" + who.id()
                + "' and type like 'update-%'");
        assertThat(rows).hasSize(1);
        if (facts != null) {
            Set<String> said = new HashSet<>(new JsonObject(rows.get(0).getString(0)).fieldNames());
            said.retainAll(FACTS);
            assertThat(said).isEqualTo(facts);
        }
    }

    private static Map<String, Object> with(Map<?, ?> map, String key, Object value) {
        Map<String, Object> more = new HashMap<>();
        map.forEach((each, there) -> more.put((String) each, there));
        more.put(key, value);
        return more;
    }

    /** What is not about credentials goes without them. */
    private static Map<String, Object> body(Row row, Map<String, Object> credentials, Map<String, Object> change) {
        if (row.start.isEmpty()) {
            return new HashMap<>(row.change);
        }
        Map<String, Object> all = new HashMap<>(credentials);
        if (change.containsKey("sslEnabled") || change.containsKey("sslRejectUnauthorized")) {
            all.remove("sslMode");
        }
        all.putAll(change);
        return new HashMap<>(Map.of("credentials", all));
    }

    private Map<String, Object> credentials(Login login, Map<String, Object> more) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", server.port());
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslMode", "disable");
        // Absent would mean what there is, also when a change is taken back.
        credentials.put("sslCertificate", "");
        credentials.put("sslClientCertificate", "");
        credentials.put("sslClientKey", "");
        credentials.putAll(more);
        return credentials;
    }

    private String connection(String project, Login managing, Map<String, Object> start) {
        Map<String, Object> body = new HashMap<>();
        body.put("name", Rotating.name("connection"));
        body.put("method", "username-and-password");
        body.put("projectId", project);
        body.put("credentials", credentials(managing, start));
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private String rotation(String project, String connection, Login managing, Map<String, Object> parameters) {
        return Rotating.created(
                rotationBody(project, connection, managing, parameters == null ? Map.of() : parameters));
    }

    private Map<String, Object> rotationBody(
            String project, String connection, Login managing, Map<String, Object> parameters) {
        Login role = server.role("LOGIN");
        Rotating.grant(server, managing, role);
        String name = Rotating.name("rotation");
        Map<String, Object> all = new HashMap<>(parameters);
        all.put("username1", role.role());
        Map<String, Object> body = new HashMap<>();
        body.put("name", name);
        body.put("projectId", project);
        body.put("connectionId", connection);
        body.put("environment", "production");
        body.put("secretPath", "/" + name);
        body.put("rotationInterval", 30);
        body.put("strategy", "single");
        body.put("parameters", all);
        body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
        return body;
    }
}
