package io.rolewright.request;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.ApiContract;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Mutants of what {@code docs/openapi.yaml} describes, for every operation: bodies, parameters, paths, some of them of things that are
 * there. Whatever comes in is answered in time, with a status that is documented for it, in the one error shape, and with nothing of the
 * secrets that were sent.
 *
 * <p>{@code .ci/steps/fuzz} runs it. The same seed gives the same requests. For longer: {@code ./mvnw test -Dtest=ApiFuzzTest
 * -DexcludedGroups= -Dfuzz.requests=200000 -Dfuzz.seed=7}
 */
@QuarkusTest
@Tag("suite-fuzz")
class ApiFuzzTest {

    private static final int REQUESTS = Integer.getInteger("fuzz.requests", 2000);
    private static final long SEED = Long.getLong("fuzz.seed", 20261123);
    private static final String SECRET = "s3cret-that-must-not-come-back";

    /** The one deadline is 9 s. */
    private static final Duration IN_TIME = Duration.ofSeconds(12);

    /** They would end the token that all this is sent with, or take as long as they are told to. */
    private static final Set<String> LEFT_OUT = Set.of("revokeAccessToken", "rotateSigningKeys", "runDueRotations");

    private static final Set<String> METHODS = Set.of("get", "post", "put", "patch", "delete");
    private static final Set<String> SECRETS = Set.of("clientSecret", "jwt", "accessToken", "sslClientKey");

    private static final List<String> TEXTS = List.of(
            "",
            " ",
            "\0",
            "a\0b",
            "\ud800",
            "\u202e\ufeff",
            "ß∂ƒ😀",
            "../../etc/passwd",
            "%00%2e%2e%2f",
            "'; DROP TABLE project; --",
            "${jndi:ldap://127.0.0.1/a}",
            "{{7*7}}",
            "<script>alert(1)</script>",
            "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----",
            "https://169.254.169.254/latest",
            "http://[::1]:1/",
            "0",
            "-1",
            "NaN",
            "1e400",
            "true",
            "null",
            "2026-13-45T99:99:99Z",
            "+999999999-12-31T23:59:59.999999999Z",
            "00000000-0000-0000-0000-000000000000",
            "x".repeat(65),
            "x".repeat(5000));

    private static final List<String> RAW = List.of(
            "",
            "null",
            "[]",
            "\"text\"",
            "{",
            "{}}",
            "{\"a\":1,\"a\":2}",
            "[".repeat(3000),
            "\ufeff{}",
            "{\"a\":1e999999999}",
            "NaN");

    record Operation(
            String id, String method, String path, List<JsonNode> parameters, JsonNode schema, JsonNode body) {}

    private final ObjectMapper json = new ObjectMapper();
    private final HttpClient client = HttpClient.newHttpClient();
    private final Random random = new Random(SEED);
    private final Map<Integer, Integer> statuses = new TreeMap<>();
    private final Set<String> succeeded = new TreeSet<>();

    /** What is there, by the name that paths and bodies have for it. */
    private final Map<String, String> known = new HashMap<>();

    private Rotating roles;
    private JsonNode document;

    @Test
    void everyMutantIsAnsweredAsTheDocumentSays() throws Exception {
        document = new YAMLMapper().readTree(Files.readString(ApiContract.FILE));
        roles = Rotating.on(TestPostgres.NEWEST);
        known.put("connectionId", roles.connection);
        known.put("rotationId", roles.created());
        known.put("projectId", Rotating.project());
        known.put("identityId", Identities.with("reader").id());
        List<Operation> operations = operations();
        assertThat(operations).hasSizeGreaterThan(60);

        Map<String, AssertionError> faults = new TreeMap<>(); // the first of each operation
        for (int i = 0; i < REQUESTS && faults.size() < 20; i++) {
            Operation operation = operations.get(i % operations.size());
            try {
                check(i, operation, operations);
            } catch (AssertionError fault) {
                faults.putIfAbsent(operation.id, fault);
            }
        }

        System.out.printf(
                "ApiFuzzTest: %d requests with seed %d, by status: %s; %d of %d operations were also carried out%n",
                REQUESTS, SEED, statuses, succeeded.size(), operations.size());
        assertThat(faults.values().stream().map(Throwable::getMessage)).isEmpty();
        assertThat(statuses.keySet()).as("it gets past the doors").contains(200, 400, 403, 404, 422);
        assertThat(succeeded).as("it gets to the end").hasSizeGreaterThan(operations.size() / 2);
    }

