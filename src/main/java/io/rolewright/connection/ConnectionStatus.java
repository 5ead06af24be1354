package io.rolewright.connection;

import io.rolewright.credential.CredentialStatus;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Words;
import java.util.Locale;
import java.util.Set;

/** One word for how a connection is, the worst that is true of it: what lists are filtered by and what is counted. */
public enum ConnectionStatus {
    /** As {@link CredentialStatus#IN_DOUBT}: of managed connections, like the three below. */
    IN_DOUBT,
    PARKED,
    FAILED,
    OVERDUE,
    /** The last login that was tried by a test failed. */
    TEST_FAILED,
    OK;

    /** Of every connection that is not {@link #OK}: {@code id, project_id, status}. Without parameters. */
    public static final String NOT_WELL =
            "SELECT c.id, c.project_id, coalesce(s.status, 'TEST_FAILED') AS status FROM (SELECT id, status"
                    + " FROM (" + CredentialStatus.NOT_WELL + ") n WHERE strategy = 'SELF') s"
                    + " FULL JOIN (SELECT id FROM app_connection WHERE NOT test_ok) f USING (id) JOIN app_connection c USING (id)";

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Those of a query, separated by commas.
     *
     * @throws ValidationProblem at {@code status} for any other word
     */
    static Set<ConnectionStatus> parse(String text) {
        return Words.some("status", text, values(), ConnectionStatus::wireName);
    }
}
