package io.rolewright.credential;

import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.Preflight;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Unreachability;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Why a run goes no further.
 *
 * @param reason stable code
 * @param definite trying again at once would give the same answer; else it may be over in a moment
 * @param message ours; what a server says is marked as a quotation
 */
record Stop(
        Step step,
        String reason,
        @Nullable String sqlState,
        String message,
        boolean definite,
        List<Obstacle> obstacles) {

    static final String THIRD_PARTY = "changed_by_third_party";
    static final String OUT_OF_TIME = "out_of_time";

    /** Of a refused ALTER ROLE that a human mends on the target: the password itself was not at fault. */
    private static final Set<String> NOT_THE_PASSWORD = Set.of("42501", "42704", "25006");

    static Stop definite(Step step, String reason, String message) {
        return new Stop(step, reason, null, message, true, List.of());
    }

    static Stop passing(Step step, String reason, String message) {
        return new Stop(step, reason, null, message, false, List.of());
    }

    /** A login that did not come about, of the role that does the change. */
    static Stop noLogin(Step step, LoginOutcome outcome) {
        String message = (outcome.message() + " " + outcome.wayOut()).strip();
        if (outcome instanceof LoginOutcome.Refused refused) {
            boolean passing = switch (refused.reason()) {
                case ROLE_FULL, DATABASE_FULL, SLOTS_RESERVED, SERVER_FULL, NOT_READY, OTHER -> true;
                case PASSWORD_REFUSED,
                        EXAMINATION_REFUSED,
                        CLIENT_CERTIFICATE_NAME_REFUSED,
                        CHANNEL_BINDING_REFUSED,
                        ROLE_CANNOT_LOGIN,
                        NO_MATCHING_RULE,
                        TLS_DEMANDED,
                        NO_SUCH_DATABASE,
                        DATABASE_CLOSED,
                        NO_CONNECT_PRIVILEGE -> false;
            };
            return new Stop(step, outcome.code(), refused.sqlState(), message, !passing, List.of());
        }
        return passing(step, outcome.code(), message);
    }

    static Stop of(Step step, TargetFailure failure) {
        if (failure instanceof TargetFailure.NoSession none) {
            return noLogin(step, none.outcome());
        }
        if (failure instanceof TargetFailure.StatementRefused refused) {
            return refused.passing()
                    ? refused(step, refused.sqlState(), true)
                    : noLogin(step, LoginOutcome.Refused.ofQuestion(refused));
        }
        Unreachability reason = ((TargetFailure.SessionLost) failure).reason();
        return passing(step, reason.name().toLowerCase(java.util.Locale.ROOT), reason.message());
    }

    /** What the preflight found, or null when the way is clear. */
    static @Nullable Stop found(Preflight preflight, boolean allowPrivileged) {
        List<Obstacle> obstacles = preflight.report().managedRoles().stream()
                .flatMap(role -> role.problems().stream())
                .filter(problem -> problem.blocking() || !allowPrivileged)
                .map(Stop::obstacle)
                .toList();
        if (!obstacles.isEmpty()) {
            Obstacle first = obstacles.get(0);
            return new Stop(Step.PREFLIGHT, first.code(), null, first.message(), true, obstacles);
        }
        TargetReport.Server server = preflight.report().server();
        if (server != null && server.standby()) {
            return definite(
                    Step.PREFLIGHT,
                    "standby",
                    "The server is a standby: passwords can only be changed on the primary.");
        }
        TargetFailure.StatementRefused refusal = preflight.refusal();
        if (refusal == null) {
            return null;
        }
        Stop stop = refused(Step.PREFLIGHT, refusal.sqlState(), refusal.passing());
        String message = stop.message;
        if (refusal.sqlState().equals("42501")
                && !preflight.report().managedRoles().isEmpty()) {
            message =
                    "The managing role has all the rights that PostgreSQL asks for, and the server refuses to change the"
                            + " password of the role all the same: it has rules of its own, such as reserved roles or a membership"
                            + " (rds_password).";
        } else if (stop.reason.equals("server_refused")) {
            message +=
                    " It may have rules of its own for passwords; they are given to it as a SCRAM secret, never in clear.";
        }
        return new Stop(
                stop.step,
                stop.reason,
                stop.sqlState,
                message + LoginOutcome.quotation(refusal.said()),
                stop.definite,
                stop.obstacles);
    }

    private static Obstacle obstacle(TargetReport.Problem problem) {
        return new Obstacle(problem.code(), problem.message(), problem.sql());
    }

    static Stop refused(ApplyOutcome.Refused refused) {
        return refused(Step.APPLY, refused.sqlState(), refused.retryAtOnce());
    }

    private static Stop refused(Step step, String sqlState, boolean passing) {
        String reason = switch (sqlState) {
            case "42501" -> "privilege_missing";
            case "42704" -> "role_missing";
            case "25006" -> "read_only";
            case "55P03" -> "role_locked";
            case "XX000", "40001", "40P01" -> "concurrent_change";
            default -> "server_refused";
        };
        String message = switch (reason) {
            case "privilege_missing" -> "The managing role may not change the password of the role.";
            case "role_missing" -> "The role does not exist.";
            case "read_only" -> "Transactions on the server are read only.";
            case "role_locked" -> "Another session holds the role locked.";
            case "concurrent_change" -> "Another session changed the role at the same time.";
            default -> "The server refused to change the password (SQLSTATE " + sqlState + ").";
        };
        return new Stop(step, reason, sqlState, message, !passing, List.of());
    }

    /** Whether the server's refusal means that another password would be refused as well. */
    boolean notThePassword() {
        return sqlState != null && NOT_THE_PASSWORD.contains(sqlState);
    }
}
