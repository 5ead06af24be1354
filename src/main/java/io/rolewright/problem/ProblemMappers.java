package io.rolewright.problem;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.databind.DatabindException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.store.StoreFault;
import jakarta.validation.ConstraintViolationException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Turns everything that ends a request without a success into the one error shape. There are no other mappers. */
class ProblemMappers {

    private static final Logger log = Logger.getLogger(ProblemMappers.class);

    private final CurrentVertxRequest current;

    ProblemMappers(CurrentVertxRequest current) {
        this.current = current;
    }

    @ServerExceptionMapper
    RestResponse<ApiError> problem(Problem problem) {
        log.debugf("%d %s", problem.status(), problem.code());
        return error(problem.status(), problem.code(), problem.getMessage(), problem.details(), problem.headers());
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
        return error(status, codeOf(status), sentenceOf(status), Map.of(), headers);
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
                    400,
                    "changed_meanwhile",
                    "Another request has deleted what this one refers to, or begun to use what this one deletes, at the same"
                            + " time. Nothing was changed. Look what is there, then repeat the request.",
                    Map.of(),
                    Map.of());
        }
        if (StoreFault.isOutage(failure)) {
            log.warn(StoreFault.describe(failure));
            return error(
                    503,
                    "store_unavailable",
                    "The service's own database did not answer. Nothing was changed by this request unless a later read"
                            + " shows it; try again.",
                    Map.of(),
                    Map.of("Retry-After", "2"));
        }
        log.errorf(failure, "request %s failed", requestId());
        return error(
                500,
                "internal_error",
                "Something went wrong here. Quote the request id when asking for help.",
                Map.of(),
                Map.of());
    }

    private RestResponse<ApiError> error(
            int status, String code, String message, Map<String, Object> details, Map<String, String> headers) {
        RestResponse.ResponseBuilder<ApiError> response = RestResponse.ResponseBuilder.<ApiError>create(status)
                .type(MediaType.APPLICATION_JSON_TYPE)
                .entity(ApiError.of(requestId(), status, code, message, details));
        headers.forEach(response::header);
        return response.build();
    }

    private RestResponse<ApiError> malformed(JacksonException malformed) {
        String where = malformed.getLocation() == null
                ? ""
                : " (line " + malformed.getLocation().getLineNr() + ", column "
                        + malformed.getLocation().getColumnNr() + ")";
        return error(400, "malformed_json", "The body is not well-formed JSON" + where + ".", Map.of(), Map.of());
    }

    private RestResponse<ValidationError> unprocessable(List<ValidationProblem.Issue> issues) {
        return RestResponse.ResponseBuilder.<ValidationError>create(422)
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

    private static String codeOf(int status) {
        return switch (status) {
            case 401 -> "token_missing";
            case 403 -> "forbidden";
            case 404 -> "not_found";
            case 405 -> "method_not_allowed";
            case 406 -> "not_acceptable";
            case 413 -> "body_too_large";
            case 415 -> "unsupported_media_type";
            case 429 -> "rate_limited";
            default -> "bad_request";
        };
    }

    private static String sentenceOf(int status) {
        return switch (status) {
            case 401 -> "A bearer token is needed.";
            case 403 -> "Your identity may not do this.";
            case 404 -> "There is nothing at this path.";
            case 405 -> "This path does not take this method.";
            case 406 -> "The answer is available as application/json only.";
            case 413 -> "The body is too large.";
            case 415 -> "The body must be application/json.";
            case 429 -> "Too many requests.";
            default -> "The request could not be understood.";
        };
    }
}
