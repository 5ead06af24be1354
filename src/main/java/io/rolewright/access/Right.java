package io.rolewright.access;

import static io.rolewright.access.Role.CONSUMER;
import static io.rolewright.access.Role.OPERATOR;
import static io.rolewright.access.Role.READER;
import static io.rolewright.access.Role.SCHEDULER;

import java.util.Set;

/**
 * One thing that a caller may or may not do, and which roles may: this is the whole table. {@link Role#ADMIN} may do
 * everything and is not named. An endpoint asks {@link Rights} for exactly one of them.
 */
public enum Right {
    /** Replaces the keys that sign access tokens, and so may end every token. */
    SIGNING_KEYS_MANAGE("manage", "signing-keys"),

    /** Sees who did what, in the organisation or in one project. */
    AUDIT_READ("read", "audit-logs"),

    PROJECT_READ("read", "projects", OPERATOR, READER, CONSUMER),
    PROJECT_CREATE("create", "projects"),
    PROJECT_EDIT("edit", "projects"),
    PROJECT_DELETE("delete", "projects"),
    /** Sees who has which roles in a project. */
    MEMBERSHIP_READ("read", "project-identities"),
    /** Gives and takes roles in a project: whoever may, may give himself any. */
    MEMBERSHIP_EDIT("edit", "project-identities"),

    IDENTITY_READ("read", "identities"),
    IDENTITY_CREATE("create", "identities"),
    /** Changes identities and what they log in with: whoever may, may act as any of them. */
    IDENTITY_EDIT("edit", "identities"),
    IDENTITY_DELETE("delete", "identities"),

    CONNECTION_READ("read", "app-connections", OPERATOR, READER, CONSUMER),
    CONNECTION_CREATE("create", "app-connections", OPERATOR),
    CONNECTION_EDIT("edit", "app-connections", OPERATOR),
    CONNECTION_DELETE("delete", "app-connections"),
    /** Logs in to a target: with parameters of the caller's own, or with a stored connection's. */
    CONNECTION_TEST("test", "app-connections", OPERATOR),
    /** Uses a connection for something else, such as a rotation. */
    CONNECTION_CONNECT("connect", "app-connections", OPERATOR),
    /** Gives a managed connection a new password. */
    CONNECTION_ROTATE("rotate", "app-connections", OPERATOR),
    /** Is handed the password of a managed connection. */
    CONNECTION_RELEASE("release", "app-connections"),

    ROTATION_READ("read", "secret-rotation", OPERATOR, READER, CONSUMER),
    /** Sees the passwords that a rotation has made. */
    ROTATION_READ_CREDENTIALS("read-generated-credentials", "secret-rotation", CONSUMER),
    ROTATION_CREATE("create", "secret-rotation", OPERATOR),
    ROTATION_EDIT("edit", "secret-rotation", OPERATOR),
    ROTATION_DELETE("delete", "secret-rotation"),
    ROTATION_ROTATE("rotate-secrets", "secret-rotation", OPERATOR),
    /** Sees which receivers are told what happens, and what they were told; addresses of receivers may hold tokens. */
    WEBHOOK_READ("read", "webhooks", OPERATOR),
    /** Has a receiver told what happens, and tells it again; no password is ever in it. */
    WEBHOOK_EDIT("edit", "webhooks", OPERATOR),
    /** Has everything done that is due, in the organisation and in every project, and sees no more than counts of it. */
    RUN_DUE("run-due", "rotations", SCHEDULER),
    /** Sees which keys seal the store and runs the key commands; sees no key and opens nothing. */
    KEYS_MANAGE("manage", "keys"),
    /** Sees whether the store is a copy, and makes a copy the one whose work is done. */
    STORE_MANAGE("manage", "store"),
    /** Sees the passwords of roles that were given up, and those that were never proven, of every project. */
    DISCARDED_READ("read", "discarded-passwords");

    private final String action;
    private final String subject;
    private final Set<Role> roles;

    /** @param roles that have the right beside {@link Role#ADMIN} */
    Right(String action, String subject, Role... roles) {
        this.action = action;
        this.subject = subject;
        this.roles = Set.of(roles);
    }

    String action() {
        return action;
    }

    String subject() {
        return subject;
    }

    boolean isAllowedTo(Role role) {
        return role == Role.ADMIN || roles.contains(role);
    }
}
