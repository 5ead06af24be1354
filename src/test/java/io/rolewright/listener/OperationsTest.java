package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.rolewright.testing.ApiContract;
import java.io.IOException;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The table of bodies against the OpenAPI document. */
class OperationsTest {

    private static final Set<String> METHODS = Set.of("get", "post", "put", "patch", "delete");

    /** Fields that take PEM. */
    private static final Set<String> PEM = Set.of("caCert", "sslCertificate", "sslClientCertificate", "sslClientKey");

    private static JsonNode document;
    private static final TreeMap<String, JsonNode> described = new TreeMap<>();

    @BeforeAll
    static void read() throws IOException {
        document = new ObjectMapper(new YAMLFactory()).readTree(ApiContract.FILE.toFile());
        document.get("paths")
                .fields()
                .forEachRemaining(path -> path.getValue().fields().forEachRemaining(operation -> {
                    if (METHODS.contains(operation.getKey())) {
                        described.put(
                                operation.getKey().toUpperCase(Locale.ROOT) + " " + path.getKey(),
                                operation.getValue());
                    }
                }));
    }

    @Test
    void everyOperationHasChosen() {
        assertThat(new TreeSet<>(Operations.sizes().keySet())).isEqualTo(new TreeSet<>(described.keySet()));
    }

    @Test
    void eachHasTheSizeThatItsFieldsNeed() {
        described.forEach((name, operation) -> {
            JsonNode body = operation.get("requestBody");
            BodySize size = Operations.sizes().get(name);
            if (body == null) {
                assertThat(size).as(name).isEqualTo(BodySize.NONE);
                return;
            }
            Set<String> fields = new TreeSet<>();
            collect(body.get("content").get("application/json").get("schema"), fields);
            boolean isPublic = operation.path("security").isArray()
                    && operation.get("security").isEmpty();
            if (fields.stream().anyMatch(PEM::contains)) {
                assertThat(size).as(name).isEqualTo(BodySize.PEM);
                assertThat(isPublic).as(name + " needs a token").isFalse();
            } else if (fields.contains("jwt")) {
                assertThat(size).as(name).isEqualTo(BodySize.FOREIGN_TOKEN);
            } else if (isPublic || name.contains("/auth/token/")) {
                assertThat(size).as(name).isEqualTo(BodySize.LOGIN);
            } else {
                assertThat(size).as(name).isEqualTo(BodySize.FORM);
            }
        });
    }

    @Test
    void isFoundByThePathOfARequest() {
        described.keySet().forEach(name -> {
            String[] parts = name.split(" ");
            String path = parts[1].replaceAll("\\{[^}]*}", "3f0c");
            assertThat(Operations.sizeOf(parts[0], path))
                    .as(name)
                    .isEqualTo(Operations.sizes().get(name));
            assertThat(Operations.sizeOf(parts[0], path + "/"))
                    .as(name)
                    .isEqualTo(Operations.sizes().get(name));
        });
        assertThat(Operations.sizeOf("POST", "/")).isEqualTo(BodySize.NONE);
        assertThat(Operations.sizeOf("POST", "/api/v1/app-connections/postgres/a/b/c"))
                .isEqualTo(BodySize.NONE);
    }

    @Test
    void theFrameworkStopsNothingBefore() throws IOException {
        String settings =
                java.nio.file.Files.readString(java.nio.file.Path.of("src/main/resources/application.properties"));
        assertThat(settings).contains("quarkus.http.limits.max-body-size=" + BodySize.PEM.bytes() / 1024 + "K\n");
    }

    private static void collect(JsonNode schema, Set<String> fields) {
        if (schema.has("$ref")) {
            String name = schema.get("$ref").asText();
            schema = document.get("components").get("schemas").get(name.substring(name.lastIndexOf('/') + 1));
        }
        for (String each : Set.of("allOf", "anyOf", "oneOf")) {
            schema.path(each).forEach(part -> collect(part, fields));
        }
        schema.path("properties").fields().forEachRemaining(property -> {
            fields.add(property.getKey());
            collect(property.getValue(), fields);
        });
    }
}
