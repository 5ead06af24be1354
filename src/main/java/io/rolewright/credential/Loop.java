package io.rolewright.credential;

import io.quarkus.vertx.core.runtime.context.VertxContextSafetyToggle;
import io.rolewright.store.OwnContext;
import io.smallrye.common.vertx.VertxContext;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** What work on an event loop needs of its surroundings; all of it answers on the context that asked. */
final class Loop {

    private Loop() {}

    /** Runs what takes milliseconds of CPU apart from the loop. */
    static <T> Uni<T> elsewhere(Callable<T> work) {
        return OwnContext.elsewhere(work);
    }

    static Uni<Void> pause(Duration span) {
        return OwnContext.pause(span);
    }

    /** Hibernate Reactive keeps its session in the context: work that runs beside other work needs one of its own. */
    static <T> Uni<T> apart(Vertx vertx, Supplier<Uni<T>> work) {
        return Uni.createFrom().emitter(emitter -> {
            Context current = Vertx.currentContext();
            Context own =
                    VertxContext.createNewDuplicatedContext(current != null ? current : vertx.getOrCreateContext());
            VertxContextSafetyToggle.setContextSafe(own, true);
            own.runOnContext(ignored ->
                    Uni.createFrom().deferred(() -> work.get()).subscribe().with(emitter::complete, emitter::fail));
        });
    }
}
