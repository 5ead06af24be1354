package io.rolewright.credential;

import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Words;
import java.time.Instant;
import java.util.Locale;
import java.util.Set;

/**
 * One word for how a credential is, the worst that is true of it: what lists are filtered by and what is counted. Troubles, lists and
 * counts ask the store by {@link #NOT_WELL} for those that are not as they should be, so the number of one is always the rows of another.
 */
public enum CredentialStatus {
    /** Its owner is deleted; its roles wait for passwords that nobody is given. */
    REVOKING,
    /** As {@link RoleState#IN_DOUBT} of one of its roles. */
    IN_DOUBT,
    /** As {@link RoleState#PARKED} of one of its roles. */
    PARKED,
    /** Its last change was given up. */
    FAILED,
    /** Its change should have been made {@link ScheduleNotices#LATE a quarter of an hour} ago, and nothing else is known. */
    OVERDUE,
    OK,
    /** As it should be, and changed only when asked to. */
    MANUAL;

    /** Whatever may be other than {@link #OK} and {@link #MANUAL}, found by indexes: what is well is not looked at. */
    private static final String CANDIDATES = """
            SELECT id FROM credential WHERE revoking_since IS NOT NULL
            UNION SELECT id FROM credential WHERE last_status = 'FAILED'
            UNION SELECT id FROM credential WHERE next_rotation_at < statement_timestamp() - INTERVAL '15 minutes'
            UNION SELECT owner_id FROM managed_role WHERE state <> 'OK' AND deleted_at IS NULL
            UNION SELECT owner_id FROM attempt WHERE state IN ('CLAIMED', 'SENT', 'PARKED')""";

    /**
     * Of every credential that was not released and is neither {@link #OK} nor {@link #MANUAL}: {@code id, project_id, connection_id,
     * strategy, auto_rotation, status}; of the role that the status is about, else null: {@code role_name, reason, refused} (a login with
     * its current password was refused, whatever the cause), {@code served} (whether it is the role that is served), {@code since,
     * next_try_at, open_attempt}; and of the plan: {@code planned_at} (when the next change should be), {@code last_rotated_at,
     * last_attempted_at, failures}. Without parameters; times by the store's clock. What counts as interrupted is said by {@link RoleStatus}.
     */
    public static final String NOT_WELL =
            "SELECT * FROM (" + """
            SELECT c.id, c.project_id, c.connection_id, c.strategy, c.auto_rotation,
                   CASE WHEN c.revoking_since IS NOT NULL THEN 'REVOKING'
                        WHEN w.state IS NOT NULL THEN w.state
                        WHEN c.last_status = 'FAILED' THEN 'FAILED'
                        WHEN c.next_rotation_at < statement_timestamp() - INTERVAL '15 minutes' THEN 'OVERDUE'
                        WHEN c.auto_rotation THEN 'OK' ELSE 'MANUAL' END AS status,
                   w.role_name, w.reason, coalesce(w.refused, false) AS refused, coalesce(w.served, false) AS served,
                   w.next_try_at, w.open_attempt,
                   coalesce(c.revoking_since, w.since) AS since,
                   c.next_rotation_at AS planned_at, c.last_rotated_at, c.last_attempted_at, c.failures
              FROM (""" + CANDIDATES + """
            ) k JOIN credential c USING (id)
              LEFT JOIN LATERAL (
                   SELECT r.role_name, s.state, r.id = CASE c.active_index WHEN 1 THEN c.role2_id ELSE c.role1_id END AS served,
                          CASE WHEN r.state <> 'OK' THEN r.reason
                               WHEN s.state = 'IN_DOUBT' THEN 'not_answered_yet' ELSE 'interrupted' END AS reason,
                          r.probe_result IN ('password_refused', r.reason) AND r.state = 'PARKED' AND a.id IS NULL AS refused,
                          CASE WHEN r.state = 'OK' THEN a.started_at
                               ELSE coalesce(r.state_since, a.started_at, r.probed_at, r.created_at) END AS since,
                          a.next_try_at, a.id AS open_attempt
                     FROM managed_role r
                     LEFT JOIN attempt a ON a.role_id = r.id AND a.state IN ('CLAIMED', 'SENT', 'PARKED')
                    CROSS JOIN LATERAL (SELECT CASE
                          WHEN r.state <> 'OK' THEN r.state
                          WHEN a.state = 'SENT' THEN 'IN_DOUBT'
                          WHEN a.state = 'CLAIMED' AND (r.lease_until IS NULL OR r.lease_until <= clock_timestamp())
                          THEN 'PARKED' END AS state) s
                    WHERE r.owner_id = c.id AND r.deleted_at IS NULL AND s.state IS NOT NULL
                    ORDER BY s.state <> 'IN_DOUBT', served DESC, r.created_at, r.id LIMIT 1) w ON true
             WHERE c.released_version IS NULL""" + ") c WHERE status NOT IN ('OK', 'MANUAL')";

    /** The status of a row of {@code secret_rotation} or {@code credential} that {@link #NOT_WELL} does not have, as an expression of SQL. */
    public static String well(String row) {
        return "CASE WHEN " + row + ".auto_rotation THEN 'OK' ELSE 'MANUAL' END";
    }

    /**
     * The same, of what was read already.
     *
     * @param worst of its roles
     * @param now the store's clock
     */
    public static CredentialStatus of(RoleState worst, Plan plan, Instant now) {
        return switch (worst) {
            case IN_DOUBT -> IN_DOUBT;
            case PARKED -> PARKED;
            case REVOKING -> REVOKING;
            case OK -> {
                Instant planned = plan.nextRotationAt();
                if (Plan.Status.FAILED.wireName().equals(plan.lastStatus())) {
                    yield FAILED;
                }
                if (planned != null && planned.isBefore(now.minus(ScheduleNotices.LATE))) {
                    yield OVERDUE;
                }
                yield plan.auto() ? OK : MANUAL;
            }
        };
    }

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Those of a query, separated by commas.
     *
     * @throws ValidationProblem at {@code status} for any other word
     */
    public static Set<CredentialStatus> parse(String text) {
        return Words.some("status", text, values(), CredentialStatus::wireName);
    }
}
