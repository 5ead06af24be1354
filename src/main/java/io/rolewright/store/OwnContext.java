package io.rolewright.store;

import io.quarkus.vertx.core.runtime.context.VertxContextSafetyToggle;
import io.smallrye.common.vertx.VertxContext;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Hibernate Reactive keeps its session in the Vert.x context: work that no request stands behind, or beside other work, needs one. */
public final class OwnContext {

    private OwnContext() {}

    /** Answers after {@code span} on the context that asked. */
    public static Uni<Void> pause(Duration span) {
        Context context = Vertx.currentContext();
        return Uni.createFrom()
                .emitter(emitter -> context.owner()
                        .setTimer(
                                Math.max(1, span.toMillis()),
                                id -> context.runOnContext(ignored -> emitter.complete(null))));
    }

    /** Runs what takes milliseconds of the processor apart from the event loop, and answers on the context that asked. */
    public static <T> Uni<T> elsewhere(Callable<T> work) {
        Context context = Vertx.currentContext();
        return Uni.createFrom()
                .completionStage(() -> context.executeBlocking(work, false).toCompletionStage());
    }

    /**
     * Answers what {@code work} does, or {@code otherwise} once {@code span} is over; the work goes on to its end all the same.
     * To be subscribed to on a Vert.x context, on which it answers too.
     *
     * @param otherwise empty to wait for the work after all
     */
    public static <T> Uni<T> within(Duration span, Uni<T> work, Supplier<Optional<T>> otherwise) {
        return Uni.createFrom().emitter(emitter -> {
            Context context = Vertx.currentContext();
            long timer = context.owner()
                    .setTimer(
                            Math.max(1, span.toMillis()),
                            id -> context.runOnContext(
                                    ignored -> otherwise.get().ifPresent(emitter::complete)));
            work.onTermination()
                    .invoke(() -> context.owner().cancelTimer(timer))
                    .subscribe()
                    .with(emitter::complete, emitter::fail);
        });
    }

    /** @param loop whose thread the work runs on */
    public static <T> Uni<T> on(Context loop, Supplier<Uni<? extends T>> work) {
        return Uni.createFrom()
                .emitter(emitter -> run(
                        loop,
                        () -> Uni.createFrom().deferred(work::get).subscribe().with(emitter::complete, emitter::fail)));
    }

    /** The same for work that nobody waits for. */
    public static void run(Context loop, Runnable work) {
        Context own = VertxContext.createNewDuplicatedContext(loop);
        VertxContextSafetyToggle.setContextSafe(own, true);
        own.runOnContext(ignored -> work.run());
    }
}
