package io.rolewright.target;

/** What a refused login shows about the password. */
public enum PasswordVerdict {
    /** The server accepted the password and refused for another reason. */
    ACCEPTED,
    /** Wrong password, unknown role, role without password or lapsed VALID UNTIL: PostgreSQL does not tell them apart. */
    REFUSED,
    /** The login ended before the password was judged, or it was never asked for. */
    UNKNOWN
}
