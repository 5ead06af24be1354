package io.rolewright.connection;

import io.rolewright.credential.ManagingConnections;
import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.UUID;

/** What stored connections log in with, for those who change passwords through them. */
@ApplicationScoped
class ConnectionLogins implements ManagingConnections {

    private final ConnectionStore store;
    private final ConnectionSeal seal;

    ConnectionLogins(ConnectionStore store, ConnectionSeal seal) {
        this.store = store;
        this.seal = seal;
    }

    @Override
    public Uni<Login> login(UUID connectionId) {
        return connectionId == null
                ? Uni.createFrom().nullItem()
                : store.byId(connectionId)
                        .map(row -> row == null ? null : seal.open(row).login());
    }
}
