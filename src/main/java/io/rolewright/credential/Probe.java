package io.rolewright.credential;

import io.rolewright.target.Deadline;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.Purpose;
import io.smallrye.mutiny.Uni;
import java.util.List;

/**
 * Tries whether the current password still opens its role. If not, the history is tried once, newest to oldest: an older password of
 * ours that works means that the target went back in time, and the current one is applied again, always. If none works, a third party
 * has changed the password, and the owner's policy decides.
 *
 * <p>A role that is already known to be changed costs one failing login per probe, not the whole history again.
 */
final class Probe {

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
        return known ? changed(current) : history(place, current, older, 0);
    }

    private Uni<Void> history(Login place, PasswordVersion current, List<PasswordVersion> older, int index) {
        if (index == older.size()) {
            return changed(current);
        }
        return login(place, older.get(index)).chain(outcome -> {
            if (Run.proven(outcome)) {
                return putBack(current, Cause.TARGET_WENT_BACK);
            }
            return Run.refusesPassword(outcome)
                    ? history(place, current, older, index + 1)
                    : tools.ledger().unprobed(claim, outcome.code());
        });
    }

    private Uni<Void> changed(PasswordVersion current) {
        ManagedRole role = claim.role;
        return tools.ledger().owner(role.ownerKind).terms(role.ownerId, role.id).chain(terms -> {
            // A role that changes its own password cannot log in to put anything back.
            return terms != null && terms.drift() == DriftPolicy.REASSERT && !role.self
                    ? putBack(current, Cause.REASSERT)
                    : tools.ledger()
                            .probed(
                                    claim,
                                    "password_refused",
                                    Stop.THIRD_PARTY,
                                    "None of the passwords kept for the role opens it: a third party changed it, or VALID"
                                            + " UNTIL has passed.");
        });
    }

    private Uni<Void> putBack(PasswordVersion current, Cause cause) {
        return tools.ledger()
                .reapply(claim, cause, current)
                .chain(attempt -> changes.run(attempt, false, deadline))
                .replaceWithVoid();
    }
}
