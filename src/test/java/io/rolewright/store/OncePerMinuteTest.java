package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.store.StoreFault.Kind;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class OncePerMinuteTest {

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5); // overflows, as nanoTime may
    private final OncePerMinute lines = new OncePerMinute(now::get);

    @Test
    void oneLineOfAKindAMinuteAndThenHowManyThereWere() {
        assertThat(lines.line(Kind.AWAY, "away")).isEqualTo("away");
        assertThat(lines.line(Kind.AWAY, "away")).isNull();
        now.addAndGet(Duration.ofSeconds(1).toNanos());
        assertThat(lines.line(Kind.FULL, "full")).isEqualTo("full");
        now.addAndGet(Duration.ofSeconds(58).toNanos());
        assertThat(lines.line(Kind.AWAY, "away")).isNull();

        now.addAndGet(Duration.ofSeconds(1).toNanos());

        assertThat(lines.line(Kind.AWAY, "away")).isEqualTo("away (since the last such line 2 more were left out)");
        assertThat(lines.line(Kind.FULL, "full")).isNull();
        now.addAndGet(Duration.ofSeconds(60).toNanos());
        assertThat(lines.line(Kind.FULL, "full")).endsWith("(since the last such line 1 more were left out)");
    }
}
