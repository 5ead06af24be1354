package io.rolewright.credential;

import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tries whether the current password still opens its role. If not, the history is tried once, newest to oldest: an older password of
 * ours that works means that the target went back in time, and the current one is applied again, always. If none works, the managing
 * role looks: an older marker of ours, or a server that is at an earlier time than before, means the same. Else a third party has changed
 * the password, and the owner's policy decides.
 *
 * <p>A role that is already known to be changed costs one failing login per probe, not the whole history again.
 */
final class Probe {

    private static final Set<String> KEEPS_OUT = Set.of("role_missing", "role_cannot_login", "role_expired");

    private final Tools tools;
    private final PasswordChanges changes;
    private final Claim claim;
    private final Deadline deadline;

    Probe(Tools tools, PasswordChanges changes, Claim claim, Deadline deadline) {
        this.tools = tools;
        this.changes = changes;
        this.claim = claim;
        this.deadline = deadline;
    }

    Uni<Void> go() {
        ManagedRole role = claim.role;
        return tools.connections()
                .login(role.connectionId)
                .chain(place -> tools.ledger().versions(role.id).chain(versions -> {
                    PasswordVersion current = versions.stream()
                            .filter(each -> each.state == VersionState.CURRENT)
                            .findFirst()
                            .orElse(null);
                    return place == null || current == null
                            ? tools.ledger().unprobed(claim, "nothing_to_probe")
                            : login(place, current).chain(outcome -> judge(place, versions, current, outcome));
                }));
    }

    private Uni<LoginOutcome> login(Login place, PasswordVersion version) {
        return tools.targets().login(tools.login(place, claim.role, version), Purpose.DUE_WORK, deadline);
    }

    private Uni<Void> judge(
            Login place, List<PasswordVersion> versions, PasswordVersion current, LoginOutcome outcome) {
        if (Run.proven(outcome)) {
            return tools.ledger().proven(claim, Run.refusal(outcome));
        }
        if (outcome instanceof LoginOutcome.Accepted accepted) {
            return tools.ledger()
                    .unprobed(
                            claim,
                            accepted.proof() == PasswordProof.POOLED ? PasswordProof.POOLER : "password_not_asked");
        }
        if (!Run.refusesPassword(outcome)) {
            return tools.ledger().unprobed(claim, outcome.code());
        }
        boolean known = Stop.THIRD_PARTY.equals(claim.role.reason);
        List<PasswordVersion> older = versions.stream()
                .filter(each -> each.number < current.number && each.state != VersionState.REJECTED)
                .toList();
        return known ? changed(place, current) : history(place, current, older, 0);
    }

    private Uni<Void> history(Login place, PasswordVersion current, List<PasswordVersion> older, int index) {
        if (index == older.size()) {
            return changed(place, current);
        }
        return login(place, older.get(index)).chain(outcome -> {
            if (Run.proven(outcome)) {
                return wentBack(current);
            }
            return Run.refusesPassword(outcome)
                    ? history(place, current, older, index + 1)
                    : tools.ledger().unprobed(claim, outcome.code());
        });
    }

    /** No password of ours opens the role. What the managing role sees of role and server tells the causes apart. */
    private Uni<Void> changed(Login place, PasswordVersion current) {
        ManagedRole role = claim.role;
        return role.self
                ? byOthers(current, false)
                : tools.managing(role.connectionId, place).chain(logins -> look(logins, 0, current));
    }

    private Uni<Void> look(List<Login> logins, int index, PasswordVersion current) {
        return tools.fenced()
                .preflight(logins.get(index), claim.role.roleName, Run.PLACEHOLDER, Purpose.DUE_WORK, deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return seen(found, current);
                    }
                    if (!(failure instanceof TargetFailure target)) {
                        return Uni.createFrom().failure(failure);
                    }
                    if (!Run.refusesPassword(target)) {
                        return tools.ledger()
                                .unprobed(claim, Stop.of(Step.PREFLIGHT, target).reason());
                    }
                    return index + 1 < logins.size() ? look(logins, index + 1, current) : byOthers(current, true);
                });
    }

    private Uni<Void> seen(Preflight found, PasswordVersion current) {
        ManagedRole role = claim.role;
        Stop state = state(found);
        if (state != null) {
            return tools.ledger().probed(claim, state.reason(), state.reason(), state.message());
        }
        Fence marker = found.fence();
        if (marker == null) {
            // Somebody may have wiped it: no marker alone is no evidence of anything.
            return role.wentBack(found.report().server()) ? wentBack(current) : byOthers(current, false);
        }
        if (!marker.owner().equals(tools.marker(role.ownerId))) {
            return tools.ledger()
                    .probed(
                            claim,
                            "role_already_managed",
                            "role_already_managed",
                            "The role carries the marker of another rotation or installation (" + marker.owner()
                                    + "), and none of the passwords kept here opens it: that one has changed it.");
        }
        return tools.ledger()
                .knows(role, marker.epoch())
                .chain(ours -> ours
                        ? tools.ledger()
                                .appliedEpoch(role.id)
                                .chain(applied ->
                                        marker.epoch() < applied ? wentBack(current) : byOthers(current, false))
                        : tools.ledger()
                                .probed(
                                        claim,
                                        "store_behind_target",
                                        "store_behind_target",
                                        "The role was changed under a higher epoch than this store knows, and none of the passwords kept"
                                                + " here opens it: the store was restored from an older copy, or a copy of it is at"
                                                + " work. Stop the copy, then rotate with force=true."));
    }

    /** What keeps the role out whatever its password is; null when nothing does. */
    private static @Nullable Stop state(Preflight found) {
        return found.report().managedRoles().stream()
                .flatMap(role -> role.problems().stream())
                .filter(problem -> KEEPS_OUT.contains(problem.code()))
                .findFirst()
                .map(problem -> Stop.definite(
                        Step.PREFLIGHT,
                        problem.code(),
                        problem.sql() == null ? problem.message() : problem.message() + " " + problem.sql()))
                .orElse(null);
    }

    private Uni<Void> wentBack(PasswordVersion current) {
        return tools.ledger().lookAtServerOf(claim.role).chain(() -> putBack(current, Cause.TARGET_WENT_BACK));
    }

    /** @param unseen whether the managing role is refused as well, so that nothing could be looked at */
    private Uni<Void> byOthers(PasswordVersion current, boolean unseen) {
        ManagedRole role = claim.role;
        return tools.ledger().terms(role.ownerId).chain(terms -> {
            // A role that changes its own password cannot log in to put anything back.
            return terms != null && terms.drift() == DriftPolicy.REASSERT && !role.self && !unseen
                    ? putBack(current, Cause.REASSERT)
                    : tools.ledger().probed(claim, "password_refused", Stop.THIRD_PARTY, why(unseen));
        });
    }

    private String why(boolean unseen) {
        if (claim.role.self) {
            return "None of the passwords kept for the role opens it: a third party changed it, or VALID UNTIL has passed.";
        }
        return unseen
                ? "None of the passwords kept for the role opens it, and the managing role is refused as well, so that the cause"
                        + " could not be looked at."
                : "None of the passwords kept for the role opens it, and the server has not gone back in time: a third party"
                        + " changed it.";
    }

    private Uni<Void> putBack(PasswordVersion current, Cause cause) {
        return tools.ledger()
                .reapply(claim, cause, current)
                .chain(attempt -> changes.run(attempt, false, deadline))
                .replaceWithVoid();
    }
}
