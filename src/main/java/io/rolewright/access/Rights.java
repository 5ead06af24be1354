package io.rolewright.access;

import io.rolewright.problem.Problem;
import java.util.Map;
import java.util.UUID;

/** The one place that decides whether a caller may do something. */
public final class Rights {

    private Rights() {}

    /**
     * Lets the caller go on or refuses.
     *
     * @param projectId the project that the thing belongs to, or null for the organisation
     * @throws Problem 403 {@code permission_denied}, naming the action and the subject
     */
    public static void require(Caller caller, Right right, UUID projectId) {
        if (!caller.role().allows(right)) {
            throw Problem.of(
                    403,
                    "permission_denied",
                    "You are not allowed to " + right.action() + " on " + right.subject() + ".",
                    Map.of("action", right.action(), "subject", right.subject()));
        }
    }
}
