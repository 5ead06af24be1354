package io.rolewright.credential;

import java.util.Locale;

/** States of an attempt. Stored by name. */
public enum AttemptState {
    CLAIMED,
    /** A version is written down; its ALTER ROLE may have been sent. */
    SENT,
    DONE,
    PARKED,
    FAILED;

    boolean open() {
        return this == CLAIMED || this == SENT || this == PARKED;
    }

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