    private void check(int number, Operation operation, List<Operation> operations) throws Exception {
        String path = path(operation);
        String query = query(operation);
        String body = operation.body == null ? null : body(operation);
        String what = "request " + number + " of seed " + SEED + ": " + operation.method + " " + path + query
                + (body == null ? "" : " " + (body.length() > 600 ? body.substring(0, 600) + "…" : body));

        long begun = System.nanoTime();
        HttpResponse<String> answer = send(operation.method, path + query, body, what);

        assertThat(Duration.ofNanos(System.nanoTime() - begun)).as(what).isLessThan(IN_TIME);
        statuses.merge(answer.statusCode(), 1, Integer::sum);
        if (answer.statusCode() == 200) {
            succeeded.add(operation.id);
            learn(operation, answer.body(), operations);
        }
        assertThat(answer.statusCode()).as("%s%n%s", what, answer.body()).isNotEqualTo(500);
        assertThat(ApiContract.committed()
                        .faults(
                                operation.method,
                                path,
                                answer.statusCode(),
                                answer.headers().firstValue("Content-Type").orElse(null),
                                answer.body()))
                .as("%s%n%s", what, answer.body())
                .isEmpty();
        assertThat(answer.headers().map() + answer.body())
                .as(what)
                .doesNotContain(SECRET, roles.managing.password(), "jackson", "io.rolewright.", "Exception");
    }

    /** What was made is what the paths below its own are about from now on. */
    private void learn(Operation made, String answer, List<Operation> operations) throws IOException {
        JsonNode id = made.method.equals("POST") && answer.startsWith("{")
                ? json.readTree(answer).findValue("id")
                : null;
        if (id != null && id.isTextual()) {
            operations.stream()
                    .map(Operation::path)
                    .filter(path -> path.matches(Pattern.quote(made.path + "/{") + "\\w+}(/.*)?"))
                    .map(path -> path.substring(made.path.length() + 2).replaceFirst("}.*", ""))
                    .forEach(parameter -> known.putIfAbsent(parameter, id.asText()));
        }
    }

