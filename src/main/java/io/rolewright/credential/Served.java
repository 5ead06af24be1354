package io.rolewright.credential;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which password of a credential is the one to use.
 *
 * @param id of the credential, which is that of the rotation or the connection
 * @param ofConnection whether a connection names it; else a rotation
 * @param name what that is called
 * @param projectId null for a connection of the organisation
 * @param connectionId where the role is
 * @param version of what is served; 0 while no password of ours is proven
 * @param since when that began to be served; null before
 * @param revoking deleted, and waiting for its roles to get passwords that nobody is given
 */
public record Served(
        UUID id,
        boolean ofConnection,
        String name,
        @Nullable UUID projectId,
        UUID connectionId,
        UUID roleId,
        @Nullable String roleName,
        long version,
        @Nullable Instant since,
        boolean revoking) {

    /** The same of a connection, as whose it is by itself. */
    public Served of(@Nullable UUID project) {
        return new Served(id, ofConnection, name, project, connectionId, roleId, roleName, version, since, revoking);
    }
}
