package io.rolewright.request;

import io.rolewright.problem.ApiError;
import io.rolewright.problem.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.PathItem;
import org.eclipse.microprofile.openapi.models.examples.Example;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.parameters.Parameter;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;

/**
 * Which errors each operation may answer, with an example of each, in the OpenAPI document. What any operation of a kind may answer is
 * said here, the rest in {@code openapi/errors.properties}.
 */
final class OperationErrors {

    private static final String JSON = "application/json";

    private static final Set<ErrorCode> OF_ANY = EnumSet.of(
            ErrorCode.BAD_REQUEST,
            ErrorCode.INTERNAL_ERROR,
            ErrorCode.STORE_UNAVAILABLE,
            ErrorCode.STORE_BUSY,
            ErrorCode.STORE_SLOW,
            ErrorCode.STORE_READ_ONLY,
            ErrorCode.STORE_FULL,
            ErrorCode.NOT_READY,
            ErrorCode.NOT_IN_TIME);

    private static final Set<ErrorCode> WITH_A_TOKEN = EnumSet.of(
            ErrorCode.TOKEN_MISSING,
            ErrorCode.TOKEN_INVALID,
            ErrorCode.TOKEN_EXPIRED,
            ErrorCode.TOKEN_REVOKED,
            ErrorCode.TOKEN_ADDRESS_NOT_TRUSTED,
            ErrorCode.PERMISSION_DENIED);

    private static final Set<ErrorCode> WITH_A_BODY = EnumSet.of(
            ErrorCode.MALFORMED_JSON,
            ErrorCode.BODY_TOO_LARGE,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            ErrorCode.TOO_MANY_BODIES);

    private static final Set<ErrorCode> ON_A_SERVER =
            EnumSet.range(ErrorCode.ROLE_OF_THIS_SERVICE, ErrorCode.TIMED_OUT);

    private static final Set<ErrorCode> OF_SEALING =
            EnumSet.of(ErrorCode.DATA_KEY_NOT_LOADED, ErrorCode.DATA_KEY_EXHAUSTED);

    private static final String VALIDATION = "422";

    private static final String TOO_MANY =
            "Too many requests, or others are busy with the same server (target_busy). Nothing was begun; Retry-After says"
                    + " when it is this caller's turn. With target_busy, one place is kept for each caller of a server: the"
                    + " first request after that turn, at most 5 s and a fifth of the wait later, goes before all who have no"
                    + " such place.";

    private static final Map<String, String> MEANINGS = Map.ofEntries(
            Map.entry("400", "The request was understood and is not carried out; code says why."),
            Map.entry("401", "An access token or a valid login is required."),
            Map.entry("403", "The access token is not valid (any more), or the caller lacks the right."),
            Map.entry("404", "It does not exist, or the caller may not see it."),
            Map.entry("409", "What is asked for is not (yet) the case; code says what."),
            Map.entry("412", "It was changed since the caller read it; nothing was changed by this request."),
            Map.entry("413", "The body is too large."),
            Map.entry("415", "The body must be application/json."),
            Map.entry("429", TOO_MANY),
            Map.entry("500", "A fault in this service; quote reqId."),
            Map.entry("503", "The service is starting, or its own database does not do its work; code says why."),
            Map.entry("504", "A password was sent and the server's answer is missing."));

    /** What many operations answer alike. */
    private static final Map<String, List<ErrorCode>> SHARED = new TreeMap<>(Map.of(
            "BadRequest", List.of(ErrorCode.BAD_REQUEST),
            "TokenMissing", List.of(ErrorCode.TOKEN_MISSING),
            "Forbidden",
                    List.of(
                            ErrorCode.TOKEN_INVALID,
                            ErrorCode.TOKEN_EXPIRED,
                            ErrorCode.TOKEN_REVOKED,
                            ErrorCode.TOKEN_ADDRESS_NOT_TRUSTED,
                            ErrorCode.PERMISSION_DENIED),
            "PayloadTooLarge", List.of(ErrorCode.BODY_TOO_LARGE),
            "UnsupportedMediaType", List.of(ErrorCode.UNSUPPORTED_MEDIA_TYPE),
            "TooManyRequests", List.of(ErrorCode.RATE_LIMITED, ErrorCode.TARGET_BUSY),
            "InternalError", List.of(ErrorCode.INTERNAL_ERROR),
            "Unavailable",
                    List.of(
                            ErrorCode.NOT_READY,
                            ErrorCode.STORE_UNAVAILABLE,
                            ErrorCode.STORE_BUSY,
                            ErrorCode.STORE_SLOW,
                            ErrorCode.STORE_READ_ONLY,
                            ErrorCode.STORE_FULL,
                            ErrorCode.NOT_IN_TIME),
            "UnavailableWithBody",
                    List.of(
                            ErrorCode.TOO_MANY_BODIES,
                            ErrorCode.NOT_READY,
                            ErrorCode.STORE_UNAVAILABLE,
                            ErrorCode.STORE_BUSY,
                            ErrorCode.STORE_SLOW,
                            ErrorCode.STORE_READ_ONLY,
                            ErrorCode.STORE_FULL,
                            ErrorCode.NOT_IN_TIME)));

