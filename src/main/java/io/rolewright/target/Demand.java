package io.rolewright.target;

import io.rolewright.password.ScramSalt;
import org.jspecify.annotations.Nullable;

/**
 * What a server's first word to a role was.
 *
 * @param salt what the SCRAM challenge showed of the secret that the server keeps for the role; absent without one
 * @param refusal what came instead of a word about authentication; absent unless the rule is {@link PasswordRule#REFUSED} or {@link
 *     PasswordRule#UNKNOWN}
 */
public record Demand(
        PasswordRule rule,
        @Nullable ScramSalt salt,
        @Nullable LoginOutcome refusal) {

    /** A rule that the server can't apply, such as {@code cert} without an authority of clients. */
    private static final String UNUSABLE_RULE = "F0000";

    static Demand refused(LoginOutcome outcome) {
        boolean byRule = outcome instanceof LoginOutcome.Refused refused
                && (refused.reason() == Refusal.NO_MATCHING_RULE
                        || refused.reason() == Refusal.TLS_DEMANDED
                        || refused.sqlState().equals(UNUSABLE_RULE));
        return new Demand(byRule ? PasswordRule.REFUSED : PasswordRule.UNKNOWN, null, outcome);
    }
}
