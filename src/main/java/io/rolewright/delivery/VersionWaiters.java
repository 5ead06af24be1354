package io.rolewright.delivery;

import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.LiveCaller;
import io.rolewright.credential.Passwords;
import io.rolewright.problem.Problem;
import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * Requests that wait for a new version of what a rotation or a connection serves. A waiter is an entry in a set: no thread, and no session to the
 * store. While there are any, one query per {@link DeliveryConfig#pollInterval} asks for all of them, so it does not matter which
 * replica rotates.
 */
@ApplicationScoped
class VersionWaiters {

    private static final long SOON_MILLIS = 10;

    private final Passwords passwords;
    private final WaitingPlaces places;
    private final Vertx vertx;
    private final Set<Waiter> waiters = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean asking = new AtomicBoolean();
    private final Polling polling;

    VersionWaiters(
            Passwords passwords, CallerChanges changes, DeliveryConfig config, WaitingPlaces places, Vertx vertx) {
        this.passwords = passwords;
        this.places = places;
        this.vertx = vertx;
        this.polling = new Polling(vertx, config.pollInterval(), () -> !waiters.isEmpty(), this::poll);
        changes.whenChanged(this::askSoon);
    }

    private final class Waiter implements WaitingPlaces.Holder {
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

        @Override
        public UUID identity() {
            return caller.id();
        }

        @Override
        public long since() {
            return began;
        }

        @Override
        public void giveWay() {
            end(this, false);
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
        waiter.timer = vertx.setTimer(Math.max(1, timeout.toMillis()), ignored -> end(waiter, false));
        waiters.add(waiter);
        // Also when the client has hung up: then the framework cancels.
        waiter.answer.onTermination(() -> forget(waiter));
        try {
            places.take(waiter);
        } catch (Problem tooMany) {
            forget(waiter);
            waiter.answer.fail(tooMany);
            return;
        }
        polling.soon();
    }

    private void end(Waiter waiter, boolean lookAgain) {
        forget(waiter);
        waiter.answer.complete(lookAgain);
    }

    private void forget(Waiter waiter) {
        waiters.remove(waiter);
        places.leave(waiter);
        vertx.cancelTimer(waiter.timer);
    }

    // ---- One query for all ------------------------------------------------------------------------------------------

    private Uni<Void> poll() {
        askAll();
        Set<UUID> wanted = waiters.stream().map(waiter -> waiter.id).collect(Collectors.toSet());
        Uni<Map<UUID, Long>> versions =
                wanted.isEmpty() ? Uni.createFrom().item(Map.of()) : passwords.servedVersions(wanted);
        return versions.invoke(found -> waiters.forEach(waiter -> {
                    Long version = found.get(waiter.id);
                    if (wanted.contains(waiter.id) && (version == null || version >= waiter.version)) {
                        end(waiter, true);
                    }
                }))
                .replaceWithVoid();
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
}
