package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What one waits for until another says it. Whoever that is and wherever he runs, the one who waits goes on in his own context.
 * Any thread may say it, and only the first time counts.
 */
public final class Awaited<T> {

    private final UniEmitter<? super T> emitter;

    private Awaited(UniEmitter<? super T> emitter) {
        this.emitter = emitter;
    }

    /** @param begin is called for each that subscribes, on his thread */
    public static <T> Uni<T> by(Consumer<Awaited<T>> begin) {
        return CallersContext.answer(
                () -> Uni.createFrom().<T>emitter(emitter -> begin.accept(new Awaited<>(emitter))));
    }

    public void complete(@Nullable T item) {
        emitter.complete(item);
    }

    public void fail(Throwable failure) {
        emitter.fail(failure);
    }

    /** @param then also when the one who waits gives up */
    public void onTermination(Runnable then) {
        emitter.onTermination(then);
    }
}
