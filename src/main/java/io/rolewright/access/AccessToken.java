package io.rolewright.access;

import java.time.Instant;
import java.util.UUID;

/**
 * What an access token says. Not what its bearer may do: {@link Standings} know that. Times are whole seconds.
 *
 * @param tokenId names the token and every renewal of it
 * @param identityName as at login
 * @param credentialId what it was obtained with, such as one of the identity's client secrets
 * @param loggedInAt when the family began
 * @param renewableUntil no renewal is valid after this
 */
record AccessToken(
        UUID tokenId,
        UUID identityId,
        String identityName,
        UUID credentialId,
        Instant loggedInAt,
        Instant issuedAt,
        Instant expiresAt,
        Instant renewableUntil) {}
