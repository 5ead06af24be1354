package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.runtime.StartupEvent;
import io.rolewright.store.StartupStep;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class StartupTest {

    private final Vertx vertx = Vertx.vertx();
    private final List<String> ran = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger failuresLeft = new AtomicInteger();

    @AfterEach
    void close() {
        vertx.close();
    }

    @Test
    void runsStepsInOrderAndIsReadyBeforeThePortsOpen() throws InterruptedException {
        Startup startup = startup(5000, step(300, "access", this::done), step(100, "schema", this::done));

        startup.start(new StartupEvent());

        assertThat(startup.state().ready()).isTrue();
        assertThat(ran).containsExactly("schema", "access");
    }

    @Test
    void goesOnInTheBackgroundUntilAllHaveSucceeded() throws InterruptedException {
        failuresLeft.set(3);
        Startup startup = startup(
                0,
                step(100, "schema", this::done),
                step(200, "sealing", () -> failing(new ConnectException("db.example refused our password x"))));

        startup.start(new StartupEvent());

        await().untilAsserted(() -> assertThat(startup.state().ready()).isTrue());
        assertThat(ran).containsExactly("schema", "sealing", "sealing", "sealing", "sealing");
    }

    @Test
    void saysWhichStepAndWhyInWordsForTheOperator() throws InterruptedException {
        failuresLeft.set(Integer.MAX_VALUE);
        Startup startup = startup(
                0, step(200, "sealing", () -> failing(new StartupStep.NotReady("root key k1 does not open it"))));

        startup.start(new StartupEvent());

        await().untilAsserted(() ->
                assertThat(startup.state()).isEqualTo(new Startup.State("sealing", "root key k1 does not open it")));
        startup.stop(null);
    }

    @Test
    void showsFaultsByTheirKindOnly() throws InterruptedException {
        failuresLeft.set(Integer.MAX_VALUE);
        Startup startup =
                startup(0, step(100, "schema", () -> failing(new ConnectException("secret.example: password x"))));

        startup.start(new StartupEvent());

        await().untilAsserted(() ->
                assertThat(startup.state().reason()).isEqualTo("store not reachable (connection refused)"));
        startup.stop(null);
    }

    @Test
    void stepThatNeverAnswersIsTriedAgain() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        Startup startup = startup(
                0,
                step(
                        100,
                        "schema",
                        () -> runs.incrementAndGet() == 1 ? Uni.createFrom().nothing() : done()));

        startup.start(new StartupEvent());

        await().untilAsserted(() -> assertThat(startup.state().ready()).isTrue());
        assertThat(runs).hasValue(2);
    }

    @Test
    void pausesDoubleUpToABoundWithJitter() {
        StartupConfig config = config(0, 250, 10_000);

        assertThat(Startup.pause(config, 0, 0)).isEqualTo(125);
        assertThat(Startup.pause(config, 0, 1)).isEqualTo(250);
        assertThat(Startup.pause(config, 3, 1)).isEqualTo(2000);
        assertThat(Startup.pause(config, 1_000_000, 1)).isEqualTo(10_000);
    }

    private Uni<Void> done() {
        return Uni.createFrom().voidItem();
    }

    private Uni<Void> failing(Throwable failure) {
        return failuresLeft.getAndDecrement() > 0 ? Uni.createFrom().failure(failure) : done();
    }

    private StartupStep step(int order, String name, Supplier<Uni<Void>> work) {
        return new StartupStep() {
            @Override
            public int order() {
                return order;
            }

            @Override
            public String name() {
                return name;
            }

            @Override
            public Uni<Void> run() {
                ran.add(name);
                return work.get();
            }

            @Override
            public Duration limit() {
                return Duration.ofMillis(500);
            }
        };
    }

    private Startup startup(long patience, StartupStep... steps) {
        return new Startup(List.of(steps), config(patience, 10, 20), vertx);
    }

    private static StartupConfig config(long patience, long minPause, long maxPause) {
        return new StartupConfig() {
            @Override
            public Duration patience() {
                return Duration.ofMillis(patience);
            }

            @Override
            public Duration minPause() {
                return Duration.ofMillis(minPause);
            }

            @Override
            public Duration maxPause() {
                return Duration.ofMillis(maxPause);
            }
        };
    }
}
