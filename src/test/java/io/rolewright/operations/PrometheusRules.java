package io.rolewright.operations;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Asks Prometheus' own rule engine which alerts fire on what a process gave to a scrape: {@code promtool test rules} on the values of two
 * scrapes, the second of which goes on for two hours.
 */
final class PrometheusRules {

    private static final List<Path> FILES = List.of(
            Path.of("kubernetes/components/monitoring/rules.yaml"),
            Path.of("kubernetes/components/monitoring-knative/rules.yaml"));

    private static final Pattern SAMPLE =
            Pattern.compile("^([a-zA-Z_:][\\w:]*)(?:\\{(.*)})? (\\S+)$", Pattern.MULTILINE);

    private final Path folder;
    private final String asked;

    PrometheusRules() {
        try {
            folder = Files.createTempDirectory(Files.createDirectories(Path.of("target/drills")), "rules-");
            List<JsonNode> groups = new ArrayList<>();
            for (Path file : FILES) {
                JsonNode group = new YAMLMapper().readTree(file.toFile()).at("/spec/groups/0");
                ((ObjectNode) group).put("name", "group-" + groups.size());
                groups.add(group);
            }
            new YAMLMapper().writeValue(folder.resolve("rules.yaml").toFile(), Map.of("groups", groups));
            asked = groups.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Samples by series; those that no rule asks for are left out, so that the engine is done in a moment. */
    Map<String, Double> samples(String scrape) {
        Map<String, Double> all = new LinkedHashMap<>();
        for (Matcher found : (Iterable<Matcher>) matches(scrape)::iterator) {
            if (asked.contains(found.group(1))) {
                String labels =
                        found.group(2) == null ? "" : "," + found.group(2).replaceAll(",$", "");
                double value = number(found.group(3));
                if (Double.isNaN(value)) {
                    continue;
                }
                all.put(found.group(1) + "{job=\"rolewright-management\"" + labels + "}", value);
            }
        }
        return all;
    }

    private static Stream<Matcher> matches(String scrape) {
        return scrape.lines()
                .filter(line -> !line.startsWith("#"))
                .map(SAMPLE::matcher)
                .filter(Matcher::find);
    }

    private static double number(String text) {
        return text.equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(text);
    }

    /**
     * Which alerts fire in the end.
     *
     * @param before the scrape of a good day, which lasts for ten minutes
     * @param after what has changed since; an age that has begun to grow goes on growing, a counter that has grown does so each minute
     */
    List<String> firing(Map<String, Double> before, Map<String, Double> after) {
        Map<String, Double> both = new LinkedHashMap<>(before);
        both.putAll(after);
        List<Map<String, Object>> series = new ArrayList<>();
        series.add(Map.of("series", "up{job=\"rolewright-management\"}", "values", "1x150"));
        both.forEach((name, value) ->
                series.add(Map.of("series", name, "values", values(name, before.get(name), after.get(name)))));
        // What fires is not known yet, so one is asked for that there is not; the engine says what it got instead.
        Map<String, Object> test = Map.of(
                "rule_files",
                List.of("rules.yaml"),
                "evaluation_interval",
                "1m",
                "tests",
                List.of(Map.of(
                        "interval",
                        "1m",
                        "input_series",
                        series,
                        "promql_expr_test",
                        List.of(Map.of(
                                "expr",
                                "count by (alertname) (ALERTS{alertstate=\"firing\"})",
                                "eval_time",
                                "140m",
                                "exp_samples",
                                List.of(Map.of("labels", "{alertname=\"none\"}", "value", 1)))))));
        try {
            Path file = folder.resolve("test.yaml");
            new YAMLMapper().writeValue(file.toFile(), test);
            Process promtool = new ProcessBuilder("promtool", "test", "rules", file.toString())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            promtool.waitFor();
            if (!said.contains("alertname=\\\"none\\\"") && !said.contains("alertname=\"none\"")) {
                throw new IllegalStateException("promtool did not judge the rules:\n" + said);
            }
            return Pattern.compile("alertname=\\\\?\"(Rolewright\\w+)")
                    .matcher(said)
                    .results()
                    .map(found -> found.group(1))
                    .distinct()
                    .sorted()
                    .collect(Collectors.toList());
        } catch (IOException noSuchCommand) {
            throw new UncheckedIOException("promtool is missing: apt-get install prometheus", noSuchCommand);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static String values(String name, Double before, Double after) {
        double first = before == null ? after : before;
        double then = after == null ? first : after;
        boolean age = name.contains("age_seconds{");
        boolean counter = name.matches("\\w+(_total|_bucket|_count|_sum)\\{.*");
        String begin = before == null ? "_x9" : number(first) + "x9";
        if (age && then > first) {
            return begin + " " + number(then) + "+60x140";
        }
        if (counter) {
            double grown = Math.max(0, then - first);
            // A counter that nothing was seen of before is one that begins with the first.
            return begin + " " + number(then) + "+" + number(before == null ? then : grown) + "x140";
        }
        return begin + " " + number(then) + "x140";
    }

    /** Without an exponent, and without infinity, neither of which its series can have. */
    private static String number(double value) {
        return BigDecimal.valueOf(Math.min(value, 1e18)).toPlainString();
    }
}
