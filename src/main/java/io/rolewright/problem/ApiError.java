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

    static ApiError of(String reqId, ErrorCode code, String message, Map<String, Object> details) {
        return of(reqId, code.status(), code, message, details);
    }

    static ApiError of(String reqId, int status, ErrorCode code, String message, Map<String, Object> details) {
        return new ApiError(reqId, status, message, code.kind(status), code.code(), details);
    }
}
