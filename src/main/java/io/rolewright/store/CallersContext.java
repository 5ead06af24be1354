package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.function.Supplier;

/**
 * Brings an answer back to where it was asked for. Hibernate Reactive keeps its session in the Vert.x context: who goes on in the
 * context of another request works in that one's session and commits or fails with it.
 */
public final class CallersContext {

    private CallersContext() {}

    /**
     * Answers on the Vert.x context that subscribes, wherever the work ends: on that of another request, a timer's or a worker's
     * thread. Where no context subscribes it answers where the work ends.
     */
    public static <T> Uni<T> answer(Supplier<? extends Uni<? extends T>> work) {
        return Uni.createFrom().deferred(() -> {
            Context context = Vertx.currentContext();
            Uni<T> answer = Uni.createFrom().deferred(work::get);
            return context == null ? answer : answer.emitOn(task -> run(context, task));
        });
    }

    /** At once if that is here already, and no worker's thread that has borrowed the context. */
    private static void run(Context context, Runnable task) {
        if (Vertx.currentContext() == context && Context.isOnEventLoopThread()) {
            task.run();
        } else {
            context.runOnContext(ignored -> task.run());
        }
    }
}
