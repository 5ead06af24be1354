package io.rolewright.problem;

import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The answer to a request that does not have the documented form: 422, one issue per field. */
@Schema(
        name = "ValidationError",
        description = "The request does not have the documented form. Each issue names its field.",
        requiredProperties = {"reqId", "statusCode", "message", "error", "code"})
public record ValidationError(
        @Schema(examples = "req-7d0c1d2b3a4f5e6d7c8b") String reqId,
        @Schema(examples = "422") int statusCode,
        List<ValidationIssue> message,
        @Schema(examples = "ValidationFailure") String error,
        @Schema(examples = "validation_failed") String code) {

    static ValidationError of(String reqId, List<ValidationProblem.Issue> issues) {
        return new ValidationError(
                reqId,
                ErrorCode.VALIDATION_FAILED.status(),
                issues.stream()
                        .map(issue -> new ValidationIssue(issue.code(), issue.path(), issue.message()))
                        .toList(),
                ErrorCode.VALIDATION_FAILED.kind(),
                ErrorCode.VALIDATION_FAILED.code());
    }

    /** One thing wrong with one field. */
    @Schema(
            name = "ValidationIssue",
            requiredProperties = {"code", "path", "message"})
    public record ValidationIssue(
            @Schema(examples = "too_small") String code,

            @Schema(
                    description = "Path to the field: property names and array indexes.",
                    examples = "[\"credentials\",\"host\"]")
            List<Object> path,

            @Schema(examples = "Required") String message) {}
}
