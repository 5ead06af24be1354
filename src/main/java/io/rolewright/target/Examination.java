package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One test of a connection: the queries, and the report made of what they and the login showed. */
final class Examination {

    /** Some services keep one or the other to themselves and refuse the whole statement: then the rest is asked for without it. */
    private static final List<String> EVIDENCE = List.of(
            "(SELECT system_identifier::text FROM pg_control_system()) AS identifier,"
                    + " (SELECT timeline_id::bigint FROM pg_control_checkpoint()) AS timeline,"
                    + " ((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)"
                    + " - '0/0'::pg_lsn)::bigint AS wal",
            "(SELECT system_identifier::text FROM pg_control_system()) AS identifier,"
                    + " NULL::bigint AS timeline, NULL::bigint AS wal",
            "NULL::text AS identifier, NULL::bigint AS timeline, NULL::bigint AS wal");

    private static final String SERVER = """
            SELECT current_setting('server_version_num')::int AS version_number,
                   pg_is_in_recovery() AS standby,
                   current_setting('transaction_read_only')::bool AS read_only,
                   me.rolname::text AS name, me.rolsuper, me.rolcreaterole, me.rolreplication,
                   CASE WHEN isfinite(me.rolvaliduntil) THEN me.rolvaliduntil END AS valid_until,
                   txid_snapshot_xmax(txid_current_snapshot()) AS transaction, %s
              FROM pg_roles me WHERE me.rolname = current_user
            """;

    private static final String ROLES = """
            SELECT wanted.name, t.oid IS NOT NULL AS found, t.rolcanlogin, t.rolsuper, t.rolreplication,
                   CASE WHEN isfinite(t.rolvaliduntil) THEN t.rolvaliduntil END AS valid_until,
                   coalesce(t.rolvaliduntil < now(), false) AS expired,
                   coalesce(t.oid = me.oid OR t.rolname = session_user, false) AS self,
                   t.oid IS NOT NULL AND pg_has_role(me.oid, t.oid, 'MEMBER WITH ADMIN OPTION') AS admin,
                   t.oid IS NOT NULL AND has_database_privilege(t.oid, current_database(), 'CONNECT') AS may_connect,
                   format('CREATE ROLE %I LOGIN', wanted.name) AS create_role,
                   format('ALTER ROLE %I LOGIN', wanted.name) AS allow_login,
                   format('ALTER ROLE %I VALID UNTIL %L', wanted.name, 'infinity') AS lift_expiry,
                   format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), wanted.name) AS grant_connect,
                   format('ALTER ROLE %I CREATEROLE', current_user) AS allow_createrole,
                   format('GRANT %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', wanted.name, current_user) AS grant_admin
              FROM unnest($1::text[]) WITH ORDINALITY AS wanted(name, position)
              JOIN pg_roles me ON me.rolname = current_user
              LEFT JOIN pg_roles t ON t.rolname::text = wanted.name
             ORDER BY wanted.position
            """;

    private final Login login;
    private final List<String> roles;
    private final Route route = new Route();
    private final long startNanos = System.nanoTime();

    Examination(Login login, List<String> roles) {
        this.login = login;
        this.roles = roles.stream().distinct().toList();
    }

    Route route() {
        return route;
    }

    // ---- looking

    Uni<TargetReport> look(Dialler.Line line, SessionFacts facts) {
        return server(line, 0).chain(row -> {
            TargetReport.Server about = new TargetReport.Server(
                    facts.serverVersion(),
                    row.getInteger("version_number"),
                    row.getBoolean("standby"),
                    row.getBoolean("read_only"),
                    row.getString("identifier"),
                    new TargetReport.Place(row.getLong("timeline"), row.getLong("wal"), row.getLong("transaction")));
            TargetReport.ManagingRole me = managingRole(row, facts.proof());
            return managedRoles(line, about, me).map(managed -> report(facts, about, me, managed, line.roundTrip()));
        });
    }

    private static Uni<Row> server(Dialler.Line line, int without) {
        Uni<Row> row =
                Session.run(line, SERVER.formatted(EVIDENCE.get(without)), null).map(rows -> rows.get(0));
        return without + 1 == EVIDENCE.size()
                ? row
                : row.onFailure(TargetFailure.StatementRefused.class).recoverWithUni(() -> server(line, without + 1));
    }

    private static TargetReport.ManagingRole managingRole(Row row, PasswordProof proof) {
        return new TargetReport.ManagingRole(
                row.getString("name"),
                row.getBoolean("rolsuper"),
                row.getBoolean("rolcreaterole"),
                row.getBoolean("rolreplication"),
                instant(row),
                proof);
    }

