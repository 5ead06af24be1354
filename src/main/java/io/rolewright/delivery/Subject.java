package io.rolewright.delivery;

import io.rolewright.access.Right;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Served;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.UUID;

/** What names a credential that is given out: by which right, and how audit and refusals call it. */
enum Subject {
    ROTATION(
            Right.ROTATION_READ_CREDENTIALS,
            Right.ROTATION_READ,
            "secret-rotation",
            AuditType.GET_SECRET_ROTATION_GENERATED_CREDENTIALS,
            "rotation",
            ErrorCode.ROTATION_NOT_FOUND),

    /** The right that a release asks for: that hands the same password out. */
    CONNECTION(
            Right.CONNECTION_RELEASE,
            Right.CONNECTION_READ,
            "app-connection",
            AuditType.GET_APP_CONNECTION_CREDENTIALS,
            "connection",
            ErrorCode.CONNECTION_NOT_FOUND);

    private final Right right;
    private final Right sight;
    private final String kind;
    private final String auditType;
    private final String word;
    private final ErrorCode notFound;

    Subject(Right right, Right sight, String kind, String auditType, String word, ErrorCode notFound) {
        this.right = right;
        this.sight = sight;
        this.kind = kind;
        this.auditType = auditType;
        this.word = word;
        this.notFound = notFound;
    }

    static Subject of(Served served) {
        return served.ofConnection() ? CONNECTION : ROTATION;
    }

    /** Without which nothing is given. */
    Right right() {
        return right;
    }

    /** Without which it is as if there were none. */
    Right sight() {
        return sight;
    }

    /** In the audit. */
    String kind() {
        return kind;
    }

    String auditType() {
        return auditType;
    }

    /** In sentences. */
    String word() {
        return word;
    }

    Problem notFound(UUID id) {
        return Problem.of(notFound, "There is no " + word + " with the id " + id + ".");
    }
}
