package io.rolewright.rotation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.credential.Strategy;
import io.rolewright.password.PasswordEntropy;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.problem.ValidationProblem.Issue;
import io.rolewright.rotation.RotationWire.NewParameters;
import io.rolewright.target.RoleName;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** What may stand in {@code parameters}, beyond what one field alone can tell, and how the requirements are kept. */
@ApplicationScoped
class Parameters {

    /** Of bits; the same requirements always come to the same number, those that differ in order of symbols too. */
    private static final double ROUNDING = 1e-6;

    private static final Logger log = Logger.getLogger(Parameters.class);

    private final ObjectMapper json;
    private final PasswordConfig config;

    /** Rotations of which the log says already that their passwords are weak. */
    private final Set<UUID> told = ConcurrentHashMap.newKeySet();

    Parameters(ObjectMapper json, PasswordConfig config) {
        this.json = json;
        this.config = config;
    }

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
    }

    /**
     * What the next password is made to. Requirements from before there was a least number of bits, or from under another setting, stay
     * in force: a rotation that stopped for them would leave its old password in use for ever. The log names them, once per process.
     */
    PasswordPolicy policy(Rotation row) {
        PasswordPolicy policy = stored(row);
        double bits = PasswordEntropy.bits(policy);
        if (bits < config.minimumEntropy() && told.add(row.id)) {
            log.warnf(
                    "Rotation %s generates passwords of %d bits, fewer than the %d that are required today: change"
                            + " its passwordRequirements",
                    row.id, (int) bits, config.minimumEntropy());
        }
        return policy;
    }

    private PasswordPolicy stored(Rotation row) {
        PasswordRequirements requirements = requirements(row);
        return requirements == null ? PasswordPolicy.ROLES : requirements.policy();
    }

    /** Whether passwords will be easier to guess than those that the rotation makes now. */
    boolean weakens(Rotation row, @Nullable PasswordRequirements wanted) {
        return wanted != null && PasswordEntropy.bits(wanted.policy()) < PasswordEntropy.bits(stored(row)) - ROUNDING;
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

    /**
     * @param before the rotation as it is, which may be given again what it has, strong or not; null for one that is made
     * @throws ValidationProblem when no password can meet them, or when they are too easy to guess
     */
    @Nullable
    String stored(@Nullable PasswordRequirements requirements, @Nullable Rotation before) {
        if (requirements == null) {
            return null;
        }
        PasswordPolicy policy = requirements.policy();
        if (before == null || !policy.equals(stored(before))) {
            refuseWeak(policy);
        }
        try {
            return json.writeValueAsString(requirements);
        } catch (JsonProcessingException impossible) { // it was read from JSON
            throw new IllegalStateException(impossible);
        }
    }

    private void refuseWeak(PasswordPolicy policy) {
        double bits = PasswordEntropy.bits(policy);
        if (bits >= config.minimumEntropy()) {
            return;
        }
        OptionalInt enough = PasswordEntropy.lengthFor(policy, config.minimumEntropy());
        throw ValidationProblem.at(
                List.of("parameters", "passwordRequirements", "length"),
                "too_small",
                "Such passwords have " + (int) bits + " bits, and at least " + config.minimumEntropy() + " are needed: "
                        + (enough.isPresent()
                                ? (enough.getAsInt() - policy.length()) + " more characters would do ("
                                        + enough.getAsInt() + "), or more kinds of them"
                                : "require more kinds of characters"));
    }

    private static void checkName(List<Issue> issues, String field, String name) {
        RoleName.fault(name).ifPresent(fault -> issues.add(issue(field, "invalid_string", fault)));
    }

    private static Issue issue(String field, String code, String message) {
        return new Issue(code, List.of("parameters", field), message);
    }
}
