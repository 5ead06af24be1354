package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/** As whom this service logs in to its own store, and on which server that is. */
@ApplicationScoped
public class OwnLogins {

    private static final String ADDRESS = "host(inet_server_addr()) AS address, inet_server_port() AS port";

    private static final String IDENTIFIED =
            "SELECT (SELECT system_identifier::text FROM pg_control_system()) AS identifier, " + ADDRESS;

    /** Where the service's role may not read the identifier. */
    private static final String UNIDENTIFIED = "SELECT NULL::text AS identifier, " + ADDRESS;

    private final Pool pool;
    private final Set<String> roles;

    OwnLogins(
            Pool pool,
            @ConfigProperty(name = "quarkus.datasource.username") Optional<String> service,
            MigrationConfig migration) {
        this.pool = pool;
        this.roles = Stream.of(service, migration.username())
                .flatMap(Optional::stream)
                .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * The server that the store is on now.
     *
     * @param identifier its system identifier; absent where it may not be read
     * @param address as the server itself knows it, and {@code port}; absent on a Unix socket
     */
    public record Server(
            @Nullable String identifier,
            @Nullable String address,
            @Nullable Integer port) {}

    /** Whether the service, or its migrations, log in as a role of this name. */
    public boolean include(String role) {
        return roles.contains(role);
    }

    /** Asks each time: a failover or a move of the store must not be missed. Fails when the store can't be reached. */
    public Uni<Server> server() {
        return ask(IDENTIFIED).onFailure(PgException.class).recoverWithUni(() -> ask(UNIDENTIFIED));
    }

    private Uni<Server> ask(String sql) {
        return pool.query(sql).execute().map(rows -> {
            Row row = rows.iterator().next();
            return new Server(row.getString("identifier"), row.getString("address"), row.getInteger("port"));
        });
    }
}
