package io.rolewright.target;

import io.rolewright.target.address.Checked;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How far one attempt to reach a target has come, for the report and for what a timeout means. Written by one step at a time. */
final class Route {

    private volatile List<String> resolved = List.of();
    private volatile boolean waiting;
    private volatile boolean working;
    private volatile @Nullable String dialled;
    private volatile Dialler.@Nullable Line line;

    void resolved(Checked checked) {
        resolved = checked instanceof Checked.Open open ? open.resolved() : ((Checked.Closed) checked).resolved();
    }

    void waitsFor(Dialler.Line next, String address) {
        line = next;
        dialled = address;
        waiting = true;
    }

    void dials() {
        waiting = false;
    }

    void works() {
        working = true;
    }

    boolean working() {
        return working;
    }

    /** Whether the server has said anything, be it only that it speaks TLS or how it wants the password. */
    boolean answered() {
        Dialler.Line last = line;
        return working || !waiting && last != null && last.wire().spoken();
    }

    /** What it means that the server has given no answer yet; null if it has, or was not asked. */
    LoginOutcome.@Nullable Unreachable silence() {
        return !waiting
                        && !answered()
                        && late() instanceof TargetFailure.NoSession none
                        && none.outcome() instanceof LoginOutcome.Unreachable unreachable
                ? unreachable
                : null;
    }

    List<String> resolved() {
        return resolved;
    }

    @Nullable
    String dialled() {
        return waiting ? null : dialled;
    }

    SessionFacts.@Nullable Tls tls() {
        Dialler.Line last = line;
        return last == null ? null : last.wire().tls();
    }

    /** What a login has seen that left at the first word about authentication, or ended before it with {@code failure}. */
    Demand demand(@Nullable Throwable failure) {
        Dialler.Line last = line;
        if (last == null || last.wire().rule() == PasswordRule.UNKNOWN) {
            return failure instanceof TargetFailure target
                    ? Demand.refused(Logins.outcome(target))
                    : new Demand(PasswordRule.UNKNOWN, null, null);
        }
        return new Demand(last.wire().rule(), last.wire().salt(), null);
    }

    /** What it means that the deadline passed now. */
    TargetFailure late() {
        Dialler.Line last = line;
        if (working) {
            return new TargetFailure.SessionLost(Unreachability.TIMED_OUT);
        }
        LoginOutcome outcome;
        if (last == null) {
            outcome = new LoginOutcome.Unreachable(Unreachability.NAME_LOOKUP_TIMED_OUT, Unreachability.Step.RESOLVE);
        } else if (waiting) {
            outcome = last.unreachable(Unreachability.TOO_MANY_SESSIONS);
        } else if (last.wire().phase() == Wire.Phase.CONNECTING) {
            outcome = last.unreachable(Unreachability.CONNECT_TIMED_OUT);
        } else {
            outcome = last.unreachable(Unreachability.TIMED_OUT);
        }
        return new TargetFailure.NoSession(outcome);
    }
}
