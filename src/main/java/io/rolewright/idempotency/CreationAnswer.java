package io.rolewright.idempotency;

import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a creation whose row is committed says to its caller: how it ended, or that it is in doubt, when its work goes on after the
 * deadline or cannot be read for want of the store. What was answered as in doubt is there, so it is never taken back; and while it is
 * being taken back, nothing is answered as in doubt.
 *
 * <p>Whoever is not answered by the deadline because of that gets the 503 {@code not_in_time} of every late request.
 */
public final class CreationAnswer {

    private enum State {
        OPEN,
        IN_DOUBT,
        UNDOING
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);

    private CreationAnswer() {}

    /**
     * To be subscribed to on a Vert.x context, on which it answers too.
     *
     * @param left until the answer is due
     * @param work ends the creation; fails with a {@link Problem} when it has come to nothing and is taken back
     * @param doubt the row as it was written
     * @return fails as the work does, with anything but a {@link Problem} only when the store failed while the row was taken back
     */
    public static <T> Uni<T> of(Duration left, Function<CreationAnswer, Uni<T>> work, Supplier<T> doubt) {
        return Uni.createFrom().deferred(() -> {
            CreationAnswer answer = new CreationAnswer();
            return OwnContext.within(
                            left,
                            work.apply(answer),
                            () -> answer.inDoubt() ? Optional.of(doubt.get()) : Optional.empty())
                    .onFailure()
                    .recoverWithUni(failure -> failure instanceof Problem || !answer.inDoubt()
                            ? Uni.createFrom().failure(failure)
                            : Uni.createFrom().item(doubt));
        });
    }

    private boolean inDoubt() {
        return state.compareAndSet(State.OPEN, State.IN_DOUBT);
    }

    /**
     * Takes the creation back, unless it was answered already.
     *
     * @param work says whether it was taken back; if not, nothing was changed
     * @return what the work says, false without having begun it when the creation was answered
     */
    public Uni<Boolean> undo(Supplier<Uni<Boolean>> work) {
        return Uni.createFrom()
                .deferred(() -> state.compareAndSet(State.OPEN, State.UNDOING)
                        ? work.get().invoke(undone -> {
                            if (!undone) {
                                state.set(State.OPEN);
                            }
                        })
                        : Uni.createFrom().item(false));
    }
}
