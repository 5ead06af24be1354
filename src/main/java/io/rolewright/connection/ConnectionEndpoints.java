package io.rolewright.connection;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where connections lead, for those who log in there with a password of their own. */
@ApplicationScoped
public class ConnectionEndpoints {

    private final ConnectionStore store;
    private final ConnectionSeal seal;

    ConnectionEndpoints(ConnectionStore store, ConnectionSeal seal) {
        this.store = store;
        this.seal = seal;
    }

    /**
     * @param host without the brackets of an IPv6 literal
     * @param sslMode as libpq spells it
     */
    public record Endpoint(String host, int port, String database, String sslMode) {}

    /** Null item when there is no such connection. */
    public Uni<Endpoint> find(UUID connection) {
        return store.byId(connection).map(row -> row == null ? null : endpoint(seal.open(row)));
    }

    /** @param project null for one of the organisation */
    public record Owner(@Nullable UUID project) {}

    /** Whose a connection is, which is sealed there; null item when there is no such connection. */
    public Uni<@Nullable Owner> owner(UUID connection) {
        return store.byId(connection).map(row -> row == null ? null : new Owner(row.projectId()));
    }

    /** Of credentials that were read together with something else. */
    public Endpoint open(UUID connection, long credentialsVersion, byte[] sealed) {
        return endpoint(seal.open(connection, credentialsVersion, sealed));
    }

    private static Endpoint endpoint(Credentials credentials) {
        String host = credentials.host();
        return new Endpoint(
                host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                credentials.port(),
                credentials.database(),
                credentials.sslMode().wireName());
    }
}
