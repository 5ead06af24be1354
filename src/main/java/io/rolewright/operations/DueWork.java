package io.rolewright.operations;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.credential.DueRoles;
import io.rolewright.credential.ScheduleNotices;
import io.rolewright.delivery.vault.VaultCourier;
import io.rolewright.delivery.vault.VaultCourier.Written;
import io.rolewright.delivery.webhook.Courier;
import io.rolewright.delivery.webhook.Courier.Told;
import io.rolewright.outbox.Outbox;
import io.rolewright.rotation.DueRotations;
import io.rolewright.store.Awaited;
import io.rolewright.store.CallersContext;
import io.rolewright.store.OwnContext;
import io.rolewright.store.ProcessLock;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreIsACopy;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Looks for due work and has it done: scheduled rotations, retries, recovery after crashes, deferred revokes, probes for what others did
 * to our roles, webhooks, secrets in Vault. The clock is in this process, or outside and calls {@code run-due}; both do the same, and any number of processes share
 * the work through the store's locks.
 */
@ApplicationScoped
class DueWork {

    /** A look costs the store two index scans; more often than that is of no use to anybody. */
    private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(1);

    /** How often the leases of dead processes are looked for. */
    private static final Duration LEASES = Duration.ofSeconds(1);

    /** Without a budget of its own a turn of the clock ends here at the latest, and the next begins. */
    private static final Duration LONGEST_TURN = Duration.ofMinutes(10);

    /** From a fact put into the outbox to telling it: most transactions have committed by then. */
    private static final Duration UNTIL_COMMITTED = Duration.ofMillis(250);

    /** On SIGTERM: what is under way may finish; the rest is found by whoever looks next. */
    private static final Duration TIME_TO_FINISH = Duration.ofSeconds(8);

    private static final Logger log = Logger.getLogger(DueWork.class);

    private final DueRotations rotations;
    private final DueRoles roles;
    private final ScheduleNotices notices;
    private final Courier courier;
    private final VaultCourier vault;
    private final Outbox outbox;
    private final Housekeeping housekeeping;
    private final ProcessLock process;
    private final Startup startup;
    private final StoreOrigin origin;
    private final SchedulerConfig config;
    private final Vertx vertx;
    private final Clock clock;
    private final Set<DueTurn> turns = ConcurrentHashMap.newKeySet();
    private final AtomicLong overdue = new AtomicLong();
    private final AtomicLong inDoubt = new AtomicLong();
    private final AtomicLong parked = new AtomicLong();
    private final Counter turnsDone;
    private final Counter turnsFailed;

    private final AtomicBoolean endingLeases = new AtomicBoolean();
    private volatile boolean stopping;
    private volatile @Nullable DueTurn turn;
    private final AtomicBoolean tellSoon = new AtomicBoolean();
    private long timer = -1;

    DueWork(
            DueRotations rotations,
            DueRoles roles,
            ScheduleNotices notices,
            Courier courier,
            VaultCourier vault,
            Outbox outbox,
            Housekeeping housekeeping,
            ProcessLock process,
            Startup startup,
            StoreOrigin origin,
            SchedulerConfig config,
            Vertx vertx,
            Clock clock,
            MeterRegistry metrics) {
        this.rotations = rotations;
        this.roles = roles;
        this.notices = notices;
        this.courier = courier;
        this.vault = vault;
        this.outbox = outbox;
        this.housekeeping = housekeeping;
        this.process = process;
        this.startup = startup;
        this.origin = origin;
        this.config = config;
        this.vertx = vertx;
        this.clock = clock;
        Gauge.builder("rolewright.rotations.overdue", overdue, AtomicLong::doubleValue)
                .description("The same as rolewright.credentials.overdue, by the name of the build before")
                .register(metrics);
        Gauge.builder("rolewright.credentials.overdue", overdue, AtomicLong::doubleValue)
                .description(
                        "Rotations and managed connections whose passwords should have been changed a quarter of an"
                                + " hour ago; the same from every replica")
                .register(metrics);
        Gauge.builder("rolewright.roles.in.doubt", inDoubt, AtomicLong::doubleValue)
                .description(
                        "Roles with a change in doubt: it was sent and the answer is missing; the same from every replica")
                .register(metrics);
        Gauge.builder("rolewright.store.copy", origin, store -> store.standing().copy() ? 1 : 0)
                .description("1 while the store is a copy, which changes no password and sends nothing; else 0")
                .register(metrics);
        Gauge.builder("rolewright.roles.parked", parked, AtomicLong::doubleValue)
                .description("Roles whose rotation is blocked; the same from every replica")
                .register(metrics);
        turnsDone = metrics.counter("rolewright.due.turns", "outcome", "done");
        turnsFailed = metrics.counter("rolewright.due.turns", "outcome", "failed");
    }

