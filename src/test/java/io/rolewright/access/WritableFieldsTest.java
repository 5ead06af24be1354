package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Holds {@code docs/fields.md} against the OpenAPI document: for every field that a caller may write, somebody has asked whether it decides
 * where a password goes, who learns it, how easily it is guessed, or who may do so.
 */
class WritableFieldsTest {

    private static final Pattern CODE = Pattern.compile("`([^`]+)`");

    /** The cells of a row. */
    private record Row(List<String> cells) {

        Set<String> fields(String operation, String cell) {
            Set<String> fields = new TreeSet<>();
            CODE.matcher(cell).results().forEach(found -> fields.add(operation + " " + found.group(1)));
            return fields;
        }

        boolean decides() {
            return cells.size() == 5;
        }

        Set<String> fields() {
            if (decides()) {
                String[] parts = cells.get(1).split(": ", 2);
                return fields(parts[0].replace("`", ""), parts[1]);
            }
            return fields(cells.get(0).replace("`", ""), cells.get(1));
        }
    }

    @Test
    void everyWritableFieldIsInOneOfTheTables() throws IOException {
        List<String> listed = new ArrayList<>();
        rows().forEach(row -> listed.addAll(row.fields()));

        assertThat(listed).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(written());
    }

    @Test
    void everyFieldThatDecidesSaysWhoMayWhatTheAuditSaysAndWhichTestShowsIt() throws IOException {
        var deciding = rows().stream().filter(Row::decides).toList();

        assertThat(deciding).hasSizeGreaterThan(30).allSatisfy(row -> {
            assertThat(row.cells).allSatisfy(cell -> assertThat(cell).isNotBlank());
            String test = row.cells.get(4).replace("`", "");
            int method = test.lastIndexOf('.');
            assertThat(Files.readString(Path.of("src/test/java/io/rolewright/"
                            + test.substring(0, method).replace('.', '/') + ".java")))
                    .as(test)
                    .contains(" " + test.substring(method + 1) + "(");
        });
    }

    private static List<Row> rows() throws IOException {
        return Files.readAllLines(Path.of("docs/fields.md")).stream()
                .filter(line -> line.startsWith("| ") && line.contains("`"))
                .map(line ->
                        new Row(List.of(line.substring(2, line.length() - 2).split(" \\| "))))
                .toList();
    }

    private static Set<String> written() throws IOException {
        var document = new YAMLMapper().readTree(Path.of("docs/openapi.yaml").toFile());
        Set<String> written = new TreeSet<>();
        document.get("paths")
                .forEach(path -> path.properties().forEach(each -> {
                    JsonNode operation = each.getValue();
                    if (operation.has("requestBody")) {
                        operation
                                .get("requestBody")
                                .get("content")
                                .forEach(media -> collect(
                                        document,
                                        media.get("schema"),
                                        operation.get("operationId").asText() + " ",
                                        Set.of(),
                                        written));
                    }
                }));
        return written;
    }

    /** @param prefix of the names of the fields; an object with fields is no field itself */
    private static void collect(
            JsonNode document, JsonNode schema, String prefix, Set<String> above, Set<String> into) {
        if (schema.has("$ref")) {
            String name = schema.get("$ref").asText().replaceFirst(".*/", "");
            if (!above.contains(name)) {
                Set<String> deeper = new TreeSet<>(above);
                deeper.add(name);
                collect(document, document.at("/components/schemas/" + name), prefix, deeper, into);
            }
            return;
        }
        for (String kind : List.of("allOf", "oneOf", "anyOf")) {
            schema.path(kind).forEach(part -> collect(document, part, prefix, above, into));
        }
        if (schema.has("items")) {
            collect(document, schema.get("items"), prefix, above, into);
        }
        schema.path("properties").properties().forEach(field -> {
            String name = prefix + field.getKey();
            Set<String> within = new TreeSet<>();
            collect(document, field.getValue(), name + ".", above, within);
            if (within.isEmpty()) {
                into.add(name);
            }
            into.addAll(within);
        });
    }
}
