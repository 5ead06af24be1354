package io.rolewright.credential;

import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Looks whether a role's password could be changed through a connection, before anybody manages it. Changes nothing. */
@ApplicationScoped
public class RoleChecks {

    private final Tools tools;
    private final ManagedRoles roles;

    RoleChecks(Tools tools, ManagedRoles roles) {
        this.tools = tools;
        this.roles = roles;
    }

    /**
     * What was found.
     *
     * @param ready whether a change would be tried
     * @param reason stable code of the first thing in the way; absent when ready
     * @param message one sentence for it; absent when ready
     * @param obstacles all that stands in the way on the server, each with the statement that helps
     * @param report of the managing role's login; absent when it did not come about
     * @param server for {@link ManagedRoles#register}; absent with the report
     */
    public record Check(
            boolean ready,
            @Nullable String reason,
            @Nullable String sqlState,
            @Nullable String message,
            List<Obstacle> obstacles,
            @Nullable TargetReport report,
            byte @Nullable [] server) {}

    /**
     * Logs in as the managing role, examines the role, rehearses the change, looks whether the server asks the role for a password, and
     * whose marker it carries.
     *
     * @return fails only when the store cannot be reached
     */
    public Uni<Check> check(
            UUID connectionId, String roleName, boolean takeover, boolean allowPrivileged, Deadline deadline) {
        return tools.connections()
                .login(connectionId)
                .chain(login -> login == null
                        ? Uni.createFrom()
                                .item(blocked(
                                        Stop.definite(Step.CLAIM, "connection_gone", "There is no such connection."),
                                        null))
                        : tools.managing(connectionId, login)
                                .chain(logins -> preflight(logins, 0, roleName, deadline))
                                .chain(found -> found.failure != null
                                        ? Uni.createFrom().item(blocked(found.failure, null))
                                        : judge(found, roleName, takeover, allowPrivileged, deadline)));
    }

    private record Found(
            Login managing,
            @Nullable Preflight preflight,
            @Nullable Stop failure) {}

    private Uni<Found> preflight(List<Login> logins, int index, String roleName, Deadline deadline) {
        Login managing = logins.get(index);
        return tools.fenced()
                .preflight(managing, roleName, Run.PLACEHOLDER, Purpose.REQUEST, deadline)
                .map(preflight -> new Found(managing, preflight, null))
                .onFailure(TargetFailure.class)
                .recoverWithUni(failure -> {
                    boolean another = index + 1 < logins.size()
                            && failure instanceof TargetFailure.NoSession none
                            && Run.refusesPassword(none.outcome());
                    return another
                            ? preflight(logins, index + 1, roleName, deadline)
                            : Uni.createFrom()
                                    .item(new Found(managing, null, Stop.of(Step.PREFLIGHT, (TargetFailure) failure)));
                });
    }

    private Uni<Check> judge(
            Found found, String roleName, boolean takeover, boolean allowPrivileged, Deadline deadline) {
        Stop obstacle = Stop.found(found.preflight, allowPrivileged);
        if (obstacle != null) {
            return Uni.createFrom().item(blocked(obstacle, found.preflight.report()));
        }
        Fence fence = found.preflight.fence();
        Uni<Boolean> free = fence == null ? Uni.createFrom().item(true) : tools.mayTakeOver(fence.owner(), takeover);
        return free.chain(mine -> mine
                ? tools.targets()
                        .passwordRule(found.managing.as(roleName, ""), Purpose.REQUEST, deadline)
                        .map(rule -> rule == PasswordRule.ASKED
                                ? ready(found.preflight.report())
                                : blocked(Run.noProofThere(rule), found.preflight.report()))
                : Uni.createFrom().item(blocked(Run.managedElsewhere(fence), found.preflight.report())));
    }

    private Check ready(TargetReport report) {
        return new Check(true, null, null, null, List.of(), report, roles.server(report));
    }

    private Check blocked(Stop stop, @Nullable TargetReport report) {
        return new Check(
                false,
                stop.reason(),
                stop.sqlState(),
                stop.message(),
                stop.obstacles(),
                report,
                report == null ? null : roles.server(report));
    }
}
