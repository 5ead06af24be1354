package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.rolewright.access.RateLimits.Kind;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RateLimitsTest {

    private final AtomicLong nanos = new AtomicLong();

    private final RateLimits limits = new RateLimits(
            new AccessConfig.Limits() {
                @Override
                public int loginsPerAddress() {
                    return 5;
                }

                @Override
                public int loginsPerIdentity() {
                    return 2;
                }

                @Override
                public int testsPerAddress() {
                    return 4;
                }

                @Override
                public int testsPerIdentity() {
                    return 3;
                }

                @Override
                public int rotatesPerAddress() {
                    return 0;
                }

                @Override
                public int rotatesPerIdentity() {
                    return 1;
                }
            },
            () -> nanos.get());

    @Test
    void anIdentityWaitsAsLongAsItIsTold() {
        var somebody = caller("192.0.2.1");
        times(3, () -> limits.count(Kind.TEST, somebody));

        var refused = refusal(() -> limits.count(Kind.TEST, somebody));

        assertThat(refused.status()).isEqualTo(429);
        assertThat(refused.code()).isEqualTo("rate_limited");
        assertThat(Integer.parseInt(refused.headers().get("Retry-After"))).isBetween(20, 21);
    }

    @Test
    void oneDoesNotUseUpAnothersShareNorAnotherKind() {
        times(3, () -> limits.count(Kind.TEST, caller("192.0.2.1")));

        assertThatCode(() -> limits.count(Kind.TEST, caller("192.0.2.2"))).doesNotThrowAnyException();
        assertThatCode(() -> limits.count(Kind.ROTATE, caller("192.0.2.1"))).doesNotThrowAnyException();
    }

    @Test
    void manyIdentitiesOfOneAddressShareItsLimit() {
        times(4, () -> limits.count(Kind.TEST, caller("192.0.2.1")));

        assertThat(refusal(() -> limits.count(Kind.TEST, caller("192.0.2.1"))).status())
                .isEqualTo(429);
    }

    @Test
    void theAddressesOfOneIpv6NetworkAreOne() {
        for (int i = 0; i < 4; i++) {
            limits.count(Kind.TEST, caller("2001:db8:0:1::" + i));
        }

        assertThat(refusal(() -> limits.count(Kind.TEST, caller("2001:db8:0:1::ffff")))
                        .status())
                .isEqualTo(429);
        assertThatCode(() -> limits.count(Kind.TEST, caller("2001:db8:0:2::1"))).doesNotThrowAnyException();
    }

    /** Whoever knows a client id can keep only himself out. */
    @Test
    void guessesFromElsewhereLeaveTheOwnerHisLogins() {
        for (int i = 1; i <= 100; i++) {
            var from = new RequestOrigin("198.51.100." + i, "req");
            times(2, () -> assertThat(limits.tryLogin("owner", from)).isNotNull());
            assertThat(limits.tryLogin("owner", from)).isNull();
        }

        assertThat(limits.tryLogin("owner", new RequestOrigin("203.0.113.1", "req")))
                .isNotNull();
    }

    @Test
    void zeroMeansWithoutLimitForTheAddressAlone() {
        times(1000, () -> limits.count(Kind.ROTATE, caller("192.0.2.1")));
    }

    @Test
    void memoryIsBoundedAndWhoComesOftenIsNotForgotten() {
        var busy = new RequestOrigin("192.0.2.1", "req");
        times(2, () -> limits.tryLogin("busy", busy));
        for (int i = 0; i < 3 * Turns.MOST_COUNTED; i++) {
            limits.tryLogin(
                    "guess", new RequestOrigin("10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255), "req"));
            if (i % 1000 == 0) {
                assertThat(limits.tryLogin("busy", busy)).isNull();
            }
        }

        assertThat(limits.counted(Kind.LOGIN)).isEqualTo(Turns.MOST_COUNTED);
    }

    /** Else whoever comes back to a busy server as he is told would be counted each time. */
    @Test
    void whoIsRefusedBeforeAnythingIsBegunHasUsedNoTurn() {
        var somebody = caller("192.0.2.1");
        times(
                100,
                () -> assertThat(outcome(somebody, Uni.createFrom().failure(Problem.of(ErrorCode.TARGET_BUSY, "no"))))
                        .isEqualTo("target_busy"));

        times(
                3,
                () -> assertThat(outcome(
                                somebody, Uni.createFrom().failure(Problem.of(ErrorCode.PASSWORD_REFUSED, "no"))))
                        .isEqualTo("password_refused"));
        assertThat(outcome(somebody, Uni.createFrom().item("done"))).isEqualTo("rate_limited");
    }

    @Test
    void whatIsUnderWayOrWasGivenUpIsCounted() {
        var somebody = caller("192.0.2.1");
        limits.counted(Kind.TEST, somebody, null, () -> Uni.createFrom().nothing())
                .subscribe()
                .with(ignored -> {});
        limits.counted(Kind.TEST, somebody, null, () -> Uni.createFrom().nothing())
                .subscribe()
                .with(ignored -> {})
                .cancel();

        assertThat(outcome(somebody, Uni.createFrom().item("done"))).isEqualTo("done");
        assertThat(outcome(somebody, Uni.createFrom().item("done"))).isEqualTo("rate_limited");
    }

    private String outcome(Caller caller, Uni<String> work) {
        return limits.counted(Kind.TEST, caller, null, () -> work)
                .onFailure(Problem.class)
                .recoverWithItem(failure -> ((Problem) failure).code())
                .await()
                .indefinitely();
    }

    private static Caller caller(String address) {
        return new Caller(UUID.randomUUID(), "somebody", UUID.randomUUID(), address, Grants.NONE);
    }

    private static void times(int times, Runnable act) {
        for (int i = 0; i < times; i++) {
            act.run();
        }
    }

    private static Problem refusal(Runnable act) {
        return catchThrowableOfType(Problem.class, act::run);
    }
}
