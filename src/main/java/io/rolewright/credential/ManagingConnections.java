package io.rolewright.credential;

import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Set;
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

    /**
     * The server has asked for the connection's password by SCRAM and proven that it knows it: no server gets it in a weaker form any more.
     * Connections that were stored before that was written down learn it so.
     *
     * @param used how it logged in; where its credentials have been changed since, nothing is learned
     */
    Uni<Void> askedByScram(UUID connectionId, Login used);

    /**
     * A connection that logs in as some role.
     *
     * @param projectId null for one of the organisation
     */
    record StoredLogin(UUID id, String name, @Nullable UUID projectId) {}

    /** All connections that log in as the role, those included whose server is only known by host and port. Joins the transaction. */
    Uni<List<StoredLogin>> loggingIn(RoleServer server, String roleName);

    /** Those of the connections that lead to the server; by host and port where its identifier is not known. Joins the transaction. */
    Uni<Set<UUID>> leadingTo(RoleServer server, Set<UUID> connections);

    /** Those of which it is not known: by another host or port, and the identifier of the one server or of the other is not known. */
    Uni<Set<UUID>> perhapsLeadingTo(RoleServer server, Set<UUID> connections);
}
