package io.rolewright.work;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class LanesTest {

    private static final Vertx VERTX = Vertx.vertx();
    private static final UUID ONE = new UUID(0, 1);
    private static final UUID OTHER = new UUID(0, 2);

    private final Queue due = new Queue();
    private final Ramp ramp = new Ramp(4);

    @AfterAll
    static void close() {
        VERTX.close();
    }

    record Row(int number, UUID key) {}

    /** Rows in the order in which they are due; each is under way until the test ends it. */
    private static final class Queue implements Due<Row> {

        private final List<Row> rows = new ArrayList<>();
        private final Map<Integer, UniEmitter<? super Went>> underWay = new HashMap<>();
        private boolean down;

        synchronized void add(int from, int to, UUID key) {
            for (int number = from; number <= to; number++) {
                rows.add(new Row(number, key));
            }
        }

        @Override
        public synchronized Uni<List<Row>> claim(int most, Set<UUID> full) {
            if (down) {
                return Uni.createFrom().failure(new IllegalStateException("down"));
            }
            List<Row> found = rows.stream()
                    .filter(row -> !full.contains(row.key))
                    .limit(most)
                    .toList();
            rows.removeAll(found);
            return Uni.createFrom().item(found);
        }

        @Override
        public UUID key(Row claimed) {
            return claimed.key;
        }

        @Override
        public Uni<Went> work(Row claimed) {
            return Uni.createFrom().emitter(emitter -> {
                synchronized (this) {
                    underWay.put(claimed.number, emitter);
                }
            });
        }

        synchronized Set<Integer> numbers() {
            return Set.copyOf(underWay.keySet());
        }

        void end(int number, Went went) {
            UniEmitter<? super Went> emitter;
            synchronized (this) {
                emitter = underWay.remove(number);
            }
            emitter.complete(went);
        }
    }

    private Lanes<Row> lanes(Lanes.Width width) {
        return new Lanes<>("A test", due, ramp, width, () -> false, VERTX);
    }

    private static CompletableFuture<Lanes.Done> run(Lanes<Row> lanes) {
        return lanes.run().subscribeAsCompletionStage();
    }

    private void becomes(Integer... numbers) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .untilAsserted(() -> assertThat(due.numbers()).containsExactlyInAnyOrder(numbers));
    }

    @Test
    void claimsAsThereIsRoomAndAnswersWhenAllHasEnded() throws Exception {
        due.add(1, 3, ONE);
        due.add(4, 4, OTHER);
        var done = run(lanes(Lanes.Width.of(2)));
        becomes(1, 2);
        due.end(1, Went.THROUGH);
        due.end(2, Went.REFUSED);
        becomes(3, 4);
        due.end(3, Went.THROUGH);
        assertThat(done).isNotDone();
        due.end(4, Went.THROUGH);
        assertThat(done.get(5, TimeUnit.SECONDS)).isEqualTo(new Lanes.Done(false, false));
    }

    /** Half of what waits would be spent on a Vault that can take one at a time. */
    @Test
    void afterTroubleOneGoesThenTwoThenFour() {
        due.add(1, 20, ONE);
        run(lanes(Lanes.Width.of(8)));
        becomes(1, 2, 3, 4);
        due.end(1, Went.TROUBLED);
        due.end(2, Went.THROUGH); // 2: it had been begun before; two may go
        due.end(3, Went.TROUBLED);
        due.end(4, Went.TROUBLED);
        Awaitility.await().untilAsserted(() -> assertThat(due.numbers()).hasSize(1));
        due.end(due.numbers().iterator().next(), Went.TROUBLED);
        Awaitility.await().untilAsserted(() -> assertThat(due.numbers()).hasSize(1));
        due.end(due.numbers().iterator().next(), Went.REFUSED); // says nothing
        Awaitility.await().untilAsserted(() -> assertThat(due.numbers()).hasSize(1));
        due.end(due.numbers().iterator().next(), Went.THROUGH);
        Awaitility.await().untilAsserted(() -> assertThat(due.numbers()).hasSize(2));
        due.end(due.numbers().iterator().next(), Went.THROUGH);
        // A claim of two may pass the bound by one.
        Awaitility.await().untilAsserted(() -> assertThat(due.numbers()).hasSizeBetween(4, 5));
    }

    @Test
    void troubleOfOneLeavesTheOthersAlone() {
        due.add(1, 1, ONE);
        run(lanes(Lanes.Width.of(8)));
        becomes(1);
        due.add(2, 5, ONE);
        due.add(6, 9, OTHER);
        due.end(1, Went.TROUBLED);
        becomes(2, 6, 7, 8, 9);
    }

    @Test
    void whatIsSlowTakesNoRoom() {
        due.add(1, 2, ONE);
        run(lanes(new Lanes.Width(1, 2, Duration.ofMillis(50), null)));
        becomes(1, 2);
    }

    @Test
    void looksAgainWhenSomethingHasBecomeDue() throws Exception {
        due.add(1, 1, ONE);
        var lanes = lanes(Lanes.Width.of(8));
        var done = run(lanes);
        becomes(1);
        due.add(2, 2, OTHER);
        assertThat(lanes.again()).isTrue();
        becomes(1, 2);
        due.end(1, Went.THROUGH);
        due.end(2, Went.THROUGH);
        done.get(5, TimeUnit.SECONDS);
        assertThat(lanes.again()).isFalse();
    }

    @Test
    void beginsNothingMoreOnceStopped() throws Exception {
        due.add(1, 9, ONE);
        var lanes = lanes(Lanes.Width.of(8));
        var done = run(lanes);
        becomes(1, 2, 3, 4);
        lanes.stop();
        for (int number = 1; number <= 4; number++) {
            due.end(number, Went.THROUGH);
        }
        assertThat(done.get(5, TimeUnit.SECONDS)).isEqualTo(new Lanes.Done(true, false));
        assertThat(due.numbers()).isEmpty();
    }

    @Test
    void saysThatTheStoreFailed() throws Exception {
        due.down = true;
        assertThat(run(lanes(Lanes.Width.of(8))).get(5, TimeUnit.SECONDS)).isEqualTo(new Lanes.Done(true, true));
    }
}
