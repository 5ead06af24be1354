package io.rolewright.connection;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.SessionFacts;
import io.rolewright.target.TargetReport;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A test of a login as callers see it: what was done step by step, what was found, and the way out of what failed.
 *
 * @param ok whether the login succeeded and every role that was asked about could be rotated
 * @param failure absent when ok
 * @param addresses every address of the host name; {@code address} is the one that was dialled
 * @param roundTripMillis one trivial query on the open session
 * @param durationMillis the whole test
 */
@RegisterForReflection
@JsonInclude(JsonInclude.Include.NON_NULL)
@Schema(
        name = "PostgresConnectionTestReport",
        requiredProperties = {"ok", "steps", "durationMillis"})
record TestReport(
        boolean ok,
        Failure failure,
        List<Step> steps,
        List<String> addresses,
        @Schema(examples = "203.0.113.7") String address,
        @Schema(examples = "5432") Integer port,
        Tls tls,
        Server server,
        Role role,
        List<ManagedRole> managedRoles,
        @Schema(examples = "1.8") Double roundTripMillis,
        @Schema(examples = "23.4") double durationMillis) {

    /**
     * @param reason stable; what a program decides by
     * @param sqlState PostgreSQL's five-character code (manual, appendix A), where the server answered
     */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestFailure",
            requiredProperties = {"step", "reason", "message"})
    record Failure(
            @Schema(examples = "login") String step,
            @Schema(examples = "password_refused") String reason,
            @Schema(examples = "28P01") String sqlState,
            String message,

            @Schema(description = "How to fix it.", examples = "Check role and password, and VALID UNTIL of the role.")
            String remedy,

            @Schema(deprecated = true, description = "The former name of remedy, with the same text.")
            String wayOut) {}

    /** @param ok absent when the step was not reached or does not apply */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestStep",
            requiredProperties = {"name"})
    record Step(
            @Schema(enumeration = {"resolve", "connect", "tls", "login", "rights"})
            String name,

            Boolean ok,
            @Schema(examples = "ok") String reason,
            String message,

            @Schema(description = "How to fix it.", examples = "Check role and password, and VALID UNTIL of the role.")
            String remedy,

            @Schema(deprecated = true, description = "The former name of remedy, with the same text.")
            String wayOut) {}

    /** @param verified false: everything here is only what the server claims */
    @RegisterForReflection
    @Schema(
            name = "PostgresConnectionTestTls",
            requiredProperties = {"verified"})
    record Tls(
            @Schema(examples = "TLSv1.3") String protocol,
            @Schema(examples = "TLS_AES_256_GCM_SHA384") String cipher,
            boolean verified,
            @Schema(examples = "CN=db.example.com") String certificateSubject,
            String certificateIssuer,
            Instant certificateNotBefore,
            Instant certificateNotAfter) {}

    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestServer",
            requiredProperties = {"versionNumber", "standby", "readOnly"})
    record Server(
            @Schema(examples = "18.6") String version,
            @Schema(examples = "180006") int versionNumber,
            boolean standby,
            boolean readOnly,

            @Schema(description = "Shared by a server's standbys, clones and restores.")
            String systemIdentifier) {}

    /**
     * The role that logged in.
     *
     * @param passwordProven whether the server is seen to have looked at the password; false under a trust rule and behind a pooler
     */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestRole",
            requiredProperties = {"name", "superuser", "createRole", "replication", "passwordProven", "proof"})
    record Role(
            @Schema(examples = "rotator") String name,
            boolean superuser,
            boolean createRole,
            boolean replication,
            Instant validUntil,
            boolean passwordProven,

            @Schema(enumeration = {"system_user", "challenge", "not_asked", "pooled", "unknown"})
            String proof) {}

    /** A role that was asked about: could this login give it a new password? */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestManagedRole",
            requiredProperties = {
                "name",
                "exists",
                "rotatable",
                "canLogin",
                "superuser",
                "replication",
                "adminOption",
                "canConnect",
                "problems"
            })
    record ManagedRole(
            @Schema(examples = "app_a") String name,
            boolean exists,
            boolean rotatable,
            boolean canLogin,
            boolean superuser,
            boolean replication,
            boolean adminOption,
            boolean canConnect,
            Instant validUntil,
            List<RoleProblem> problems) {}

    /** @param sql the exact statement that helps, ready to copy; absent when no statement does */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresConnectionTestRoleProblem",
            requiredProperties = {"code", "blocking", "message"})
    record RoleProblem(
            @Schema(examples = "admin_option_missing") String code,
            boolean blocking,
            String message,

            @Schema(examples = "GRANT \"app_a\" TO \"rotator\" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
            String sql) {}

    private static final String WHITE_SPACE =
            " The password that was sent begins or ends with white space, which is part of it.";

    static TestReport of(TargetReport report) {
        return of(report, null);
    }

    /** @param password that was tried; null for one that is stored, and was proven */
    static TestReport of(TargetReport report, @Nullable String password) {
        return new TestReport(
                report.ok(),
                failure(report, password),
                report.steps().stream()
                        .map(step -> new Step(
                                step.name(),
                                step.ok(),
                                step.reason(),
                                step.message(),
                                help(step, password),
                                help(step, password)))
                        .toList(),
                report.resolved().isEmpty() ? null : report.resolved(),
                report.dialled(),
                report.port(),
                tls(report.tls()),
                report.server() == null ? null : server(report.server()),
                report.managingRole() == null ? null : role(report.managingRole()),
                report.managedRoles().stream().map(TestReport::managedRole).toList(),
                report.roundTrip() == null ? null : millis(report.roundTrip()),
                millis(report.duration()));
    }

    /** The step that failed, with the SQLSTATE if it was the server that said no. */
    static Failure failure(TargetReport report) {
        return failure(report, null);
    }

    static Failure failure(TargetReport report, @Nullable String password) {
        if (report.ok()) {
            return null;
        }
        String sqlState = report.outcome() instanceof LoginOutcome.Refused refused ? refused.sqlState() : null;
        return report.steps().stream()
                .filter(step -> Boolean.FALSE.equals(step.ok()))
                .findFirst()
                .map(step -> new Failure(
                        step.name(),
                        step.reason(),
                        sqlState,
                        step.message(),
                        help(step, password),
                        help(step, password)))
                .orElse(null);
    }

    /** What a file or {@code echo} leaves at the end of a password is seen by nobody who looks at it. */
    private static @Nullable String help(TargetReport.Step step, @Nullable String password) {
        boolean padded = "password_refused".equals(step.reason())
                && password != null
                && !password.strip().equals(password);
        return emptyAsAbsent(padded ? step.wayOut() + WHITE_SPACE : step.wayOut());
    }

    private static Tls tls(SessionFacts.Tls tls) {
        return tls == null
                ? null
                : new Tls(
                        tls.protocol(),
                        tls.cipher(),
                        tls.verified(),
                        tls.subject(),
                        tls.issuer(),
                        tls.notBefore(),
                        tls.notAfter());
    }

    private static Server server(TargetReport.Server server) {
        return new Server(
                server.version(),
                server.versionNumber(),
                server.standby(),
                server.readOnly(),
                server.systemIdentifier());
    }

    private static Role role(TargetReport.ManagingRole role) {
        return new Role(
                role.name(),
                role.superuser(),
                role.createRole(),
                role.replication(),
                role.validUntil(),
                role.proof().proven(),
                role.proof().name().toLowerCase(java.util.Locale.ROOT));
    }

    private static ManagedRole managedRole(TargetReport.ManagedRole role) {
        return new ManagedRole(
                role.name(),
                role.exists(),
                role.rotatable(),
                role.canLogin(),
                role.superuser(),
                role.replication(),
                role.adminOption(),
                role.connect(),
                role.validUntil(),
                role.problems().stream()
                        .map(problem ->
                                new RoleProblem(problem.code(), problem.blocking(), problem.message(), problem.sql()))
                        .toList());
    }

    private static double millis(Duration duration) {
        return Math.round(duration.toNanos() / 10_000.0) / 100.0;
    }

    private static String emptyAsAbsent(String text) {
        return text.isEmpty() ? null : text;
    }
}
