package io.rolewright.credential;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A role cannot be given up: a new password was sent to its server, or may have been, and is not proven. It may be the one that the role
 * has, and nobody but this service has it.
 */
public final class UnfinishedChange extends Problem {

    private UnfinishedChange(ErrorCode code, String message, Map<String, Object> details, Map<String, String> headers) {
        super(code, message, details, headers);
    }

    static UnfinishedChange of(ManagedRole role, PasswordVersion version, @Nullable Attempt attempt) {
        Map<String, Object> details = new HashMap<>();
        details.put("role", role.roleName);
        if (attempt != null) {
            details.put("attemptId", attempt.id);
            if (attempt.reason != null) {
                details.put("reason", attempt.reason);
            }
            if (attempt.nextTryAt != null) {
                details.put("nextTryAt", attempt.nextTryAt);
            }
        }
        if (role.isClaimed()) {
            return new UnfinishedChange(
                    ErrorCode.ROTATION_IN_PROGRESS,
                    "The password of the role " + role.roleName
                            + " is being changed at this moment. Repeat this when that is done.",
                    details,
                    Map.of("Retry-After", "1"));
        }
        String why = attempt == null || attempt.message == null ? "" : " It waits because of this: " + attempt.message;
        return version.state == VersionState.APPLIED
                ? new UnfinishedChange(
                        ErrorCode.ROTATION_UNFINISHED,
                        "The server has taken a new password for the role " + role.roleName
                                + " which no login has proven yet, and this service has its only copy. It is tried again by"
                                + " itself; repeat this once the state is ok." + why,
                        details,
                        Map.of())
                : new UnfinishedChange(
                        ErrorCode.ROTATION_IN_DOUBT,
                        "A new password was sent for the role " + role.roleName
                                + " and the server's answer is missing. Should the role have it, this service has its only"
                                + " copy. It is tried again by itself; repeat this once the state is ok." + why,
                        details,
                        Map.of());
    }
}
