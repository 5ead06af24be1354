package io.rolewright.target;

/** Whether a server asks a role for a password. */
public enum PasswordRule {
    ASKED,
    /** {@code trust}, or {@code cert} and {@code peer}: a new password would change nothing there, and no login can prove it. */
    NOT_ASKED,
    /** No rule lets the role in from here, or nobody answered. */
    UNKNOWN
}
