package io.rolewright.connection;

import io.rolewright.access.Caller;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A feature that uses connections; its beans are asked before a connection is deleted, and for its usage, and told of changes. */
public interface ConnectionUser {

    /** What of this feature uses the connection; joins the caller's store transaction. */
    Uni<List<Use>> uses(UUID connection);

    /**
     * Lets the caller decide where the secrets go that this feature sends over the connection, and who may pose as its server, or refuses;
     * joins the caller's store transaction.
     *
     * @return fails with 403, naming the right that is missing
     */
    default Uni<Void> requireMove(Caller caller, UUID connection) {
        return Uni.createFrom().voidItem();
    }

    /** A caller has changed where the connection leads, or as whom; joins the store transaction that does. */
    default Uni<Void> changed(UUID connection) {
        return Uni.createFrom().voidItem();
    }

    /**
     * One thing that uses a connection.
     *
     * @param kind what it is, e.g. {@code rotation}
     */
    @Schema(name = "AppConnectionUse")
    record Use(String kind, UUID id, String name) {}
}
