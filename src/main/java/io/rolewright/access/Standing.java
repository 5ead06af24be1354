package io.rolewright.access;

import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What an identity is at the moment, whatever its tokens said when they were made.
 *
 * @param name null if there is no such identity (any more)
 * @param credentials that it may log in with, by id: a token counts only while the credential that it was obtained with does
 * @param tokens its static tokens, by id
 */
record Standing(
        UUID identityId,
        @Nullable String name,
        Grants grants,
        Map<UUID, Credential> credentials,
        Map<UUID, Held> tokens) {

    /**
     * @param trustedIps from where tokens may be used that were obtained with it, as {@link ClientSecret#trusts} reads it
     * @param end of itself and of all tokens that were obtained with it; null: none
     */
    record Credential(String trustedIps, @Nullable Instant end) {}

    /**
     * A static token as it is kept.
     *
     * @param role null for one that this build does not know
     * @param isWhole whether it acts with whatever roles its identity has
     * @param trustedIps as {@link ClientSecret#trusts} reads it
     */
    record Held(byte[] fingerprint, @Nullable Role role, boolean isWhole, String trustedIps, Instant expiresAt) {}
}
