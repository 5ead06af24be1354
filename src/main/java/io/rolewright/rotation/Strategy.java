package io.rolewright.rotation;

import java.util.Locale;

/** How many roles a rotation has. Stored by name. */
enum Strategy {
    /** Two that take turns: only the one that is not served is touched, and the one replaced stays valid until the rotation after. */
    DUAL,
    /** One: its old password ends when the new one is applied, a moment before the new one is served. */
    SINGLE;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @param wireName checked before; null means the default */
    static Strategy of(String wireName) {
        return wireName == null ? DUAL : valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
