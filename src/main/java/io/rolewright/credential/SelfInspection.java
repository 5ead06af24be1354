package io.rolewright.credential;

import io.rolewright.password.ScramSecret;
import io.rolewright.target.Deadline;
import io.rolewright.target.Demand;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.SessionFacts;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that is looked at before a role changes its own password, in one order: which password opens it, how its server asks for it, what
 * the server lets it do, which role it is, whose login and whose marker. Changes nothing.
 */
@ApplicationScoped
class SelfInspection {

    private final UnmarkedApply unmarked;
    private final VersionSeal seal;
    private final Markers markers;
    private final RoleIdentities identities;
    private final RoleLogins logins;
    private final LoginUse use;
    private final Poolers poolers;

    SelfInspection(
            UnmarkedApply unmarked,
            VersionSeal seal,
            Markers markers,
            RoleIdentities identities,
            RoleLogins logins,
            LoginUse use,
            Poolers poolers) {
        this.unmarked = unmarked;
        this.seal = seal;
        this.markers = markers;
        this.identities = identities;
        this.logins = logins;
        this.use = use;
        this.poolers = poolers;
    }

    /**
     * What is asked.
     *
     * @param versions those that still hold a password
     * @param rehearsed any well-formed SCRAM secret
     * @param lockedOut whether the last look has found that none of them opens the role
     * @param sent whether a human has just sent the password for the place where the connection leads
     */
    record Question(
            ManagedRole role,
            List<PasswordVersion> versions,
            String rehearsed,
            boolean lockedOut,
            boolean sent,
            Deadline deadline) {}

    /**
     * @param place where the role is
     * @return fails only when the store cannot be reached
     */
    Uni<Inspection.Found> look(Question asked, Login place) {
        // Once it is known that none of them works, a retry costs two failing logins and not the whole history again.
        List<PasswordVersion> tried = asked.versions.stream()
                // What was given up for a password of a human's may still have been applied by a late statement.
                .filter(each -> each.state != VersionState.REJECTED || each.inDoubtAt != null)
                .limit(asked.lockedOut ? 2 : asked.versions.size())
                .toList();
        return opening(asked, place, tried, 0);
    }

    /** Finds the password that opens the role: the one in doubt first, then from the current one back. Each is tried once. */
    private Uni<Inspection.Found> opening(Question asked, Login place, List<PasswordVersion> tried, int index) {
        if (index == tried.size()) {
            return stopped(
                    null,
                    null,
                    new Stop(
                            Step.PREFLIGHT,
                            Stop.THIRD_PARTY,
                            "28P01",
                            "None of the passwords kept for the role opens it: a third party changed it, or VALID UNTIL has passed. Send the one that"
                                    + " works now (PATCH the connection with complete credentials): it is adopted.",
                            true,
                            List.of()));
        }
        Login login = logins.login(place, asked.role, tried.get(index));
        return unmarked.preflight(login, asked.rehearsed, Purpose.DUE_WORK, asked.deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return examined(asked, login, found, tried.get(index));
                    }
                    if (!(failure instanceof TargetFailure target)) {
                        return Uni.createFrom().failure(failure);
                    }
                    return Proofs.refusesPassword(target)
                            ? opening(asked, place, tried, index + 1)
                            : stopped(null, null, Stop.of(Step.PREFLIGHT, target));
                });
    }

    /** @param opens the version whose password lets the role in */
    private Uni<Inspection.Found> examined(Question asked, Login login, Preflight found, PasswordVersion opens) {
        if (found.report().managingRole().proof() == PasswordProof.POOLED) {
            return stopped(login, found, Poolers.FOUND);
        }
        SessionFacts facts = ((LoginOutcome.Accepted) found.report().outcome()).facts();
        Demand demand = new Demand(facts.rule(), facts.salt(), null);
        if (!demand.rule().proves()) {
            return stopped(login, found, Inspection.unprovable(demand, login));
        }
        Stop obstacle = Stop.found(found, true);
        if (obstacle != null) {
            return stopped(login, found, obstacle);
        }
        ManagedRole role = asked.role;
        RoleIdentity.Verdict verdict = RoleIdentity.judge(
                role.identity().compare(identities.of(found)),
                RoleIdentity.Marker.IMPOSSIBLE,
                RoleIdentity.Opens.of(opens),
                asked.sent);
        if (verdict.stops()) {
            return stopped(login, found, RoleIdentity.stop(verdict, role, found));
        }
        RoleServer server = RoleServer.of(found.report(), login);
        List<ScramSecret> secrets = asked.versions.stream()
                .map(version -> seal.open(version, role).secret())
                .toList();
        return poolers.between(login, login, demand, secrets, Purpose.DUE_WORK, asked.deadline)
                .chain(pooled -> pooled
                        ? Uni.createFrom().item(Poolers.FOUND)
                        : use.ours(role.roleName, server)
                                .chain(ours -> ours != null
                                        ? Uni.createFrom().item(ours.stop())
                                        : othersMarker(role, found, server)))
                .map(stop -> stop != null
                        ? Inspection.Found.stopped(login, found, stop)
                        : Inspection.Found.clear(login, found, demand.rule(), verdict));
    }

    /** The role cannot carry a marker of ours, but it may carry one of somebody who changes it. */
    private Uni<@Nullable Stop> othersMarker(ManagedRole role, Preflight found, RoleServer server) {
        Fence fence = found.fence();
        if (fence == null || markers.isOf(role.ownerId, fence)) {
            return Uni.createFrom().nullItem();
        }
        return markers.leave(fence, role.roleName, server, false)
                .map(leave -> leave == Markers.Leave.FREE ? null : Inspection.managedElsewhere(fence, found, leave));
    }

    private static Uni<Inspection.Found> stopped(@Nullable Login login, @Nullable Preflight found, Stop stop) {
        return Uni.createFrom().item(Inspection.Found.stopped(login, found, stop));
    }
}
