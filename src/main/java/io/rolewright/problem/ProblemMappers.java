package io.rolewright.problem;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.databind.DatabindException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreIsACopy;
import jakarta.validation.ConstraintViolationException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Turns everything that ends a request without a success into the one error shape. There are no other mappers. */
class ProblemMappers {

    static final String NOT_THIS_METHOD = "This path does not support this method.";

    private static final Logger log = Logger.getLogger(ProblemMappers.class);

    private final CurrentVertxRequest current;

    ProblemMappers(CurrentVertxRequest current) {
        this.current = current;
    }

    @ServerExceptionMapper
    RestResponse<ApiError> problem(Problem problem) {
        log.debugf("%d %s", problem.status(), problem.code());
        current.getCurrent().put(Problem.OF_REQUEST, problem);
        return error(problem.errorCode(), problem.getMessage(), problem.details(), problem.headers());
    }

    @ServerExceptionMapper
    RestResponse<ApiError> copy(StoreIsACopy copy) {
        return error(ErrorCode.STORE_IS_A_COPY, String.valueOf(copy.getMessage()), Map.of(), Map.of());
    }

    @ServerExceptionMapper
    RestResponse<ValidationError> validation(ValidationProblem problem) {
        return unprocessable(problem.issues());
    }

    @ServerExceptionMapper
    RestResponse<ValidationError> constraints(ConstraintViolationException violations) {
        return unprocessable(ConstraintIssues.of(violations));
    }

    /** JSON that is well formed and has the wrong type somewhere; what Jackson says of it may quote a secret. */
    @ServerExceptionMapper
    RestResponse<ValidationError> mismatch(MismatchedInputException mismatch) {
        List<Object> path = new ArrayList<>();
        for (JsonMappingException.Reference step : mismatch.getPath()) {
            path.add(step.getFieldName() != null ? step.getFieldName() : step.getIndex());
        }
        return unprocessable(
                List.of(new ValidationProblem.Issue("invalid_type", path, expected(mismatch.getTargetType()))));
    }

    @ServerExceptionMapper
    RestResponse<?> framework(WebApplicationException failure) {
        Throwable cause = failure.getCause();
        if (cause instanceof MismatchedInputException mismatch) {
            return mismatch(mismatch);
        }
        if (cause instanceof InputCoercionException tooLarge) { // a number beyond its type
            return unprocessable(List.of(
                    new ValidationProblem.Issue("invalid_type", List.of(), expected(tooLarge.getTargetType()))));
        }
        if (cause instanceof StreamReadException || cause instanceof DatabindException) {
            return malformed((JacksonException) cause);
        }
        Response answer = failure.getResponse();
        int status = answer.getStatus();
        if (status < 400) { // a redirect or the like: nothing to explain
            return RestResponse.ResponseBuilder.create(answer.getStatusInfo()).build();
        }
        if (status >= 500) {
            return fault(failure);
        }
        String allow = answer.getHeaderString("Allow");
        Map<String, String> headers = allow == null ? Map.of() : Map.of("Allow", allow);
        ErrorCode code = codeOf(status);
        return error(code, sentenceOf(code), Map.of(), headers);
    }

    /** Everything else: a fault of ours or of the store. The log gets the cause, the caller the request id. */
    @ServerExceptionMapper
    RestResponse<?> fault(Throwable failure) {
        if (StoreFault.isUnstorableText(failure)) {
            return unprocessable(
                    List.of(new ValidationProblem.Issue("custom", List.of(), "No text may contain a NUL character")));
        }
        if (StoreFault.isReferenceViolation(
                failure)) { // two requests met: one deletes what the other one begins to use
            return error(
                    ErrorCode.CHANGED_MEANWHILE,
                    "Another request deleted what this one refers to, or began to use what this one deletes, at the"
                            + " same time. Nothing was changed. Read the present state, then repeat the request.",
                    Map.of(),
                    Map.of());
        }
        StoreFault.Kind kind = StoreFault.kind(failure);
        if (kind != null) {
            StoreFault.warn(log, "Requests are answered with 503", failure);
            return switch (kind) {
                case AWAY ->
                    later(
                            ErrorCode.STORE_UNAVAILABLE,
                            2,
                            "The service's own database did not answer. Assume that nothing was changed unless a read"
                                    + " shows that it was, then try again.");
                case BUSY ->
                    later(
                            ErrorCode.STORE_BUSY,
                            1,
                            "No session to the service's own database became free in time. Assume that nothing was"
                                    + " changed unless a read shows that it was, then try again.");
                case SLOW ->
                    later(
                            ErrorCode.STORE_SLOW,
                            5,
                            "The service's own database took too long. Assume that nothing was changed unless a read"
                                    + " shows that it was, then try again.");
                case READ_ONLY ->
                    later(
                            ErrorCode.STORE_READ_ONLY,
                            5,
                            "The service's own database takes no writes at the moment, so this cannot be carried out or"
                                    + " recorded in the audit. Nothing was changed.");
                case FULL ->
                    later(
                            ErrorCode.STORE_FULL,
                            30,
                            "The service's own database has no room left, so this cannot be carried out or recorded in"
                                    + " the audit. Nothing was changed.");
            };
        }
        log.errorf(failure, "Request %s failed", requestId());
        return error(
                ErrorCode.INTERNAL_ERROR,
                "An unexpected error occurred. Quote the request id when asking for help.",
                Map.of(),
                Map.of());
    }

