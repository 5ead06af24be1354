package io.rolewright.request;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.PathItem;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;
import org.eclipse.microprofile.openapi.models.security.SecurityScheme;

/**
 * What the OpenAPI document says of every operation alike, put in at build time: the errors ({@link OperationErrors})
 * and the bearer token that all but the public ones need. (Quarkus does not look for {@code @OpenAPIDefinition} where there is no {@code
 * Application} class.)
 */
@OpenApiFilter(stages = OpenApiFilter.RunStage.BUILD)
public class ApiDocument implements OASFilter {

    private static final String JSON = "application/json";
    private static final String BEARER = "bearer";

    /** What the scanner makes of {@code @NotBlank}: it does mean any part. */
    private static final String NOT_BLANK = "\\S";

    private static final Map<String, String> TAGS = new TreeMap<>(Map.ofEntries(
            Map.entry("Access", "Logins, access tokens and the keys that sign them."),
            Map.entry("Audit", "The audit log."),
            Map.entry("Discarded passwords", "What may still open a role that is not managed any more."),
            Map.entry("Due work", "Runs due work from outside, for a service that scales to zero."),
            Map.entry("Identities", "Machine identities and how they log in."),
            Map.entry("Keys", "The keys that seal the store."),
            Map.entry("PostgreSQL connections", "Connections to PostgreSQL servers."),
            Map.entry("PostgreSQL credentials rotations", "Rotations of PostgreSQL role passwords."),
            Map.entry("Projects", "Projects, which hold the connections and rotations of one team."),
            Map.entry("Secrets", "Rotated credentials in the form in which Infisical's clients read secrets."),
            Map.entry("Status", "Whether the service is up."),
            Map.entry("Troubles", "What is wrong now."),
            Map.entry("Webhooks", "Notifications to receivers outside.")));

    /** What only some pages of a list have, a next one or a count, and what only a managed connection has. */
    private static final Set<String> SOMETIMES = Set.of("nextCursor", "totalCount", "rotation");

    /** What is answered whole: every field is there, if null. Of what leaves fields out, the schema itself says which are always there. */
    private static final Set<String> WHOLE = Set.of(
            "AppConnectionLastTest",
            "AppConnectionOption",
            "AppConnectionReference",
            "AppConnectionRotation",
            "AppConnectionUse",
            "AvailableAppConnectionServer",
            "EnvironmentReference",
            "FolderReference",
            "GeneratedCredential",
            "PostgresAppConnection",
            "PostgresCredentialsRotation",
            "ProjectReference",
            "ReleasedPostgresCredentials",
            "RotationAttempt",
            "RotationSummaryDay",
            "RotationVersion",
            "Secret",
            "SecretRotationOption",
            "SecretRotationTemplate");

    /** Java's types that JSON has as text, each by the name of its schema. */
    private static final Map<String, String> TEXT_FORMATS = Map.of("UUID", "uuid", "Instant", "date-time");

    /**
     * Generators make a class of a schema with a name; what is text in a format has to stand where it is used. Patterns are Java's and
     * mean the whole value; JSON Schema has ECMA-262's, which mean any part of it.
     */
    @Override
    public Schema filterSchema(Schema schema) {
        TEXT_FORMATS.forEach((name, format) -> {
            if (schema.getRef() != null && schema.getRef().endsWith("/schemas/" + name)) {
                schema.setRef(null);
                schema.setType(List.of(SchemaType.STRING));
                schema.setFormat(format);
            }
        });
        if (schema.getAnyOf() != null) { // one of a kind or null; what it is one of has been here already
            schema.setType(null); // the scanner says beside it that it is an object, which null is not
            schema.getAnyOf().stream()
                    .filter(one -> one.getRef() == null && one.getFormat() != null)
                    .findFirst()
                    .ifPresent(text -> {
                        schema.setAnyOf(null);
                        schema.setType(List.of(SchemaType.STRING, SchemaType.NULL));
                        schema.setFormat(text.getFormat());
                    });
        }
        if (schema.getType() == null && schema.getFormat() != null && TEXT_FORMATS.containsValue(schema.getFormat())) {
            schema.setType(List.of(SchemaType.STRING)); // parameters whose annotation says their format only
        }
        List<Object> values = schema.getEnumeration();
        if (values != null
                && schema.getType() != null
                && schema.getType().contains(SchemaType.NULL)
                && !values.contains(null)) {
            List<Object> withNull = new ArrayList<>(values);
            withNull.add(null); // an enumeration is all that may stand there
            schema.setEnumeration(withNull);
        }
        String pattern = schema.getPattern();
        if (pattern != null && !pattern.startsWith("^") && !pattern.equals(NOT_BLANK)) {
            schema.setPattern("^(?:" + pattern.replace(PlainText.NOT, PlainText.NOT_IN_DOCUMENT) + ")$");
        }
        return schema;
    }

