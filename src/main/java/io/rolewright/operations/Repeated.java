package io.rolewright.operations;

import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Has a piece of work done at fixed intervals: never twice at a time (a turn that comes while the last one is under way is
 * left out), each time on an event loop and a context of its own, and no more once it was told to stop. What fails is logged
 * and tried again at the next turn.
 */
final class Repeated {

    private static final Logger log = Logger.getLogger(Repeated.class);

    private static final Duration LOOK = Duration.ofMillis(10);

    private final String name;
    private final Vertx vertx;
    private final BooleanSupplier wanted;
    private final Supplier<Uni<Void>> work;
    private final AtomicBoolean underWay = new AtomicBoolean();
    private volatile boolean stopping;
    private volatile long timer = -1;

    /**
     * @param name what the log calls it
     * @param wanted asked before each turn, on an event loop; a turn is left out while it says no
     * @param work called on an event loop, which it must not block
     */
    Repeated(String name, Vertx vertx, BooleanSupplier wanted, Supplier<Uni<Void>> work) {
        this.name = name;
        this.vertx = vertx;
        this.wanted = wanted;
        this.work = work;
    }

    /**
     * Once only.
     *
     * @param first how long until the first turn; at least 1 ms
     * @param interval from the beginning of a turn to that of the next; at least 1 ms
     */
    void start(Duration first, Duration interval) {
        timer = vertx.setPeriodic(Math.max(1, first.toMillis()), Math.max(1, interval.toMillis()), ignored -> turn());
    }

    private void turn() {
        if (stopping || !wanted.getAsBoolean() || !underWay.compareAndSet(false, true)) {
            return;
        }
        if (stopping) { // whoever stops it has seen nothing under way
            underWay.set(false);
            return;
        }
        OwnContext.on(vertx.getOrCreateContext(), work::get)
                .onTermination()
                .invoke(() -> underWay.set(false))
                .subscribe()
                .with(done -> {}, failure -> StoreFault.warn(log, name + " postponed", failure));
    }

    /**
     * Nothing begins any more. Waits for what is under way; so not on an event loop, and only when the process ends.
     *
     * @param patience how long it waits at most
     */
    void stop(Duration patience) {
        stopping = true;
        vertx.cancelTimer(timer);
        long until = System.nanoTime() + patience.toNanos();
        try {
            while (underWay.get() && System.nanoTime() < until) {
                Thread.sleep(LOOK.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
