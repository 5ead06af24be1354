package io.rolewright.target;

import io.quarkus.runtime.StartupEvent;
import io.rolewright.target.address.AddressGuard;
import io.rolewright.target.address.Checked;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * The way to targets. All answers come within the deadline and on the caller's Vert.x context; sessions run on loops of
 * their own, apart from HTTP and store, and are closed whatever happens.
 */
@ApplicationScoped
public class Targets {

    private static final String APPLICATION_NAME = "rolewright";

    /** A host with more addresses is a load balancer: the first few tell as much as all. */
    private static final int MAXIMUM_ADDRESSES = 4;

    /** What finding out whether the server demands TLS may cost at most. */
    private static final Duration TLS_QUESTION = Duration.ofSeconds(2);

    private final TargetConfig config;
    private final AddressGuard guard;
    private final Slots slots;
    private final Dialler dialler;

    /** @throws IllegalArgumentException with a readable sentence when a network in the configuration is malformed */
    @Inject
    public Targets(
            TargetConfig config, @ConfigProperty(name = "quarkus.datasource.reactive.url") Optional<String> storeUrl) {
        this.config = config;
        this.guard = AddressGuard.of(
                config.allowedNetworks().orElse(List.of()),
                config.allowInternalIpConnections(),
                storeUrl.orElse(""),
                config.lookups());
        this.slots = new Slots(config.sessionsPerTarget(), config.sessions(), config.waiting());
        this.dialler = new Dialler(config.loops());
    }

    /** Wrong settings end the start, not the first call. */
    void start(@Observes StartupEvent event) {}

    @PreDestroy
    public void close() {
        guard.close();
        dialler.close();
    }

