package io.rolewright.target;

import io.quarkus.runtime.StartupEvent;
import io.rolewright.store.CallersContext;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.address.AddressGuard;
import io.rolewright.target.address.Checked;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

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

    /** How often one that somebody else has is looked for. */
    private static final Duration LOOK_AGAIN = Duration.ofMillis(4);

    /** A session that was kept and is well answers in a round trip. */
    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(1);

    /** What a change does with one session on a server that is well takes less. */
    private static final Duration UNTIL_HURRY = Duration.ofMillis(100);

    private final TargetConfig config;
    private final AddressGuard guard;
    private final Slots slots;
    private final Admissions admissions;
    private final Dialler dialler;
    private final Runnable mayChange;

    /** @throws IllegalArgumentException with a readable sentence when a network in the configuration is malformed */
    @Inject
    public Targets(
            TargetConfig config,
            @ConfigProperty(name = "quarkus.datasource.reactive.url") Optional<String> storeUrl,
            StoreOrigin origin) {
        this(config, storeUrl, origin::requireOriginal);
    }

    Targets(TargetConfig config, Optional<String> storeUrl) {
        this(config, storeUrl, () -> {});
    }

    private Targets(TargetConfig config, Optional<String> storeUrl, Runnable mayChange) {
        this(
                config,
                AddressGuard.of(
                        config.allowedNetworks().orElse(List.of()),
                        config.allowInternalIpConnections(),
                        storeUrl.orElse(""),
                        config.lookups()),
                mayChange);
    }

    Targets(TargetConfig config, AddressGuard guard) {
        this(config, guard, () -> {});
    }

    private Targets(TargetConfig config, AddressGuard guard, Runnable mayChange) {
        this.config = config;
        this.mayChange = mayChange;
        this.guard = guard;
        this.slots = new Slots(config.sessionsPerTarget(), config.sessions(), config.waiting());
        this.admissions = new Admissions(slots);
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
     * Waits for this request's turn on a server and keeps it until {@code work} is over: whatever sessions the work opens there
     * with the deadline that it is given, it waits for none of them. One that has its turn already goes on with it.
     *
     * <p>Where there is no server to wait for (the name has no address that may be dialled, or others get no answer either), the
     * work begins at once, and its first session says why there is none.
     *
     * @param login only its host and port are looked at
     * @param deadline says whose request it is: the callers that wait for a server have their turns one after the other
     * @param work never begins with less of the deadline than the errand takes
     * @return fails with 429 {@code target_busy} and the time of this caller's turn, for a change with 400 {@code store_is_a_copy}, or as
     *     {@link Deadline#stillAllowed}, before anything was begun; else as {@code work}
     */
    public <T> Uni<T> admitted(Login login, Errand errand, Deadline deadline, Function<Deadline, Uni<T>> work) {
        return Uni.createFrom().deferred(() -> {
            if (deadline.admission() != null) {
                return work.apply(deadline);
            }
            if (errand == Errand.CHANGE) {
                mayChange.run();
            }
            return CallersContext.answer(() -> guard.check(
                                    login.host(),
                                    login.port(),
                                    deadline.within(config.lookupTimeout()).left())
                            .chain(checked -> checked instanceof Checked.Open open
                                    ? admissions.admit(
                                            Admissions.host(login),
                                            open.dial().stream()
                                                    .map(address -> Admissions.target(address, login.port()))
                                                    .toList(),
                                            errand,
                                            deadline)
                                    : Uni.createFrom().<Admission>nullItem()))
                    .chain(admission -> admission == null
                            ? deadline.stillAllowed().chain(() -> work.apply(deadline))
                            : deadline.stillAllowed()
                                    .chain(() -> work.apply(deadline.admitted(admission)))
                                    .onTermination()
                                    .invoke(admission::end));
        });
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

    /** The same, and until when the server lets the role in, which is asked in its own session and is nobody's to refuse the login for. */
    public Uni<RoleLook> look(Login login, Purpose purpose, Deadline deadline) {
        Route route = new Route();
        return reach(
                        login,
                        purpose,
                        deadline,
                        APPLICATION_NAME,
                        false,
                        route,
                        line -> RoleLook.of(line, Logins.facts(line, route)))
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> RoleLook.without(Logins.outcome((TargetFailure) failure)));
    }

    /**
     * Finds out how the server would ask this role for its password, and for SCRAM the salt of the secret that it keeps. No password
     * and no proof of one is sent, and the server counts no failed login.
     *
     * @return never fails for what the target does
     */
    public Uni<Demand> passwordRule(Login login, Purpose purpose, Deadline deadline) {
        Route route = new Route();
        return reach(
                        login,
                        purpose,
                        deadline,
                        APPLICATION_NAME,
                        true,
                        route,
                        line -> Uni.createFrom().voidItem())
                .map(ignored -> route.demand(null))
                .onFailure(TargetFailure.class)
                .recoverWithItem(route::demand);
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
        return withSession(login, purpose, deadline, applicationName, false, work);
    }

    /**
     * The same for a role that changes others: within a turn of due work its session is kept for the next of them ({@link KeptSessions}).
     * Whatever {@code work} leaves open of a transaction ends the session.
     */
    <T> Uni<T> withManagingSession(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            Function<TargetSession, Uni<T>> work) {
        return withSession(login, purpose, deadline, applicationName, true, work);
    }

    private <T> Uni<T> withSession(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            boolean managing,
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
                managing && purpose == Purpose.DUE_WORK && deadline.admission() == null ? deadline.kept() : null,
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
        return reach(login, purpose, deadline, applicationName, stopAtChallenge, null, route, work);
    }

    private <T> Uni<T> reach(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            boolean stopAtChallenge,
            @Nullable KeptSessions kept,
            Route route,
            Function<Dialler.Line, Uni<T>> work) {
        return CallersContext.answer(() -> guard.check(
                        login.host(),
                        login.port(),
                        deadline.within(config.lookupTimeout()).left())
                .invoke(checked -> route.resolved(checked))
                .chain(checked -> {
                    if (checked instanceof Checked.Closed closed) {
                        return Uni.createFrom().failure(new TargetFailure.NoSession(Logins.outcome(closed)));
                    }
                    Checked.Open open = (Checked.Open) checked;
                    Admission admission = deadline.admission();
                    return inTurn(
                            new Leg<>(
                                    login,
                                    open.name(),
                                    admission == null ? open.dial() : admission.order(open.dial(), login.port()),
                                    purpose,
                                    deadline,
                                    applicationName,
                                    stopAtChallenge,
                                    kept,
                                    route,
                                    work),
                            0);
                })
                .ifNoItem()
                .after(atLeastAMoment(deadline.left()))
                .fail()
                .onFailure(TimeoutException.class)
                .transform(late -> route.late()));
    }

    /** What stays the same for all addresses of a host. */
    private record Leg<T>(
            Login login,
            String name,
            List<InetAddress> dial,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            boolean stopAtChallenge,
            @Nullable KeptSessions kept,
            Route route,
            Function<Dialler.Line, Uni<T>> work) {

        int addresses() {
            return Math.min(dial.size(), MAXIMUM_ADDRESSES);
        }

        @Nullable
        InetAddress after(InetAddress address) {
            int next = dial.indexOf(address) + 1;
            return next < addresses() ? dial.get(next) : null;
        }
    }

    private <T> Uni<T> inTurn(Leg<T> leg, int index) {
        InetAddress address = leg.dial.get(index);
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
        KeptSessions kept = leg.kept;
        if (kept == null) {
            return opened(leg, address, connect, null);
        }
        KeptSessions.Lease lease = kept.lease(leg.login, address);
        return taken(lease, System.nanoTime() + KeptSessions.LONGEST_WAIT.toNanos())
                .chain(() -> again(leg, address, lease))
                .chain(goesOn -> {
                    Dialler.Line line = goesOn ? lease.line() : null;
                    Slots.Ticket ticket = lease.ticket();
                    return line == null || ticket == null
                            ? opened(leg, address, connect, lease)
                            : ended(leg.work.apply(line), line, ticket, lease);
                })
                .onCancellation()
                .invoke(() -> {
                    Dialler.Line line = lease.line();
                    Slots.Ticket ticket = lease.ticket();
                    if (line != null && ticket != null && lease.held()) {
                        line.drop(Unreachability.TIMED_OUT);
                        line.whenClosed(ticket::release);
                    }
                    lease.end();
                });
    }

    /** Waits until nobody else has the session, but not for long. */
    private Uni<Void> taken(KeptSessions.Lease lease, long untilNanos) {
        return lease.take() || System.nanoTime() - untilNanos > 0
                ? Uni.createFrom().voidItem()
                : Uni.createFrom()
                        .<Void>emitter(emitter ->
                                dialler.vertx().setTimer(LOOK_AGAIN.toMillis(), id -> emitter.complete(null)))
                        .chain(() -> taken(lease, untilNanos));
    }

    /** @return whether the session that was kept is there and answers; else it is closed */
    private Uni<Boolean> again(Leg<?> leg, InetAddress address, KeptSessions.Lease lease) {
        Dialler.Line line = lease.line();
        Slots.Ticket ticket = lease.ticket();
        if (line == null || ticket == null) {
            return Uni.createFrom().item(false);
        }
        return Session.greetAgain(line, leg.applicationName)
                .ifNoItem()
                .after(ANSWERS_WITHIN)
                .fail()
                .onItemOrFailure()
                .transform((greeted, failure) -> failure == null)
                .invoke(goesOn -> {
                    if (goesOn) {
                        leg.route.waitsFor(line, address.getHostAddress());
                        leg.route.dials();
                        works(leg, address);
                    } else {
                        line.drop(Unreachability.CLOSED_BY_SERVER);
                        line.whenClosed(ticket::release);
                    }
                });
    }

    private <T> Uni<T> opened(Leg<T> leg, InetAddress address, Duration connect, KeptSessions.@Nullable Lease lease) {
        Dialler.Line line = dialler.line(
                new Dialler.Order(leg.login, leg.name, address, leg.applicationName, connect, leg.stopAtChallenge));
        return inSlot(
                leg,
                leg.route,
                address,
                line,
                lease,
                () -> line.open()
                        .onFailure()
                        .transform(failure -> (Throwable) new TargetFailure.NoSession(line.explain(failure)))
                        .chain(() -> Session.greet(line)
                                .onFailure(TargetFailure.StatementRefused.class)
                                .transform(refusal -> new TargetFailure.NoSession(
                                        Logins.unanswered((TargetFailure.StatementRefused) refusal, line.wire()))))
                        .invoke(() -> works(leg, address))
                        .chain(() -> leg.work.apply(line)));
    }

    private void works(Leg<?> leg, InetAddress address) {
        leg.route.works();
        String target = Admissions.target(address, leg.login.port());
        admissions.answers(target);
        admissions.begins(Admissions.host(leg.login), target);
        Admission admission = leg.deadline.admission();
        if (admission != null) {
            admission.connected();
        }
    }

    /** Waits for a slot, runs {@code session}, closes the line, and gives the slot back when the socket is really gone. */
    private <T> Uni<T> inSlot(
            Leg<?> leg,
            Route route,
            InetAddress address,
            Dialler.Line line,
            KeptSessions.@Nullable Lease lease,
            Supplier<Uni<T>> session) {
        String target = Admissions.target(address, leg.login.port());
        Admission admission = leg.deadline.admission();
        Slots.Entry entry = admission == null ? slots.take(target, leg.purpose) : admission.session(target);
        Deadline wait = admission == null ? leg.deadline.within(config.maximumWait()) : leg.deadline;
        route.waitsFor(line, address.getHostAddress());
        if (entry instanceof Slots.Ticket ticket && !ticket.held()) {
            dialler.vertx().setTimer(UNTIL_HURRY.toMillis(), id -> ticket.hurry());
        }
        Uni<T> work = entry.turn(wait.left())
                .onFailure(Slots.AllTaken.class)
                .transform(taken -> new TargetFailure.NoSession(line.unreachable(Unreachability.TOO_MANY_SESSIONS)))
                .invoke(() -> {
                    route.dials();
                    admissions.dials(target, route);
                })
                .chain(() -> session.get())
                .onItemOrFailure()
                .invoke((item, failure) -> {
                    InetAddress next = leg.after(address);
                    if (next != null && failure != null && notConnected(failure)) {
                        // Before anybody else hears of it: they are to go on there too.
                        admissions.begins(Admissions.host(leg.login), Admissions.target(next, leg.login.port()));
                    }
                    admissions.left(target, route, noAnswer(line, failure));
                })
                .onCancellation()
                .invoke(() -> admissions.left(target, route, route.silence()));
        return ended(work, line, entry, lease);
    }

    /** Closes the line after the work, or keeps it, and gives the slot back when the socket is really gone. */
    private static <T> Uni<T> ended(
            Uni<T> work, Dialler.Line line, Slots.Entry entry, KeptSessions.@Nullable Lease lease) {
        AtomicBoolean kept = new AtomicBoolean();
        return work.onItemOrFailure()
                .call((item, failure) -> {
                    if (lease != null) {
                        kept.set(failure == null
                                && !line.pooled()
                                && entry instanceof Slots.Ticket ticket
                                && lease.keep(line, ticket));
                        lease.end();
                    }
                    return kept.get() ? Uni.createFrom().voidItem() : line.close();
                })
                .onCancellation()
                .invoke(() -> {
                    if (!kept.get()) {
                        line.drop(Unreachability.TIMED_OUT);
                    }
                })
                .onTermination()
                .invoke(() -> {
                    if (!kept.get()) {
                        line.whenClosed(entry::release);
                    }
                });
    }

    /**
     * Whether a session did not come about because the server, or its network, kept silent. One that says how it wants the password
     * and then hangs may do that to this role only.
     */
    private static LoginOutcome.@Nullable Unreachable noAnswer(Dialler.Line line, @Nullable Throwable failure) {
        return !line.wire().spoken()
                        && failure instanceof TargetFailure.NoSession none
                        && none.outcome() instanceof LoginOutcome.Unreachable unreachable
                        && (unreachable.reason() == Unreachability.CONNECT_TIMED_OUT
                                || unreachable.reason() == Unreachability.TIMED_OUT)
                ? unreachable
                : null;
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
        Dialler.Line line = dialler.line(
                new Dialler.Order(encrypted, leg.name, address, leg.applicationName, config.connectTimeout(), true));
        return inSlot(leg, new Route(), address, line, null, line::open)
                .ifNoItem()
                .after(atLeastAMoment(leg.deadline.within(TLS_QUESTION).left()))
                .fail()
                .onItemOrFailure()
                .transform((ignored, failure) -> line.wire().asked());
    }

    private static Duration atLeastAMoment(Duration left) {
        return left.compareTo(Duration.ofMillis(1)) < 0 ? Duration.ofMillis(1) : left;
    }

    int sessionsInUse() {
        return slots.inUse();
    }
}
