package io.rolewright.credential;

import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where stored connections lead. Implemented by the feature that stores them; roles are changed through them. */
public interface ManagingConnections {

    /**
     * Opens what a connection logs in with; keep it for the length of one call.
     *
     * @return null item when there is no such connection. For a connection with managed credentials the password is empty: it is
     *     among the versions of its managed role.
     */
    Uni<@Nullable Login> login(UUID connectionId);
}
