package io.rolewright.sealing;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One run of a key command, as far as it has come.
 *
 * @param reason what it waits for, what it has found or why it has failed, in a sentence; null if there is nothing to say
 * @param total records or keys that it has to deal with; 0 until it has counted them
 * @param done how many of them it has dealt with
 * @param unreadable how many records it could not open and has left as they were
 * @param lapsed whether its process has died: whoever gives the command again goes on with it
 * @param finishedAt null while it is running
 */
public record KeyRun(
        UUID id,
        KeyCommand command,
        State state,
        @Nullable String reason,
        long total,
        long done,
        long unreadable,
        boolean lapsed,
        Instant startedAt,
        @Nullable Instant finishedAt) {

    public enum State {
        RUNNING,
        DONE,
        FAILED
    }

    /**
     * A record that could not be opened: altered, or sealed with a key that is lost.
     *
     * @param field what was sealed, such as {@code CONNECTION_CREDENTIALS}
     */
    public record Unreadable(String field, UUID record, String reason) {}
}
