package io.rolewright.delivery;

import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** One question to the store for all who wait, again and again while there are any, and never two at a time. Any thread may call. */
final class Polling {

    /** One whose answer has not come by then is given up: the next may get one. */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private static final Logger log = Logger.getLogger(Polling.class);

    private final Vertx vertx;
    private final Duration pause;
    private final BooleanSupplier wanted;
    private final Supplier<Uni<Void>> question;
    private final AtomicBoolean going = new AtomicBoolean();

    /**
     * @param pause before each question
     * @param wanted whether anybody waits
     * @param question asked in a context of its own; if it fails, everybody goes on waiting
     */
    Polling(Vertx vertx, Duration pause, BooleanSupplier wanted, Supplier<Uni<Void>> question) {
        this.vertx = vertx;
        this.pause = pause;
        this.wanted = wanted;
        this.question = question;
    }

    /** To be called when somebody has begun to wait. */
    void soon() {
        if (wanted.getAsBoolean() && going.compareAndSet(false, true)) {
            vertx.setTimer(pause.toMillis(), ignored -> {
                // The request that started the timer has a context of its own, and a session to the store in it.
                OwnContext.run(vertx.getOrCreateContext(), this::ask);
            });
        }
    }

    private void ask() {
        Uni.createFrom()
                .deferred(question::get)
                .ifNoItem()
                .after(LONGEST)
                .fail()
                .subscribe()
                .with(done -> asked(), failure -> {
                    log.debugf("Could not ask for what is new: %s", StoreFault.describe(failure));
                    asked();
                });
    }

    private void asked() {
        going.set(false);
        soon();
    }
}
