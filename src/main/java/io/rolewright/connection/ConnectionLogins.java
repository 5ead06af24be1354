package io.rolewright.connection;

import io.rolewright.credential.ManagingConnections;
import io.rolewright.credential.RoleServer;
import io.rolewright.sealing.CannotOpen;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.OwnContext;
import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** What stored connections log in with, for those who change passwords through them, and as whom, for those who change passwords. */
@ApplicationScoped
class ConnectionLogins implements ManagingConnections {

    private static final Logger log = Logger.getLogger(ConnectionLogins.class);

    /** Rows that are opened in one go apart from the event loop, and written down in one statement, while somebody waits. */
    private static final int PAGE = 500;

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

    /**
     * Writes down where the row's credentials lead, as a login with them has just shown. After they were sealed.
     *
     * @param scram whether the server asked for their password by SCRAM
     */
    void note(Connection row, RoleServer server, String role, boolean scram) {
        row.scramOf = scram ? row.credentialsHash : null;
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
                : store.byId(connectionId).map(row -> row == null ? null : seal.login(row));
    }

    @Override
    public Uni<Void> askedByScram(UUID connectionId, Login used) {
        return used.scramOnly()
                ? Uni.createFrom().voidItem()
                : store.byId(connectionId)
                        .chain(row -> row == null || row.platformManaged || !used.equals(seal.login(row))
                                ? Uni.createFrom().voidItem()
                                : store.askedByScram(row.id, row.credentialsHash));
    }

    @Override
    public Uni<List<StoredLogin>> loggingIn(RoleServer server, String roleName) {
        Traces wanted = traces(server, roleName);
        return store.loggingIn(wanted.login(), wanted.address())
                .chain(known -> {
                    List<ConnectionStore.Traced> found = new ArrayList<>(known);
                    return learn(null, wanted.address(), found).replaceWith(found);
                })
                .map(rows -> rows.stream()
                        .map(row -> new StoredLogin(row.id(), row.name(), row.projectId()))
                        .toList());
    }

    /**
     * Opens what an older build has written, page by page, and writes down as whom each logs in: whoever asks next, also after one whose
     * time was over, has only the rest to wait for.
     *
     * @param found is given those that log in as the wanted role
     */
    private Uni<Void> learn(@Nullable UUID after, byte[] wanted, List<ConnectionStore.Traced> found) {
        return store.unknownLogins(after, PAGE)
                .chain(rows -> rows.isEmpty()
                        ? Uni.createFrom().voidItem()
                        : OwnContext.elsewhere(() -> opened(rows))
                                .chain(opened -> {
                                    opened.stream()
                                            .filter(each -> Arrays.equals(
                                                    wanted, each.traces().address()))
                                            .forEach(each -> found.add(each.row()));
                                    return opened.isEmpty()
                                            ? Uni.createFrom().voidItem()
                                            : store.learned(
                                                    opened.stream()
                                                            .map(Opened::row)
                                                            .toList(),
                                                    opened.stream()
                                                            .map(each -> each.traces()
                                                                    .address())
                                                            .toList());
                                })
                                .chain(() -> rows.size() < PAGE
                                        ? Uni.createFrom().voidItem()
                                        : learn(rows.get(rows.size() - 1).id(), wanted, found)));
    }

    private record Opened(ConnectionStore.Traced row, RoleServer place, Traces traces) {}

    /**
     * Of rows that an older build has written. Without those that were altered or lost their key: nobody can log in with these any more, so
     * nobody is left outside, and they must not stand in the way of all others.
     */
    private List<Opened> opened(List<ConnectionStore.Traced> rows) {
        List<Opened> opened = new ArrayList<>();
        CannotOpen first = null;
        for (ConnectionStore.Traced row : rows) {
            try {
                Credentials credentials = seal.open(row);
                RoleServer place = place(credentials);
                opened.add(new Opened(row, place, traces(place, credentials.username())));
            } catch (CannotOpen broken) {
                first = first == null ? broken : first;
            }
        }
        if (first != null) {
            log.warnf(
                    "%d connections are not asked who logs in with them: %s",
                    rows.size() - opened.size(), first.getMessage());
        }
        return opened;
    }

    private static RoleServer place(Credentials credentials) {
        return new RoleServer(null, RoleServer.host(credentials.host()), credentials.port(), null);
    }

    @Override
    public Uni<Set<UUID>> leadingTo(RoleServer server, Set<UUID> connections) {
        return compared(server, connections, Compared.SAME);
    }

    @Override
    public Uni<Set<UUID>> perhapsLeadingTo(RoleServer server, Set<UUID> connections) {
        return compared(server, connections, Compared.UNKNOWN);
    }

    private enum Compared {
        SAME,
        ANOTHER,
        UNKNOWN
    }

    private Uni<Set<UUID>> compared(RoleServer server, Set<UUID> connections, Compared wanted) {
        byte[] identifier = server.identifier() == null ? null : hash("connection-server", server.identifier());
        return store.traced(connections)
                .map(rows -> rows.stream()
                        .filter(row -> compared(server, identifier, row) == wanted)
                        .map(row -> row.id())
                        .collect(Collectors.toSet()));
    }

    private Compared compared(RoleServer server, byte @Nullable [] identifier, ConnectionStore.Traced row) {
        if (identifier != null && row.server() != null && row.known()) {
            return Arrays.equals(identifier, row.server()) ? Compared.SAME : Compared.ANOTHER;
        }
        List<Opened> opened = opened(List.of(row));
        if (opened.isEmpty()) {
            return Compared.ANOTHER;
        }
        RoleServer place = opened.get(0).place();
        return place.host().equals(server.host()) && place.port() == server.port() ? Compared.SAME : Compared.UNKNOWN;
    }
}
