package io.rolewright.delivery;

import static io.restassured.RestAssured.given;

import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import io.vertx.core.json.Json;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Sends the requests of a client that cannot be run here, as they stand in {@code src/test/resources/clients} with the commit of the
 * client that they were transcribed from. What differs from call to call is in variables.
 */
public final class Fixture {

    /** What Terraform's provider keeps in its state and compares at a refresh. */
    public static final List<String> TERRAFORM_KEEPS_OF_CONNECTION =
            List.of("id", "name", "description", "method", "credentialsHash", "projectId");

    public static final List<String> TERRAFORM_KEEPS_OF_ROTATION = List.of(
            "id",
            "name",
            "description",
            "isAutoRotationEnabled",
            "connection.id",
            "environment.slug",
            "folder.path",
            "rotationInterval",
            "rotateAtUtc.hours",
            "rotateAtUtc.minutes",
            "parameters.username1",
            "parameters.username2",
            "secretsMapping.username",
            "secretsMapping.password");

    private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)}");
    private static final Pattern JSON = Pattern.compile("\\$\\{(\\w+):json}");
    private static final Pattern NUMBER = Pattern.compile("\\$\\{(\\w+):number}");

    private final JsonObject client;
    private final Map<String, String> variables = new HashMap<>();
    private @Nullable String service;

    private Fixture(JsonObject client) {
        this.client = client;
    }

    public static Fixture of(String client) {
        try (InputStream file = Fixture.class.getResourceAsStream("/clients/" + client + ".json")) {
            return new Fixture(new JsonObject(new String(file.readAllBytes(), StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param value what {@code ${variable}} stands for, {@code ${variable:number}}, or {@code ${variable:json}} of any type */
    public Fixture with(String variable, Object value) {
        variables.put(variable, value.toString());
        return this;
    }

    /** @param service where it is, when it is not the one that RestAssured calls anyway */
    public Fixture at(String service) {
        this.service = service;
        return this;
    }

    /** Logs in as the client does, and has the token from then on. */
    public Response login() {
        Response answer = call("login");
        with("token", answer.<String>path("accessToken"));
        return answer;
    }

    public Response call(String name) {
        JsonObject call = client.getJsonObject("calls").getJsonObject(name);
        RequestSpecification request =
                given().urlEncodingEnabled(false).redirects().follow(false);
        if (service != null) {
            request.baseUri(service);
        }
        headers(client, request);
        headers(call, request);
        if (variables.containsKey("token") && !name.equals("login")) {
            request.header("Authorization", "Bearer " + variables.get("token"));
        }
        if (call.containsKey("body")) {
            request.body(Json.encode(filled(call.getValue("body"))));
        }
        return request.request(call.getString("method"), (String) filled(call.getString("path")));
    }

    private void headers(JsonObject from, RequestSpecification request) {
        from.getJsonObject("headers", new JsonObject()).forEach(header -> {
            String value = (String) filled(header.getValue());
            if (!value.isEmpty()) {
                request.header(header.getKey(), value);
            }
        });
    }

    private Object filled(Object template) {
        if (template instanceof JsonObject object) {
            JsonObject filled = new JsonObject();
            object.forEach(entry -> filled.put(entry.getKey(), filled(entry.getValue())));
            return filled;
        }
        if (template instanceof JsonArray array) {
            JsonArray filled = new JsonArray();
            array.forEach(each -> filled.add(filled(each)));
            return filled;
        }
        if (!(template instanceof String text)) {
            return template;
        }
        Matcher json = JSON.matcher(text);
        if (json.matches()) {
            return Json.decodeValue(value(json.group(1)));
        }
        Matcher number = NUMBER.matcher(text);
        if (number.matches()) {
            return Integer.valueOf(value(number.group(1)));
        }
        return VARIABLE.matcher(text).replaceAll(match -> Matcher.quoteReplacement(value(match.group(1))));
    }

    private String value(String variable) {
        if (!variables.containsKey(variable)) {
            throw new IllegalStateException("the fixture needs " + variable);
        }
        return variables.get(variable);
    }
}
