package io.rolewright.connection;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.TargetReport;
import java.util.Map;
import java.util.Objects;

/** The login that has to succeed before credentials are kept did not; the details say which step, why, and the way out. */
class ConnectionTestFailed extends Problem {

    private ConnectionTestFailed(TestReport.Failure failure, String help) {
        super(
                ErrorCode.CONNECTION_TEST_FAILED,
                ("Unable to validate connection: " + failure.message() + " " + help).strip(),
                Map.of("failure", failure),
                Map.of());
    }

    /** @param password that was tried */
    static ConnectionTestFailed of(TargetReport report, String password) {
        var failure = Objects.requireNonNull(TestReport.failure(report, password), "a report of a login that failed");
        return new ConnectionTestFailed(failure, failure.remedy() == null ? "" : failure.remedy());
    }
}
