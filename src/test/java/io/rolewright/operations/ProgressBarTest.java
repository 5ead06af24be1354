package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ProgressBarTest {

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);

    @Test
    void drawsOverItsLineOnATerminal() {
        var bar = new ProgressBar(out, true);

        bar.show(0, 0, 0, null, Duration.ZERO);
        bar.show(28_400, 100_000, 10_000, null, Duration.ofSeconds(2));
        bar.show(28_400, 100_000, 10_000, "Waiting.", Duration.ofSeconds(3));
        bar.end();

        assertThat(text())
                .isEqualTo("\rCounting …"
                        + "\r[##########..........................]  28 %  28,400 of 100,000  9,200/s, 7 s left"
                        + "\rWaiting.                                                                          \n");
    }

    @Test
    void writesALineEveryTenSecondsElsewhere() {
        var bar = new ProgressBar(out, false);

        for (int second = 0; second <= 20; second++) {
            bar.show(second, 20, 0, null, Duration.ofSeconds(second));
        }
        bar.end();

        assertThat(text().lines()).hasSize(3).last().asString().startsWith("[" + "#".repeat(36) + "] 100 %  20 of 20");
    }

    @Test
    void neverShowsMoreThanAll() {
        new ProgressBar(out, false).show(11, 10, 0, null, Duration.ZERO);

        assertThat(text()).isEqualTo("[" + "#".repeat(36) + "] 100 %  11 of 10\n");
    }

    private String text() {
        return written.toString(StandardCharsets.UTF_8);
    }
}
