package io.rolewright.problem;

import jakarta.validation.ConstraintViolation;
import jakarta.validation.ConstraintViolationException;
import jakarta.validation.ElementKind;
import jakarta.validation.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** Bean validation's violations as issues on the wire. */
class ConstraintIssues {

    private ConstraintIssues() {}

    static List<ValidationProblem.Issue> of(ConstraintViolationException violations) {
        return violations.getConstraintViolations().stream()
                .map(ConstraintIssues::issue)
                .sorted(Comparator.comparing(issue -> issue.path().toString()))
                .toList();
    }

    private static ValidationProblem.Issue issue(ConstraintViolation<?> violation) {
        return new ValidationProblem.Issue(code(violation), path(violation.getPropertyPath()), message(violation));
    }

    /**
     * One wording for all, which a page can show beside a field: a sentence of ours in place of the validator's own, and any other as it is
     * written where it is demanded, with a capital.
     */
    private static String message(ConstraintViolation<?> violation) {
        String said = violation.getMessage();
        if (!violation.getMessageTemplate().startsWith("{jakarta.validation.")) {
            return said.substring(0, 1).toUpperCase(Locale.ROOT) + said.substring(1);
        }
        Map<String, Object> bounds = violation.getConstraintDescriptor().getAttributes();
        return switch (constraint(violation)) {
            case "NotNull", "NotBlank", "NotEmpty" -> "Required";
            case "Min" -> "Must be at least " + bounds.get("value");
            case "Max" -> "Must be at most " + bounds.get("value");
            case "Size" ->
                "Must have " + size(bound(bounds, "min"), bound(bounds, "max"))
                        + (violation.getInvalidValue() instanceof CharSequence ? " characters" : " entries");
            default -> said.substring(0, 1).toUpperCase(Locale.ROOT) + said.substring(1);
        };
    }

    private static int bound(Map<String, Object> bounds, String name) {
        return (int) Objects.requireNonNull(bounds.get(name));
    }

    private static String size(int least, int most) {
        if (least == 0) {
            return "at most " + most;
        }
        return most == Integer.MAX_VALUE ? "at least " + least : least + " to " + most;
    }

    private static String constraint(ConstraintViolation<?> violation) {
        return violation
                .getConstraintDescriptor()
                .getAnnotation()
                .annotationType()
                .getSimpleName();
    }

    /**
     * The method and its body parameter are ours, not the caller's; a path or query parameter is named. What has fields of its own is a
     * body or a group of parameters, whatever Java calls it; a body that is missing altogether is a parameter called {@code body} (a test
     * goes through all operations).
     */
    private static List<Object> path(Path violated) {
        List<Object> path = new ArrayList<>();
        for (Iterator<Path.Node> nodes = violated.iterator(); nodes.hasNext(); ) {
            Path.Node node = nodes.next();
            if (node.isInIterable() && node.getIndex() != null) {
                path.add(node.getIndex());
            }
            boolean named = node.getKind() == ElementKind.PROPERTY
                    || node.getKind() == ElementKind.PARAMETER && !nodes.hasNext() && !"body".equals(node.getName());
            if (named) {
                path.add(node.getName());
            }
        }
        return path;
    }

    private static String code(ConstraintViolation<?> violation) {
        return switch (constraint(violation)) {
            case "NotNull" -> "invalid_type";
            case "NotBlank", "NotEmpty", "Min", "Positive" -> "too_small";
            case "Max" -> "too_big";
            case "Pattern" -> "invalid_string";
            case "Size" -> isTooShort(violation) ? "too_small" : "too_big";
            default -> "custom";
        };
    }

    private static boolean isTooShort(ConstraintViolation<?> violation) {
        Object minimum = violation.getConstraintDescriptor().getAttributes().get("min");
        int size = violation.getInvalidValue() instanceof CharSequence text
                ? text.length()
                : violation.getInvalidValue() instanceof java.util.Collection<?> all ? all.size() : Integer.MAX_VALUE;
        return minimum instanceof Integer least && size < least;
    }
}
