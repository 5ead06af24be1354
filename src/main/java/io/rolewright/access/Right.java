package io.rolewright.access;

/** One thing that a caller may or may not do. An endpoint asks {@link Rights} for exactly one of them. */
public enum Right {
    PROJECT_READ("read", "projects"),
    PROJECT_CREATE("create", "projects"),
    CONNECTION_READ("read", "app-connections"),
    CONNECTION_CREATE("create", "app-connections"),
    CONNECTION_EDIT("edit", "app-connections"),
    CONNECTION_DELETE("delete", "app-connections"),
    /** Logs in to a target: with parameters of the caller's own, or with a stored connection's. */
    CONNECTION_TEST("test", "app-connections"),
    /** Uses a connection for something else, such as a rotation. */
    CONNECTION_CONNECT("connect", "app-connections"),
    ROTATION_READ("read", "secret-rotation"),
    /** Sees the passwords that a rotation has made. */
    ROTATION_READ_CREDENTIALS("read-generated-credentials", "secret-rotation"),
    ROTATION_CREATE("create", "secret-rotation"),
    ROTATION_EDIT("edit", "secret-rotation"),
    ROTATION_DELETE("delete", "secret-rotation"),
    ROTATION_ROTATE("rotate-secrets", "secret-rotation"),
    /** Has everything done that is due, in the organisation and in every project, and sees no more than counts of it. */
    RUN_DUE("run-due", "rotations"),
    /** Sees which keys seal the store and runs the key commands; sees no key and opens nothing. */
    KEYS_MANAGE("manage", "keys");

    private final String action;
    private final String subject;

    Right(String action, String subject) {
        this.action = action;
        this.subject = subject;
    }

    String action() {
        return action;
    }

    String subject() {
        return subject;
    }
}
