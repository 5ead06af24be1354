package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.rolewright.access.RateLimits;
import io.smallrye.config.WithDefault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The table of docs/SECURITY.md: what strangers may make us keep, multiplied, fits the heap that is shipped. FloodIT is to fill it. */
class HeapTableTest {

    private static final long KIB = 1024;
    private static final long MIB = 1024 * KIB;

    /** An estimate, for the executable after its start. */
    private static final long AT_REST = 18 * MIB;

    /**
     * 12,000 connections that have asked once: measured on the JVM 3.7 KiB each, by the old generation with and without them. Twice
     * that, for the collector of the executable copies: there they did not fit into 96 MiB, and did into 160 ({@link FloodIT}).
     */
    private static final long CONNECTION = 8 * KIB;

    private record Row(String what, long each, long howMany) {

        long together() {
            return each * howMany;
        }

        String line() {
            return String.format(Locale.ROOT, "| %s | %s | %,d | %s |", what, size(each), howMany, size(together()));
        }

        private static String size(long bytes) {
            return bytes < KIB
                    ? bytes + " B"
                    : bytes % MIB == 0
                            ? bytes / MIB + " MiB"
                            : bytes > 10 * MIB
                                    ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) MIB)
                                    : bytes / KIB + " KiB";
        }
    }

    @Test
    void fitsTheHeapThatIsShipped() throws IOException {
        long sum = rows().stream().mapToLong(Row::together).sum();
        assertThat(sum).isLessThanOrEqualTo(heap());
    }

    @Test
    void isWhatTheDocumentSays() throws IOException {
        String document = Files.readString(Path.of("docs/SECURITY.md"));
        for (Row row : rows()) {
            assertThat(document).contains(row.line());
        }
        assertThat(document).contains(heap() / MIB + " MiB (`-Xmx" + heap() / MIB + "m`)");
    }

    /** Wherever a server of ours is started, also by who takes an image as it is. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "src/main/docker/Containerfile.native",
                "src/main/docker/Containerfile.jvm",
                "kubernetes/overlays/knative/service.yaml"
            })
    void theHeapIsTheSameWhereverItIsShipped(String file) throws Exception {
        assertThat(Files.readString(Path.of(file))).contains("-Xmx" + heap() / MIB + "m");
    }

    @Test
    void noBodyIsLargerThanItsAddressMayHold() throws Exception {
        long share = setting("readingMemory") / 4;
        long costs = (long) BodySize.PEM.bytes() * Peer.COST_OF_BYTE
                // in the smallest packets that a network has for a body of that size
                + BodySize.PEM.bytes() / 512 * (long) Peer.COST_OF_READ;
        assertThat(costs).isLessThan(share);
    }

    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        rows.add(new Row("the service at rest", AT_REST, 1));
        rows.add(new Row("connections, whatever they do", CONNECTION, setting("connections")));
        rows.add(new Row(
                "requests while they arrive, and all of them without a token until they are answered",
                setting("readingMemory"),
                1));
        rows.add(new Row("answers that their clients have not read", setting("unreadMemory"), 1));
        rows.add(new Row(
                "identities and addresses whose calls are counted",
                RateLimits.COST_OF_COUNTED,
                RateLimits.MOST_COUNTED));
        rows.add(new Row("turns kept for who was refused", RateLimits.COST_OF_PLACE, RateLimits.MOST_PLACES));
        return rows;
    }

    private static long setting(String name) {
        try {
            String value = ListenerConfig.class
                    .getMethod(name)
                    .getAnnotation(WithDefault.class)
                    .value();
            return new MemorySizeConverter().convert(value).asLongValue();
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }

    private static long heap() throws IOException {
        Matcher heap =
                Pattern.compile("-Xmx(\\d+)m").matcher(Files.readString(Path.of("kubernetes/base/deployment.yaml")));
        assertThat(heap.find()).isTrue();
        return Long.parseLong(heap.group(1)) * MIB;
    }
}
