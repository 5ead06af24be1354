package io.rolewright.credential;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;

/** What is said of a rotation that is ending. */
public final class Revoking {

    private Revoking() {}

    public static Problem problem() {
        return Problem.of(
                ErrorCode.ROTATION_REVOKING,
                "This rotation is deleted. It only remains until its roles have passwords that nobody is given.");
    }
}
