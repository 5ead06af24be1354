package io.rolewright.rotation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.problem.ValidationProblem.Issue;
import io.rolewright.rotation.RotationWire.NewParameters;
import io.rolewright.target.RoleName;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What may stand in {@code parameters}, beyond what one field alone can tell, and how the requirements are kept. */
@ApplicationScoped
class Parameters {

    private final ObjectMapper json;

    Parameters(ObjectMapper json) {
        this.json = json;
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
                    400,
                    "usernames_equal",
                    "username1 and username2 are the same role. Two roles take turns; for a rotation of one role, send"
                            + " strategy: \"single\".",
                    Map.of("role", second));
        }
        return List.of(parameters.username1(), second);
    }

    static void refuseOtherStatement(String rotationStatement) {
        if (!RotationOptions.isDefault(rotationStatement)) {
            throw Problem.of(
                    400,
                    "rotation_statement_not_supported",
                    "Passwords are set by a fenced ALTER ROLE with a SCRAM secret, so that no statement ever carries a"
                            + " password. Leave parameters.rotationStatement out.",
                    Map.of("default", RotationOptions.STATEMENT));
        }
    }

    /** Names in secretsMapping that could not be told apart. */
    static void refuseEqualNames(RotationWire.SecretsMapping mapping) {
        if (mapping.username().equals(mapping.password())) {
            throw Problem.of(
                    400,
                    "secret_names_equal",
                    "secretsMapping gives username and password the same name. Choose two.",
                    Map.of("secrets", List.of(mapping.username())));
        }
    }

    PasswordPolicy policy(Rotation row) {
        PasswordRequirements requirements = requirements(row);
        return requirements == null ? PasswordPolicy.ROLES : requirements.policy();
    }

    /** Null for the default. */
    PasswordRequirements requirements(Rotation row) {
        try {
            return row.passwordRequirements == null
                    ? null
                    : json.readValue(row.passwordRequirements, PasswordRequirements.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("password requirements that cannot be read", e);
        }
    }

    /** @throws ValidationProblem when no password can meet them */
    String stored(PasswordRequirements requirements) {
        if (requirements == null) {
            return null;
        }
        requirements.policy();
        try {
            return json.writeValueAsString(requirements);
        } catch (JsonProcessingException impossible) { // it was read from JSON
            throw new IllegalStateException(impossible);
        }
    }

    private static void checkName(List<Issue> issues, String field, String name) {
        RoleName.fault(name).ifPresent(fault -> issues.add(issue(field, "invalid_string", fault)));
    }

    private static Issue issue(String field, String code, String message) {
        return new Issue(code, List.of("parameters", field), message);
    }
}
