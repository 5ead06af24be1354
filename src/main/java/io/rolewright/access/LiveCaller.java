package io.rolewright.access;

import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The caller of a request that lasts: asked again after each wait, by the token, since a {@link Caller} says what was true before it.
 * Equal to another of the same token and address. Any thread may call, and goes on where he was.
 */
public final class LiveCaller {

    private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(1);

    private final Callers callers;
    private final String token;
    private final String address;

    LiveCaller(Callers callers, String token, String address) {
        this.callers = callers;
        this.token = token;
        this.address = address;
    }

    /**
     * By what this replica knows, which is never older than {@link AccessConfig#revocationDelay}: mostly at once.
     *
     * @return fails with 403 {@code token_revoked} or {@code token_expired}
     */
    public Uni<Caller> again() {
        return callers.ask(token, address);
    }

    /**
     * By the store: everything that was committed before the call counts. For what must not be given to anybody who was revoked before it
     * was made, whichever replica made it.
     *
     * @return fails as {@link #again} does
     */
    public Uni<Caller> now() {
        return callers.askAnew(token, address);
    }

    /**
     * Looks once a second whether the caller may still do what takes long. To be cancelled when it is done.
     *
     * @param require throws when he may not
     * @return fails with the {@link Problem} as soon as this replica knows; never completes before that
     */
    public Uni<Void> until(Consumer<Caller> require) {
        return Multi.createFrom()
                .ticks()
                .every(BETWEEN_LOOKS)
                .onOverflow()
                .drop()
                .onItem()
                .transformToUniAndConcatenate(tick -> again().invoke(require)
                        .replaceWithVoid()
                        .onFailure(
                                failure -> !(failure instanceof Problem)) // Of the store: the next look may say more.
                        .recoverWithNull())
                .collect()
                .last()
                .replaceWithVoid();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LiveCaller caller && token.equals(caller.token) && address.equals(caller.address);
    }

    @Override
    public int hashCode() {
        return token.hashCode();
    }

    @Override
    public String toString() {
        return "LiveCaller";
    }
}
