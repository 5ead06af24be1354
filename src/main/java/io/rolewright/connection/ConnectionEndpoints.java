package io.rolewright.connection;

import io.rolewright.target.TlsSettings;
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
     * @param tls whom to trust there, without what the connection's own role logs in with
     */
    public record Endpoint(String host, int port, String database, String sslMode, TlsSettings tls) {

        /** The connection's own CA certificates in PEM; null when the usual authorities are trusted. */
        public @Nullable String caCert() {
            return tls.writtenCa();
        }
    }

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

    /** @param project whose the connection is; null for one of the organisation */
    public record Owned(@Nullable UUID project, Endpoint endpoint) {}

    /** Where a connection leads and whose it is; null item when there is no such connection. */
    public Uni<@Nullable Owned> owned(UUID connection) {
        return store.byId(connection)
                .map(row -> row == null ? null : new Owned(row.projectId(), endpoint(seal.open(row))));
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
                credentials.sslMode().wireName(),
                new TlsSettings(credentials.sslMode(), credentials.caPem(), null, null));
    }
}
