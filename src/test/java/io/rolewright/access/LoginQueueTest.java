package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.access.LoginQueue.Way;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.helpers.test.UniAssertSubscriber;
import io.smallrye.mutiny.subscription.UniEmitter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LoginQueueTest {

    private static final Duration TIME_LEFT = Duration.ofSeconds(9);

    private final AtomicLong nanos = new AtomicLong();
    private final List<Runnable> later = new ArrayList<>();

    /** As shipped: 30 a minute for an identity at an address, 120 for an address. */
    private final RateLimits limits = new RateLimits(limits(), nanos::get);

    private final LoginQueue queue = new LoginQueue(limits, nanos::get, later::add);

    private final List<UniEmitter<? super Boolean>> judged = new ArrayList<>();

    @Test
    void loginsThatSucceedAreNotCounted() {
        for (int i = 0; i < 1000; i++) {
            var login = login("somebody", "192.0.2.1");
            judged.get(i).complete(true);
            login.assertCompleted();
        }
    }

    @Test
    void loginsOfOneIdentityAreJudgedOneAfterTheOtherAndNoneIsRefused() {
        var logins = new ArrayList<UniAssertSubscriber<Boolean>>();
        for (int i = 0; i < 60; i++) {
            logins.add(login("somebody", "192.0.2.1"));
        }

        for (int i = 0; i < 60; i++) {
            assertThat(judged).hasSize(i + 1);
            judged.get(i).complete(true);
        }

        logins.forEach(UniAssertSubscriber::assertCompleted);
    }

    /** The 30 are heard, the others are told the turn that each of them has. */
    @Test
    void guessesAtOnceAreAllCounted() {
        var guesses = new ArrayList<UniAssertSubscriber<Boolean>>();
        for (int i = 0; i < 40; i++) {
            guesses.add(login("somebody", "192.0.2.1"));
        }
        for (int i = 0; i < 30; i++) {
            judged.get(i).complete(false);
        }

        assertThat(judged).hasSize(30);
        // Three of them have their turn while they can wait: one every two seconds.
        assertThat(guesses.stream().filter(guess -> guess.getFailure() == null)).hasSize(33);
        assertThat(guesses.subList(33, 40))
                .allSatisfy(guess -> assertThat(problem(guess).code()).isEqualTo("rate_limited"));
        tick(Duration.ofSeconds(2));
        assertThat(judged).hasSize(31);
    }

    @Test
    void whoIsRefusedFindsHisTurnKept() {
        spend("somebody", "192.0.2.1", 34);
        var refused = login("somebody", "192.0.2.1");
        var retryAfter = Long.parseLong(problem(refused).headers().get("Retry-After"));
        int before = judged.size();

        tick(Duration.ofSeconds(retryAfter));
        login("somebody", "192.0.2.1");

        assertThat(retryAfter).isBetween(8L, 12L);
        assertThat(judged.size()).isGreaterThan(before);
    }

    @Test
    void guessesAtOneAddressLeaveTheOwnerHisLoginsElsewhere() {
        spend("somebody", "192.0.2.1", 34);

        login("somebody", "203.0.113.1");
        judged.get(judged.size() - 1).complete(true);
    }

    @Test
    void aFailureOfOursCountsForNothing() {
        for (int i = 0; i < 100; i++) {
            login("somebody", "192.0.2.1");
            judged.get(i).fail(Problem.of(ErrorCode.STORE_UNAVAILABLE, "no"));
        }
        for (int i = 100; i < 200; i++) {
            login("somebody", "192.0.2.1");
            judged.get(i).fail(new IllegalStateException());
        }

        assertThat(judged).hasSize(200);
    }

    @Test
    void oneAddressLeavesOthersHalfOfWhatMayBeUnderWay() {
        for (int i = 0; i < 50; i++) {
            login("identity " + i, "192.0.2.1");
        }
        assertThat(queue.underWay()).isEqualTo(4);

        login("somebody", "203.0.113.1");

        assertThat(queue.underWay()).isEqualTo(5);
    }

    @Test
    void slowIssuersLeaveOthersTheirLogins() {
        for (int i = 0; i < 100; i++) {
            login(Way.FOREIGN_TOKEN, "identity " + i, "192.0.2." + i % 10);
        }
        int before = judged.size();

        login("somebody", "192.0.2.1");

        assertThat(judged).hasSize(before + 1);
    }

    @Test
    void whoHangsUpLeavesHisPlaceToTheNext() {
        login("somebody", "192.0.2.1").cancel();
        var waits = login("somebody", "192.0.2.1");
        var goes = login("somebody", "192.0.2.1");
        assertThat(judged).hasSize(2);
        goes.cancel();

        judged.get(1).complete(true);

        waits.assertCompleted();
        assertThat(queue.waiting()).isZero();
        assertThat(queue.underWay()).isZero();
    }

    /** Neither the refusals of strangers, when no more places are kept, nor those that hang up. */
    @Test
    void nobodyIsBroughtForwardByWhoCameAfterHim() {
        for (int i = 0; i < 120; i++) {
            spend("guess " + i, "192.0.2.1", 1);
        }
        for (int i = 0; i < 14; i++) {
            login("waits " + i, "192.0.2.1");
        }
        for (int i = 0; i < 120 + 14; i++) {
            assertThat(problem(login("refused " + i, "192.0.2.1")).status()).isEqualTo(429);
        }
        login("waits too", "203.0.113.1").cancel();

        tick(Duration.ofMillis(499));
        assertThat(judged).hasSize(120 + 1);
        assertThat(queue.waiting()).isEqualTo(14);

        tick(Duration.ofMillis(1));
        assertThat(judged).hasSize(120 + 2);
    }

    @Test
    void whoHangsUpBringsNobodyForwardWhoCameBeforeHim() {
        spend("somebody", "192.0.2.1", 30);
        login("somebody", "192.0.2.1");
        var others = new ArrayList<UniAssertSubscriber<Boolean>>();
        for (int i = 0; i < 2; i++) {
            others.add(login("somebody", "192.0.2.1"));
        }
        others.forEach(UniAssertSubscriber::cancel);

        tick(Duration.ofMillis(1999));
        assertThat(judged).hasSize(30);

        tick(Duration.ofMillis(1));
        assertThat(judged).hasSize(31);
    }

    @Test
    void nobodyWaitsLongerThanHeCan() {
        login("somebody", "192.0.2.1");
        var waits = login("somebody", "192.0.2.1");

        tick(TIME_LEFT.minus(LoginQueue.RESERVE));

        assertThat(problem(waits).status()).isEqualTo(429);
    }

    @Test
    void howManyWaitIsBoundedWithAShareForEach() {
        for (int i = 0; i < 1000; i++) {
            login("somebody", "192.0.2.1");
        }
        assertThat(queue.waiting()).isEqualTo(LoginQueue.MOST_WAITING / 4);
        for (int i = 0; i < 1000; i++) {
            login("identity " + i, "192.0.2.1");
        }
        assertThat(queue.waiting()).isEqualTo(LoginQueue.MOST_WAITING / 2);
        for (int i = 0; i < 1000; i++) {
            login("identity " + i, "192.0.2." + i % 200);
        }
        assertThat(queue.waiting()).isLessThanOrEqualTo(LoginQueue.MOST_WAITING);
    }

    private UniAssertSubscriber<Boolean> login(String claimed, String address) {
        return login(Way.SECRET, claimed, address);
    }

    private UniAssertSubscriber<Boolean> login(Way way, String claimed, String address) {
        return queue.judge(
                        way,
                        claimed,
                        new RequestOrigin(address, "req"),
                        TIME_LEFT,
                        () -> Uni.createFrom().<Boolean>emitter(judged::add),
                        isRight -> !isRight)
                .subscribe()
                .withSubscriber(UniAssertSubscriber.create());
    }

    private void spend(String claimed, String address, int guesses) {
        for (int i = 0; i < guesses; i++) {
            int before = judged.size();
            login(claimed, address);
            if (judged.size() > before) {
                judged.get(before).complete(false);
            }
        }
    }

    private void tick(Duration by) {
        nanos.addAndGet(by.toNanos());
        var due = List.copyOf(later);
        later.clear();
        due.forEach(Runnable::run);
    }

    private static Problem problem(UniAssertSubscriber<Boolean> login) {
        return (Problem) login.assertFailed().getFailure();
    }

    private static AccessConfig.Limits limits() {
        return new SmallRyeConfigBuilder()
                .addDiscoveredConverters() // Quarkus reads durations in its own way
                .withMapping(AccessConfig.class)
                .build()
                .getConfigMapping(AccessConfig.class)
                .limits();
    }
}
