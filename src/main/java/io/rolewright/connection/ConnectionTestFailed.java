package io.rolewright.connection;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.TargetReport;
import java.util.Map;
import java.util.Objects;

/** The login that has to succeed before credentials are kept did not; the details say which step, why, and the way out. */
class ConnectionTestFailed extends Problem {

    private static final String WHITE_SPACE =
            "The password that was sent begins or ends with white space, which is part of it.";

    private ConnectionTestFailed(TestReport.Failure failure, String help) {
        super(
                ErrorCode.CONNECTION_TEST_FAILED,
                ("Unable to validate connection: " + failure.message() + " " + help).strip(),
                Map.of("failure", failure),
                Map.of());
    }

    /** @param password that was tried */
    static ConnectionTestFailed of(TargetReport report, String password) {
        var failure = Objects.requireNonNull(TestReport.failure(report), "a report of a login that failed");
        var help = failure.remedy() == null ? "" : failure.remedy();
        boolean padded =
                failure.reason().equals("password_refused") && !password.strip().equals(password);
        return new ConnectionTestFailed(failure, padded ? help + " " + WHITE_SPACE : help);
    }
}