    private static @Nullable Instant instant(Row row) {
        OffsetDateTime until = row.getOffsetDateTime("valid_until");
        return until == null ? null : until.toInstant();
    }

    private Uni<List<TargetReport.ManagedRole>> managedRoles(
            Dialler.Line line, TargetReport.Server server, TargetReport.ManagingRole me) {
        Map<String, TargetReport.ManagedRole> found = new LinkedHashMap<>();
        if (me.proof() == PasswordProof.POOLED) { // which may give each message to another session of the server
            return Uni.createFrom()
                    .item(roles.stream()
                            .map(name -> unseen(name, PasswordProof.POOLER, PasswordProof.POOLER_MESSAGE))
                            .toList());
        }
        roles.forEach(name -> found.put(
                name,
                RoleName.fault(name)
                        .map(fault ->
                                unseen(name, "name_invalid", "A role with this name cannot be managed. " + fault + "."))
                        .orElse(null)));
        String[] sendable =
                roles.stream().filter(name -> RoleName.fault(name).isEmpty()).toArray(String[]::new);
        if (sendable.length == 0) {
            return Uni.createFrom().item(List.copyOf(found.values()));
        }
        return Session.run(line, ROLES, Tuple.of(sendable)).map(rows -> {
            rows.forEach(row -> found.put(row.getString("name"), managedRole(row, server, me, login.role())));
            return List.copyOf(found.values());
        });
    }

    /** A role that is not looked at. */
    private static TargetReport.ManagedRole unseen(String name, String code, String message) {
        return new TargetReport.ManagedRole(
                name, false, false, false, false, false, false, null, false, List.of(problem(code, message, null)));
    }

    private static TargetReport.ManagedRole managedRole(
            Row row, TargetReport.Server server, TargetReport.ManagingRole me, String stored) {
        boolean exists = row.getBoolean("found");
        List<TargetReport.Problem> problems = new ArrayList<>();
        if (server.standby()) {
            problems.add(
                    problem("standby", "The server is a standby: passwords can only be changed on the primary.", null));
        }
        if (!me.superuser() && !me.createRole()) {
            problems.add(problem(
                    "createrole_missing", "The managing role lacks CREATEROLE.", row.getString("allow_createrole")));
        }
        if (exists) {
            attributes(row, server, me, stored, problems);
        } else {
            problems.add(problem("role_missing", "The role does not exist.", row.getString("create_role")));
        }
        return new TargetReport.ManagedRole(
                row.getString("name"),
                exists,
                exists && row.getBoolean("rolcanlogin"),
                exists && row.getBoolean("rolsuper"),
                exists && row.getBoolean("rolreplication"),
                row.getBoolean("admin"),
                row.getBoolean("may_connect"),
                instant(row),
                problems.stream().noneMatch(TargetReport.Problem::blocking),
                List.copyOf(problems));
    }

    /** @param stored the role that the connection logs in as; a {@code SET role} of that role's own may have made it another by now */
    private static void attributes(
            Row row,
            TargetReport.Server server,
            TargetReport.ManagingRole me,
            String stored,
            List<TargetReport.Problem> problems) {
        boolean adminNeeded = server.versionNumber() >= 160000 && !me.superuser();
        if (row.getBoolean("self") || row.getString("name").equals(stored)) {
            problems.add(
                    problem("role_is_managing_role", "The managing role cannot be one of the roles it manages.", null));
        }
        if (adminNeeded && !row.getBoolean("admin") && !row.getBoolean("rolsuper")) {
            problems.add(problem(
                    "admin_option_missing",
                    "The managing role lacks ADMIN OPTION on the role, which PostgreSQL demands from version 16 on.",
                    row.getString("grant_admin")));
        }
        if (!row.getBoolean("rolcanlogin")) {
            problems.add(problem("role_cannot_login", "The role may not log in.", row.getString("allow_login")));
        }
        if (row.getBoolean("expired")) {
            problems.add(problem(
                    "role_expired",
                    "VALID UNTIL of the role has passed: a new password would not be accepted.",
                    row.getString("lift_expiry")));
        }
        if (!row.getBoolean("may_connect")) {
            problems.add(problem(
                    "connect_missing",
                    "The role may not connect to the connection's database, where its new password is proven.",
                    row.getString("grant_connect")));
        }
        if (row.getBoolean("rolsuper")) {
            problems.add(new TargetReport.Problem(
                    "role_is_superuser",
                    !me.superuser(),
                    "The role is a superuser: only a superuser may change its password, and it needs allowPrivileged.",
                    null));
        }
        if (row.getBoolean("rolreplication")) {
            problems.add(new TargetReport.Problem(
                    "role_is_replication",
                    !me.superuser() && server.versionNumber() < 160000,
                    "The role has REPLICATION: before version 16 only a superuser may change its password, and it needs allowPrivileged.",
                    null));
        }
    }