    /**
     * What was done, and how things are.
     *
     * @param webhooksDelivered messages that receivers took
     * @param vaultDelivered secrets that were written to Vault, or found there
     * @param more whether something due was left
     * @param nextDue when something is due next, in the past if it is overdue; empty when nothing ever is
     */
    record Report(
            DueTurn.Done done,
            int webhooksDelivered,
            int vaultDelivered,
            boolean more,
            long overdue,
            long inDoubt,
            Optional<Instant> nextDue) {}

    // ---- From outside ---------------------------------------------------------------------------------------------

    /**
     * Does what is due until nothing is, or the time is up. Safe to call from many places at once. What has been begun goes on to its end
     * when the caller hangs up, or may no longer.
     *
     * @param mayNoMore fails when the caller may have no more begun; never completes otherwise
     * @return fails as {@code mayNoMore} does, at once; with {@link StoreIsACopy} before anything is begun
     */
    Uni<Report> run(Deadline budget, Uni<Void> mayNoMore) {
        return CallersContext.answer(origin::look)
                .invoke(origin::requireOriginal)
                .chain(() -> runOriginal(budget, mayNoMore));
    }

    private Uni<Report> runOriginal(Deadline budget, Uni<Void> mayNoMore) {
        DueTurn mine = new DueTurn(rotations, roles, vertx, budget);
        turns.add(mine);
        if (stopping) {
            mine.stop();
        }
        return Awaited.by(answer -> {
            Cancellable watch = mayNoMore.subscribe().with(never -> {}, refusal -> {
                mine.stop();
                answer.fail(refusal);
            });
            run(mine, budget).onTermination().invoke(watch::cancel).subscribe().with(answer::complete, answer::fail);
        });
    }

    private Uni<Report> run(DueTurn mine, Deadline budget) {
        return CallersContext.answer(() -> roles.endLeases().onFailure().recoverWithItem(0L))
                .chain(ended -> carryOut(mine, budget));
    }

    private Uni<Report> carryOut(DueTurn mine, Deadline budget) {
        // Beside the work, so that a slow target keeps nobody waiting for news, and after it, for what it has made
        // true. Notices only after it: they lock the rows that are due, and a claim passes locked rows by.
        return Uni.combine()
                .all()
                .unis(
                        mine.run().onTermination().invoke(() -> turns.remove(mine)),
                        courier.tell(budget),
                        vault.write(budget))
                .asTuple()
                .chain(first -> Uni.combine()
                        .all()
                        .unis(tell(budget), vault.write(budget))
                        .asTuple()
                        .call(() -> housekeeping.clear())
                        .chain(second -> report(
                                first.getItem1(),
                                new Told(
                                        first.getItem2().delivered()
                                                + second.getItem1().delivered(),
                                        first.getItem2().failed()
                                                + second.getItem1().failed(),
                                        second.getItem1().more()),
                                new Written(
                                        first.getItem3().delivered()
                                                + second.getItem2().delivered(),
                                        second.getItem2().more()))));
    }

    /** Tells outside what has come to be true. Never fails; answers on the context that subscribes. */
    private Uni<Told> tell(Deadline budget) {
        return CallersContext.answer(() -> notice(budget)
                .chain(more -> courier.tell(budget)
                        .map(told -> new Told(told.delivered(), told.failed(), told.more() || more))));
    }

    /** @return whether something was left */
    private Uni<Boolean> notice(Deadline budget) {
        return OwnContext.on(vertx.getOrCreateContext(), () -> notices.tell(budget))
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Could not check for overdue rotations", failure))
                .onFailure()
                .recoverWithItem(true);
    }

    private Uni<Report> report(DueTurn.Done done, Told told, Written written) {
        (done.storeFailed() ? turnsFailed : turnsDone).increment();
        return notices.overdue()
                .invoke(overdue::set)
                .chain(roles::troubled)
                .invoke(troubled -> {
                    inDoubt.set(troubled.inDoubt());
                    parked.set(troubled.parked());
                })
                .chain(this::nextDue)
                .map(next -> new Report(
                        done,
                        told.delivered(),
                        written.delivered(),
                        done.more() || told.more() || written.more(),
                        overdue.get(),
                        inDoubt.get(),
                        next));
    }

    private Uni<Optional<Instant>> nextDue() {
        return rotations
                .nextDue()
                .chain(first -> roles.nextDue()
                        .chain(second -> courier.nextDue()
                                .chain(third -> vault.nextDue()
                                        .map(fourth -> Stream.of(first, second, third, fourth)
                                                .flatMap(Optional::stream)
                                                .min(Instant::compareTo)))));
    }

