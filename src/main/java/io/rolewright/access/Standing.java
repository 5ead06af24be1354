package io.rolewright.access;

import java.util.Set;
import java.util.UUID;

/**
 * What an identity is at the moment, whatever its tokens said when they were made.
 *
 * @param name null if there is no such identity (any more)
 * @param credentials that it may log in with: a token counts only while the credential that it was obtained with does
 */
record Standing(UUID identityId, String name, Grants grants, Set<UUID> credentials) {}