    private static TargetReport.Problem problem(String code, String message, @Nullable String sql) {
        return new TargetReport.Problem(code, true, message, sql);
    }

    // ---- reporting

    private TargetReport report(
            SessionFacts facts,
            TargetReport.Server server,
            TargetReport.ManagingRole me,
            List<TargetReport.ManagedRole> managed,
            Duration roundTrip) {
        boolean rights = managed.stream().allMatch(TargetReport.ManagedRole::rotatable);
        List<TargetReport.Step> steps = new ArrayList<>();
        steps.add(good(
                "resolve",
                facts.resolved().size() == 1
                        ? "The host has one address."
                        : "The host has " + facts.resolved().size() + " addresses."));
        steps.add(good("connect", "Connected to " + facts.dialled() + "."));
        steps.add(tls(facts.tls()));
        steps.add(loggedIn(facts.proof()));
        steps.add(
                rights
                        ? good(
                                "rights",
                                managed.isEmpty() ? "No managed roles were given." : "Every given role can be rotated.")
                        : new TargetReport.Step(
                                "rights",
                                false,
                                "rights_missing",
                                "Not every given role can be rotated.",
                                "See the problems of each role."));
        return new TargetReport(
                rights,
                steps,
                new LoginOutcome.Accepted(facts.proof(), facts),
                facts.resolved(),
                facts.dialled(),
                login.port(),
                facts.tls(),
                server,
                me,
                managed,
                roundTrip,
                duration());
    }

    /** The login did not come about, or the session ended during the examination. */
    TargetReport failed(TargetFailure failure) {
        LoginOutcome outcome = Logins.outcome(failure);
        String at = failedStep(outcome);
        List<TargetReport.Step> steps = new ArrayList<>();
        boolean before = true;
        for (String name : List.of("resolve", "connect", "tls", "login", "rights")) {
            if (name.equals(at)) {
                before = false;
                steps.add(new TargetReport.Step(name, false, outcome.code(), outcome.message(), outcome.wayOut()));
            } else if (before) {
                steps.add(name.equals("tls") ? tls(route.tls()) : good(name, "Done."));
            } else {
                steps.add(new TargetReport.Step(name, null, "not_reached", "Not reached.", ""));
            }
        }
        return new TargetReport(
                false,
                steps,
                outcome,
                route.resolved(),
                route.dialled(),
                login.port(),
                route.tls(),
                null,
                null,
                List.of(),
                null,
                duration());
    }

    private static String failedStep(LoginOutcome outcome) {
        if (outcome instanceof LoginOutcome.Unreachable unreachable) {
            return switch (unreachable.step()) {
                case RESOLVE -> "resolve";
                case CONNECT -> "connect";
                case TLS -> "tls";
                case LOGIN -> "login";
            };
        }
        return outcome instanceof LoginOutcome.Refused refused && refused.reason() == Refusal.EXAMINATION_REFUSED
                ? "rights"
                : "login";
    }

    private TargetReport.Step tls(SessionFacts.@Nullable Tls tls) {
        if (login.tls().mode() == SslMode.DISABLE || tls == null) {
            return new TargetReport.Step(
                    "tls",
                    null,
                    "not_used",
                    "TLS is disabled: everything goes in clear.",
                    "Set sslMode to verify-full.");
        }
        return tls.verified()
                ? good("tls", "Encrypted with " + tls.protocol() + "; the server's certificate was verified.")
                : new TargetReport.Step(
                        "tls",
                        true,
                        "not_verified",
                        "Encrypted with " + tls.protocol() + ", but nobody checked whose certificate it is.",
                        "Set sslMode to verify-full and give the server's CA.");
    }

    private static TargetReport.Step loggedIn(PasswordProof proof) {
        return switch (proof) {
            case NOT_ASKED ->
                new TargetReport.Step(
                        "login",
                        true,
                        "password_not_asked",
                        "The server let the role in without asking for a password.",
                        "Let pg_hba.conf demand scram-sha-256 for this role.");
            case POOLED ->
                new TargetReport.Step(
                        "login",
                        true,
                        PasswordProof.POOLER,
                        "A pooler or proxy accepted the password; what the server itself thinks of it cannot be seen.",
                        "To change passwords, give the address of the server itself.");
            case SYSTEM_USER, CHALLENGE, UNKNOWN -> good("login", "The password was accepted.");
        };
    }

    private static TargetReport.Step good(String name, String message) {
        return new TargetReport.Step(name, true, "ok", message, "");
    }

    private Duration duration() {
        return Duration.ofNanos(System.nanoTime() - startNanos);
    }
}
