package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.rolewright.testing.NamedTests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/threat-model.md} knows every operation, every feature of the ports, and for each what shows that it is stopped. */
class ThreatModelTest {

    private static final Path PAGE = Path.of("docs/threat-model.md");
    private static final List<String> ROLES = List.of("admin", "operator", "reader", "consumer", "scheduler");

    /** Settings of the listener that are no feature of it. */
    private static final Pattern NO_FEATURE = Pattern.compile("quarkus\\.(http|management)\\.test-port");

    @Test
    void everyOperationIsInOneRowWithWhoMayCallIt() throws IOException {
        Map<String, String> access = access();
        List<String> seen = new ArrayList<>();
        for (List<String> row : rows("The operations").toList()) {
            for (String operation : inBackticks(row.get(1))) {
                seen.add(operation);
                assertThat(row.get(2)).as(operation).isEqualTo(access.get(operation));
            }
        }
        assertThat(seen).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(operations());
    }

    @Test
    void everyFeatureOfTheListenerIsNamed() throws IOException {
        String page = Files.readString(PAGE);
        var settings = Pattern.compile(
                        "^(?:%[\\w,]+\\.)?(quarkus\\.(?:http|management|swagger-ui|smallrye-openapi\\.(?:path|management))\\b[^=\\s]*)=",
                        Pattern.MULTILINE)
                .matcher(Files.readString(Path.of("src/main/resources/application.properties")))
                .results()
                .map(found -> found.group(1))
                .filter(name -> !NO_FEATURE.matcher(name).matches())
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(settings).hasSizeGreaterThan(20);
        assertThat(inBackticks(page)).containsAll(settings);
        assertThat(inBackticks(page).stream().filter(name -> name.matches("quarkus\\.[a-z.0-9-]+")))
                .as("no setting that is not made any more")
                .isSubsetOf(settings);
    }

    @Test
    void everyExtensionThatMayBringRoutesIsNamed() throws IOException {
        var extensions = Pattern.compile("<dependency>(.*?)</dependency>", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("pom.xml")))
                .results()
                .map(found -> found.group(1))
                .filter(dependency -> !dependency.contains("<scope>"))
                .flatMap(dependency -> Pattern.compile("<artifactId>(quarkus-[\\w-]+)</artifactId>")
                        .matcher(dependency)
                        .results())
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(extensions).hasSizeGreaterThan(8);
        assertThat(inBackticks(Files.readString(PAGE))).containsAll(extensions);
    }

    @Test
    void everyRowNamesATestThatIsThere() throws IOException {
        String page = Files.readString(PAGE);
        assertThat(NamedTests.in(page)).hasSizeGreaterThan(50);
        assertThat(NamedTests.in(page).stream().filter(name -> !NamedTests.exists(name)))
                .as("named, and not there")
                .isEmpty();
        assertThat(Stream.of("What is worth having", "Who may want it", "The operations", "The listener")
                        .flatMap(ThreatModelTest::rows)
                        .filter(row -> {
                            String test = row.get(row.size() - 1);
                            return NamedTests.in(test).isEmpty() && !test.matches("no test: .+");
                        }))
                .as("rows that name no test, nor say why there is none")
                .isEmpty();
    }

    /** @return by operation, who may call it, in the words of the page */
    private static Map<String, String> access() throws IOException {
        Map<String, String> access = new HashMap<>();
        for (String line : Files.readAllLines(Path.of("docs/access.md"))) {
            if (line.matches("\\| \\w+( \\| \\w+){5} \\|")) {
                List<String> cells = cells(line);
                access.put(cells.get(0), who(cells.subList(1, 6)));
            }
        }
        return access;
    }

    private static String who(List<String> cells) {
        String first = cells.get(0);
        if (first.equals("public")) {
            return "anybody";
        }
        if (first.equals("token")) {
            return "any token";
        }
        return (first.equals("org") ? "organisation: " : "")
                + IntStream.range(0, ROLES.size())
                        .filter(role -> !cells.get(role).equals("no"))
                        .mapToObj(ROLES::get)
                        .collect(Collectors.joining(", "));
    }

    private static List<String> operations() throws IOException {
        return new YAMLMapper()
                .readTree(Path.of("docs/openapi.yaml").toFile()).findValuesAsText("operationId").stream()
                        .distinct()
                        .toList();
    }

    private static Stream<List<String>> rows(String section) {
        try {
            String page = Files.readString(PAGE);
            int begin = page.indexOf("\n## " + section + "\n");
            assertThat(begin).as(section).isPositive();
            int end = page.indexOf("\n## ", begin + 1);
            return page.substring(begin, end < 0 ? page.length() : end)
                    .lines()
                    .filter(line -> line.startsWith("| "))
                    .skip(1)
                    .map(ThreatModelTest::cells);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static List<String> cells(String line) {
        return Arrays.asList(line.substring(2, line.length() - 2).split(" \\| "));
    }

    private static List<String> inBackticks(String text) {
        return Pattern.compile("`([^`]+)`")
                .matcher(text)
                .results()
                .map(ThreatModelTest::first)
                .toList();
    }

    private static String first(MatchResult found) {
        return found.group(1);
    }
}
