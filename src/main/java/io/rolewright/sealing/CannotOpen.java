package io.rolewright.sealing;

import java.util.UUID;

/**
 * A ciphertext that does not open: altered, moved from another place, or made with a key that this store does not hold.
 * A fault, never the caller's: he gets a 500, and an operator looks at the record that the message names.
 */
public class CannotOpen extends RuntimeException {

    private final String why;

    CannotOpen(SealedField field, UUID record, long version, String why) {
        super("%s of record %s, version %d, cannot be opened: %s".formatted(field, record, version, why));
        this.why = why;
    }

    /** The reason alone. */
    String why() {
        return why;
    }
}