    private final Properties own = new Properties();

    OperationErrors() {
        try (InputStream file = OperationErrors.class.getResourceAsStream("/openapi/errors.properties")) {
            own.load(file);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** @throws IllegalStateException for an operation that says no errors, or a code that there is not: the build fails */
    void describe(OpenAPI document) {
        Map<String, Example> examples = new TreeMap<>();
        for (ErrorCode code : ErrorCode.values()) {
            if (code != ErrorCode.VALIDATION_FAILED) {
                examples.put(
                        code.code(),
                        OASFactory.createExample().summary(code.meaning()).value(ApiError.example(code)));
            }
        }
        document.getComponents().setExamples(examples);
        SHARED.forEach((name, codes) -> document.getComponents().addResponse(name, response(codes)));
        Schema error =
                Objects.requireNonNull(document.getComponents().getSchemas().get("ApiError"), "ApiDocument adds it");
        Objects.requireNonNull(error.getProperties().get("code"), "every error has a code")
                .addExtension("x-extensible-enum", List.copyOf(examples.keySet()));
        for (PathItem path : document.getPaths().getPathItems().values()) {
            path.getOperations().forEach((method, operation) -> describe(method, operation));
        }
    }

    private void describe(PathItem.HttpMethod method, Operation operation) {
        Map<String, List<ErrorCode>> byStatus = new TreeMap<>();
        codes(method, operation)
                .forEach(code -> byStatus.computeIfAbsent(Integer.toString(code.status()), any -> new ArrayList<>())
                        .add(code));
        byStatus.forEach((status, codes) -> {
            APIResponse stated = operation.getResponses().getAPIResponse(status);
            if (stated != null && stated.getContent() != null) { // the scanner adds an empty 400 to what has a body
                addExamples(stated, codes);
                return;
            }
            String shared = SHARED.entrySet().stream()
                    .filter(each -> each.getValue().equals(codes))
                    .map(Map.Entry::getKey)
                    .findFirst()
                    .orElse(null);
            operation
                    .getResponses()
                    .addAPIResponse(
                            status,
                            shared == null
                                    ? response(codes)
                                    : OASFactory.createAPIResponse().ref("#/components/responses/" + shared));
        });
        operation
                .getResponses()
                .addAPIResponse(VALIDATION, OASFactory.createAPIResponse().ref("#/components/responses/Unprocessable"));
    }

    private static APIResponse response(List<ErrorCode> codes) {
        String status = Integer.toString(codes.get(0).status());
        APIResponse response = ApiDocument.error(
                Objects.requireNonNull(MEANINGS.get(status), () -> "no meaning for status " + status), "ApiError");
        if (status.equals("429") || status.equals("503")) {
            ApiDocument.retry(response);
        }
        addExamples(response, codes);
        return response;
    }

    private static void addExamples(APIResponse response, List<ErrorCode> codes) {
        Map<String, Example> each = new LinkedHashMap<>();
        codes.forEach(
                code -> each.put(code.code(), OASFactory.createExample().ref("#/components/examples/" + code.code())));
        // OpenAPI 3.1 §4.8.14.1: the two exclude each other.
        response.getContent().getMediaType(JSON).example(null).setExamples(each);
    }

    private Set<ErrorCode> codes(PathItem.HttpMethod method, Operation operation) {
        Set<ErrorCode> codes = EnumSet.copyOf(OF_ANY);
        if (operation.getSecurity() == null || !operation.getSecurity().isEmpty()) {
            codes.addAll(WITH_A_TOKEN);
        }
        if (operation.getRequestBody() != null) {
            codes.addAll(WITH_A_BODY);
        }
        if (method != PathItem.HttpMethod.GET) {
            codes.add(ErrorCode.CHANGED_MEANWHILE);
        }
        for (Parameter parameter :
                operation.getParameters() == null ? List.<Parameter>of() : operation.getParameters()) {
            if (parameter.getIn() == Parameter.In.PATH) {
                codes.add(ErrorCode.NOT_FOUND);
            } else if ("Idempotency-Key".equals(parameter.getName())) {
                codes.add(ErrorCode.IDEMPOTENCY_KEY_IN_PROGRESS);
            }
        }
        String listed = own.getProperty(operation.getOperationId());
        if (listed == null) {
            throw new IllegalStateException(
                    "openapi/errors.properties does not say which errors " + operation.getOperationId() + " answers");
        }
        Arrays.stream(listed.split(" ")).filter(word -> !word.isEmpty()).forEach(word -> codes.addAll(named(word)));
        return codes;
    }

    private static Set<ErrorCode> named(String word) {
        return switch (word) {
            case "@server" -> ON_A_SERVER;
            case "@seal" -> OF_SEALING;
            default ->
                Set.of(ErrorCode.of(word)
                        .orElseThrow(() -> new IllegalStateException(
                                "openapi/errors.properties names a code that there is not: " + word)));
        };
    }
}