    @Override
    public void filterOpenAPI(OpenAPI document) {
        TEXT_FORMATS.keySet().forEach(document.getComponents()::removeSchema);
        document.getComponents().getSchemas().forEach(ApiDocument::requireContent);
        document.getComponents()
                .addResponse("Unprocessable", error("A field does not have the documented form.", "ValidationError"));
        new OperationErrors().describe(document);
        describeEtags(document);
        document.getComponents()
                .setSecuritySchemes(Map.of(
                        BEARER,
                        OASFactory.createSecurityScheme()
                                .type(SecurityScheme.Type.HTTP)
                                .scheme("bearer")
                                .bearerFormat("JWT")
                                .description("The accessToken of a login.")));
        document.setSecurity(List.of(OASFactory.createSecurityRequirement().addScheme(BEARER)));
        document.setServers(List.of(OASFactory.createServer().url("/").description("This service")));
        document.setTags(TAGS.entrySet().stream()
                .map(tag -> OASFactory.createTag().name(tag.getKey()).description(tag.getValue()))
                .toList());
        new ApiLinks(document).add();
        Map<String, Object> examples = examples();
        for (PathItem path : document.getPaths().getPathItems().values()) {
            for (Operation operation : path.getOperations().values()) {
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

    /** What takes If-Match answers with the ETag that the next change names, and so does what it is read by. */
    private static void describeEtags(OpenAPI document) {
        List<Operation> all = document.getPaths().getPathItems().values().stream()
                .flatMap(path -> path.getOperations().values().stream())
                .toList();
        Set<String> edited = all.stream()
                .filter(ApiDocument::takesIfMatch)
                .map(operation -> operation.getOperationId().replaceFirst("^(update|set)", ""))
                .collect(Collectors.toSet());
        for (Operation operation : all) {
            boolean reads = operation.getOperationId().startsWith("get")
                    && edited.contains(operation.getOperationId().substring("get".length()));
            APIResponse answer = operation.getResponses().getAPIResponse("200");
            if ((reads || takesIfMatch(operation)) && answer.getHeaders() == null) {
                answer.addHeader(
                        "ETag",
                        OASFactory.createHeader()
                                .description("Of its settings. For If-Match.")
                                .schema(OASFactory.createSchema().type(List.of(SchemaType.STRING))));
            }
        }
    }

    private static boolean takesIfMatch(Operation operation) {
        return operation.getParameters() != null
                && operation.getParameters().stream().anyMatch(parameter -> "If-Match".equals(parameter.getName()));
    }

    /** Generators have to be told that what is always there is, or whoever uses their classes asks for null at every step. */
    private static void requireContent(String name, Schema schema) {
        boolean isEnvelope = name.endsWith("Response") && schema.getRequired() == null;
        if (schema.getProperties() != null && (isEnvelope || WHOLE.contains(name))) {
            schema.setRequired(schema.getProperties().keySet().stream()
                    .filter(property -> !SOMETIMES.contains(property))
                    .toList());
        }
    }

    /** One example for each named schema of a request or a response. */
    private static void addExample(Content content, Map<String, Object> examples) {
        MediaType json = content == null ? null : content.getMediaType(JSON);
        if (json == null
                || json.getSchema() == null
                || json.getSchema().getRef() == null
                || json.getExample() != null
                || json.getExamples() != null) {
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

    static APIResponse error(String description, String schema) {
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
                                .schema(OASFactory.createSchema().type(List.of(SchemaType.STRING)))));
    }

    static APIResponse retry(APIResponse response) {
        Map<String, org.eclipse.microprofile.openapi.models.headers.Header> headers =
                new LinkedHashMap<>(response.getHeaders());
        headers.put(
                "Retry-After",
                OASFactory.createHeader()
                        .description("Seconds to wait.")
                        .schema(OASFactory.createSchema().type(List.of(SchemaType.INTEGER))));
        response.setHeaders(headers);
        return response;
    }
}
