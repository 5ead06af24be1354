package io.rolewright.target;

import org.jspecify.annotations.Nullable;

/** How one attempt to give a role a new SCRAM secret ended. Only {@link Applied} says that it took effect, only {@link InDoubt} that it may have. */
public sealed interface ApplyOutcome {

    /** The server acknowledged COMMIT. */
    record Applied() implements ApplyOutcome {}

    /** The role's marker is not the one that was there when it was looked at: somebody was here meanwhile. Nothing was changed. */
    record Stale() implements ApplyOutcome {}

    /** The role carries no marker any more. Nothing was changed. */
    record Unmarked() implements ApplyOutcome {}

    /** The role is marked by another store or rotation. Nothing was changed. */
    record ManagedElsewhere() implements ApplyOutcome {}

    /**
     * The server refused. Nothing of <em>this send</em> took effect; it says nothing about an earlier one that is in doubt.
     *
     * @param retryAtOnce another writer was quicker (XX000 "tuple concurrently updated" of this one statement, 40001, 40P01) or holds the role
     *     (55P03): try again with jitter
     */
    record Refused(String sqlState, @Nullable String routine, boolean retryAtOnce) implements ApplyOutcome {}

    /** The statement was sent and its answer is missing: it may have happened, and may still happen. */
    record InDoubt(Unreachability reason) implements ApplyOutcome {}

    /** No session, or it was lost before the statement was sent. Nothing was changed. */
    record NotSent(LoginOutcome outcome) implements ApplyOutcome {}
}
