package io.rolewright.credential;

import java.util.Locale;

/** How a managed role is, as seen from outside. Stored by name. */
public enum RoleState {
    OK,
    /** A send ended without an answer: either of two passwords may be the role's. */
    IN_DOUBT,
    /** Something stands in the way; the reason says what. */
    PARKED,
    /** Its owner is deleted and the role waits for a password that nobody is given. */
    REVOKING;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
