package io.rolewright.access;

import java.util.UUID;

/**
 * Who makes the current request, as its access token proved.
 *
 * @param id the machine identity
 * @param name the identity's name, for the audit
 * @param tokenId the token family: a login starts one, renewals keep it, a revocation ends it
 * @param address the address that the request came from, as {@code ClientAddress} sees it
 * @param grants what the identity may do, and where; ask {@link Rights}
 */
public record Caller(UUID id, String name, UUID tokenId, String address, Grants grants) {}
