package io.rolewright.request;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import io.rolewright.problem.ApiError;
import io.rolewright.problem.ValidationError;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.annotations.Components;
import org.eclipse.microprofile.openapi.annotations.OpenAPIDefinition;
import org.eclipse.microprofile.openapi.annotations.enums.SecuritySchemeType;
import org.eclipse.microprofile.openapi.annotations.info.Info;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirement;
import org.eclipse.microprofile.openapi.annotations.security.SecurityScheme;
import org.eclipse.microprofile.openapi.annotations.servers.Server;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.PathItem;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;

/**
 * What the OpenAPI document says of every operation alike, put in at build time: the errors that any of them may answer,
 * and the bearer token that all but the public ones need.
 */
@OpenAPIDefinition(
        info =
                @Info(
                        title = "Rolewright",
                        version = "0.1.0",
                        description = "Keeps PostgreSQL connections: tests them against the real server, stores them"
                                + " encrypted, and gives PostgreSQL roles new passwords without locking anyone out."),
        servers = @Server(url = "/", description = "This service"),
        security = @SecurityRequirement(name = "bearer"),
        components =
                @Components(
                        schemas = {
                            @Schema(name = "ApiError", implementation = ApiError.class),
                            @Schema(name = "ValidationError", implementation = ValidationError.class)
                        }))
@SecurityScheme(
        securitySchemeName = "bearer",
        type = SecuritySchemeType.HTTP,
        scheme = "bearer",
        bearerFormat = "JWT",
        description = "The accessToken of a login.")
@OpenApiFilter(stages = OpenApiFilter.RunStage.BUILD)
public class ApiDocument implements OASFilter {

    private static final String JSON = "application/json";

    @Override
    public void filterOpenAPI(OpenAPI document) {
        document.getComponents().setResponses(responses());
        Map<String, Object> examples = examples();
        for (PathItem path : document.getPaths().getPathItems().values()) {
            for (Operation operation : path.getOperations().values()) {
                addErrors(operation);
                if (operation.getRequestBody() != null) {
                    addExample(operation.getRequestBody().getContent(), examples);
                }
                operation
                        .getResponses()
                        .getAPIResponses()
                        .values()
                        .forEach(answer -> addExample(answer.getContent(), examples));
            }
        }
        document.getComponents().getResponses().values().forEach(answer -> addExample(answer.getContent(), examples));
    }

    /** One example for each named schema of a request or a response. */
    private static void addExample(Content content, Map<String, Object> examples) {
        MediaType json = content == null ? null : content.getMediaType(JSON);
        if (json == null
                || json.getSchema() == null
                || json.getSchema().getRef() == null
                || json.getExample() != null) {
            return;
        }
        String schema =
                json.getSchema().getRef().substring(json.getSchema().getRef().lastIndexOf('/') + 1);
        if (examples.containsKey(schema)) {
            json.setExample(examples.get(schema));
        }
    }

    private static Map<String, Object> examples() {
        try (InputStream file = ApiDocument.class.getResourceAsStream("/openapi/examples.json")) {
            return new ObjectMapper().readValue(file, new TypeReference<LinkedHashMap<String, Object>>() {});
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static Map<String, APIResponse> responses() {
        Map<String, APIResponse> responses = new LinkedHashMap<>();
        responses.put("BadRequest", error("Understood and not done; code says why.", "ApiError"));
        responses.put("TokenMissing", error("A bearer token is needed.", "ApiError"));
        responses.put("Forbidden", error("The token does not count (any more), or the right is lacking.", "ApiError"));
        responses.put("NotFound", error("Not there, or not yours to see.", "ApiError"));
        responses.put("PayloadTooLarge", error("The body is too large.", "ApiError"));
        responses.put("UnsupportedMediaType", error("The body must be application/json.", "ApiError"));
        responses.put("Unprocessable", error("A field does not have the documented form.", "ValidationError"));
        responses.put(
                "TooManyRequests", retry(error("Too many requests; Retry-After says when to come back.", "ApiError")));
        responses.put("InternalError", error("A fault here; quote reqId.", "ApiError"));
        responses.put(
                "Unavailable", retry(error("Starting, or the service's own database does not answer.", "ApiError")));
        return responses;
    }

    private static void addErrors(Operation operation) {
        boolean isPublic =
                operation.getSecurity() != null && operation.getSecurity().isEmpty();
        boolean hasBody = operation.getRequestBody() != null;
        Map<String, String> errors = new LinkedHashMap<>();
        errors.put("400", "BadRequest");
        if (!isPublic) {
            errors.put("401", "TokenMissing");
            errors.put("403", "Forbidden");
        }
        errors.put("404", "NotFound");
        if (hasBody) {
            errors.put("413", "PayloadTooLarge");
            errors.put("415", "UnsupportedMediaType");
        }
        errors.put("422", "Unprocessable");
        errors.put("429", "TooManyRequests");
        errors.put("500", "InternalError");
        errors.put("503", "Unavailable");
        errors.forEach((status, name) -> {
            APIResponse stated = operation.getResponses().getAPIResponse(status);
            if (stated == null || stated.getContent() == null) { // the scanner adds an empty 400 to what has a body
                operation
                        .getResponses()
                        .addAPIResponse(status, OASFactory.createAPIResponse().ref("#/components/responses/" + name));
            }
        });
    }

    private static APIResponse error(String description, String schema) {
        return OASFactory.createAPIResponse()
                .description(description)
                .content(OASFactory.createContent()
                        .addMediaType(
                                JSON,
                                OASFactory.createMediaType()
                                        .schema(OASFactory.createSchema().ref("#/components/schemas/" + schema))))
                .headers(Map.of(
                        "X-Request-Id",
                        OASFactory.createHeader()
                                .description("The request's id, reqId in the body.")
                                .schema(OASFactory.createSchema()
                                        .type(List.of(
                                                org.eclipse.microprofile.openapi.models.media.Schema.SchemaType
                                                        .STRING)))));
    }

    private static APIResponse retry(APIResponse response) {
        Map<String, org.eclipse.microprofile.openapi.models.headers.Header> headers =
                new LinkedHashMap<>(response.getHeaders());
        headers.put(
                "Retry-After",
                OASFactory.createHeader()
                        .description("Seconds to wait.")
                        .schema(OASFactory.createSchema()
                                .type(List.of(
                                        org.eclipse.microprofile.openapi.models.media.Schema.SchemaType.INTEGER))));
        response.setHeaders(headers);
        return response;
    }
}
