package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The page about the reference's clients says what is so: of each call whether it is offered, and by which test that is seen. */
class ReferenceClientsTest {

    private static final Path PAGE = Path.of("docs/reference-clients.md");
    private static final Path CLIENTS = Path.of("src/test/resources/clients");

    private static final Pattern ROW = Pattern.compile(
            "\\| ([^|]+) \\| `(GET|POST|PUT|PATCH|DELETE) (/[^` ]+)` \\| ([^|]*)\\| (offered|refused|not offered) \\| ([^|]+) \\|");

    private static final Pattern TEST = Pattern.compile("`(\\w+Test)`");

    private record Row(String method, String path, String here, String by) {

        /** As a call of it: placeholders are filled. */
        String called() {
            return path.replaceAll("\\{[^}]*}", "x");
        }

        boolean covers(String otherMethod, String otherPath) {
            return method.equals(otherMethod) && isOne(path, otherPath);
        }
    }

    /** Segments of either that stand for anything fit any. */
    private static boolean isOne(String template, String path) {
        var wanted = template.split("/");
        var sent = path.split("/");
        if (wanted.length != sent.length) {
            return false;
        }
        for (int i = 0; i < wanted.length; i++) {
            boolean any = wanted[i].startsWith("{") || sent[i].contains("{");
            if (!any && !wanted[i].equals(sent[i])) {
                return false;
            }
        }
        return true;
    }

    private static List<Row> rows() throws IOException {
        List<Row> rows = new ArrayList<>();
        for (var line : Files.readAllLines(PAGE)) {
            if (line.contains("| `") && line.matches(".*`(GET|POST|PUT|PATCH|DELETE) /.*") && line.startsWith("|")) {
                var row = ROW.matcher(line);
                assertThat(row.matches())
                        .as("a row of %s as the others: %s", PAGE, line)
                        .isTrue();
                rows.add(new Row(row.group(2), row.group(3), row.group(5), row.group(6)));
            }
        }
        assertThat(rows).hasSizeGreaterThan(70);
        return rows;
    }

    private static Set<String> documented() throws IOException {
        Set<String> operations = new HashSet<>();
        JsonNode document =
                new YAMLMapper().readTree(Path.of("docs/openapi.yaml").toFile());
        document.get("paths")
                .fields()
                .forEachRemaining(path -> path.getValue()
                        .fieldNames()
                        .forEachRemaining(
                                method -> operations.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey())));
        return operations;
    }

    private static boolean isDocumented(Set<String> operations, Row row) {
        return operations.stream().map(each -> each.split(" ", 2)).anyMatch(each -> row.covers(each[0], each[1]));
    }

    @Test
    void whatIsOfferedIsInTheDocumentAndSeenByATest() throws IOException {
        var operations = documented();
        Set<String> tests;
        try (var files = Files.walk(Path.of("src/test/java"))) {
            tests = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".java"))
                    .map(name -> name.substring(0, name.length() - ".java".length()))
                    .collect(Collectors.toSet());
        }
        for (var row : rows()) {
            if (row.here.equals("offered")) {
                assertThat(isDocumented(operations, row)).as(row.toString()).isTrue();
                assertThat(NotOffered.find(row.method, row.called()))
                        .as(row.toString())
                        .isNull();
                var named = TEST.matcher(row.by)
                        .results()
                        .map(each -> each.group(1))
                        .toList();
                assertThat(named).as(row.toString()).isNotEmpty().allMatch(tests::contains);
            }
        }
    }

    @Test
    void whatIsNotOfferedIsAnsweredAsThePageSays() throws IOException {
        var operations = documented();
        for (var row : rows()) {
            if (row.here.equals("not offered")) {
                var found = NotOffered.find(row.method, row.called());
                assertThat(found).as(row.toString()).isNotNull();
                assertThat(row.by)
                        .startsWith(found.problem().status() + " `"
                                + found.problem().code() + "`");
            }
            if (!row.here.equals("offered")) {
                assertThat(isDocumented(operations, row)).as(row.toString()).isFalse();
            }
        }
    }

    /** A call that is replayed from a fixture and is not on the page has been forgotten there. */
    @Test
    void everyRecordedCallIsOnThePage() throws IOException {
        var rows = rows();
        List<Path> files;
        try (var all = Files.list(CLIENTS)) {
            files = all.toList();
        }
        assertThat(files).hasSizeGreaterThan(2);
        for (var file : files) {
            var client = new JsonObject(Files.readString(file));
            assertThat(client.getString("source")).as(file.toString()).containsPattern("[0-9a-f]{8}");
            client.getJsonObject("calls", new JsonObject()).forEach(entry -> {
                var call = (JsonObject) entry.getValue();
                var method = call.getString("method");
                var path = call.getString("path").replaceAll("\\?.*", "").replaceAll("\\$\\{[^}]*}", "{}");
                assertThat(rows.stream().anyMatch(row -> row.covers(method, path)))
                        .as("%s: %s %s %s", file.getFileName(), entry.getKey(), method, path)
                        .isTrue();
            });
        }
    }
}
