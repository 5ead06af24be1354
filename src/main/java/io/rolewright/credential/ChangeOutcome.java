package io.rolewright.credential;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** How one call to change a password ended. The attempt itself may go on: see {@link InDoubt} and {@link Parked}. */
public sealed interface ChangeOutcome {

    /** The new password is proven and current. @param number of the version, grows by one with each of this role */
    record Done(UUID attemptId, UUID versionId, long number) implements ChangeOutcome {}

    /** Somebody else works on the role right now, or took it over from us. */
    record InProgress() implements ChangeOutcome {}

    /** The role is not managed (any more). */
    record Gone() implements ChangeOutcome {}

    /**
     * A send ended without an answer. The password is kept, and the attempt ends by itself once the target is back.
     *
     * @param reason stable code
     */
    record InDoubt(UUID attemptId, String reason, String message, Instant nextTryAt) implements ChangeOutcome {}

    /** Not done yet and tried again at {@code nextTryAt}, or by the next manual change. What is current stays so. */
    record Parked(
            UUID attemptId,
            String reason,
            @Nullable String sqlState,
            String message,
            Instant nextTryAt,
            List<Obstacle> obstacles)
            implements ChangeOutcome {}

    /**
     * Definitely not done: nothing of it took effect, and it is not tried again.
     *
     * @param attemptId absent where it was refused before there was an attempt
     */
    record Failed(
            @Nullable UUID attemptId,
            String reason,
            @Nullable String sqlState,
            String message,
            List<Obstacle> obstacles)
            implements ChangeOutcome {}

    /**
     * One thing that stands in the way of a change.
     *
     * @param code stable
     * @param sql the exact statement that helps; absent when no statement does
     */
    record Obstacle(String code, String message, @Nullable String sql) {}
}
