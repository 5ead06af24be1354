package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.rolewright.access.Caller;
import io.rolewright.access.StillCallers;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How many may wait, and how waiting ends without the store. */
class VersionWaitersTest {

    private static final Duration LONG = Duration.ofMinutes(1);

    private final Vertx vertx = Vertx.vertx();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final DeliveryConfig config = new DeliveryConfig() {
        @Override
        public int waiters() {
            return 3;
        }

        @Override
        public Duration pollInterval() {
            return Duration.ofHours(1);
        }
    };
    private final WaitingPlaces places = new WaitingPlaces(config, metrics);
    private final VersionWaiters waiters = new VersionWaiters(
            null, // never asked: the first poll is an hour away
            StillCallers.changes(),
            config,
            places,
            vertx);

    @AfterEach
    void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    private final Caller nobody = StillCallers.nobody();

    private Uni<Boolean> until(Duration timeout) {
        return until(nobody, timeout);
    }

    private Uni<Boolean> until(Caller caller, Duration timeout) {
        return waiters.until(UUID.randomUUID(), 2, caller, StillCallers.live(caller), timeout);
    }

    private double waiting() {
        return metrics.get("rolewright.delivery.waiters").gauge().value();
    }

    @Test
    void refusesOneTooManyAndTakesHimWhenAnotherHasHungUp() {
        List<Cancellable> held = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            held.add(until(LONG).subscribe().with(ignored -> {}));
        }
        assertThat(waiting()).isEqualTo(3);

        assertThatThrownBy(() -> until(LONG).await().atMost(LONG)).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.status()).isEqualTo(429);
            assertThat(problem.code()).isEqualTo("too_many_waiters");
            assertThat(problem.headers()).containsEntry("Retry-After", "5");
        });

        held.get(0).cancel();
        assertThat(waiting()).isEqualTo(2);
        assertThat(until(Duration.ofMillis(50)).await().atMost(LONG)).isFalse();
        assertThat(waiting()).isEqualTo(2);
    }

    /** One that takes all places leaves them one by one to others who have fewer, and gets none back for it. */
    @Test
    void whoHasTheMostGivesWayToWhoHasFewer() {
        Caller greedy = StillCallers.nobody();
        Caller other = StillCallers.nobody();
        List<String> ended = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 3; i++) {
            String name = "greedy " + i;
            until(greedy, LONG).subscribe().with(again -> ended.add(name + " " + again));
        }

        until(other, LONG).subscribe().with(again -> ended.add("other " + again));

        await().untilAsserted(() -> assertThat(ended).containsExactly("greedy 0 false"));
        assertThat(waiting()).isEqualTo(3);
        for (Caller each : List.of(greedy, other)) {
            assertThatThrownBy(() -> until(each, LONG).await().atMost(LONG))
                    .as("two and one are as even as three can be")
                    .isInstanceOfSatisfying(
                            Problem.class, problem -> assertThat(problem.code()).isEqualTo("too_many_waiters"));
        }
        assertThat(until(StillCallers.nobody(), Duration.ofMillis(50)).await().atMost(LONG))
                .isFalse();
        await().untilAsserted(() -> assertThat(ended).containsExactly("greedy 0 false", "greedy 1 false"));
    }

    @Test
    void nobodyIsKeptWaitingByAProcessThatEnds() {
        List<Boolean> ended = new CopyOnWriteArrayList<>();
        until(LONG).subscribe().with(ended::add);

        places.stop(null);

        await().untilAsserted(() -> assertThat(ended).containsExactly(false));
        assertThat(until(LONG).await().atMost(LONG)).isFalse();
        assertThat(waiting()).isZero();
    }
}
