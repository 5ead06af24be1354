package io.rolewright.store;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.quarkus.reactive.pg.client.PgPoolCreator;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.SqlConnectOptions;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.impl.Connection;
import io.vertx.sqlclient.impl.SocketConnectionBase;
import io.vertx.sqlclient.impl.SqlConnectionInternal;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Makes the one pool of sessions to the store, and single sessions for migrations: both with the same TLS and bounds.
 *
 * <p>Every wait has an end: connecting, waiting for a session, a statement. A store that is gone fails requests in
 * seconds; it never holds them.
 */
@Singleton
class StorePool implements PgPoolCreator {

    /** Characters; the driver's own limit would leave out the longest of ours, which are the most frequent. */
    private static final int LONGEST_STATEMENT_KEPT = 8192;

    private static final Logger LOG = Logger.getLogger(StorePool.class);

    static {
        LogNoise.silence();
    }

    private final StoreConfig config;
    private volatile @Nullable Vertx vertx;
    private volatile List<StoreLogin> servers = List.of();

    /** Which server is next: a new session goes to one after the other. */
    private final AtomicInteger turn = new AtomicInteger();

    private volatile Function<SqlConnection, Future<Void>> greeting = session -> Future.succeededFuture();

    StorePool(StoreConfig config) {
        this.config = config;
    }