    /**
     * Logs in once and reports what was seen, step by step.
     *
     * @param managedRoles roles that this login is to give new passwords to; may be empty
     * @return never fails for what the target does or does not do
     */
    public Uni<TargetReport> examine(Login login, List<String> managedRoles, Deadline deadline) {
        Examination examination = new Examination(login, managedRoles);
        Route route = examination.route();
        return reach(
                        login,
                        Purpose.REQUEST,
                        deadline,
                        APPLICATION_NAME,
                        false,
                        route,
                        line -> examination.look(line, Logins.facts(line, route)))
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> examination.failed((TargetFailure) failure));
    }

    /** Logs in, looks whether the password was used, logs out. Fails for nothing that the target does. */
    public Uni<LoginOutcome> login(Login login, Deadline deadline) {
        return login(login, Purpose.REQUEST, deadline);
    }

    public Uni<LoginOutcome> login(Login login, Purpose purpose, Deadline deadline) {
        Route route = new Route();
        return reach(
                        login,
                        purpose,
                        deadline,
                        APPLICATION_NAME,
                        false,
                        route,
                        line -> Uni.createFrom().item(Logins.facts(line, route)))
                .map(facts -> (LoginOutcome) new LoginOutcome.Accepted(facts.proof(), facts))
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> Logins.outcome((TargetFailure) failure));
    }

    /**
     * Finds out whether the server would ask this role for a password at all, and leaves at its first word: no password is sent and
     * the server counts no failed login. Under a {@code trust} rule a login proves nothing.
     *
     * @return never fails for what the target does
     */
    public Uni<PasswordRule> passwordRule(Login login, Purpose purpose, Deadline deadline) {
        Route route = new Route();
        return reach(
                        login,
                        purpose,
                        deadline,
                        APPLICATION_NAME,
                        true,
                        route,
                        line -> Uni.createFrom().voidItem())
                .onItemOrFailure()
                .transform((ignored, failure) -> route.rule());
    }

    public <T> Uni<T> withSession(
            Login login, Deadline deadline, String applicationName, Function<TargetSession, Uni<T>> work) {
        return withSession(login, Purpose.REQUEST, deadline, applicationName, work);
    }

    /**
     * Opens a session, runs {@code work} in it and closes it, whatever happens. At the deadline the socket is closed at once
     * and the answer is {@link TargetFailure.SessionLost}. Names in statements are looked up in {@code pg_catalog} only.
     *
     * @param applicationName at most 63 bytes; PostgreSQL would cut it
     * @param work runs on a loop of the targets: it must not block and must not use the store
     * @return fails with a {@link TargetFailure}, or with what {@code work} itself threw
     */
    public <T> Uni<T> withSession(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            Function<TargetSession, Uni<T>> work) {
        if (applicationName.getBytes(StandardCharsets.UTF_8).length > 63) {
            throw new IllegalArgumentException("PostgreSQL would cut an application name of more than 63 bytes");
        }
        Route route = new Route();
        return reach(
                login,
                purpose,
                deadline,
                applicationName,
                false,
                route,
                line -> work.apply(new Session(line, Logins.facts(line, route))));
    }

    // ---- from a host to an open line

    private <T> Uni<T> reach(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            boolean stopAtChallenge,
            Route route,
            Function<Dialler.Line, Uni<T>> work) {
        return Uni.createFrom()
                .deferred(() -> guard.check(
                                login.host(),
                                login.port(),
                                deadline.within(config.lookupTimeout()).left())
                        .invoke(checked -> route.resolved(checked))
                        .chain(checked -> {
                            if (checked instanceof Checked.Closed closed) {
                                return Uni.createFrom().failure(new TargetFailure.NoSession(Logins.outcome(closed)));
                            }
                            return inTurn(
                                    new Leg<>(
                                            login,
                                            (Checked.Open) checked,
                                            purpose,
                                            deadline,
                                            applicationName,
                                            stopAtChallenge,
                                            route,
                                            work),
                                    0);
                        })
                        .ifNoItem()
                        .after(atLeastAMoment(deadline.left()))
                        .fail()
                        .onFailure(TimeoutException.class)
                        .transform(late -> route.late())
                        .emitOn(callersContext()));
    }

    /** What stays the same for all addresses of a host. */
    private record Leg<T>(
            Login login,
            Checked.Open host,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            boolean stopAtChallenge,
            Route route,
            Function<Dialler.Line, Uni<T>> work) {

        int addresses() {
            return Math.min(host.dial().size(), MAXIMUM_ADDRESSES);
        }
    }

    private <T> Uni<T> inTurn(Leg<T> leg, int index) {
        InetAddress address = leg.host.dial().get(index);
        int left = leg.addresses() - index;
        return one(leg, address, left)
                .onFailure(failure -> left > 1 && notConnected(failure) && !leg.deadline.passed())
                .recoverWithUni(() -> inTurn(leg, index + 1))
                .onFailure(failure -> mayDemandTls(leg.login, failure))
                .recoverWithUni(failure -> demandsTls(leg, address)
                        .chain(demands -> Uni.createFrom()
                                .failure(
                                        demands ? new TargetFailure.NoSession(Logins.tlsDemanded(failure)) : failure)));
    }

    private <T> Uni<T> one(Leg<T> leg, InetAddress address, int addressesLeft) {
        Duration share = leg.deadline.left().dividedBy(addressesLeft);
        Duration connect = share.compareTo(config.connectTimeout()) < 0 ? share : config.connectTimeout();
        Dialler.Line line = dialler.line(new Dialler.Order(
                leg.login, leg.host.name(), address, leg.applicationName, connect, leg.stopAtChallenge));
        return inSlot(
                leg,
                leg.route,
                address,
                line,
                () -> line.open()
                        .onFailure()
                        .transform(failure -> (Throwable) new TargetFailure.NoSession(line.explain(failure)))
                        .chain(() -> Session.greet(line))
                        .invoke(leg.route::works)
                        .chain(() -> leg.work.apply(line)));
    }

    /** Waits for a slot, runs {@code session}, closes the line, and gives the slot back when the socket is really gone. */
    private <T> Uni<T> inSlot(
            Leg<?> leg, Route route, InetAddress address, Dialler.Line line, Supplier<Uni<T>> session) {
        Slots.Ticket ticket = slots.take(address.getHostAddress() + " " + leg.login.port(), leg.purpose);
        route.waitsFor(line, address.getHostAddress());
        return ticket.turn(leg.deadline.within(config.maximumWait()).left())
                .onFailure(Slots.AllTaken.class)
                .transform(taken -> new TargetFailure.NoSession(line.unreachable(Unreachability.TOO_MANY_SESSIONS)))
                .invoke(route::dials)
                .chain(() -> session.get())
                .onItemOrFailure()
                .call(line::close)
                .onCancellation()
                .invoke(() -> line.drop(Unreachability.TIMED_OUT))
                .onTermination()
                .invoke(() -> line.whenClosed(ticket::release));
    }

    private static boolean notConnected(Throwable failure) {
        return failure instanceof TargetFailure.NoSession none
                && none.outcome() instanceof LoginOutcome.Unreachable unreachable
                && switch (unreachable.reason()) {
                    case CONNECTION_REFUSED, NETWORK_UNREACHABLE, CONNECT_TIMED_OUT -> true;
                    default -> false;
                };
    }

    /** The server's answer is the same for "no rule at all" and for "only over TLS". */
    private static boolean mayDemandTls(Login login, Throwable failure) {
        return login.tls().mode() == SslMode.DISABLE
                && failure instanceof TargetFailure.NoSession none
                && none.outcome() instanceof LoginOutcome.Refused refused
                && refused.reason() == Refusal.NO_MATCHING_RULE;
    }

    /** Asks over TLS and leaves at the first word about authentication: no password is sent and none is refused. */
    private Uni<Boolean> demandsTls(Leg<?> leg, InetAddress address) {
        Login encrypted = new Login(
                leg.login.host(),
                leg.login.port(),
                leg.login.database(),
                leg.login.role(),
                TlsSettings.of(SslMode.REQUIRE),
                "");
        Dialler.Line line = dialler.line(new Dialler.Order(
                encrypted, leg.host.name(), address, leg.applicationName, config.connectTimeout(), true));
        return inSlot(leg, new Route(), address, line, line::open)
                .ifNoItem()
                .after(atLeastAMoment(leg.deadline.within(TLS_QUESTION).left()))
                .fail()
                .onItemOrFailure()
                .transform((ignored, failure) -> line.wire().asked());
    }

    private static Duration atLeastAMoment(Duration left) {
        return left.compareTo(Duration.ofMillis(1)) < 0 ? Duration.ofMillis(1) : left;
    }

    private static Executor callersContext() {
        Context context = Vertx.currentContext();
        return context == null
                ? Infrastructure.getDefaultExecutor()
                : command -> context.runOnContext(unused -> command.run());
    }

    int sessionsInUse() {
        return slots.inUse();
    }
}