    private RestResponse<ApiError> later(ErrorCode code, int seconds, String message) {
        return error(code, message, Map.of(), Map.of("Retry-After", Integer.toString(seconds)));
    }

    private RestResponse<ApiError> error(
            ErrorCode code, String message, Map<String, Object> details, Map<String, String> headers) {
        RestResponse.ResponseBuilder<ApiError> response = RestResponse.ResponseBuilder.<ApiError>create(code.status())
                .type(MediaType.APPLICATION_JSON_TYPE)
                .entity(ApiError.of(requestId(), code, message, details));
        headers.forEach(response::header);
        return response.build();
    }

    private RestResponse<ApiError> malformed(JacksonException malformed) {
        String where = malformed.getLocation() == null
                ? ""
                : " (line " + malformed.getLocation().getLineNr() + ", column "
                        + malformed.getLocation().getColumnNr() + ")";
        return error(ErrorCode.MALFORMED_JSON, "The body is not well-formed JSON" + where + ".", Map.of(), Map.of());
    }

    private RestResponse<ValidationError> unprocessable(List<ValidationProblem.Issue> issues) {
        return RestResponse.ResponseBuilder.<ValidationError>create(ErrorCode.VALIDATION_FAILED.status())
                .type(MediaType.APPLICATION_JSON_TYPE)
                .entity(ValidationError.of(requestId(), issues))
                .build();
    }

    private String requestId() {
        return PlainAnswer.requestId(current.getCurrent());
    }

    private static String expected(Class<?> type) {
        if (type == null) {
            return "This value does not have the documented type";
        }
        if (type == String.class) {
            return "Expected a string";
        }
        if (type == Instant.class) {
            return "Must be a moment such as 2026-11-27T02:30:00Z";
        }
        if (type == Boolean.class || type == boolean.class) {
            return "Expected true or false";
        }
        if (Number.class.isAssignableFrom(type) || type.isPrimitive()) {
            return "Expected a whole number";
        }
        if (java.util.Collection.class.isAssignableFrom(type) || type.isArray()) {
            return "Expected an array";
        }
        return type.isEnum() ? "Not one of the documented values" : "Expected an object";
    }

    private static ErrorCode codeOf(int status) {
        return switch (status) {
            case 401 -> ErrorCode.TOKEN_MISSING;
            case 403 -> ErrorCode.FORBIDDEN;
            case 404 -> ErrorCode.NOT_FOUND;
            case 405 -> ErrorCode.METHOD_NOT_ALLOWED;
            case 406 -> ErrorCode.NOT_ACCEPTABLE;
            case 413 -> ErrorCode.BODY_TOO_LARGE;
            case 415 -> ErrorCode.UNSUPPORTED_MEDIA_TYPE;
            case 429 -> ErrorCode.RATE_LIMITED;
            default -> ErrorCode.BAD_REQUEST;
        };
    }

    private static String sentenceOf(ErrorCode code) {
        return switch (code) {
            case TOKEN_MISSING -> "An access token is required.";
            case FORBIDDEN -> "Your identity may not do this.";
            case NOT_FOUND -> "There is nothing at this path.";
            case METHOD_NOT_ALLOWED -> NOT_THIS_METHOD;
            case NOT_ACCEPTABLE -> "The answer is available as application/json only.";
            case BODY_TOO_LARGE -> "The body is too large.";
            case UNSUPPORTED_MEDIA_TYPE -> "The body must be application/json.";
            case RATE_LIMITED -> "Too many requests.";
            default -> "The request could not be understood.";
        };
    }
}
