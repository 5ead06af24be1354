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
        private final @Nullable String said;

        /** @param said as {@link #said} */
        public StatementRefused(String sqlState, @Nullable String routine, @Nullable String said) {
            super("The server refused a statement with SQLSTATE " + sqlState + ".");
            this.sqlState = sqlState;
            this.routine = routine;
            this.said = said;
        }

        /** The server's own words, to be quoted as such: one line, printable, at most 200 characters. Absent unless the server was authentic. */
        public @Nullable String said() {
            return said;
        }

        public String sqlState() {
            return sqlState;
        }

        public @Nullable String routine() {
            return routine;
        }

        /** Whether another session was in the way, so that the same statement may go through a moment later. */
        public boolean passing() {
            return switch (sqlState) {
                case "55P03", "40001", "40P01" -> true;
                // "tuple concurrently updated" has no code of its own; the function that finds out has a name.
                case "XX000" -> "simple_heap_update".equals(routine);
                default -> false;
            };
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
