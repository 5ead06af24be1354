package io.rolewright.delivery;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.LiveCaller;
import io.rolewright.credential.Passwords;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.store.Awaited;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Requests that wait for a new version of what a rotation or a connection serves. A waiter is an entry in a set: no thread, and no session to the
 * store. While there are any, one query per {@link DeliveryConfig#pollInterval} asks for all of them, so it does not matter which
 * replica rotates.
 */
@ApplicationScoped
class VersionWaiters {

    private static final long SOON_MILLIS = 10;

    private static final Logger log = Logger.getLogger(VersionWaiters.class);

    private final Passwords passwords;
    private final DeliveryConfig config;
    private final Vertx vertx;
    private final Set<Waiter> waiters = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean polling = new AtomicBoolean();
    private final AtomicBoolean asking = new AtomicBoolean();
    private volatile boolean stopping;

    VersionWaiters(
            Passwords passwords, CallerChanges changes, DeliveryConfig config, Vertx vertx, MeterRegistry metrics) {
        this.passwords = passwords;
        this.config = config;
        this.vertx = vertx;
        changes.whenChanged(this::askSoon);
        Gauge.builder("rolewright.delivery.waiters", waiters, Set::size)
                .description("Requests that wait for a new version")
                .register(metrics);
    }

    private static final class Waiter {
        private final UUID id;
        private final long version;
        private final Caller caller;
        private final LiveCaller live;
        private final Awaited<Boolean> answer;
        private final long began = System.nanoTime();
        private long timer;

        Waiter(UUID id, long version, Caller caller, LiveCaller live, Awaited<Boolean> answer) {
            this.id = id;
            this.version = version;
            this.caller = caller;
            this.live = live;
            this.answer = answer;
        }
    }

    /**
     * Completes on the caller's context, which has to be Vert.x's.
     *
     * @param version the least to wait for
     * @param caller who waits, as he was judged before
     * @param live by which he is judged again, twice a second and whenever something is heard of that may be about him
     * @return true when it is worth looking again: the version is served, it is gone, or the caller is no more who he was or may
     *     no more what he might; false when the time is up, or his place went to somebody who has fewer. Fails with 429 {@code too_many_waiters}
     */
    Uni<Boolean> until(UUID id, long version, Caller caller, LiveCaller live, Duration timeout) {
        return Awaited.by(answer -> begin(new Waiter(id, version, caller, live, answer), timeout));
    }

    private void begin(Waiter waiter, Duration timeout) {
        if (waiters.size() >= config.waiters() && !makeRoomFor(waiter.caller.id())) {
            waiter.answer.fail(new TooMany());
            return;
        }
        waiter.timer = vertx.setTimer(Math.max(1, timeout.toMillis()), ignored -> end(waiter, false));
        waiters.add(waiter);
        // Also when the client has hung up: then the framework cancels.
        waiter.answer.onTermination(() -> forget(waiter));
        if (stopping) {
            end(waiter, false);
        } else {
            pollSoon();
        }
    }

    /**
     * When all places are taken, whoever has the most gives one to whoever has fewer: his request that has waited the longest is answered
     * as if its time were up.
     */
    private boolean makeRoomFor(UUID identity) {
        Map<UUID, Long> held =
                waiters.stream().collect(Collectors.groupingBy(waiter -> waiter.caller.id(), Collectors.counting()));
        var most = Collections.max(held.entrySet(), Map.Entry.comparingByValue());
        if (most.getValue() <= held.getOrDefault(identity, 0L) + 1) {
            return false; // it would be the other way round then
        }
        waiters.stream()
                .filter(waiter -> waiter.caller.id().equals(most.getKey()))
                .min(Comparator.comparingLong(waiter -> waiter.began))
                .ifPresent(waiter -> end(waiter, false));
        return true;
    }

    private void end(Waiter waiter, boolean lookAgain) {
        forget(waiter);
        waiter.answer.complete(lookAgain);
    }

    private void forget(Waiter waiter) {
        waiters.remove(waiter);
        vertx.cancelTimer(waiter.timer);
    }

    // ---- One query for all ------------------------------------------------------------------------------------------

    private void pollSoon() {
        if (!waiters.isEmpty() && polling.compareAndSet(false, true)) {
            vertx.setTimer(config.pollInterval().toMillis(), ignored -> {
                // The request that started the timer has a context of its own, and a session to the store in it.
                OwnContext.run(vertx.getOrCreateContext(), this::poll);
            });
        }
    }

    private void poll() {
        askAll();
        Set<UUID> wanted = waiters.stream().map(waiter -> waiter.id).collect(Collectors.toSet());
        Uni<Map<UUID, Long>> versions =
                wanted.isEmpty() ? Uni.createFrom().item(Map.of()) : passwords.servedVersions(wanted);
        versions.subscribe()
                .with(
                        found -> {
                            waiters.forEach(waiter -> {
                                Long version = found.get(waiter.id);
                                if (wanted.contains(waiter.id) && (version == null || version >= waiter.version)) {
                                    end(waiter, true);
                                }
                            });
                            polled();
                        },
                        failure -> { // whoever waits goes on waiting, until his time is up
                            log.debugf("Could not ask for versions: %s", StoreFault.describe(failure));
                            polled();
                        });
    }

    private void polled() {
        polling.set(false);
        pollSoon();
    }

    // ---- Who waits --------------------------------------------------------------------------------------------------

    /** Changes come in numbers, from inside of what makes them; one round of questions after them is enough. */
    private void askSoon() {
        if (!waiters.isEmpty() && asking.compareAndSet(false, true)) {
            vertx.setTimer(SOON_MILLIS, ignored -> {
                asking.set(false);
                askAll();
            });
        }
    }

    /** Each token once. Who cannot be judged, for the store does not answer, goes on waiting: he is judged before he is given anything. */
    private void askAll() {
        waiters.stream()
                .collect(Collectors.groupingBy(waiter -> waiter.live))
                .forEach((live, his) -> live.again()
                        .subscribe()
                        .with(
                                caller -> his.stream()
                                        .filter(waiter -> !waiter.caller.equals(caller))
                                        .forEach(waiter -> end(waiter, true)),
                                failure -> {
                                    if (failure instanceof Problem) {
                                        his.forEach(waiter -> end(waiter, true));
                                    }
                                }));
    }

    // ---- Stopping ---------------------------------------------------------------------------------------------------

    void stopBeginning(@Observes ShutdownDelayInitiatedEvent event) {
        letGo();
    }

    /** Nobody is to be kept waiting by a process that ends; he asks again, and another answers. */
    void stop(@Observes ShutdownEvent event) {
        letGo();
    }

    private void letGo() {
        stopping = true;
        waiters.forEach(waiter -> end(waiter, false));
    }

    private static final class TooMany extends Problem {
        TooMany() {
            super(
                    ErrorCode.TOO_MANY_WAITERS,
                    "Too many requests are waiting for a new version. Ask without waiting, or try again later.",
                    Map.of(),
                    Map.of("Retry-After", "5"));
        }
    }
}
