package io.rolewright.connection;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.TargetReport;
import java.util.Map;

/** The login that has to succeed before credentials are kept did not; the details say which step, why, and the way out. */
class ConnectionTestFailed extends Problem {

    ConnectionTestFailed(TestReport.Failure failure) {
        super(
                ErrorCode.CONNECTION_TEST_FAILED,
                "Unable to validate connection: " + failure.message(),
                Map.of("failure", failure),
                Map.of());
    }

    static ConnectionTestFailed of(TargetReport report) {
        return new ConnectionTestFailed(TestReport.failure(report));
    }
}
