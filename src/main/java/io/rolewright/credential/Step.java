package io.rolewright.credential;

import java.util.Locale;

/** The steps of a change, in order. Stored by name. */
public enum Step {
    CLAIM,
    PREFLIGHT,
    PERSIST,
    APPLY,
    VERIFY,
    PROMOTE;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
