package io.rolewright.problem;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * The error shape of every answer that is not a success and not a validation failure.
 *
 * @param reqId the request's id, to quote when asking for help
 * @param error the kind of error by the reference's names
 * @param code of {@link ErrorCode}; programs decide by it
 * @param details what helps to get out of it, where there is something to do
 */
@Schema(
        name = "ApiError",
        description = "What went wrong, for people (message) and for programs (code).",
        requiredProperties = {"reqId", "statusCode", "message", "error", "code"})
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ApiError(
        @Schema(examples = "req-7d0c1d2b3a4f5e6d7c8b") String reqId,
        @Schema(examples = "400") int statusCode,

        @Schema(examples = "A connection named my-pg-connection exists already.")
        String message,

        @Schema(examples = "BadRequest") String error,

        @Schema(
                description = "What programs decide by. One code has one status; new codes may be added.",
                examples = "name_taken")
        String code,

        Map<String, Object> details) {

    /** As it stands in the OpenAPI document. */
    public static Map<String, Object> example(ErrorCode code) {
        Map<String, Object> example = new LinkedHashMap<>();
        example.put("reqId", "req-7d0c1d2b3a4f5e6d7c8b");
        example.put("statusCode", code.status());
        example.put("message", code.meaning());
        example.put("error", code.kind());
        example.put("code", code.code());
        return example;
    }

    /** The answer to a method that its path does not know. */
    public static ApiError notThisMethod(String reqId) {
        return of(reqId, ErrorCode.METHOD_NOT_ALLOWED, ProblemMappers.NOT_THIS_METHOD, Map.of());
    }

    static ApiError of(String reqId, ErrorCode code, String message, Map<String, Object> details) {
        return new ApiError(reqId, code.status(), message, code.kind(), code.code(), details);
    }
}
