package io.rolewright.idempotency;

import io.smallrye.mutiny.Uni;

/** By which the work of a request with an {@code Idempotency-Key} says what its reply is. */
@FunctionalInterface
public interface Completion {

    /**
     * Keeps the reply; to be called inside the work's last store transaction, so that effect and reply commit together.
     * Does nothing if the request had no key.
     *
     * @param reply what {@code once} was told as its reply type, exactly as the caller will get it
     * @return fails with 400 {@code idempotency_key_in_progress}, and so rolls the transaction back, if the run took so
     *     long that another one has taken over its key
     */
    Uni<Void> store(Object reply);
}
