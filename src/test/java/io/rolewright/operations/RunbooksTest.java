package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Every alert leads to a section of {@code docs/runbooks.md}, and alerts and dashboard ask for what a scrape has. */
class RunbooksTest {

    private static final Path RULES = Path.of("kubernetes/components/monitoring/rules.yaml");
    private static final Path KNATIVE_RULES = Path.of("kubernetes/components/monitoring-knative/rules.yaml");
    private static final Path DASHBOARD = Path.of("kubernetes/components/monitoring/dashboard.json");
    private static final Path PAGE = Path.of("docs/runbooks.md");

    @Test
    void everyAlertHasASectionAndEverySectionAnAlert() throws IOException {
        Set<String> sections = Pattern.compile("^## (Rolewright\\w+)$", Pattern.MULTILINE)
                .matcher(Files.readString(PAGE))
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));

        List<JsonNode> rules = rules();

        assertThat(rules.stream().map(rule -> rule.path("alert").asText()))
                .containsExactlyInAnyOrderElementsOf(sections);
        assertThat(rules).allSatisfy(rule -> {
            assertThat(rule.at("/annotations/runbook_url").asText())
                    .endsWith("/docs/runbooks.md#" + rule.path("alert").asText().toLowerCase(Locale.ROOT));
            assertThat(rule.at("/labels/severity").asText()).isIn("critical", "warning");
            assertThat(rule.at("/annotations/summary").asText()).isNotBlank();
        });
    }

    @Test
    void alertsAndDashboardAskForMetricsOfThePage() throws IOException {
        Set<String> known = Pattern.compile("^\\| `(\\w+)` \\| (\\w+) ", Pattern.MULTILINE)
                .matcher(Files.readString(Path.of("docs/metrics.md")))
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toSet());
        List<String> queries = StreamSupport.stream(rules().spliterator(), false)
                .map(rule -> rule.path("expr").asText())
                .collect(Collectors.toList());
        new ObjectMapper().readTree(DASHBOARD.toFile()).findValuesAsText("expr").forEach(queries::add);

        Set<String> asked = queries.stream()
                .flatMap(query -> Pattern.compile("\\b((?:rolewright|http_server|sql_pool|postgresql)_\\w+)")
                        .matcher(query)
                        .results())
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(queries).hasSizeGreaterThan(25);
        assertThat(asked)
                .isNotEmpty()
                .allSatisfy(name -> assertThat(known.contains(name)
                                || known.contains(name.replaceAll("_(total|bucket|count|sum)$", "")))
                        .as("%s is in docs/metrics.md, and so in a scrape", name)
                        .isTrue());
    }

    private static List<JsonNode> rules() throws IOException {
        List<JsonNode> rules = new ArrayList<>();
        for (Path file : List.of(RULES, KNATIVE_RULES)) {
            new YAMLMapper().readTree(file.toFile()).at("/spec/groups/0/rules").forEach(rules::add);
        }
        return rules;
    }
}