    // ---- By itself ------------------------------------------------------------------------------------------------

    void start(@Observes StartupEvent event) {
        if (config.enabled()) {
            arm(SHORTEST_PAUSE);
            process.begin();
            vertx.setPeriodic(LEASES.toMillis(), ignored -> endLeases());
            outbox.whenPut(this::tellSoon);
            vault.whenDue(this::tellSoon);
        }
    }

    /** Of a process that died nobody hears: each second its leases are looked for, by an index that holds what is under way. */
    private void endLeases() {
        if (stopping || !startup.state().ready() || !endingLeases.compareAndSet(false, true)) {
            return;
        }
        roles.endLeases()
                .onTermination()
                .invoke(() -> endingLeases.set(false))
                .subscribe()
                .with(
                        ended -> {
                            if (ended > 0) {
                                log.infof("Going on with %d roles that a process has left", ended);
                                arm(Duration.ofMillis(1));
                            }
                        },
                        failure -> log.debugf("Leases cannot be looked at: %s", StoreFault.describe(failure)));
    }

    /** What this process has done is told at once; what others did, by them or with the next look. */
    private void tellSoon() {
        if (tellSoon.compareAndSet(false, true)) {
            vertx.setTimer(UNTIL_COMMITTED.toMillis(), ignored -> {
                tellSoon.set(false);
                tellNow();
            });
        }
    }

    private void tellNow() {
        if (!stopping && startup.state().ready() && !origin.standing().copy()) {
            notice(Deadline.in(LONGEST_TURN)).subscribe().with(noticed -> courier.wake(LONGEST_TURN), impossible -> {});
            vault.wake(LONGEST_TURN);
        }
    }

    /** The one timer: whoever sets it again has newer knowledge. */
    private synchronized void arm(Duration in) {
        vertx.cancelTimer(timer);
        timer = vertx.setTimer(Math.max(1, in.toMillis()), ignored -> look());
    }

    private void look() {
        if (stopping) {
            return;
        }
        if (!startup.state().ready()) {
            arm(SHORTEST_PAUSE);
            return;
        }
        arm(jittered(config.pollInterval()));
        OwnContext.on(vertx.getOrCreateContext(), origin::look)
                .subscribe()
                .with(this::lookFor, failure -> StoreFault.warn(log, "Due work postponed", failure));
    }

    private void lookFor(StoreOrigin.Standing standing) {
        if (stopping || standing.copy()) {
            return;
        }
        tellNow();
        DueTurn under = turn;
        if (under != null) { // a slow target keeps it; what has become due meanwhile need not wait
            under.again();
            return;
        }
        DueTurn mine = new DueTurn(rotations, roles, vertx, Deadline.in(LONGEST_TURN));
        turn = mine;
        turns.add(mine);
        OwnContext.on(
                        vertx.getOrCreateContext(),
                        () -> mine.run()
                                .onTermination()
                                .invoke(() -> {
                                    turns.remove(mine);
                                    turn = null;
                                })
                                .chain(done -> report(done, new Told(0, 0, false), new Written(0, false))))
                .subscribe()
                .with(this::lookInTime, failure -> StoreFault.warn(log, "Due work postponed", failure));
    }

    /** Sooner than the interval says when something is due before. */
    private void lookInTime(Report report) {
        report.nextDue()
                .map(next -> Duration.between(clock.instant(), next))
                .filter(wait -> wait.compareTo(config.pollInterval()) < 0)
                .ifPresent(wait -> arm(jittered(wait.compareTo(SHORTEST_PAUSE) < 0 ? SHORTEST_PAUSE : wait)));
    }

    /** Up to a quarter longer, so that replicas do not look all at once. */
    private static Duration jittered(Duration span) {
        return span.plusMillis(ThreadLocalRandom.current().nextLong(1 + span.toMillis() / 4));
    }

    // ---- The end --------------------------------------------------------------------------------------------------

    /** At the first word of a stop, while requests under way are still waited for. */
    void stopBeginning(@Observes ShutdownDelayInitiatedEvent event) {
        stopping = true;
        turns.forEach(DueTurn::stop);
        courier.stop();
        vault.stop();
    }

    void finish(@Observes ShutdownEvent event) throws InterruptedException {
        stopping = true;
        turns.forEach(DueTurn::stop);
        courier.stop();
        vault.stop();
        long until = System.nanoTime() + TIME_TO_FINISH.toNanos();
        while ((!turns.isEmpty() || !courier.isIdle() || !vault.isIdle()) && System.nanoTime() < until) {
            Thread.sleep(20); // the main thread, which has nothing else to do
        }
        if (!turns.isEmpty()) {
            log.warn("Stopping while changes on targets are running; the next process to look for due work will"
                    + " resume them");
        }
    }
}
