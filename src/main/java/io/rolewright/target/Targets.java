package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.function.Function;

/**
 * The way to targets. All answers come within the deadline and on the caller's Vert.x context; sessions run on loops of
 * their own, apart from HTTP and store, and are closed whatever happens.
 */
@ApplicationScoped
public class Targets {

    /**
     * Logs in once and reports what was seen, step by step.
     *
     * @param managedRoles roles that this login is to give new passwords to; may be empty
     * @return never fails for what the target does or does not do
     */
    public Uni<TargetReport> examine(Login login, List<String> managedRoles, Deadline deadline) {
        throw new UnsupportedOperationException();
    }

    /** Logs in, looks whether the password was used, logs out. */
    public Uni<LoginOutcome> login(Login login, Deadline deadline) {
        return login(login, Purpose.REQUEST, deadline);
    }

    public Uni<LoginOutcome> login(Login login, Purpose purpose, Deadline deadline) {
        throw new UnsupportedOperationException();
    }

    public <T> Uni<T> withSession(
            Login login, Deadline deadline, String applicationName, Function<TargetSession, Uni<T>> work) {
        return withSession(login, Purpose.REQUEST, deadline, applicationName, work);
    }

    /**
     * Opens a session, runs {@code work} in it and closes it, whatever happens. At the deadline the socket is closed at once
     * and the answer is {@link TargetFailure.SessionLost}.
     *
     * @param applicationName at most 63 bytes; PostgreSQL would cut it
     * @param work runs on a loop of the targets: it must not block and must not use the store
     * @return fails with a {@link TargetFailure}, or with what {@code work} itself threw
     */
    public <T> Uni<T> withSession(
            Login login,
            Purpose purpose,
            Deadline deadline,
            String applicationName,
            Function<TargetSession, Uni<T>> work) {
        throw new UnsupportedOperationException();
    }
}
