package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExaminationTest {

    private static final Targets TARGETS = TestTargets.local();

    @AfterAll
    static void close() {
        TARGETS.close();
    }

    private static TargetReport examine(Login login, String... roles) {
        return TARGETS.examine(login, Arrays.asList(roles), Deadline.in(Duration.ofSeconds(20)))
                .await()
                .indefinitely();
    }

    private static String codes(TargetReport report, String role) {
        return report.managedRoles().stream()
                .filter(managed -> managed.name().equals(role))
                .flatMap(managed -> managed.problems().stream())
                .map(TargetReport.Problem::code)
                .collect(Collectors.joining(" "));
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void reportsServerAndManagingRole(int major) {
        TestPostgres server = TestPostgres.shared(major);
        TestPostgres.Login manager = server.role("LOGIN CREATEROLE VALID UNTIL '2100-01-01 00:00:00+00'");

        TargetReport report = examine(TestTargets.login(server, manager));

        assertThat(report.ok()).isTrue();
        assertThat(report.steps())
                .extracting(TargetReport.Step::name)
                .containsExactly("resolve", "connect", "tls", "login", "rights");
        assertThat(report.steps())
                .extracting(TargetReport.Step::reason)
                .containsExactly("ok", "ok", "not_used", "ok", "ok");
        assertThat(report.server().versionNumber() / 10000).isEqualTo(major);
        assertThat(report.server().standby()).isFalse();
        assertThat(report.server().readOnly()).isFalse();
        assertThat(report.server().systemIdentifier()).matches("\\d{15,20}");
        assertThat(report.managingRole().name()).isEqualTo(manager.role());
        assertThat(report.managingRole().createRole()).isTrue();
        assertThat(report.managingRole().superuser()).isFalse();
        assertThat(report.managingRole().validUntil()).hasToString("2100-01-01T00:00:00Z");
        assertThat(report.managingRole().proof().proven()).isTrue();
        assertThat(report.roundTrip()).isBetween(Duration.ofNanos(1), report.duration());
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void namesWhatStandsInTheWayOfEachRoleAndTheStatementThatHelps(int major) {
        TestPostgres server = TestPostgres.shared(major);
        boolean adminNeeded = major >= 16;
        String database = server.database();
        String start = TestPostgres.uniqueName("r");
        TestPostgres.Login manager = server.role("LOGIN CREATEROLE");
        String odd = start + " \"odd\"";
        String quotedOdd = '"' + start + " \"\"odd\"\"" + '"';
        server.sql("REVOKE CONNECT ON DATABASE " + database + " FROM public");
        server.sql("CREATE ROLE " + start + "_good LOGIN");
        server.sql("CREATE ROLE " + start + "_super LOGIN SUPERUSER");
        server.sql("CREATE ROLE " + start + "_replication LOGIN REPLICATION");
        server.sql("CREATE ROLE " + quotedOdd + " NOLOGIN VALID UNTIL '2020-01-01'");
        for (String role : List.of(manager.role(), start + "_good", start + "_super", start + "_replication")) {
            server.sql("GRANT CONNECT ON DATABASE " + database + " TO " + role);
        }
        if (adminNeeded) {
            for (String role : List.of(start + "_good", start + "_replication")) {
                server.sql("GRANT " + role + " TO " + manager.role() + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
            }
        }
        Login login = new Login(
                server.host(), server.port(), database, manager.role(), TlsSettings.DISABLED, manager.password());
        String tooLong = "x".repeat(64);

        TargetReport report = examine(
                login,
                start + "_good",
                odd,
                start + "_super",
                start + "_replication",
                start + "_missing",
                manager.role(),
                tooLong,
                "");

        assertThat(report.ok()).isFalse();
        assertThat(report.steps().get(4).reason()).isEqualTo("rights_missing");
        assertThat(codes(report, start + "_good")).isEmpty();
        assertThat(codes(report, odd))
                .isEqualTo((adminNeeded ? "admin_option_missing " : "")
                        + "role_cannot_login role_expired connect_missing");
        assertThat(codes(report, start + "_super")).isEqualTo("role_is_superuser");
        assertThat(codes(report, start + "_replication")).isEqualTo("role_is_replication");
        assertThat(codes(report, start + "_missing")).isEqualTo("role_missing");
        assertThat(codes(report, manager.role())).contains("role_is_managing_role");
        assertThat(codes(report, tooLong)).isEqualTo("name_invalid");
        assertThat(codes(report, "")).isEqualTo("name_invalid");
        assertThat(report.managedRoles())
                .filteredOn(TargetReport.ManagedRole::rotatable)
                .extracting(TargetReport.ManagedRole::name)
                .containsExactlyElementsOf(
                        adminNeeded ? List.of(start + "_good", start + "_replication") : List.of(start + "_good"));

        List<String> remedies = report.managedRoles().stream()
                .filter(managed -> managed.name().equals(odd))
                .flatMap(managed -> managed.problems().stream())
                .map(TargetReport.Problem::sql)
                .toList();
        if (adminNeeded) {
            assertThat(remedies)
                    .contains("GRANT " + quotedOdd + " TO " + manager.role()
                            + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
        }
        remedies.forEach(remedy -> server.sqlIn(database, remedy));
        assertThat(examine(login, odd).ok()).as("the statements really help").isTrue();
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void agreesWithWhatTheServerReallyAllows(int major) {
        TestPostgres server = TestPostgres.shared(major);
        TestPostgres.Login managed = server.role("LOGIN");
        for (String attributes : List.of("LOGIN", "LOGIN CREATEROLE", "LOGIN SUPERUSER")) {
            TestPostgres.Login manager = server.role(attributes);
            Login login = TestTargets.login(server, manager);
            TargetReport before = examine(login, managed.role());

            assertThat(before.ok()).as(attributes).isEqualTo(mayAlter(server, manager, managed.role()));

            before.managedRoles().get(0).problems().forEach(problem -> server.sql(problem.sql()));
            assertThat(examine(login, managed.role()).ok()).isTrue();
            assertThat(mayAlter(server, manager, managed.role())).isTrue();
        }
    }

    private static boolean mayAlter(TestPostgres server, TestPostgres.Login manager, String role) {
        try {
            server.as(
                    manager.role(),
                    manager.password(),
                    "postgres",
                    "BEGIN; ALTER ROLE " + role + " PASSWORD 'x'; ROLLBACK");
            return true;
        } catch (io.vertx.pgclient.PgException refused) {
            return false;
        }
    }

    @Test
    void looksUpNamesInTheCatalogOnly() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        String database = server.database();
        TestPostgres.Login app = server.role("LOGIN");
        server.sqlIn(database, "CREATE FUNCTION public.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT true'");
        server.sql("ALTER DATABASE " + database + " SET search_path = public, pg_catalog");
        Login login =
                new Login(server.host(), server.port(), database, app.role(), TlsSettings.DISABLED, app.password());

        assertThat(examine(login).server().standby()).isFalse();
    }

    @Test
    void saysHowFarAFailedLoginCame() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login app = server.role("LOGIN");
        Login good = TestTargets.login(server, app);

        TargetReport wrong = examine(good.as(app.role(), "wrong"), "any");
        TargetReport refused = examine(new Login("169.254.169.254", 5432, "d", "r", TlsSettings.DISABLED, "p"));
        TargetReport malformed = examine(new Login("2130706433", 5432, "d", "r", TlsSettings.DISABLED, "p"));

        assertThat(wrong.steps())
                .extracting(TargetReport.Step::reason)
                .containsExactly("ok", "ok", "not_used", "password_refused", "not_reached");
        assertThat(wrong.dialled()).isEqualTo("127.0.0.1");
        assertThat(wrong.server()).isNull();
        assertThat(refused.steps())
                .extracting(TargetReport.Step::reason)
                .containsExactly("address_refused", "not_reached", "not_reached", "not_reached", "not_reached");
        assertThat(refused.resolved()).containsExactly("169.254.169.254");
        assertThat(refused.dialled()).isNull();
        assertThat(malformed.steps().get(0).reason()).isEqualTo("host_malformed");
    }

    @Test
    void hidesThePasswordInEveryText() {
        TlsSettings tls = new TlsSettings(SslMode.VERIFY_FULL, "ca", "certificate", "top-secret-key");
        Login login = new Login("db.example", 5432, "app", "rotator", tls, "top-secret-password");

        assertThat(login.toString())
                .isEqualTo("Login[rotator@db.example:5432/app, TlsSettings[verify-full, own CA, client certificate]]");
    }
}
