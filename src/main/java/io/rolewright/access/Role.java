package io.rolewright.access;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * What an identity is in the organisation or in one project. What each may do stands in {@link Right}, beside the right;
 * stored and written by its lower-case name.
 */
public enum Role {
    /** Everything. */
    ADMIN,
    /** Sees, makes and changes connections and rotations, tests and uses them; sees no generated password. */
    OPERATOR,
    /** Sees what there is, and no password. */
    READER,
    /** Sees what there is, and the generated credentials: for what logs in with them. */
    CONSUMER,
    /** Starts due work, and nothing else: for an outside clock. Of the organisation only. */
    SCHEDULER;

    /** @return whether everything that the other role may do is allowed to this one */
    boolean covers(Role other) {
        return Arrays.stream(Right.values()).allMatch(right -> right.isAllowedTo(this) || !right.isAllowedTo(other));
    }

    String storedName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @return empty for a name that this build does not know: a newer one may have stored it */
    static Optional<Role> of(String storedName) {
        return Arrays.stream(values())
                .filter(role -> role.storedName().equals(storedName))
                .findFirst();
    }
}
