package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.pgclient.PgException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Who may set whose password, held against the server itself: what the preflight foretells is what a creation does, and the statements
 * that it names are enough. And names and passwords that need quoting.
 */
@QuarkusTest
class RolePrivilegesTest {

    /** A rotation of one role, so that one refusal speaks of one role. */
    private static Map<String, Object> body(String connection, String role) {
        String name = Rotating.name("privileges");
        Map<String, Object> body = new HashMap<>();
        body.put("name", name);
        body.put("projectId", Rotating.project());
        body.put("connectionId", connection);
        body.put("environment", "privileges");
        body.put("secretPath", "/" + name);
        body.put("rotationInterval", 30);
        body.put("strategy", "single");
        body.put("allowPrivileged", true);
        body.put("parameters", Map.of("username1", role, "username2", role));
        body.put("secretsMapping", Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
        return body;
    }

    private static String quoted(String role) {
        return '"' + role.replace("\"", "\"\"") + '"';
    }

    /** How a managing role comes to a right over a role, by what it has; {@code %1$s} is the managing role, {@code %2$s} the managed. */
    private static Map<String, String> waysToARight(int major) {
        Map<String, String> ways = new LinkedHashMap<>();
        ways.put("nothing", "ALTER ROLE %1$s NOCREATEROLE");
        ways.put("CREATEROLE", "ALTER ROLE %1$s CREATEROLE");
        ways.put("CREATEROLE and membership", "ALTER ROLE %1$s CREATEROLE; GRANT %2$s TO %1$s");
        ways.put("ADMIN OPTION alone", "GRANT %2$s TO %1$s WITH ADMIN OPTION");
        ways.put("CREATEROLE and ADMIN OPTION", "ALTER ROLE %1$s CREATEROLE; GRANT %2$s TO %1$s WITH ADMIN OPTION");
        ways.put(
                "CREATEROLE and ADMIN OPTION of a group",
                "ALTER ROLE %1$s CREATEROLE; CREATE ROLE %1$s_group; GRANT %2$s TO %1$s_group WITH ADMIN OPTION;"
                        + " GRANT %1$s_group TO %1$s");
        ways.put(
                "CREATEROLE of a group and ADMIN OPTION",
                "CREATE ROLE %1$s_group CREATEROLE; GRANT %1$s_group TO %1$s; GRANT %2$s TO %1$s WITH ADMIN OPTION");
        ways.put("superuser", "ALTER ROLE %1$s SUPERUSER");
        if (major >= 16) {
            ways.put(
                    "CREATEROLE and nothing but ADMIN",
                    "ALTER ROLE %1$s CREATEROLE; GRANT %2$s TO %1$s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
            ways.put(
                    "CREATEROLE and all but ADMIN",
                    "ALTER ROLE %1$s CREATEROLE; GRANT %2$s TO %1$s WITH ADMIN FALSE, INHERIT TRUE, SET TRUE");
            ways.put(
                    "CREATEROLE and ADMIN of a group that it does not inherit",
                    "ALTER ROLE %1$s CREATEROLE; CREATE ROLE %1$s_group;"
                            + " GRANT %2$s TO %1$s_group WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;"
                            + " GRANT %1$s_group TO %1$s WITH INHERIT FALSE, SET FALSE");
        }
        return ways;
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void preflightForetellsWhatTheServerAllows(int major) {
        TestPostgres target = TestPostgres.shared(major);
        List<String> allowed = new ArrayList<>();
        List<String> helped = new ArrayList<>();
        for (String attributes : List.of("LOGIN", "LOGIN CREATEROLE", "LOGIN REPLICATION", "LOGIN SUPERUSER")) {
            waysToARight(major).forEach((way, statements) -> {
                String row = way + " over " + attributes;
                Login managing = target.role("LOGIN");
                Login managed = target.role(attributes);
                target.sql(statements.formatted(managing.role(), managed.role()));
                boolean may = mayAlter(target, managing, managed.role());
                Map<String, Object> body = body(Rotating.connection(target, managing), managed.role());

                Response preflight = Api.as().body(body).post(BASE + "/preflight");

                preflight.then().statusCode(200);
                assertThat(preflight.<Boolean>path("preflight.ok"))
                        .as("%s: %s", row, preflight.asString())
                        .isEqualTo(may);
                if (!may) {
                    Rotating.post(body).then().statusCode(400);
                    assertThat(target.login(managed.role(), managed.password()))
                            .as("%s: refused, so nothing was done", row)
                            .isEqualTo("ok");
                    List<String> remedies = preflight.path("preflight.roles[0].problems.findAll { it.sql }.sql");
                    if (remedies.isEmpty()) {
                        assertThat(attributes)
                                .as("%s: only what no grant helps has no remedy", row)
                                .isIn("LOGIN REPLICATION", "LOGIN SUPERUSER");
                        return;
                    }
                    remedies.forEach(target::sql);
                    if (!mayAlter(target, managing, managed.role())) {
                        assertThat(attributes)
                                .as("%s: helped by %s", row, remedies)
                                .isIn("LOGIN REPLICATION", "LOGIN SUPERUSER");
                        return;
                    }
                    helped.add(row);
                } else {
                    allowed.add(row);
                }
                Response created = Rotating.post(body);
                assertThat(created.statusCode())
                        .as("%s: %s", row, created.asString())
                        .isEqualTo(200);
                assertThat(loginAsServed(target, created)).as(row).isEqualTo("ok");
            });
        }
        assertThat(allowed).as("the rows that may, without help").hasSizeGreaterThan(5);
        assertThat(helped).as("the rows that the statements have helped").hasSizeGreaterThan(1);
    }

    /** All that an apply does to a role, by the server's own verdict. */
    private static boolean mayAlter(TestPostgres target, Login managing, String role) {
        try {
            target.as(
                    managing.role(),
                    managing.password(),
                    "postgres",
                    "BEGIN; ALTER ROLE " + role + " PASSWORD 'x'; COMMENT ON ROLE " + role + " IS 'x'; ROLLBACK");
            return true;
        } catch (PgException refused) {
            assertThat(refused.getSqlState()).isEqualTo("42501");
            return false;
        }
    }

    private static String loginAsServed(TestPostgres target, Response created) {
        List<Map<String, String>> served = Rotating.credentials(created.path("secretRotation.id"));
        return target.login(served.get(0).get("username"), served.get(0).get("password"));
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void rotatesRolesOfEveryName(int major) {
        TestPostgres target = TestPostgres.shared(major);
        Login managing = target.role("LOGIN CREATEROLE");
        String connection = Rotating.connection(target, managing);
        String unique = TestPostgres.uniqueName("");
        for (String name : List.of(
                "a\"quoted\"" + unique,
                "it's" + unique,
                unique + "; DROP ROLE " + managing.role() + "; --",
                "first.last" + unique,
                "$$" + unique + "$$",
                "$1" + unique,
                "%I %s %1$s" + unique,
                "back\\slash" + unique,
                "UPPER lower" + unique,
                "a\u00a0wide space" + unique,
                "日本語 Ünï" + unique,
                "-" + unique,
                "current_user",
                "user",
                "none" + unique,
                "ü".repeat(31) + "x",
                "y".repeat(63 - unique.length()) + unique)) {
            target.sql("DROP ROLE IF EXISTS " + quoted(name) + "; CREATE ROLE " + quoted(name) + " LOGIN; GRANT "
                    + quoted(name) + " TO " + managing.role() + " WITH ADMIN OPTION");

            Response created = Rotating.post(body(connection, name));

            assertThat(created.statusCode())
                    .as("%s: %s", name, created.asString())
                    .isEqualTo(200);
            assertThat(created.<String>path("secretRotation.parameters.username1"))
                    .isEqualTo(name);
            assertThat(loginAsServed(target, created)).as(name).isEqualTo("ok");
            String id = created.path("secretRotation.id");
            Rotating.rotateAtOnce(id).then().statusCode(200);
            assertThat(loginAsServed(target, created)).as(name).isEqualTo("ok");
            Api.as()
                    .queryParam("revokeGeneratedCredentials", true)
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200);
            target.sql("DROP ROLE " + quoted(name));
        }
        assertThat(target.login(managing.role(), managing.password()))
                .as("nobody was dropped")
                .isEqualTo("ok");
    }

    @Test
    void refusesNamesThatPostgresWouldCutAndThoseThatNoLoginCanProve() {
        Rotating roles = Rotating.on(14);
        for (String name :
                List.of("x".repeat(64), "ü".repeat(32), "日".repeat(21) + "x", "a\u0000b", "", "two\nlines", "א1")) {
            Response refused = Rotating.post(body(roles.connection, name));

            assertThat(refused.statusCode())
                    .as("%s: %s", name, refused.asString())
                    .isEqualTo(422);
            assertThat(refused.<String>path("message[0].path[0]")).isEqualTo("parameters");
        }
    }

    /** All 95 characters at once as a managing role's own password, and every symbol in those that we make. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void everyPrintableCharacterMayStandInAPassword(int major) {
        TestPostgres target = TestPostgres.shared(major);
        String printable = IntStream.rangeClosed(' ', '~')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        String symbols = printable.replaceAll("[A-Za-z0-9 ]", "");
        assertThat(printable).hasSize(95);
        assertThat(symbols).hasSize(32);
        Login managing = new Login(target.role("LOGIN CREATEROLE").role(), printable);
        Login managed = target.role("LOGIN");
        target.sql("ALTER ROLE " + managing.role() + " PASSWORD '" + printable.replace("'", "''") + "'");
        Rotating.grant(target, managing, managed);
        Map<String, Object> body = body(Rotating.connection(target, managing), managed.role());

        for (char symbol : symbols.toCharArray()) {
            Map<String, Object> each = new HashMap<>(body);
            String name = Rotating.name("symbol");
            each.put("name", name);
            each.put("secretPath", "/" + name);
            each.put(
                    "parameters",
                    Map.of(
                            "username1", managed.role(),
                            "username2", managed.role(),
                            "passwordRequirements",
                                    Map.of(
                                            "length",
                                            60,
                                            "required",
                                            Map.of("symbols", 18, "lowercase", 1),
                                            "allowedSymbols",
                                            String.valueOf(symbol))));
            Response created = Rotating.post(each);
            assertThat(created.statusCode())
                    .as("%s: %s", symbol, created.asString())
                    .isEqualTo(200);
            String id = created.path("secretRotation.id");
            assertThat(Rotating.credentials(id).get(0).get("password").chars().filter(c -> c == symbol))
                    .hasSizeGreaterThanOrEqualTo(18);
            assertThat(loginAsServed(target, created)).as("symbol %s", symbol).isEqualTo("ok");
            Api.as().delete(BASE + "/" + id).then().statusCode(200);
        }
    }
}
