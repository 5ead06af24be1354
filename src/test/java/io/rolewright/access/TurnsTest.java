package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TurnsTest {

    private static final String IDENTITY = "somebody";
    private static final String ADDRESS = "192.0.2.1";

    private final AtomicLong nanos = new AtomicLong(7);

    /** As shipped: 60 a minute for an identity, 120 for an address. */
    private final Turns turns = turns(60, 120);

    /** A client that follows a 429 five times at most makes everything it has to do, in any number of lanes. */
    @ParameterizedTest
    @CsvSource({
        "100,10,true",
        "100,10,false",
        "100,1,true",
        "100,30,true",
        "100,30,false",
        "400,10,false",
        "131,30,true",
        "400,10,true",
        "100,100,true"
    })
    void whoFollowsA429FiveTimesAtMostIsDone(int calls, int lanes, boolean named) {
        var client = new Client(calls, lanes, named);

        client.run();

        assertThat(client.made).isEqualTo(calls);
        assertThat(client.mostFollowed).isLessThanOrEqualTo(5);
    }

    /** What waits is not starved by what comes later, and the whole is no faster than the limit. */
    @Test
    void theLimitHolds() {
        var client = new Client(300, 10, false);

        client.run();

        assertThat(seconds()).isBetween(239L, 250L);
    }

    @Test
    void theNthOfThoseWhoWaitIsToldToComeAfterNTurns() {
        takeAll(60);

        for (int n = 1; n <= 20; n++) {
            assertThat(turns.take(IDENTITY, ADDRESS, null)).isBetween((long) n, n + 1L);
        }
    }

    @Test
    void whoComesBackAtHisTurnIsLetIn() {
        takeAll(60);
        long turn = turns.take(IDENTITY, ADDRESS, null);

        tick(turn);

        assertThat(turns.take(IDENTITY, ADDRESS, null)).isZero();
    }

    @Test
    void nobodyTakesTheTurnOfWhoWaits() {
        takeAll(60);
        long turn = turns.take(IDENTITY, ADDRESS, "mine");
        for (int others = 0; others < 9; others++) {
            turns.take(IDENTITY, ADDRESS, "other " + others);
        }

        tick(turn);

        assertThat(turns.take(IDENTITY, ADDRESS, "late")).isGreaterThan(5);
        assertThat(turns.take(IDENTITY, ADDRESS, "mine")).isZero();
    }

    @Test
    void whoComesEarlyKeepsHisPlace() {
        takeAll(60);
        long first = turns.take(IDENTITY, ADDRESS, "first");
        long mine = turns.take(IDENTITY, ADDRESS, "mine");
        turns.take(IDENTITY, ADDRESS, "after me");

        tick(1);

        assertThat(turns.take(IDENTITY, ADDRESS, "mine")).isEqualTo(mine - 1);
        assertThat(turns.places()).isEqualTo(3);
        tick(mine - 1);
        assertThat(turns.take(IDENTITY, ADDRESS, "mine")).isZero();
        assertThat(first).isLessThanOrEqualTo(mine);
    }

    @Test
    void whoDoesNotComeLeavesHisTurnToOthers() {
        takeAll(60);
        long turn = turns.take(IDENTITY, ADDRESS, "gone");

        tick(turn + 60 + 20);

        assertThat(turns.places()).isOne();
        takeAll(60);
        assertThat(turns.places()).isZero();
        assertThat(turns.take(IDENTITY, ADDRESS, "gone")).isPositive();
    }

    /** Who is refused for his identity has taken nothing from the others of his address. */
    @Test
    void whoIsOverHisOwnShareLeavesTheAddressToOthers() {
        takeAll(60);
        for (int i = 0; i < 1000; i++) {
            assertThat(turns.tryTake(IDENTITY, ADDRESS)).isNull();
        }

        for (int i = 0; i < 60; i++) {
            assertThat(turns.take("another", ADDRESS, null)).isZero();
        }
        assertThat(turns.tryTake("a third", ADDRESS)).isNull();
    }

    @Test
    void whatIsGivenBackIsFree() {
        takeAll(59);
        var taken = turns.tryTake(IDENTITY, ADDRESS);

        turns.cancel(taken);
        turns.cancel(taken);

        assertThat(turns.tryTake(IDENTITY, ADDRESS)).isNotNull();
        assertThat(turns.tryTake(IDENTITY, ADDRESS)).isNull();
    }

    @Test
    void whatIsSettledIsNotGivenBack() {
        takeAll(59);
        var taken = turns.tryTake(IDENTITY, ADDRESS);

        turns.settle(taken);
        turns.cancel(taken);

        assertThat(turns.tryTake(IDENTITY, ADDRESS)).isNull();
    }

    @Test
    void whoWaitsHereComesBeforeWhoCameLaterAndIsSoonerIfOthersGiveBack() {
        takeAll(59);
        var taken = turns.tryTake(IDENTITY, ADDRESS);
        var first = turns.reserve(IDENTITY, ADDRESS);
        var second = turns.reserve(IDENTITY, ADDRESS);

        long later = turns.take(IDENTITY, ADDRESS, null);

        assertThat(later).isBetween(3L, 4L);
        assertThat(turns.until(first)).isEqualTo(TimeUnit.SECONDS.toNanos(1));
        assertThat(turns.until(second)).isEqualTo(TimeUnit.SECONDS.toNanos(2));
        turns.cancel(taken);
        assertThat(turns.until(first)).isZero();
        assertThat(turns.until(second)).isEqualTo(TimeUnit.SECONDS.toNanos(1));
        tick(1);
        assertThat(turns.until(second)).isZero();
    }

    @Test
    void whoGoesMovesThoseAfterHimAndNobodyBeforeHim() {
        takeAll(60);
        var a = turns.reserve(IDENTITY, ADDRESS);
        turns.cancel(turns.reserve(IDENTITY, ADDRESS));
        assertThat(turns.until(a)).isEqualTo(TimeUnit.SECONDS.toNanos(1));
        var b = turns.reserve(IDENTITY, ADDRESS);
        var c = turns.reserve(IDENTITY, ADDRESS);

        turns.cancel(b);

        assertThat(turns.until(a)).isEqualTo(TimeUnit.SECONDS.toNanos(1));
        assertThat(turns.until(c)).isEqualTo(TimeUnit.SECONDS.toNanos(2));
    }

    /** As shipped for logins, with the clock standing still. */
    @Test
    void refusalsWithoutAPlaceBringNobodyForward() {
        var logins = turns(30, 120);
        for (int i = 0; i < 120; i++) {
            logins.settle(logins.tryTake("identity " + i, ADDRESS));
        }
        var waiting = IntStream.range(0, 14)
                .mapToObj(i -> logins.reserve("waits " + i, ADDRESS))
                .toList();
        for (int i = 0; i < 120 + 14; i++) {
            logins.keep(logins.reserve("refused " + i, ADDRESS));
        }

        assertThat(logins.places()).isEqualTo(120);
        for (int i = 0; i < 14; i++) {
            assertThat(logins.until(waiting.get(i)))
                    .as("the one that waits, %d", i)
                    .isEqualTo((i + 1) * 500_000_000L);
        }
    }

    /** What is given back counts as if it had never been: against a model that forgets it and counts anew. */
    @Test
    void isLikeAModelThatCountsEverythingAnew() {
        for (long seed = 0; seed < 300; seed++) {
            new Model(seed).run();
        }
    }

    /** A name as long as a request may be is not kept. */
    @Test
    void namesOfAnyLengthCostTheSame() {
        takeAll(60);
        var name = "n".repeat(300_000);

        long turn = turns.take(IDENTITY, ADDRESS, name);

        assertThat(turns.reserve(name, ADDRESS).key()).hasSizeLessThan(64);
        tick(turn);
        assertThat(turns.take(IDENTITY, ADDRESS, name)).isZero();
        assertThat(turns.places()).isZero();
    }

    @Test
    void whoWaitsHereNoLongerLeavesHisTurnOrTakesAPlace() {
        takeAll(60);
        turns.cancel(turns.reserve(IDENTITY, ADDRESS));
        assertThat(turns.places()).isZero();

        long turn = turns.keep(turns.reserve(IDENTITY, ADDRESS));

        assertThat(turn).isBetween(1L, 2L);
        tick(turn);
        assertThat(turns.tryTake(IDENTITY, ADDRESS)).isNotNull();
        assertThat(turns.places()).isZero();
    }

    /** One that never stops has a minute's worth of places, and all together have so many. */
    @Test
    void placesAreBounded() {
        for (int i = 0; i < 1000; i++) {
            turns.take(IDENTITY, ADDRESS, null);
        }
        assertThat(turns.places()).isEqualTo(60);

        for (int i = 0; i < 100; i++) {
            for (int n = 0; n < 200; n++) {
                assertThat(turns.take("identity " + i, "address " + i, "work " + n))
                        .isLessThan(63);
            }
        }
        assertThat(turns.places()).isEqualTo(Turns.MOST_PLACES);

        tick(3600);
        assertThat(turns.tryTake("another", "another")).isNotNull();
        assertThat(turns.places()).isZero();
    }

    /** Some identities at some addresses, and what they have taken, in order. */
    private static final class Model {

        private static final int OF_IDENTITY = 4;
        private static final int OF_ADDRESS = 6;

        private final String seed;
        private final Random random;
        private final AtomicLong now = new AtomicLong(7);
        private final Turns turns;
        private final List<Call> calls = new ArrayList<>();

        private record Call(String identity, String address, long at, Turns.Reserved reserved) {}

        private final List<Call> open = new ArrayList<>();

        Model(long seed) {
            this.seed = "seed " + seed;
            random = new Random(seed);
            turns = new Turns(OF_IDENTITY, OF_ADDRESS, now::get, random::nextDouble);
        }

        void run() {
            for (int step = 0; step < 100; step++) {
                step();
                for (var call : open) {
                    assertThat(turns.until(call.reserved)).as(seed).isEqualTo(Math.max(0, until(call)));
                }
            }
        }

        private void step() {
            var identity = "identity " + random.nextInt(3);
            var address = "address " + random.nextInt(2);
            switch (random.nextInt(6)) {
                case 0 -> now.addAndGet(random.nextLong(TimeUnit.SECONDS.toNanos(25)));
                case 1 -> add(identity, address, turns.reserve(identity, address));
                case 2, 3 -> {
                    var asked = new Call(identity, address, now.get(), null);
                    calls.add(asked);
                    boolean isTurn = until(asked) <= 0;
                    calls.remove(asked);
                    var taken = turns.tryTake(identity, address);
                    assertThat(taken != null).as(seed).isEqualTo(isTurn);
                    if (isTurn) {
                        add(identity, address, taken);
                    }
                }
                case 4 ->
                    any().ifPresent(call -> {
                        calls.remove(call);
                        turns.cancel(call.reserved);
                    });
                default -> any().ifPresent(call -> turns.settle(call.reserved));
            }
        }

        private void add(String identity, String address, Turns.Reserved reserved) {
            var call = new Call(identity, address, now.get(), reserved);
            calls.add(call);
            open.add(call);
        }

        private Optional<Call> any() {
            return open.isEmpty() ? Optional.empty() : Optional.of(open.remove(random.nextInt(open.size())));
        }

        private long until(Call call) {
            return Math.max(
                    until(call, OF_IDENTITY, each -> each.identity.equals(call.identity)),
                    until(call, OF_ADDRESS, each -> each.address.equals(call.address)));
        }

        private long until(Call call, int perMinute, Predicate<Call> counts) {
            long interval = TimeUnit.MINUTES.toNanos(1) / perMinute;
            long emptyAt = 0;
            for (var each : calls.subList(0, calls.indexOf(call) + 1)) {
                if (counts.test(each)) {
                    emptyAt = Math.max(emptyAt, each.at) + interval;
                }
            }
            return emptyAt - perMinute * interval - now.get();
        }
    }

    private void takeAll(int calls) {
        for (int i = 0; i < calls; i++) {
            assertThat(turns.take(IDENTITY, ADDRESS, "first " + i))
                    .as("call %d", i)
                    .isZero();
        }
    }

    private Turns turns(int perIdentity, int perAddress) {
        var random = new Random(1);
        return new Turns(perIdentity, perAddress, nanos::get, random::nextDouble);
    }

    private void tick(long seconds) {
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(seconds));
    }

    private long seconds() {
        return TimeUnit.NANOSECONDS.toSeconds(nanos.get());
    }

    /** Lanes that do one call after the other, each of which takes a while. */
    private final class Client {

        private final int calls;
        private final boolean named;
        private final long[] nextAt;
        private final int[] work;
        private final int[] followed;
        private int begun;
        private int made;
        private int mostFollowed;

        Client(int calls, int lanes, boolean named) {
            this.calls = calls;
            this.named = named;
            nextAt = new long[lanes];
            work = new int[lanes];
            followed = new int[lanes];
            Arrays.fill(nextAt, nanos.get());
            for (int lane = 0; lane < lanes; lane++) {
                work[lane] = begun++;
            }
        }

        void run() {
            while (made < calls && mostFollowed <= 5) {
                int lane = first();
                nanos.set(Math.max(nanos.get(), nextAt[lane]));
                long wait = turns.take(IDENTITY, ADDRESS, named ? "work " + work[lane] : null);
                if (wait > 0) {
                    followed[lane]++;
                    mostFollowed = Math.max(mostFollowed, followed[lane]);
                    nextAt[lane] = nanos.get() + TimeUnit.SECONDS.toNanos(wait) + TimeUnit.MILLISECONDS.toNanos(3);
                } else {
                    made++;
                    followed[lane] = 0;
                    work[lane] = begun++;
                    nextAt[lane] = begun > calls ? Long.MAX_VALUE : nanos.get() + TimeUnit.MILLISECONDS.toNanos(20);
                }
            }
        }

        private int first() {
            int first = 0;
            for (int lane = 1; lane < nextAt.length; lane++) {
                if (nextAt[lane] < nextAt[first]) {
                    first = lane;
                }
            }
            return first;
        }
    }
}
