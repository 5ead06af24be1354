package io.rolewright.credential;

import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How a managed role is, without any secret. Registered because Hibernate makes it.
 *
 * @param state {@link RoleState#OK} also while a change is under way of which nothing was sent yet, and whose process has its lease;
 *     never while one is open that was sent and not answered, or that its process has left
 * @param reason stable code; with {@link RoleState#OK} only when the server accepted the password and refused the session for this
 *     reason, such as {@code role_full}
 * @param currentNumber of the version that is current; absent before the first
 * @param verifiedAt when the current password was last seen to open the role; absent when that is not known
 * @param openAttempt the attempt that is not finished; absent when there is none
 * @param nextTryAt when the open attempt is tried again; absent when there is none or somebody works on it now
 * @param lookMinutes after so many it is looked at again; absent where the service's setting says so
 */
@RegisterForReflection
public record RoleStatus(
        UUID id,
        UUID ownerId,
        String roleName,
        RoleState state,
        @Nullable String reason,
        @Nullable Long currentNumber,
        @Nullable Instant currentSince,
        @Nullable Instant verifiedAt,
        @Nullable UUID openAttempt,
        @Nullable Instant nextTryAt,
        @Nullable Integer lookMinutes) {

    /**
     * As the store has it.
     *
     * @param state as it was when the last claim ended: whoever is killed has no time to write another
     * @param attemptState of the open attempt
     * @param now the store's clock
     */
    public RoleStatus(
            UUID id,
            UUID ownerId,
            String roleName,
            RoleState state,
            @Nullable String reason,
            @Nullable Long currentNumber,
            @Nullable Instant currentSince,
            @Nullable Instant verifiedAt,
            @Nullable UUID openAttempt,
            @Nullable Instant nextTryAt,
            @Nullable AttemptState attemptState,
            @Nullable Instant leaseUntil,
            Instant now,
            @Nullable Integer lookMinutes) {
        this(
                id,
                ownerId,
                roleName,
                isInterrupted(state, attemptState, leaseUntil, now)
                        ? attemptState == AttemptState.SENT ? RoleState.IN_DOUBT : RoleState.PARKED
                        : state,
                isInterrupted(state, attemptState, leaseUntil, now)
                        ? attemptState == AttemptState.SENT ? "not_answered_yet" : "interrupted"
                        : reason,
                currentNumber,
                currentSince,
                verifiedAt,
                openAttempt,
                nextTryAt,
                lookMinutes);
    }

    /** What was sent may have been interrupted at any moment; of the rest one knows when its lease has lapsed. */
    private static boolean isInterrupted(
            RoleState state, @Nullable AttemptState attempt, @Nullable Instant leaseUntil, Instant now) {
        return state == RoleState.OK
                && (attempt == AttemptState.SENT
                        || attempt == AttemptState.CLAIMED && (leaseUntil == null || !leaseUntil.isAfter(now)));
    }

    /** Of a role whose change was begun, when nothing can be read of how it went. */
    public static RoleStatus inDoubt(UUID id, UUID ownerId, String roleName) {
        return new RoleStatus(
                id, ownerId, roleName, RoleState.IN_DOUBT, "not_known_yet", null, null, null, null, null, null);
    }
}
