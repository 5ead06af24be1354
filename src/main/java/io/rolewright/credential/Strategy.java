package io.rolewright.credential;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How many roles a credential has, and who changes them. Stored by name. */
public enum Strategy {
    /** Two that take turns: only the one that is not served is touched, and the one replaced stays valid until the rotation after. */
    DUAL,
    /** One: its old password ends when the new one is applied, a moment before the new one is served. */
    SINGLE,
    /** One that changes its own password: the login of a managed connection. No rotation has it. */
    SELF;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @param wireName checked before; null means the default */
    public static Strategy of(@Nullable String wireName) {
        return wireName == null ? DUAL : valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
