package io.rolewright.operations;

import java.io.PrintStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Shows how far a command is: one line that is drawn over again on a terminal, a line every ten seconds anywhere else.
 *
 * <pre>[##########..........................]  28 %  28,400 of 100,000  9,120/s, 8 s left</pre>
 */
final class ProgressBar {

    private static final int WIDTH = 36;

    private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);

    private final PrintStream out;
    private final boolean terminal;
    private @Nullable Duration lastLine;
    private String shown = "";

    /** @param terminal whether {@code out} understands a carriage return */
    ProgressBar(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /**
     * @param total 0 while it is not known
     * @param note what it waits for; null if it goes on
     * @param doneBefore what was done when this bar was first drawn, so that the speed is that of now
     * @param elapsed since the bar was first drawn
     */
    void show(long done, long total, long doneBefore, @Nullable String note, Duration elapsed) {
        var line = total == 0 || note != null
                ? note == null ? "Counting …" : note
                : line(done, total, done - doneBefore, elapsed);
        if (terminal) {
            out.print("\r" + line + " ".repeat(Math.max(0, shown.length() - line.length())));
            out.flush();
            shown = line;
        } else if (lastLine == null || elapsed.minus(lastLine).compareTo(BETWEEN_LINES) >= 0) {
            out.println(line);
            lastLine = elapsed;
        }
    }

    /** Leaves the line of the bar, so that what is said next has one of its own. */
    void end() {
        if (terminal && !shown.isEmpty()) {
            out.println();
        }
    }

    private static String line(long done, long total, long doneHere, Duration elapsed) {
        double part = Math.min(1, (double) done / total);
        int filled = (int) (part * WIDTH);
        var line = "[%s%s] %3d %%  %,d of %,d"
                .formatted("#".repeat(filled), ".".repeat(WIDTH - filled), (int) (part * 100), done, total);
        double perSecond = elapsed.isZero() ? 0 : doneHere * 1e9 / elapsed.toNanos();
        return perSecond < 1
                ? line
                : line + "  %,d/s, %,d s left".formatted((long) perSecond, (long) ((total - done) / perSecond));
    }
}
