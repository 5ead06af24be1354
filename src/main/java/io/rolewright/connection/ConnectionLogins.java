package io.rolewright.connection;

import io.rolewright.credential.ManagingConnections;
import io.rolewright.credential.RoleServer;
import io.rolewright.sealing.Sealer;
import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What stored connections log in with, for those who change passwords through them, and as whom, for those who change passwords. */
@ApplicationScoped
class ConnectionLogins implements ManagingConnections {

    /** Rows of which it is written down in one go as whom they log in, while somebody waits. */
    private static final int MOST_LEARNED = 50;

    private final ConnectionStore store;
    private final ConnectionSeal seal;
    private final Sealer sealer;

    ConnectionLogins(ConnectionStore store, ConnectionSeal seal, Sealer sealer) {
        this.store = store;
        this.seal = seal;
        this.sealer = sealer;
    }

    /**
     * What a row keeps of where it leads and as whom, beside what is sealed; the columns are explained in the migration.
     *
     * @param server, login null where the server's identifier is not known
     */
    record Traces(byte @Nullable [] server, byte @Nullable [] login, byte[] address) {}

    Traces traces(RoleServer server, String role) {
        byte[] identified = null;
        byte[] login = null;
        if (server.identifier() != null) {
            identified = hash("connection-server", server.identifier());
            login = hash("connection-login", server.identifier() + " " + role);
        }
        return new Traces(
                identified, login, hash("connection-login-address", server.host() + " " + server.port() + " " + role));
    }

    private byte[] hash(String purpose, String text) {
        return sealer.fingerprint(purpose, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes down where the row's credentials lead, as a login with them has just shown. After they were sealed. */
    void note(Connection row, RoleServer server, String role) {
        Traces traces = traces(server, role);
        row.loginOf = row.credentialsHash;
        row.server = traces.server();
        row.login = traces.login();
        row.loginAddress = traces.address();
    }

    @Override
    public Uni<@Nullable Login> login(UUID connectionId) {
        return connectionId == null
                ? Uni.createFrom().nullItem()
                : store.byId(connectionId)
                        .map(row -> row == null ? null : seal.open(row).login());
    }

    @Override
    public Uni<List<StoredLogin>> loggingIn(RoleServer server, String roleName) {
        Traces wanted = traces(server, roleName);
        return store.loggingIn(wanted.login(), wanted.address())
                .chain(known -> store.unknownLogins().chain(unknown -> {
                    List<ConnectionStore.Traced> found = new ArrayList<>(known);
                    List<ConnectionStore.Traced> learned = unknown.subList(0, Math.min(unknown.size(), MOST_LEARNED));
                    unknown.stream()
                            .filter(row ->
                                    Arrays.equals(wanted.address(), traces(row).address()))
                            .forEach(found::add);
                    return learn(learned, 0).replaceWith(found);
                }))
                .map(rows -> rows.stream()
                        .map(row -> new StoredLogin(row.id(), row.name(), row.projectId()))
                        .toList());
    }

    /** Of a row that an older build has written: it is opened, some microseconds. */
    private Traces traces(ConnectionStore.Traced row) {
        Credentials credentials = seal.open(row);
        return traces(place(credentials), credentials.username());
    }

    private Uni<Void> learn(List<ConnectionStore.Traced> rows, int index) {
        return index == rows.size()
                ? Uni.createFrom().voidItem()
                : store.learned(rows.get(index), traces(rows.get(index)).address())
                        .chain(() -> learn(rows, index + 1));
    }

    private static RoleServer place(Credentials credentials) {
        return new RoleServer(null, RoleServer.host(credentials.host()), credentials.port(), null);
    }

    @Override
    public Uni<Set<UUID>> leadingTo(RoleServer server, Set<UUID> connections) {
        byte[] wanted = server.identifier() == null ? null : hash("connection-server", server.identifier());
        return store.traced(connections).map(rows -> {
            Set<UUID> found = new HashSet<>();
            for (ConnectionStore.Traced row : rows) {
                boolean identified = wanted != null && row.server() != null && row.known();
                RoleServer place = identified ? null : place(seal.open(row));
                if (identified
                        ? Arrays.equals(wanted, row.server())
                        : place.host().equals(server.host()) && place.port() == server.port()) {
                    found.add(row.id());
                }
            }
            return found;
        });
    }
}
