package io.rolewright.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres.Login;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Every field of every request body is replaced by everything that does not belong there, one at a time: whatever comes is
 * answered with a documented status in one of the two error shapes, and never with the secret that was sent.
 */
@QuarkusTest
class MutatedRequestsTest {

    private static final String BASE = "/api/v1/app-connections/postgres";
    private static final String SECRET = "s3cret-that-must-not-come-back";
    private static final Set<Integer> DOCUMENTED = Set.of(200, 400, 413, 422);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    /** A port of this machine at which nobody listens: refused at once, so that thousands of mutants take seconds. */
    private static final int NOBODY = 1;

    private static final List<String> REPLACEMENTS = List.of(
            "null",
            "true",
            "0",
            "-1",
            "1e400",
            "99999999999999999999999999",
            "1.5",
            "\"\"",
            "\" \"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"\u202e\ufeff\"",
            "\"" + "x".repeat(5000) + "\"",
            "\"%00';DROP TABLE app_connection;--\"",
            "\"${jndi:ldap://127.0.0.1/a}\"",
            "\"-----BEGIN CERTIFICATE-----\\nMA==\\n-----END CERTIFICATE-----\"",
            "[]",
            "[[[[[[]]]]]]",
            "{}",
            "{\"a\":{\"b\":{}}}");

    @Test
    void everyMutantOfANewConnectionIsAnswered() throws JsonProcessingException {
        attack("POST", BASE, newConnection());
    }

    @Test
    void everyMutantOfATestIsAnswered() throws JsonProcessingException {
        ObjectNode body = JSON.createObjectNode();
        body.set("credentials", credentials());
        body.putArray("roles").add("a").add("b");
        attack("POST", BASE + "/test", body);
    }

    @Test
    void everyMutantOfAChangeIsAnswered() throws JsonProcessingException {
        Login login = ConnectionWireTest.target().role("LOGIN");
        String id = ConnectionWireTest.created(ConnectionWireTest.newConnection(
                ConnectionWireTest.name("mutated"), ConnectionWireTest.credentials(login)));
        attack("PATCH", BASE + "/" + id, newConnection());
    }

    /** PostgreSQL has no place for it, and so it must not get there. */
    @Test
    void aNulInAPathIsRefused() {
        Api.as()
                .urlEncodingEnabled(false)
                .get(BASE + "/connection-name/%00")
                .then()
                .statusCode(422)
                .body("code", equalTo("validation_failed"));
    }

    private static void attack(String method, String path, ObjectNode body) throws JsonProcessingException {
        List<String> pointers = new ArrayList<>();
        collect(body, "", pointers);
        assertThat(pointers).hasSizeGreaterThan(8);
        for (String pointer : pointers) {
            for (String replacement : REPLACEMENTS) {
                // As text, because some of it is not a value that a JSON library would write.
                String mutant = replaced(body, pointer).replace("\"@replacement@\"", replacement);
                check(method, path, mutant, pointer + " = " + abbreviated(replacement));
            }
            check(method, path, JSON.writeValueAsString(without(body, pointer)), "without " + pointer);
        }
        for (String whole : List.of("", "null", "[]", "\"text\"", "{", "{}}", "[".repeat(3000), "{\"a\":1,\"a\":2}")) {
            check(method, path, whole, "body " + abbreviated(whole));
        }
    }

    private static void check(String method, String path, String body, String what) throws JsonProcessingException {
        HttpResponse<String> answer = send(method, path, body);
        String text = answer.body();

        assertThat(DOCUMENTED).as("%s %s: %s", method, what, text).contains(answer.statusCode());
        assertThat(answer.headers().firstValue("content-type"))
                .as("%s %s", method, what)
                .get()
                .asString()
                .startsWith("application/json");
        assertThat(text).as("%s %s", method, what).doesNotContain(SECRET).doesNotContain("jackson");
        if (answer.statusCode() != 200) {
            JsonNode error = JSON.readTree(text);
            assertThat(error.path("reqId").asText()).as("%s %s", method, what).startsWith("req-");
            assertThat(error.path("code").isTextual())
                    .as("%s %s: %s", method, what, text)
                    .isTrue();
            assertThat(error.path("message").isArray())
                    .as("%s %s: %s", method, what, text)
                    .isEqualTo(answer.statusCode() == 422);
        }
    }

    private static HttpResponse<String> send(String method, String path, String body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + RestAssured.port + path))
                .header("Authorization", "Bearer " + Api.token())
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .timeout(Duration.ofSeconds(12))
                .build();
        try {
            return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(method + " " + path + " was not answered", e);
        }
    }

    private static ObjectNode newConnection() {
        ObjectNode body = JSON.createObjectNode();
        body.put("name", "mutant");
        body.put("method", "username-and-password");
        body.put("description", "text");
        body.putNull("projectId");
        body.put("isPlatformManagedCredentials", false);
        body.putNull("gatewayId");
        body.put("isAutoRotationEnabled", false);
        body.putNull("rotation");
        body.set("credentials", credentials());
        return body;
    }

    private static ObjectNode credentials() {
        ObjectNode credentials = JSON.createObjectNode();
        credentials.put("host", "127.0.0.1");
        credentials.put("port", NOBODY);
        credentials.put("database", "postgres");
        credentials.put("username", "nobody");
        credentials.put("password", SECRET);
        credentials.put("sslEnabled", false);
        credentials.put("sslRejectUnauthorized", true);
        credentials.put("sslCertificate", "");
        credentials.put("sslMode", "disable");
        credentials.put("sslClientCertificate", "");
        credentials.put("sslClientKey", "");
        return credentials;
    }

    private static void collect(JsonNode node, String pointer, List<String> pointers) {
        node.properties().forEach(field -> {
            String child = pointer + "/" + field.getKey();
            pointers.add(child);
            collect(field.getValue(), child, pointers);
        });
        for (int i = 0; node instanceof ArrayNode && i < node.size(); i++) {
            pointers.add(pointer + "/" + i);
        }
    }

    private static String replaced(ObjectNode body, String pointer) throws JsonProcessingException {
        ObjectNode copy = body.deepCopy();
        JsonNode parent = copy.at(pointer.substring(0, pointer.lastIndexOf('/')));
        String name = pointer.substring(pointer.lastIndexOf('/') + 1);
        if (parent instanceof ObjectNode object) {
            object.put(name, "@replacement@");
        } else {
            ((ArrayNode) parent)
                    .set(Integer.parseInt(name), JSON.getNodeFactory().textNode("@replacement@"));
        }
        return JSON.writeValueAsString(copy);
    }

    private static ObjectNode without(ObjectNode body, String pointer) {
        ObjectNode copy = body.deepCopy();
        JsonNode parent = copy.at(pointer.substring(0, pointer.lastIndexOf('/')));
        if (parent instanceof ObjectNode object) {
            object.remove(pointer.substring(pointer.lastIndexOf('/') + 1));
        }
        return copy;
    }

    private static String abbreviated(String text) {
        return text.length() > 40 ? text.substring(0, 40) + "…" : text;
    }
}
