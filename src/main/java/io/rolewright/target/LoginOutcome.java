package io.rolewright.target;

import io.rolewright.password.ScramSalt;
import org.jspecify.annotations.Nullable;

/** What one login showed. A refused login is an expected answer, so it is a value and not an exception. */
public sealed interface LoginOutcome {

    /** A stable snake case word for answers, logs and metrics: {@code accepted}, {@code password_refused}, {@code timed_out} … */
    String code();

    /** One readable sentence without driver text. */
    String message();

    /** What the caller can do about it; empty when accepted. */
    String wayOut();

    /** We were in. The session is closed again. */
    record Accepted(PasswordProof proof, SessionFacts facts) implements LoginOutcome {
        @Override
        public String code() {
            return "accepted";
        }

        @Override
        public String message() {
            return proof == PasswordProof.NOT_ASKED
                    ? "The server let the role in without asking for a password."
                    : "The login succeeded.";
        }

        @Override
        public String wayOut() {
            return "";
        }
    }

    /**
     * The server answered and said no.
     *
     * @param sqlState PostgreSQL's five characters (manual, appendix A), kept even when {@code reason} is OTHER
     * @param routine the server's function that raised it, from the error's R field; absent behind some proxies
     * @param password what the answer shows about the password
     * @param signed the salt of the secret by which the server had signed the SCRAM exchange before it refused the session; absent
     *     when it had not
     * @param said the server's own words, as {@link TargetFailure.StatementRefused#said}
     */
    record Refused(
            Refusal reason,
            String sqlState,
            @Nullable String routine,
            PasswordVerdict password,
            @Nullable ScramSalt signed,
            @Nullable String said)
            implements LoginOutcome {

        /** The role was in, and what was asked in its session to look around was refused. */
        public static Refused ofQuestion(TargetFailure.StatementRefused refused) {
            return new Refused(
                    Refusal.EXAMINATION_REFUSED,
                    refused.sqlState(),
                    refused.routine(),
                    PasswordVerdict.UNKNOWN,
                    null,
                    refused.said());
        }

        @Override
        public String code() {
            return reason.name().toLowerCase(java.util.Locale.ROOT);
        }

        /** Where PostgreSQL's own reasons do not explain it, the server is quoted. */
        @Override
        public String message() {
            return switch (reason) {
                case OTHER, NO_MATCHING_RULE, EXAMINATION_REFUSED -> reason.message() + quotation(said);
                default -> reason.message();
            };
        }

        @Override
        public String wayOut() {
            return reason.wayOut();
        }
    }

    /** @return a sentence to append, with a blank before it; empty without words */
    static String quotation(@Nullable String said) {
        return said == null ? "" : " The server's own words: \"" + said + "\".";
    }

    /**
     * There was no login that the server could have judged. Worth another try later, except for what is plainly our
     * side's setting.
     *
     * @param step how far it came
     */
    record Unreachable(Unreachability reason, Unreachability.Step step) implements LoginOutcome {
        @Override
        public String code() {
            return reason.name().toLowerCase(java.util.Locale.ROOT);
        }

        @Override
        public String message() {
            return reason.message();
        }

        @Override
        public String wayOut() {
            return reason.wayOut();
        }
    }
}
