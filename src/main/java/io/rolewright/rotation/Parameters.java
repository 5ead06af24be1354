package io.rolewright.rotation;

import io.rolewright.credential.Strategy;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.problem.ValidationProblem.Issue;
import io.rolewright.rotation.RotationWire.NewParameters;
import io.rolewright.target.RoleName;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What may stand in {@code parameters}, beyond what one field alone can tell. */
final class Parameters {

    private Parameters() {}

    /** Two equal users can only mean one role: some clients cannot say so. @param sent null if the caller left it open */
    static Strategy strategy(@Nullable String sent, NewParameters parameters) {
        return sent == null && parameters.username1().equals(parameters.username2())
                ? Strategy.SINGLE
                : Strategy.of(sent);
    }

    /**
     * The roles of a new rotation, in order.
     *
     * @throws ValidationProblem for names that PostgreSQL would not take as they are
     * @throws Problem 400 for what is well formed and will not be done
     */
    static List<String> roles(NewParameters parameters, Strategy strategy) {
        List<Issue> issues = new ArrayList<>();
        checkName(issues, "username1", parameters.username1());
        String second = parameters.username2();
        boolean hasSecond = second != null && !second.isEmpty();
        if (strategy == Strategy.DUAL && !hasSecond) {
            issues.add(issue("username2", "invalid_type", "Required, unless strategy is single"));
        } else if (hasSecond) {
            checkName(issues, "username2", second);
        }
        if (!issues.isEmpty()) {
            throw new ValidationProblem(issues);
        }
        refuseOtherStatement(parameters.rotationStatement());
        if (strategy == Strategy.SINGLE) {
            if (hasSecond && !second.equals(parameters.username1())) {
                throw ValidationProblem.at(
                        List.of("parameters", "username2"),
                        "custom",
                        "A single rotation has one role: leave username2 out, or repeat username1");
            }
            return List.of(parameters.username1());
        }
        if (second.equals(parameters.username1())) {
            throw Problem.of(
                    ErrorCode.USERNAMES_EQUAL,
                    "username1 and username2 are the same role, but with strategy: \"dual\" two roles take turns. For a rotation of"
                            + " one role, leave strategy out or send \"single\".",
                    Map.of("role", second));
        }
        return List.of(parameters.username1(), second);
    }

    static void refuseOtherStatement(String rotationStatement) {
        if (!RotationOptions.isDefault(rotationStatement)) {
            throw Problem.of(
                    ErrorCode.ROTATION_STATEMENT_NOT_SUPPORTED,
                    "Passwords are set by a fenced ALTER ROLE with a SCRAM secret, so that no statement ever carries a"
                            + " password. Leave parameters.rotationStatement out.",
                    Map.of("default", RotationOptions.STATEMENT));
        }
    }

    /** Names in secretsMapping that could not be told apart. */
    static void refuseEqualNames(RotationWire.SecretsMapping mapping) {
        if (mapping.username().equals(mapping.password())) {
            throw Problem.of(
                    ErrorCode.SECRET_NAMES_EQUAL,
                    "secretsMapping gives username and password the same name. Choose two.",
                    Map.of("secrets", List.of(mapping.username())));
        }
        if (mapping.username().equals(mapping.uri()) || mapping.password().equals(mapping.uri())) {
            throw Problem.of(
                    ErrorCode.SECRET_NAMES_EQUAL,
                    "secretsMapping gives the URI the name of another secret. Choose a third.",
                    Map.of("secrets", List.of(mapping.uri())));
        }
    }

    private static void checkName(List<Issue> issues, String field, String name) {
        RoleName.fault(name).ifPresent(fault -> issues.add(issue(field, "invalid_string", fault)));
    }

    private static Issue issue(String field, String code, String message) {
        return new Issue(code, List.of("parameters", field), message);
    }
}
