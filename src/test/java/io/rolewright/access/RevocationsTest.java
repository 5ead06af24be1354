package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.access.Revocations.Known;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RevocationsTest {

    private static final Instant START = Instant.parse("2026-11-22T12:00:00Z");

    private final Revocations revocations = new Revocations();

    @Test
    void knowsNothingBeforeItWasTold() {
        assertThat(revocations.of(UUID.randomUUID(), START)).isEqualTo(Known.UNKNOWN);
    }

    @Test
    void knowsAllThatWasRevokedSince() {
        var revoked = UUID.randomUUID();
        revocations.completeSince(START);
        revocations.add(revoked, START.plusSeconds(5));

        assertThat(revocations.of(revoked, START.plusSeconds(1))).isEqualTo(Known.REVOKED);
        assertThat(revocations.of(revoked, START.plusSeconds(1000))).isEqualTo(Known.REVOKED);
        assertThat(revocations.of(
                        UUID.randomUUID(), START.plus(Revocations.MARGIN).plusSeconds(1)))
                .isEqualTo(Known.NOT_REVOKED);
        assertThat(revocations.of(UUID.randomUUID(), START.plus(Revocations.MARGIN)))
                .isEqualTo(Known.UNKNOWN);
    }

    /** Whatever it has let go of, it never says of a revoked token that it is not. */
    @Test
    void isNeverWrongWhenItIsFull() {
        revocations.completeSince(START);
        List<UUID> all = new ArrayList<>();
        for (int i = 0; i < 5 * Revocations.HALF; i++) {
            var id = UUID.randomUUID();
            all.add(id);
            // Its tokens were issued up to the moment of its revocation.
            revocations.add(id, START.plusMillis(10L * i));
        }

        int known = 0;
        for (int i = 0; i < all.size(); i++) {
            var answer = revocations.of(all.get(i), START.plusMillis(10L * i));
            assertThat(answer).isNotEqualTo(Known.NOT_REVOKED);
            known += answer == Known.REVOKED ? 1 : 0;
        }
        assertThat(known).isBetween(Revocations.HALF, 2 * Revocations.HALF);
        var now = START.plusMillis(10L * all.size());
        assertThat(revocations.of(UUID.randomUUID(), now)).isEqualTo(Known.NOT_REVOKED);
        assertThat(revocations.of(UUID.randomUUID(), now.minus(Duration.ofHours(1))))
                .isEqualTo(Known.UNKNOWN);
    }

    @Test
    void theSameAgainTakesNoRoom() {
        var id = UUID.randomUUID();
        revocations.completeSince(START);
        for (int i = 0; i < 10 * Revocations.HALF; i++) {
            revocations.add(id, START.plusSeconds(i));
        }

        assertThat(revocations.of(
                        UUID.randomUUID(), START.plus(Revocations.MARGIN).plusSeconds(1)))
                .isEqualTo(Known.NOT_REVOKED);
    }

    /** Seen from the heap: a million of them leave what two halves take, and not a hundred bytes each. */
    @Test
    void memoryIsBounded() {
        var many = new Revocations[24];
        long before = used();
        for (int i = 0; i < many.length; i++) {
            many[i] = new Revocations();
            for (int n = 0; n < 4 * Revocations.HALF; n++) {
                many[i].add(new UUID(n + 1, i), START.plusSeconds(n));
            }
        }
        long each = (used() - before) / many.length;

        assertThat(each).isLessThan(2_200_000);
        assertThat(many[0].of(new UUID(4L * Revocations.HALF, 0), START)).isEqualTo(Known.REVOKED);
    }

    /** The least of several looks: what other threads of this process leave meanwhile is no part of it. */
    private static long used() {
        long least = Long.MAX_VALUE;
        for (int look = 0; look < 4; look++) {
            System.gc();
            least = Math.min(
                    least,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }
}
