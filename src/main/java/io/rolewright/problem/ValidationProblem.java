package io.rolewright.problem;

import java.util.List;

/** A request whose body, path or query does not have the form that the OpenAPI document states: 422, with the field named. */
public class ValidationProblem extends RuntimeException {

    private final transient List<Issue> issues;

    public ValidationProblem(List<Issue> issues) {
        super("validation failed", null, false, false);
        this.issues = List.copyOf(issues);
    }

    /** @param path the way to the field from the root of the body, e.g. {@code credentials}, {@code host} */
    public static ValidationProblem at(List<Object> path, String code, String message) {
        return new ValidationProblem(List.of(new Issue(code, path, message)));
    }

    public List<Issue> issues() {
        return issues;
    }

    /**
     * One thing wrong with one field; the reference's shape of an issue.
     *
     * @param code the kind of fault, e.g. {@code invalid_type}, {@code too_small}, {@code invalid_string}
     * @param path property names and array indexes
     * @param message one sentence that names the rule, never the offending value of a secret field
     */
    public record Issue(String code, List<Object> path, String message) {}
}
