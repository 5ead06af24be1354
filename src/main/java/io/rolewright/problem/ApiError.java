package io.rolewright.problem;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * The error shape of every answer that is not a success and not a validation failure.
 *
 * @param reqId the request's id, to quote when asking for help
 * @param error the kind of error by the reference's names
 * @param code our own stable word for it; clients switch on this one
 * @param details what helps to get out of it, where there is something to do
 */
@Schema(
        name = "ApiError",
        description = "What went wrong, for a person (message) and for a program (code).",
        requiredProperties = {"reqId", "statusCode", "message", "error", "code"})
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ApiError(
        @Schema(examples = "req-7d0c1d2b3a4f5e6d7c8b") String reqId,
        @Schema(examples = "400") int statusCode,

        @Schema(examples = "A connection named my-pg-connection exists already.")
        String message,

        @Schema(examples = "BadRequest") String error,
        @Schema(examples = "name_taken") String code,
        Map<String, Object> details) {

    static ApiError of(String reqId, int status, String code, String message, Map<String, Object> details) {
        return new ApiError(reqId, status, message, kind(status, code), code, details);
    }

    /** The reference tells a token that does not count from a right that is lacking, though both are 403. */
    private static String kind(int status, String code) {
        return switch (status) {
            case 400 -> "BadRequest";
            case 401 -> "UnauthorizedError";
            case 403 -> code.startsWith("token_") ? "TokenError" : "PermissionDenied";
            case 404 -> "NotFound";
            case 405 -> "MethodNotAllowed";
            case 406 -> "NotAcceptable";
            case 413 -> "PayloadTooLarge";
            case 415 -> "UnsupportedMediaType";
            case 429 -> "RateLimitExceeded";
            case 502 -> "BadGateway";
            case 503 -> "ServiceUnavailable";
            case 504 -> "GatewayTimeoutError";
            default -> status < 500 ? "BadRequest" : "InternalServerError";
        };
    }
}
