package io.rolewright.target;

import org.jspecify.annotations.Nullable;

/**
 * Why work in a session ended without its answer. It carries no driver text, no SQL and no secret, so it may be logged; the
 * caller decides what it means (a lost session after a send is doubt, a refusal is definite).
 */
public abstract sealed class TargetFailure extends RuntimeException {

    private TargetFailure(String message) {
        super(message, null, false, false);
    }

    /** No session came about; nothing was sent but the login. */
    public static final class NoSession extends TargetFailure {
        private final transient LoginOutcome outcome;

        public NoSession(LoginOutcome outcome) {
            super(outcome.message());
            this.outcome = outcome;
        }

        /** Never {@link LoginOutcome.Accepted}. */
        public LoginOutcome outcome() {
            return outcome;
        }
    }

    /** The server refused a statement: definite, nothing of it took effect. */
    public static final class StatementRefused extends TargetFailure {
        private final String sqlState;
        private final @Nullable String routine;

        public StatementRefused(String sqlState, @Nullable String routine) {
            super("The server refused a statement with SQLSTATE " + sqlState + ".");
            this.sqlState = sqlState;
            this.routine = routine;
        }

        public String sqlState() {
            return sqlState;
        }

        public @Nullable String routine() {
            return routine;
        }
    }

    /** The session ended before the answer came: whether the last statement took effect is unknown. */
    public static final class SessionLost extends TargetFailure {
        private final Unreachability reason;

        public SessionLost(Unreachability reason) {
            super(reason.message());
            this.reason = reason;
        }

        public Unreachability reason() {
            return reason;
        }
    }
}
