package io.rolewright.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * What {@code docs/openapi.yaml} says of answers. It is stricter than the document: a field that a schema does not name is a fault here,
 * while clients have to ignore it.
 */
public final class ApiContract {

    public static final Path FILE = Path.of("docs/openapi.yaml");

    private static final String BASE = "https://rolewright.example/openapi";
    private static final String COMPONENTS = "#/components/schemas/";
    private static final String DEFINITIONS = "#/$defs/";
    private static final Pattern MOMENT = Pattern.compile("^\\d{4}-\\d{2}-\\d{2}T\\d{2}:");
    private static final Pattern WRITTEN_MOMENT =
            Pattern.compile("\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z");
    private static final String ERROR = COMPONENTS + "ApiError";

    /** What may be answered to anything that is no operation: by the framework, or that the reference has it and we have not. */
    private static final List<Integer> NO_OPERATION = List.of(400, 401, 403, 404, 405, 406, 413, 414, 501);

    private static ApiContract committed;

    private final ObjectMapper json = new ObjectMapper();
    private final JsonNode document;
    private final JsonSchemaFactory factory;
    private final Map<String, JsonSchema> schemas = new ConcurrentHashMap<>();

    private ApiContract(JsonNode document) {
        this.document = document;
        // The reference's old name for id: for who reads it, not for who writes against the document.
        ((ObjectNode) document.at("/components/schemas/Secret/properties")).putObject("_id");
        document.path("components").path("schemas").forEach(ApiContract::close);
        // As JSON Schema of its own, which knows nothing of the document around it.
        ObjectNode definitions = json.createObjectNode();
        definitions.set("$defs", document.path("components").path("schemas"));
        Map<String, String> documents = Map.of(BASE, definitions.toString().replace(COMPONENTS, DEFINITIONS));
        this.factory = JsonSchemaFactory.getInstance(
                SpecVersion.VersionFlag.V202012,
                builder -> builder.schemaLoaders(loaders -> loaders.schemas(documents)));
    }

    /** The one in the repository. */
    public static synchronized ApiContract committed() {
        if (committed == null) {
            try {
                committed = new ApiContract(new YAMLMapper().readTree(Files.readString(FILE)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return committed;
    }

    private static void close(JsonNode schema) {
        if (schema.has("properties") && !schema.has("additionalProperties")) {
            ((ObjectNode) schema).put("unevaluatedProperties", false);
        }
        schema.path("properties").forEach(ApiContract::close);
        if (schema.has("items")) {
            close(schema.get("items"));
        }
    }

    /**
     * @param path without query
     * @param contentType null if there was none
     * @return what is wrong with it; empty if nothing
     */
    public List<String> faults(String method, String path, int status, String contentType, String body) {
        JsonNode operation = operation(method, path);
        if (operation == null) {
            if (method.equals("OPTIONS") || method.equals("HEAD")) {
                return List.of(); // answered by the framework, and without a body
            }
            return NO_OPERATION.contains(status)
                    ? bodyFaults(ERROR, body)
                    : List.of("there is no operation, and yet it was answered with " + status);
        }
        JsonNode response = resolved(operation.path("responses").path(Integer.toString(status)));
        if (response.isMissingNode()) {
            return List.of("status " + status + " is not documented");
        }
        JsonNode content = response.path("content");
        if (body.isEmpty()) { // no lines are a text too, but nothing is no JSON
            return content.has("application/json") ? List.of("the body is missing") : List.of();
        }
        String type = contentType == null ? "" : essence(contentType);
        JsonNode documented = content.properties().stream()
                .filter(each -> essence(each.getKey()).equals(type))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
        if (documented == null) {
            return List.of("content type " + type + " is not documented for " + status);
        }
        List<String> undocumented = undocumentedCode(documented, body);
        if (!undocumented.isEmpty()) {
            return undocumented;
        }
        JsonNode schema = documented.path("schema");
        return type.equals("application/json") && schema.has("$ref")
                ? bodyFaults(schema.get("$ref").asText(), body)
                : List.of();
    }

    /** Every error has an example at its operation. */
    private List<String> undocumentedCode(JsonNode content, String body) {
        if (!content.path("schema").path("$ref").asText().equals(ERROR)) {
            return List.of();
        }
        try {
            String code = json.readTree(body).path("code").asText();
            return content.path("examples").has(code)
                    ? List.of()
                    : List.of("code " + code + " is not documented for this operation: see openapi/errors.properties");
        } catch (JsonProcessingException e) {
            return List.of("the body is no JSON");
        }
    }

    /** Without parameters such as the character set. */
    private static String essence(String contentType) {
        return contentType.replaceAll(";.*", "").strip();
    }

    private List<String> bodyFaults(String reference, String body) {
        JsonNode read;
        try {
            read = json.readTree(body);
        } catch (JsonProcessingException e) {
            return List.of("the body is no JSON");
        }
        List<String> faults = new ArrayList<>();
        momentFaults("", read, faults);
        schemas.computeIfAbsent(
                        reference,
                        any -> factory.getSchema(
                                SchemaLocation.of(BASE + reference.replace(COMPONENTS, DEFINITIONS)),
                                SchemaValidatorsConfig.builder()
                                        .formatAssertionsEnabled(true)
                                        .build()))
                .validate(read)
                .forEach(message -> faults.add(reference + " " + message.getMessage()));
        return faults;
    }

    /** Moments are texts of one form everywhere, also in what no schema describes. */
    private static void momentFaults(String name, JsonNode value, List<String> faults) {
        if (value.isTextual() && MOMENT.matcher(value.asText()).find()) {
            if (!WRITTEN_MOMENT.matcher(value.asText()).matches()) {
                faults.add(name + " has not three digits of a second: " + value.asText());
            }
        } else if (value.isNumber() && name.matches(".*(At|Since|Until|From)|at|since|until|date")) {
            faults.add(name + " is a number, and moments are texts: " + value.asText());
        }
        value.properties().forEach(each -> momentFaults(each.getKey(), each.getValue(), faults));
        if (value.isArray()) {
            value.forEach(each -> momentFaults(name, each, faults));
        }
    }

    /** @return null if there is none */
    private JsonNode operation(String method, String path) {
        String[] sent = path.split("/", -1);
        JsonNode found = null;
        int mostLiterals = -1;
        for (var each : document.path("paths").properties()) {
            int literals = literals(each.getKey().split("/", -1), sent);
            JsonNode operation = each.getValue().path(method.toLowerCase(Locale.ROOT));
            if (literals > mostLiterals && !operation.isMissingNode()) {
                found = operation;
                mostLiterals = literals;
            }
        }
        return found;
    }

    /** @return how many segments are the same to the letter; -1 if it does not match */
    private static int literals(String[] template, String[] sent) {
        if (template.length != sent.length) {
            return -1;
        }
        int same = 0;
        for (int i = 0; i < template.length; i++) {
            if (template[i].equals(sent[i])) {
                same++;
            } else if (!template[i].startsWith("{") || sent[i].isEmpty()) {
                return -1;
            }
        }
        return same;
    }

    private JsonNode resolved(JsonNode response) {
        return response.has("$ref") ? document.at(response.get("$ref").asText().substring(1)) : response;
    }
}
