package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Everything happens on one context, as it does for the requests of one event loop. */
class TurnsTest {

    private final Vertx vertx = Vertx.vertx();
    private final Context context = vertx.getOrCreateContext();
    private final Turns turns = new Turns(vertx, 2);
    private final List<Integer> begun = new ArrayList<>();
    private final List<Object> ended = new ArrayList<>();
    private final List<UniEmitter<? super Integer>> works = new ArrayList<>();
    private final List<Cancellable> callers = new ArrayList<>();

    @AfterEach
    void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void twoAtATimeInTheOrderInWhichTheyCame() throws Exception {
        come(5);
        assertThat(begun).containsExactly(0, 1);

        on(() -> works.get(1).complete(1));
        assertThat(begun).containsExactly(0, 1, 2);

        on(() -> works.get(0).complete(0));
        on(() -> works.get(2).complete(2));
        assertThat(begun).containsExactly(0, 1, 2, 3, 4);
        assertThat(ended).containsExactly(1, 0, 2);
    }

    @Test
    void whatFailsOrIsGivenUpMakesRoomToo() throws Exception {
        come(5);

        on(() -> works.get(0).fail(new IllegalStateException("no")));
        assertThat(begun).containsExactly(0, 1, 2);

        on(() -> callers.get(1).cancel());
        assertThat(begun).containsExactly(0, 1, 2, 3);
        assertThat(ended).containsExactly("no");
    }

    @Test
    void whoHangsUpInTheLineIsPassedOver() throws Exception {
        come(4);
        on(() -> callers.get(2).cancel());

        on(() -> works.get(0).complete(0));
        on(() -> works.get(1).complete(1));
        come(1);

        assertThat(begun).containsExactly(0, 1, 3, 4);
    }

    @Test
    void roomThatIsGivenToSomebodyWhoHangsUpAtThatMomentIsNotLost() throws Exception {
        come(3);
        on(() -> {
            works.get(0).complete(0); // gives its room to the third, whose work begins only after this
            callers.get(2).cancel();
        });

        come(1);

        assertThat(begun).containsExactly(0, 1, 3);
    }

    private void come(int callersToCome) throws Exception {
        on(() -> {
            for (int i = 0; i < callersToCome; i++) {
                int number = callers.size();
                callers.add(turns.take(() -> work(number))
                        .subscribe()
                        .with(ended::add, failure -> ended.add(failure.getMessage())));
            }
        });
    }

    private Uni<Integer> work(int number) {
        begun.add(number);
        return Uni.createFrom().emitter(works::add);
    }

    /** Returns when what it led to on the context is done too. */
    private void on(Runnable step) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        context.runOnContext(now -> {
            step.run();
            context.runOnContext(granted -> context.runOnContext(then -> done.countDown()));
        });
        assertThat(done.await(5, TimeUnit.SECONDS)).isTrue();
    }
}
