package io.rolewright.credential;

import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How a managed role is, without any secret. Registered because Hibernate makes it.
 *
 * @param state {@link RoleState#OK} also while a change is under way that nothing stands in the way of
 * @param reason stable code; absent when the state is ok
 * @param currentNumber of the version that is current; absent before the first
 * @param openAttempt the attempt that is not finished; absent when there is none
 * @param nextTryAt when the open attempt is tried again; absent when there is none or somebody works on it now
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
        @Nullable UUID openAttempt,
        @Nullable Instant nextTryAt) {

    /** Of a role whose change was begun, when nothing can be read of how it went. */
    public static RoleStatus inDoubt(UUID id, UUID ownerId, String roleName) {
        return new RoleStatus(id, ownerId, roleName, RoleState.IN_DOUBT, "not_known_yet", null, null, null, null);
    }
}
