package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.smallrye.common.vertx.VertxContext;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Work at intervals: one at a time, each on a context of its own, none after the end. */
class RepeatedTest {

    private static final Duration SOON = Duration.ofMillis(5);

    private final Vertx vertx = Vertx.vertx();
    private final AtomicBoolean ready = new AtomicBoolean(true);
    private final List<UniEmitter<? super Void>> begun = new CopyOnWriteArrayList<>();
    private final AtomicInteger asked = new AtomicInteger();

    @AfterEach
    void end() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void aTurnThatComesWhileTheLastOneIsUnderWayIsLeftOut() {
        Repeated repeated = repeated(this::unfinished);
        repeated.start(SOON, SOON);

        turnsPass(20);
        assertThat(begun).hasSize(1);

        begun.get(0).complete(null);
        await().until(() -> begun.size() == 2);
        turnsPass(20);
        assertThat(begun).hasSize(2);
    }

    @Test
    void whatFailsOrThrowsIsDoneAgainAtTheNextTurn() {
        AtomicInteger turns = new AtomicInteger();
        Repeated repeated = repeated(() -> {
            if (turns.incrementAndGet() % 2 == 0) {
                throw new IllegalStateException("before there was anything to wait for");
            }
            return Uni.createFrom().failure(new IllegalStateException("while it was done"));
        });

        repeated.start(SOON, SOON);

        await().until(() -> turns.get() >= 4);
    }

    @Test
    void nothingIsDoneWhileItIsNotWanted() {
        ready.set(false);
        Repeated repeated = repeated(this::unfinished);
        repeated.start(SOON, SOON);

        turnsPass(10);
        assertThat(begun).isEmpty();

        ready.set(true);
        await().until(() -> begun.size() == 1);
    }

    @Test
    void eachTurnHasAContextOfItsOwn() {
        List<Context> contexts = new CopyOnWriteArrayList<>();
        Repeated repeated = repeated(() -> {
            contexts.add(Vertx.currentContext());
            return Uni.createFrom().voidItem();
        });

        repeated.start(SOON, SOON);

        await().until(() -> contexts.size() >= 3);
        assertThat(contexts)
                .doesNotHaveDuplicates()
                .allMatch(VertxContext::isDuplicatedContext)
                .allMatch(Context::isEventLoopContext);
    }

    @Test
    void theEndWaitsForWhatIsUnderWayAndLetsNothingElseBegin() {
        Repeated repeated = repeated(this::unfinished);
        repeated.start(SOON, SOON);
        await().until(() -> begun.size() == 1);
        vertx.setTimer(50, ignored -> begun.get(0).complete(null));
        long before = System.nanoTime();

        repeated.stop(Duration.ofMinutes(1));

        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(50));
        int turns = asked.get();
        await().pollDelay(Duration.ofMillis(100)).until(() -> true);
        assertThat(asked).hasValue(turns);
        assertThat(begun).hasSize(1);
    }

    @Test
    void theEndWaitsNoLongerThanItsPatience() {
        Repeated repeated = repeated(this::unfinished);
        repeated.start(SOON, SOON);
        await().until(() -> begun.size() == 1);
        long before = System.nanoTime();

        repeated.stop(Duration.ofMillis(50));

        assertThat(Duration.ofNanos(System.nanoTime() - before))
                .isBetween(Duration.ofMillis(50), Duration.ofSeconds(50));
    }

    private Repeated repeated(Supplier<Uni<Void>> work) {
        return new Repeated(
                "The test",
                vertx,
                () -> {
                    asked.incrementAndGet();
                    return ready.get();
                },
                work);
    }

    private Uni<Void> unfinished() {
        return Uni.createFrom().emitter(begun::add);
    }

    private void turnsPass(int count) {
        int until = asked.get() + count;
        await().until(() -> asked.get() >= until);
    }
}
