package io.rolewright.store;

import io.smallrye.mutiny.Uni;

/**
 * Work that is done once, for all who ask while it is under way or later. Each gets the answer in the context that he asked in; nothing
 * else in this service may hand the same {@link Uni} to several (a test looks).
 */
public final class SharedAnswer<T> {

    private final Uni<T> once;

    /** @param work begins when the first asks, in his context; that he gives up does not end it */
    public SharedAnswer(Uni<T> work) {
        once = work.memoize().indefinitely();
    }

    public Uni<T> get() {
        return CallersContext.answer(() -> once);
    }
}
