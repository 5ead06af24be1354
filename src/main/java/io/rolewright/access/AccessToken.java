package io.rolewright.access;

import java.time.Instant;
import java.util.UUID;

/**
 * What an access token says. Times are whole seconds.
 *
 * @param tokenId names the token and every renewal of it
 * @param clientSecretId which of the identity's secrets it was obtained with
 * @param role as at login: a change takes effect at the next one
 * @param renewableUntil no renewal is valid after this
 */
record AccessToken(
        UUID tokenId,
        UUID identityId,
        String identityName,
        UUID clientSecretId,
        Role role,
        Instant issuedAt,
        Instant expiresAt,
        Instant renewableUntil) {

    Caller caller(String address) {
        return new Caller(identityId, identityName, tokenId, address, role);
    }
}
