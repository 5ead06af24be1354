package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** {@code docs/metrics.md} has every metric of a scrape, with its type and labels, and none that there is not. */
@QuarkusTest
class MetricsPageTest {

    private static final Pattern ROW = Pattern.compile("\\| `([a-z0-9_]+)` \\| (\\w+) \\| ([^|]*) \\|.*\\|");

    private static final Pattern SAMPLE = Pattern.compile("([a-zA-Z0-9_]+)(?:\\{(.*)})? \\S+");

    /** Of the runtime, which differ between JVM and executable. */
    private static final Pattern OF_THE_RUNTIME = Pattern.compile("(jvm|process|system|worker_pool)_.*");

    /** Counted by a library from its first event on, which another test may be. */
    private static final Set<String> MADE_LATER = Set.of("http_server_errors");

    /** @param labels in the order of the alphabet */
    private record Metric(String type, Set<String> labels) {}

    @Test
    void everyMetricOfAScrapeIsOnThePage() throws IOException {
        Api.as().get("/api/v1/projects").then().statusCode(200);
        given().get("/api/v1/projects").then().statusCode(401);

        Map<String, Metric> scraped = scraped();
        Files.writeString(
                Path.of("target/metrics.md"),
                scraped.entrySet().stream()
                        .map(each -> "| `%s` | %s | %s | |\n"
                                .formatted(
                                        each.getKey(),
                                        each.getValue().type,
                                        each.getValue().labels.stream()
                                                .map(label -> "`" + label + "`")
                                                .collect(Collectors.joining(", "))))
                        .collect(Collectors.joining()));
        Map<String, Metric> page = page();

        assertThat(page).as("see target/metrics.md").containsAllEntriesOf(scraped);
        assertThat(page.keySet())
                .allSatisfy(
                        name -> assertThat(scraped.containsKey(name) || MADE_LATER.contains(name) || isMadeLater(name))
                                .as(name)
                                .isTrue());
    }

    /** What is counted from its first event on: by its name in the code. */
    private static boolean isMadeLater(String name) {
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            String stem = name.replaceAll("_(total|seconds|seconds_max|bytes)$", "");
            return files.filter(file -> file.toString().endsWith(".java"))
                    .map(MetricsPageTest::read)
                    .flatMap(source -> Pattern.compile("\"(rolewright\\.[a-z.]+)\"")
                            .matcher(source)
                            .results()
                            .map(found -> found.group(1)))
                    .anyMatch(each -> each.replace('.', '_').equals(stem));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Metric> page() {
        return ROW.matcher(read(Path.of("docs/metrics.md")))
                .results()
                .collect(Collectors.toMap(
                        row -> row.group(1),
                        row -> new Metric(
                                row.group(2),
                                Arrays.stream(row.group(3).split("[`, ]+"))
                                        .filter(label -> !label.isEmpty())
                                        .collect(Collectors.toCollection(TreeSet::new)))));
    }

    private static Map<String, Metric> scraped() {
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        String scrape = given().port(port)
                .get("/q/metrics")
                .then()
                .statusCode(200)
                .extract()
                .asString();
        Map<String, String> types = Pattern.compile("# TYPE (\\S+) (\\S+)")
                .matcher(scrape)
                .results()
                .collect(Collectors.toMap(type -> type.group(1), type -> type.group(2)));
        Map<String, Metric> metrics = new TreeMap<>();
        scrape.lines().filter(line -> !line.startsWith("#") && !line.isBlank()).forEach(line -> {
            MatchResult sample = SAMPLE.matcher(line).results().findFirst().orElseThrow();
            String name = sample.group(1);
            String family = types.containsKey(name) ? name : name.replaceAll("_(count|sum|bucket|total|max)$", "");
            if (!types.containsKey(family)) { // of a timer, say: http_server_connections_seconds_active_count
                family = name.replaceAll("_(active_count|duration_sum)$", "");
            }
            if (OF_THE_RUNTIME.matcher(family).matches()) {
                return;
            }
            String type = types.getOrDefault(family, "untyped");
            Metric metric = metrics.computeIfAbsent(family, any -> new Metric(type, new TreeSet<>()));
            if (sample.group(2) != null) {
                Pattern.compile("(\\w+)=\"")
                        .matcher(sample.group(2))
                        .results()
                        .map(label -> label.group(1))
                        .filter(label -> !label.equals("le") && !label.equals("quantile"))
                        .forEach(metric.labels::add);
            }
        });
        return metrics;
    }
}
