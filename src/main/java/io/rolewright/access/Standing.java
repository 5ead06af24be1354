package io.rolewright.access;

import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What an identity is at the moment, whatever its tokens said when they were made.
 *
 * @param name null if there is no such identity (any more)
 * @param credentials that it may log in with: a token counts only while the credential that it was obtained with does
 * @param tokens its static tokens, by id
 */
record Standing(UUID identityId, @Nullable String name, Grants grants, Set<UUID> credentials, Map<UUID, Held> tokens) {

    /**
     * A static token as it is kept.
     *
     * @param role null for one that this build does not know
     */
    record Held(byte[] fingerprint, @Nullable Role role, Instant expiresAt) {}
}
