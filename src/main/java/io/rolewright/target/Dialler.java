package io.rolewright.target;

import io.netty.channel.Channel;
import io.netty.channel.ConnectTimeoutException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.impl.VertxBuilder;
import io.vertx.core.impl.VertxInternal;
import io.vertx.core.impl.VertxThread;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TrustOptions;
import io.vertx.core.spi.VertxThreadFactory;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.impl.PgConnectionFactory;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Opens sessions to addresses that were checked, on event loops of its own. It knows the driver and netty so that nothing else
 * needs to.
 */
final class Dialler implements AutoCloseable {

    /** For a proper good-bye: Terminate, TLS close, FIN. Then the socket is dropped. */
    private static final Duration FAREWELL = Duration.ofMillis(300);

    private final VertxInternal vertx;

    Dialler(int loops) {
        VertxOptions options = new VertxOptions()
                .setEventLoopPoolSize(loops)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(2) // TLS contexts are built here
                .setUseDaemonThread(true)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false));
        vertx = (VertxInternal) new VertxBuilder(options)
                .findTransport(new WireTransport())
                .threadFactory(new NamedThreads())
                .serviceProviders(List.of())
                .verticleFactories(List.of())
                .init()
                .vertx();
    }

    private static final class NamedThreads implements VertxThreadFactory {
        @Override
        public VertxThread newVertxThread(
                Runnable target, String name, boolean worker, long maxExecTime, TimeUnit maxExecTimeUnit) {
            return new VertxThread(
                    target, name.replace("vert.x", "rolewright-target"), worker, maxExecTime, maxExecTimeUnit);
        }
    }

    /**
     * What is opened, on its own context.
     *
     * @param connectTimeout for TCP alone
     */
    record Order(
            Login login,
            String peerName,
            InetAddress address,
            String applicationName,
            Duration connectTimeout,
            boolean stopAtChallenge) {}

    /** One dialling attempt and, if it comes so far, its session. */
    final class Line {
        private final Order order;
        private final Wire wire;
        private final Context context;
        private volatile @Nullable TlsTrust trust;
        private volatile @Nullable PgConnectionFactory factory;
        private volatile @Nullable PgConnection connection;
        private volatile @Nullable String systemUser;
        private volatile Duration roundTrip = Duration.ZERO;
        private volatile boolean pooled;

        private Line(Order order) {
            this.order = order;
            Login login = order.login;
            this.wire = new Wire(
                    login.tls().mode(), login.password(), login.keys(), login.scramOnly(), order.stopAtChallenge);
            this.context = vertx.createEventLoopContext();
        }

        Order order() {
            return order;
        }

        Wire wire() {
            return wire;
        }

        /** Completes on the line's loop, or fails with whatever the driver says, for {@link #explain}. */
        Uni<Void> open() {
            return Uni.createFrom()
                    .emitter(emitter -> context.runOnContext(unused -> {
                        try {
                            PgConnectOptions options = options();
                            // Not PgConnection.connect: of a failed one it leaves the socket factory to the finalizer.
                            PgConnectionFactory opening =
                                    new PgConnectionFactory(vertx, () -> Future.succeededFuture(options));
                            factory = opening;
                            opening.connect(context).onComplete(opened -> {
                                if (opened.succeeded()) {
                                    connection = PgConnection.cast(opened.result());
                                    // Without handlers of ours the driver prints and logs what servers say.
                                    connection.exceptionHandler(failure -> {});
                                    connection.noticeHandler(notice -> {});
                                    emitter.complete(null);
                                } else {
                                    emitter.fail(opened.cause());
                                }
                            });
                        } catch (Pem.Unreadable | RuntimeException e) {
                            emitter.fail(e);
                        }
                    }));
        }

        private PgConnectOptions options() throws Pem.Unreadable {
            Login login = order.login;
            // Poolers refuse start-up parameters that they do not know: only what every one of them lets pass.
            Map<String, String> properties = new HashMap<>();
            properties.put("client_encoding", "utf8");
            properties.put("DateStyle", "ISO");
            properties.put("application_name", order.applicationName);
            boolean ourselves = TlsTrust.comparesItself(order.peerName);
            PgConnectOptions options = new CheckedAddressOptions();
            options.setHost(order.peerName)
                    .setPort(login.port())
                    .setDatabase(login.database())
                    .setUser(login.role())
                    .setPassword(order.stopAtChallenge ? "" : login.password())
                    .setProperties(properties)
                    .setPipeliningLimit(1)
                    .setReconnectAttempts(0)
                    .setConnectTimeout((int) Math.max(1, order.connectTimeout.toMillis()))
                    .setSslMode(
                            switch (login.tls().mode()) {
                                case DISABLE -> io.vertx.pgclient.SslMode.DISABLE;
                                case REQUIRE -> io.vertx.pgclient.SslMode.REQUIRE;
                                case VERIFY_CA -> io.vertx.pgclient.SslMode.VERIFY_CA;
                                case VERIFY_FULL ->
                                    // With the driver's verify-full the engine would have to compare the names.
                                    ourselves
                                            ? io.vertx.pgclient.SslMode.VERIFY_CA
                                            : io.vertx.pgclient.SslMode.VERIFY_FULL;
                            });
            if (login.tls().mode() != SslMode.DISABLE) {
                TlsTrust checking = TlsTrust.of(login.tls(), ourselves ? order.peerName : null);
                trust = checking;
                options.setTrustOptions(TrustOptions.wrap(checking));
                options.setHostnameVerificationAlgorithm(
                        login.tls().mode() == SslMode.VERIFY_FULL && !ourselves ? "HTTPS" : "");
                if (login.tls().clientCertificatePem() != null) {
                    options.setKeyCertOptions(KeyCertOptions.wrap(ClientKey.of(login.tls())));
                }
            }
            return options;
        }

        /** The driver dials what this says and takes the name in it for SNI and certificate. */
        private final class CheckedAddressOptions extends PgConnectOptions {
            @Override
            public SocketAddress getSocketAddress() {
                return new WireTransport.Address(order.address, order.login.port(), wire);
            }
        }

        /** @param took from the first word to its answer */
        void greeted(int serverProcess, @Nullable String authenticatedAs, Duration took) {
            systemUser = authenticatedAs;
            roundTrip = took;
            pooled = connection == null || connection.processId() != serverProcess;
        }

        /** What the server says of how it authenticated the session, null before 16. */
        @Nullable
        String systemUser() {
            return systemUser;
        }

        /** How long the first small question on the open session took; zero before its answer. */
        Duration roundTrip() {
            return roundTrip;
        }

        /** Whether the process that the session began with is another than the one that answers: cancel requests are a pooler's own affair. */
        boolean pooled() {
            return pooled;
        }

        /** Runs one statement; simple protocol without parameters. */
        Uni<List<Row>> run(String sql, @Nullable Tuple parameters) {
            PgConnection open = connection;
            if (open == null) {
                return Uni.createFrom().failure(new IllegalStateException("the session is not open"));
            }
            return Uni.createFrom()
                    .emitter(emitter -> context.runOnContext(unused -> {
                        var query = parameters == null
                                ? open.query(sql).execute()
                                : open.preparedQuery(sql).execute(parameters);
                        query.onComplete(answer -> {
                            if (answer.succeeded()) {
                                List<Row> rows = new ArrayList<>();
                                answer.result().forEach(rows::add);
                                emitter.complete(rows);
                            } else {
                                emitter.fail(answer.cause());
                            }
                        });
                    }));
        }

        /** Says good-bye, and drops the socket when the other side does not take it in time. Completes when the socket is closed; never fails. */
        Uni<Void> close() {
            PgConnection open = connection;
            Channel channel = wire.channel();
            if (open == null || channel == null) {
                drop(Unreachability.CLOSED_BY_SERVER);
                return Uni.createFrom().voidItem();
            }
            return Uni.createFrom()
                    .<Void>emitter(emitter -> {
                        channel.closeFuture().addListener(closed -> emitter.complete(null));
                        open.close();
                    })
                    .ifNoItem()
                    .after(FAREWELL)
                    .recoverWithItem(() -> {
                        drop(Unreachability.TIMED_OUT);
                        return null;
                    });
        }

        /** Frees the socket at once. From any thread, safe to repeat. */
        void drop(Unreachability reason) {
            wire.kill(reason);
        }

        void later(Duration time, Runnable action) {
            context.owner().setTimer(time.toMillis(), id -> action.run());
        }

        /** Runs {@code action} when the socket is closed, at once if there never was one, and lets go of what the driver holds. */
        void whenClosed(Runnable action) {
            Channel channel = wire.channel();
            if (channel == null) {
                letGo();
                action.run();
            } else {
                channel.closeFuture().addListener(closed -> {
                    letGo();
                    action.run();
                });
            }
        }

        private void letGo() {
            PgConnectionFactory opened = factory;
            if (opened != null) {
                opened.close(Promise.promise());
            }
        }

        /** What a failed {@link #open} means. Our own reason counts first: what the driver says then is only its consequence. */
        LoginOutcome explain(Throwable failure) {
            Unreachability fault = wire.fault();
            TlsTrust checking = trust;
            if (checking != null && checking.fault() != null) {
                fault = checking.fault();
            }
            if (fault != null) {
                return unreachable(fault);
            }
            if (failure instanceof PgException refusal) {
                return Refusals.explain(refusal, wire);
            }
            if (wire.phase() == Wire.Phase.CONNECTING) {
                return unreachable(notConnected(failure));
            }
            if (order.login.password().isEmpty() && wire.challenge() == Wire.Challenge.SCRAM) {
                // What the server would say.
                return new LoginOutcome.Refused(
                        Refusal.PASSWORD_REFUSED, "28P01", null, PasswordVerdict.REFUSED, null, null);
            }
            return unreachable(Unreachability.CLOSED_BY_SERVER);
        }

        LoginOutcome.Unreachable unreachable(Unreachability reason) {
            return new LoginOutcome.Unreachable(
                    reason,
                    switch (reason.step()) {
                        case LOGIN ->
                            switch (wire.phase()) {
                                case CONNECTING -> Unreachability.Step.CONNECT;
                                case TLS_ASKED, TLS_HANDSHAKE -> Unreachability.Step.TLS;
                                case LOGIN, READY -> Unreachability.Step.LOGIN;
                            };
                        default -> reason.step();
                    });
        }
    }

    private static Unreachability notConnected(Throwable failure) {
        if (failure instanceof ConnectTimeoutException) {
            return Unreachability.CONNECT_TIMED_OUT;
        }
        if (failure instanceof NoRouteToHostException) {
            return Unreachability.NETWORK_UNREACHABLE;
        }
        if (failure instanceof ConnectException) {
            return Unreachability.CONNECTION_REFUSED;
        }
        return Unreachability.NETWORK_UNREACHABLE;
    }

    Line line(Order order) {
        return new Line(order);
    }

    Vertx vertx() {
        return vertx;
    }

    @Override
    public void close() {
        vertx.close();
    }
}
