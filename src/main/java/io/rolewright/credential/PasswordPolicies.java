package io.rolewright.credential;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.password.PasswordEntropy;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.problem.ValidationProblem;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What generated passwords are made to: how the requirements of a caller are checked, kept and read. They are kept as the JSON that he sent,
 * null for the default.
 */
@ApplicationScoped
public class PasswordPolicies {

    /** Of bits; the same requirements always come to the same number, those that differ in order of symbols too. */
    private static final double ROUNDING = 1e-6;

    private static final Logger log = Logger.getLogger(PasswordPolicies.class);

    private final ObjectMapper json;
    private final PasswordConfig config;

    /** Credentials of which the log says already that their passwords are weak. */
    private final Set<UUID> told = ConcurrentHashMap.newKeySet();

    PasswordPolicies(ObjectMapper json, PasswordConfig config) {
        this.json = json;
        this.config = config;
    }

    /**
     * What the next password is made to. Requirements from before there was a least number of bits, or from under another setting, stay
     * in force: a rotation that stopped for them would leave its old password in use for ever. The log names them, once per process.
     */
    PasswordPolicy of(Credential credential) {
        if (credential.strategy == Strategy.SELF) {
            return PasswordPolicy.MANAGED_CONNECTIONS;
        }
        PasswordPolicy policy = policy(credential.passwordRequirements);
        double bits = PasswordEntropy.bits(policy);
        if (bits < config.minimumEntropy() && told.add(credential.id)) {
            log.warnf(
                    "Rotation %s generates passwords of %d bits, fewer than the %d that are required today: change"
                            + " its passwordRequirements",
                    credential.id, (int) bits, config.minimumEntropy());
        }
        return policy;
    }

    private PasswordPolicy policy(@Nullable String kept) {
        PasswordRequirements requirements = requirements(kept);
        return requirements == null ? PasswordPolicy.ROLES : requirements.policy();
    }

    /** Null for the default. */
    public @Nullable PasswordRequirements requirements(@Nullable String kept) {
        try {
            return kept == null ? null : json.readValue(kept, PasswordRequirements.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("password requirements that cannot be read", e);
        }
    }

    /** Whether passwords will be easier to guess than those that are made now. */
    public boolean weakens(@Nullable String kept, @Nullable PasswordRequirements wanted) {
        return wanted != null && PasswordEntropy.bits(wanted.policy()) < PasswordEntropy.bits(policy(kept)) - ROUNDING;
    }

    /**
     * For what is made anew.
     *
     * @return how they are kept
     * @throws ValidationProblem when no password can meet them, or when they are too easy to guess
     */
    public @Nullable String kept(@Nullable PasswordRequirements requirements) {
        if (requirements == null) {
            return null;
        }
        refuseWeak(requirements.policy());
        return written(requirements);
    }

    /**
     * The same for what is there, which may be given again what it has, strong or not.
     *
     * @param now how it keeps those that it has
     */
    public @Nullable String kept(@Nullable PasswordRequirements requirements, @Nullable String now) {
        return requirements != null && requirements.policy().equals(policy(now))
                ? written(requirements)
                : kept(requirements);
    }

    private String written(PasswordRequirements requirements) {
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
}
