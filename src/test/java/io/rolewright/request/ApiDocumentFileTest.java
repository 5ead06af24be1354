package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.ApiContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The document in the repository is the one that the service serves: clients are generated from it, and reviews see what changes. The
 * order of keys says nothing in YAML, and the library does not keep it from one build to the next; the order of a list does say something.
 */
@QuarkusTest
class ApiDocumentFileTest {

    private static final Path SERVED = Path.of("target/openapi.yaml");

    private static final YAMLMapper YAML = new YAMLMapper();

    @Test
    void isTheOneThatIsServed() throws IOException {
        String served = given().queryParam("format", "yaml")
                .get("/api/openapi")
                .then()
                .statusCode(200)
                .extract()
                .asString();
        Files.writeString(SERVED, served);

        JsonNode committed = YAML.readTree(ApiContract.FILE.toFile());
        List<String> differences = differences("", committed, YAML.readTree(served));
        assertThat(differences)
                .as(
                        "%s is not what the service serves. Look at what changes for clients, then: cp %s %s",
                        ApiContract.FILE, SERVED, ApiContract.FILE)
                .isEmpty();
        assertThat(committed.path("paths").size()).isPositive();
    }

    @Test
    void anotherOrderOfKeysIsTheSameAndAnythingElseIsNot() throws IOException {
        JsonNode committed = YAML.readTree("a: {type: string, format: uuid}\nb: [1, 2]");

        assertThat(differences("", committed, YAML.readTree("b: [1, 2]\na: {format: uuid, type: string}")))
                .isEmpty();
        assertThat(differences("", committed, YAML.readTree("a: {type: string}\nb: [2, 1, 3]\nc: 1")))
                .containsExactly(
                        "/a/format: \"uuid\" is not served",
                        "/b/0: 1 is served as 2",
                        "/b/1: 2 is served as 1",
                        "/b/2: 3 is not in the file",
                        "/c: 1 is not in the file");
    }

    private static List<String> differences(String at, JsonNode committed, JsonNode served) {
        if (committed.isMissingNode()) {
            return List.of("%s: %s is not in the file".formatted(at, served));
        }
        if (served.isMissingNode()) {
            return List.of("%s: %s is not served".formatted(at, committed));
        }
        List<String> found = new ArrayList<>();
        if (committed.isObject() && served.isObject()) {
            Collection<String> names = new LinkedHashSet<>();
            committed.fieldNames().forEachRemaining(names::add);
            served.fieldNames().forEachRemaining(names::add);
            names.forEach(name -> found.addAll(differences(at + "/" + name, committed.path(name), served.path(name))));
        } else if (committed.isArray() && served.isArray()) {
            for (int i = 0; i < Math.max(committed.size(), served.size()); i++) {
                found.addAll(differences(at + "/" + i, committed.path(i), served.path(i)));
            }
        } else if (!committed.equals(served)) {
            found.add("%s: %s is served as %s".formatted(at, committed, served));
        }
        return found;
    }
}