    @Override
    public Pool create(Input input) {
        List<StoreLogin> reached = new ArrayList<>();
        for (PgConnectOptions given : input.pgConnectOptionsList()) {
            PgConnectOptions options = new PgConnectOptions(given);
            StoreTls.of(config.sslmode(), config.sslrootcert(), modeOf(given), given.getHost())
                    .warning(given.getHost())
                    .ifPresent(LOG::warn);
            options.setConnectTimeout((int) config.connectTimeout().toMillis());
            options.setSslHandshakeTimeout(config.connectTimeout().toMillis());
            options.setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS);
            options.setTcpKeepAlive(true);
            options.setPreparedStatementCacheSqlLimit(LONGEST_STATEMENT_KEPT);
            options.addProperty("application_name", "rolewright");
            // A default of the client for servers before 12, which poolers such as PgBouncer refuse.
            options.getProperties().remove("extra_float_digits");
            reached.add(new StoreLogin(options, config, modeOf(given)));
        }
        servers = List.copyOf(reached);
        vertx = input.vertx();
        OpenSessions.begin(input.poolOptions().getMaxSize());
        PoolOptions pool = input.poolOptions()
                .setConnectionTimeout((int) config.acquireTimeout().toMillis())
                .setConnectionTimeoutUnit(TimeUnit.MILLISECONDS);
        return PgBuilder.pool()
                .with(pool)
                .connectingTo(() -> servers.get(Math.floorMod(turn.getAndIncrement(), servers.size()))
                        .now(input.vertx())
                        .map(this::bounded))
                .using(input.vertx())
                .withConnectHandler(this::giveUpWhenSilent)
                .build();
    }

    /** The client takes a URL that says nothing for one that says {@code disable}. */
    private static Optional<SslMode> modeOf(PgConnectOptions given) {
        boolean said = given.getSslMode() != SslMode.DISABLE
                || Stream.of("quarkus.datasource.reactive.url", "quarkus.datasource.reactive.postgresql.ssl-mode")
                        .map(setting -> ConfigProvider.getConfig().getOptionalValue(setting, String.class))
                        .flatMap(Optional::stream)
                        .anyMatch(value -> value.equalsIgnoreCase("disable")
                                || value.toLowerCase(Locale.ROOT).contains("sslmode="));
        return said ? Optional.of(given.getSslMode()) : Optional.empty();
    }

    private SqlConnectOptions bounded(PgConnectOptions options) {
        if (config.transactionPooler()) {
            return preparingNothing(options);
        }
        if (config.statementTimeout().isZero()) {
            return options;
        }
        String millis = Long.toString(config.statementTimeout().toMillis());
        return new PgConnectOptions(options)
                .addProperty("statement_timeout", millis)
                // The few statements that look costly are executed in milliseconds, and compiled in seconds.
                .addProperty("jit", "off")
                // A process that stands still in a transaction would keep its rows from whoever takes over.
                .addProperty("idle_in_transaction_session_timeout", millis);
    }

    /**
     * Of a pooler in transaction mode, the next message may go to another session of the server: what prepares a statement is sent again
     * with what executes it. Set on the very options that the client is given, because its copies of them do not have it (4.5.27).
     */
    private static PgConnectOptions preparingNothing(PgConnectOptions options) {
        PgConnectOptions copy = new PgConnectOptions(options);
        copy.setCachePreparedStatements(false);
        return copy.setUseLayer7Proxy(true);
    }

    /**
     * Closes the socket of a session when nothing was heard on it for a while. The client's own idle timeout does not do
     * it: its codec turns a close into a polite end of the conversation and waits for the other side. This handler sits
     * between codec and socket, so its close is one.
     */
    private void giveUpWhenSilent(SqlConnection session) {
        OpenSessions.opened();
        Connection inner = ((SqlConnectionInternal) session).unwrap();
        while (inner.unwrap() != inner) {
            inner = inner.unwrap();
        }
        ((SocketConnectionBase) inner)
                .socket()
                .channelHandlerContext()
                .pipeline()
                .addFirst(new ReadTimeoutHandler(config.silenceTimeout().toMillis(), TimeUnit.MILLISECONDS) {
                    @Override
                    public void channelInactive(ChannelHandlerContext channel) throws Exception {
                        OpenSessions.closed();
                        super.channelInactive(channel);
                    }

                    @Override
                    protected void readTimedOut(ChannelHandlerContext channel) {
                        channel.close();
                    }
                });
        // Closing hands it to the pool.
        greeting.apply(session).onComplete(greeted -> session.close());
    }

    /** @param greeting what is asked on each new session of the pool before it is used; it must not fail */
    void greet(Function<SqlConnection, Future<Void>> greeting) {
        this.greeting = greeting;
    }

    /** {@code host:port/database} of each server in the URL, as it was given. */
    List<String> addresses() {
        return servers.stream()
                .map(StoreLogin::last)
                .map(server ->
                        server.getHost().toLowerCase(Locale.ROOT) + ":" + server.getPort() + "/" + server.getDatabase())
                .toList();
    }

    /** Whether a session of the server is ours for longer than a transaction. */
    boolean keepsSessions() {
        return !config.transactionPooler();
    }

    /** The database role of the running service. */
    String serviceRole() {
        return servers.get(0).last().getUser();
    }

    /** Opens a session outside the pool, without a bound on its statements, as the running service. */
    Uni<PgConnection> session() {
        return session(Optional.empty(), Optional.empty());
    }

    /** The same as the migration role, if there is one. */
    Uni<PgConnection> session(MigrationConfig role) {
        Optional<String> file = role.username().isEmpty() ? Optional.empty() : role.passwordFile();
        if (file.isEmpty() || vertx == null) {
            return session(role.username(), role.password());
        }
        Vertx made = vertx;
        return Uni.createFrom()
                .completionStage(() -> made.executeBlocking(
                                () -> StoreLogin.password("rolewright.migration.password-file", file.get()), false)
                        .toCompletionStage())
                .chain(password -> session(role.username(), Optional.of(password)));
    }

    private Uni<PgConnection> session(Optional<String> username, Optional<String> password) {
        if (servers.isEmpty()) {
            return Uni.createFrom().failure(new ConfigurationException("quarkus.datasource.reactive.url is not set"));
        }
        Uni<PgConnection> first = connect(servers.get(0), username, password);
        for (StoreLogin other : servers.subList(1, servers.size())) {
            first = first.onFailure().recoverWithUni(() -> connect(other, username, password));
        }
        return first;
    }

    private Uni<PgConnection> connect(StoreLogin server, Optional<String> username, Optional<String> password) {
        Vertx made = Objects.requireNonNull(vertx, "the pool was made");
        return Uni.createFrom()
                .completionStage(() -> server.now(made).toCompletionStage())
                .chain(now -> {
                    PgConnectOptions options = new PgConnectOptions(now);
                    username.ifPresent(options::setUser);
                    password.ifPresent(options::setPassword);
                    return PgConnection.connect(
                            io.vertx.mutiny.core.Vertx.newInstance(made),
                            config.transactionPooler() ? preparingNothing(options) : options);
                })
                // Without one the driver prints what ends the session, with its stack, where no logger sees it.
                .invoke(session -> session.exceptionHandler(
                        failure -> LOG.debugf("A session of its own has ended: %s", StoreFault.describe(failure))))
                .ifNoItem()
                .after(config.acquireTimeout())
                .fail();
    }
}
