package io.rolewright.sealing;

import java.util.Arrays;
import java.util.Optional;

/** What can be done to the keys of a store. Each may be repeated at any time, and goes on where it was killed. */
public enum KeyCommand {
    /** Makes a data key, and has it seal what is new once every process can open it. */
    NEW_DATA_KEY("new-data-key"),
    /** Seals everything anew with the active data key. */
    RE_ENCRYPT("re-encrypt"),
    /** Wraps the data keys with the root key that is configured now, of whatever source. */
    REWRAP("rewrap"),
    /** Deletes the data keys that nothing needs any more. */
    RETIRE("retire"),
    /** Seals the rows that decide, as they are now; from then on one without a seal counts for nothing. */
    SEAL_ROWS("seal-rows");

    private final String word;

    KeyCommand(String word) {
        this.word = word;
    }

    /** The name in the API, on the command line and in the store. */
    public String word() {
        return word;
    }

    public static Optional<KeyCommand> of(String word) {
        return Arrays.stream(values())
                .filter(command -> command.word.equals(word))
                .findFirst();
    }
}