    private HttpResponse<String> send(String method, String uri, String body, String what) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + RestAssured.port + uri))
                .timeout(IN_TIME)
                .header("Authorization", chance(2) ? "Bearer " + any(List.of("x", "a.b.c")) : "Bearer " + Api.token());
        if (body != null) {
            request.header("Content-Type", chance(2) ? "text/plain" : "application/json");
        }
        if (chance(20)) {
            request.header("Idempotency-Key", chance(50) ? UUID.randomUUID().toString() : "x".repeat(300));
        }
        if (chance(10)) {
            request.header("If-None-Match", chance(50) ? "*" : "\"\", W/\"");
        }
        request.method(
                method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException unanswered) {
            throw new AssertionError(what + " was not answered", unanswered);
        }
    }

    // ---- Mutants
    // ------------------------------------------------------------------------------------------------------

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private <T> T any(List<T> all) {
        return all.get(random.nextInt(all.size()));
    }

    private String path(Operation operation) {
        StringBuilder path = new StringBuilder();
        for (String segment : operation.path.split("/", -1)) {
            path.append(path.length() == 0 && segment.isEmpty() ? "" : "/");
            path.append(
                    segment.startsWith("{")
                            ? segmentOf(segment.substring(1, segment.length() - 1), operation.method)
                            : segment);
        }
        return path.toString();
    }

    private String segmentOf(String parameter, String method) {
        if (known.containsKey(parameter) && !method.equals("DELETE") && chance(60)) {
            return known.get(parameter);
        }
        if (parameter.endsWith("Id") && chance(60)) {
            return new UUID(random.nextLong(), random.nextLong()).toString();
        }
        String text = any(TEXTS);
        // An empty segment or dots make another path of it.
        return text.isEmpty() || text.contains("..") ? "nothing" : encoded(text);
    }

    private String query(Operation operation) {
        List<String> pairs = new ArrayList<>();
        // Of many parameters a few at a time, or they would always contradict each other.
        int percent = Math.min(50, 200 / Math.max(1, operation.parameters.size()));
        for (JsonNode parameter : operation.parameters) {
            String name = parameter.path("name").asText();
            if (name.equals("timeout")) {
                pairs.add("timeout=1"); // a long poll may last as long as it is told to
            } else if (parameter.path("in").asText().equals("query") && chance(percent)) {
                pairs.add(encoded(name) + "=" + encoded(value(name, parameter.path("schema"))));
            }
        }
        return pairs.isEmpty() ? "" : "?" + String.join("&", pairs);
    }

    private String value(String name, JsonNode schema) {
        if (chance(40)) {
            return any(TEXTS);
        }
        JsonNode value = wellFormed(name, schema, 0);
        return value.isValueNode() ? value.asText() : value.toString();
    }

    /** A request line of more than 4096 bytes never gets to the service: Vert.x refuses it, with a 431 that has no body. */
    private static String encoded(String text) {
        String some = text.substring(0, Math.min(text.length(), 300));
        return URLEncoder.encode(some, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private String body(Operation operation) throws IOException {
        if (chance(5)) {
            return any(RAW);
        }
        JsonNode mutant = operation.body.deepCopy();
        for (int i = random.nextInt(4); i > 0; i--) {
            mutate(mutant, operation.schema);
        }
        if (mutant.has("name") && chance(70)) {
            ((ObjectNode) mutant).put("name", "fuzz-" + new UUID(2, random.nextLong())); // most names are unique
        }
        String text = json.writeValueAsString(mutant);
        return chance(3) ? text.substring(0, random.nextInt(text.length())) : text;
    }

    private void mutate(JsonNode node, JsonNode reference) {
        JsonNode schema = resolved(reference);
        if (node instanceof ObjectNode object) {
            List<String> names = new ArrayList<>();
            object.fieldNames().forEachRemaining(names::add);
            if (chance(40) || names.isEmpty()) { // something that the example does not have
                schema.path("properties").fieldNames().forEachRemaining(names::add);
            }
            String name = names.isEmpty() ? "extra" : any(names);
            JsonNode old = object.path(name);
            JsonNode described = schema.path("properties").path(name);
            if (old.isContainerNode() && chance(60)) {
                mutate(old, described);
                return;
            }
            switch (random.nextInt(5)) {
                case 0 -> object.remove(name);
                case 1 -> object.putObject(any(List.of("extra", "__proto__", "")));
                case 2, 3 -> object.set(name, wellFormed(name, described, 0));
                default -> object.set(name, something());
            }
        } else if (node instanceof ArrayNode array) {
            array.add(chance(50) ? something() : wellFormed("", schema.path("items"), 0));
        }
    }

    /** What the schema allows, or nearly so: numbers may be one beyond their bounds. */
    private JsonNode wellFormed(String name, JsonNode reference, int depth) {
        JsonNode schema = resolved(reference);
        var nodes = json.getNodeFactory();
        if (known.containsKey(name) && chance(70)) {
            return nodes.textNode(known.get(name));
        }
        if (SECRETS.contains(name)) {
            return nodes.textNode(SECRET);
        }
        if (schema.has("enum")) {
            return schema.path("enum").get(random.nextInt(schema.path("enum").size()));
        }
        JsonNode type = schema.path("type");
        switch (type.isArray() ? type.get(0).asText() : type.asText()) {
            case "integer" -> {
                int least = schema.path("minimum").asInt(0);
                int most = schema.path("maximum").asInt(least + 70);
                return nodes.numberNode((long) least - 1 + random.nextInt(Math.max(1, most - least + 3)));
            }
            case "boolean" -> {
                return nodes.booleanNode(random.nextBoolean());
            }
            case "array" -> {
                ArrayNode array = nodes.arrayNode();
                for (int i = random.nextInt(3); i > 0; i--) {
                    array.add(wellFormed("", schema.path("items"), depth + 1));
                }
                return array;
            }
            case "object" -> {
                ObjectNode object = nodes.objectNode();
                schema.path("properties").properties().stream()
                        .filter(property -> depth < 4 && chance(60))
                        .forEach(property -> object.set(
                                property.getKey(), wellFormed(property.getKey(), property.getValue(), depth + 1)));
                return object;
            }
            default -> {
                return nodes.textNode(text(schema.path("format").asText()));
            }
        }
    }

    private String text(String format) {
        return switch (format) {
            case "uuid" -> chance(50) ? any(List.copyOf(known.values())) : new UUID(1, random.nextLong()).toString();
            case "date-time" -> any(List.of("2031-02-03T04:05:06Z", "1999-12-31T23:59:59.5Z", "2031-02-30T00:00:00Z"));
            case "password" -> SECRET;
            default ->
                any(List.of(
                        "production",
                        "/",
                        "/a/b",
                        "default",
                        "30d",
                        "127.0.0.1",
                        roles.first.role(),
                        roles.second.role(),
                        any(TEXTS)));
        };
    }

    private JsonNode something() {
        return switch (random.nextInt(9)) {
            case 0 -> json.nullNode();
            case 1 -> json.getNodeFactory().booleanNode(random.nextBoolean());
            case 2 -> json.getNodeFactory().numberNode(random.nextInt());
            case 3 -> json.getNodeFactory().numberNode(any(List.of(-1, 0, 1, 65535, 65536)));
            case 4 -> json.getNodeFactory().numberNode(random.nextDouble() * 1e18);
            case 5 -> json.createArrayNode().add(any(TEXTS));
            case 6 -> json.createObjectNode().put(any(TEXTS), any(TEXTS));
            default -> json.getNodeFactory().textNode(any(TEXTS));
        };
    }

    // ---- What there is
    // ------------------------------------------------------------------------------------------------

    private List<Operation> operations() {
        List<Operation> operations = new ArrayList<>();
        for (var path : document.path("paths").properties()) {
            for (var method : path.getValue().properties()) {
                JsonNode described = method.getValue();
                if (METHODS.contains(method.getKey())
                        && !LEFT_OUT.contains(described.path("operationId").asText())) {
                    List<JsonNode> parameters = new ArrayList<>();
                    described.path("parameters").forEach(parameters::add);
                    JsonNode content = described.at("/requestBody/content/application~1json");
                    operations.add(new Operation(
                            described.path("operationId").asText(),
                            method.getKey().toUpperCase(Locale.ROOT),
                            path.getKey(),
                            parameters,
                            content.path("schema"),
                            content.isMissingNode()
                                    ? null
                                    : meant(content.path("example").deepCopy())));
                }
            }
        }
        return operations;
    }

    /** The example as it may be carried out here: about what is there, on servers of this machine. */
    private JsonNode meant(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(field -> {
                JsonNode value = field.getValue();
                if (known.containsKey(field.getKey())) {
                    field.setValue(json.getNodeFactory().textNode(known.get(field.getKey())));
                } else if (SECRETS.contains(field.getKey())) {
                    field.setValue(json.getNodeFactory().textNode(SECRET));
                } else if (value.asText().contains("example.com")) {
                    field.setValue(json.getNodeFactory()
                            .textNode(value.asText().replaceAll("[a-z.]*example\\.com", "127.0.0.1:1")));
                } else {
                    meant(value);
                }
            });
            if (object.has("host")) {
                object.put("host", "127.0.0.1").put("port", roles.target.port()).put("database", "postgres");
                object.put("username", roles.managing.role()).put("password", roles.managing.password());
                object.put("sslEnabled", false);
                object.remove(List.of("sslMode", "sslRejectUnauthorized"));
            }
        } else {
            node.forEach(this::meant);
        }
        return node;
    }

    private JsonNode resolved(JsonNode schema) {
        JsonNode one = schema;
        if (one.has("anyOf")) {
            one = one.path("anyOf").get(0);
        }
        return one.has("$ref") ? document.at(one.path("$ref").asText().substring(1)) : one;
    }
}
