package io.rolewright.credential;

import java.util.Locale;

/** States of a password version; design §4 has the table of transitions. Stored by name. */
public enum VersionState {
    PENDING,
    IN_DOUBT,
    APPLIED,
    CURRENT,
    PREVIOUS,
    RETIRED,
    REJECTED;

    boolean unfinished() {
        return this == PENDING || this == IN_DOUBT || this == APPLIED;
    }

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
