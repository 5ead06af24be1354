package io.rolewright.credential;

import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.RoleLook;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
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
@ApplicationScoped
class Probe {

    private static final String EXPIRED = "role_expired";
    private static final Set<String> KEEPS_OUT = Set.of("role_missing", "role_cannot_login", EXPIRED);

    private final ManagingConnections connections;
    private final Claims claims;
    private final Ledger ledger;
    private final RoleLogins logins;
    private final Markers markers;
    private final RoleIdentities identities;
    private final Targets targets;
    private final FencedApply fenced;
    private final Runs runs;

    Probe(
            ManagingConnections connections,
            Claims claims,
            Ledger ledger,
            RoleLogins logins,
            Markers markers,
            RoleIdentities identities,
            Targets targets,
            FencedApply fenced,
            Runs runs) {
        this.connections = connections;
        this.claims = claims;
        this.ledger = ledger;
        this.logins = logins;
        this.markers = markers;
        this.identities = identities;
        this.targets = targets;
        this.fenced = fenced;
        this.runs = runs;
    }

    /** @param claim without an attempt */
    Uni<Void> look(Claim claim, Deadline deadline) {
        return new Look(claim, deadline).go();
    }

    /** What keeps the role out whatever its password is; null when nothing does. */
    private static @Nullable String state(Preflight found) {
        return found.report().managedRoles().stream()
                .flatMap(role -> role.problems().stream())
                .map(problem -> problem.code())
                .filter(KEEPS_OUT::contains)
                .findFirst()
                .orElse(null);
    }

    /** For one use. */
    private final class Look {
        private final Claim claim;
        private final Deadline deadline;

        Look(Claim claim, Deadline deadline) {
            this.claim = claim;
            this.deadline = deadline;
        }

        Uni<Void> go() {
            ManagedRole role = claim.role;
            return connections
                    .login(role.connectionId)
                    .chain(place -> ledger.versions(role.id).chain(versions -> {
                        PasswordVersion current = versions.stream()
                                .filter(each -> each.state == VersionState.CURRENT)
                                .findFirst()
                                .orElse(null);
                        return place == null || current == null
                                ? ledger.nothingToProbe(claim)
                                : targets.look(logins.login(place, role, current), Purpose.DUE_WORK, deadline)
                                        .chain(look -> judge(place, versions, current, look));
                    }));
        }

        private Uni<LoginOutcome> login(Login place, PasswordVersion version) {
            return targets.login(logins.login(place, claim.role, version), Purpose.DUE_WORK, deadline);
        }

        private Uni<Void> judge(Login place, List<PasswordVersion> versions, PasswordVersion current, RoleLook look) {
            LoginOutcome outcome = look.outcome();
            if (Proofs.proven(outcome)) {
                return ledger.proven(claim, Proofs.refusal(outcome), look);
            }
            if (outcome instanceof LoginOutcome.Accepted accepted) {
                return ledger.unprobed(
                        claim, accepted.proof() == PasswordProof.POOLED ? PasswordProof.POOLER : "password_not_asked");
            }
            if (!Proofs.refusesPassword(outcome)) {
                return ledger.unprobed(claim, outcome.code());
            }
            boolean known =
                    Stop.THIRD_PARTY.equals(claim.role.reason) || claim.role.self && EXPIRED.equals(claim.role.reason);
            List<PasswordVersion> older = versions.stream()
                    // What was given up in doubt may still have been applied by a late statement, whatever its number.
                    .filter(each ->
                            each.state == VersionState.REJECTED ? each.inDoubtAt != null : each.number < current.number)
                    .toList();
            return known ? changed(place, current) : history(place, current, older, 0);
        }

        private Uni<Void> history(Login place, PasswordVersion current, List<PasswordVersion> older, int index) {
            if (index == older.size()) {
                return changed(place, current);
            }
            return login(place, older.get(index)).chain(outcome -> {
                if (Proofs.proven(outcome)) {
                    return wentBack(current);
                }
                return Proofs.refusesPassword(outcome)
                        ? history(place, current, older, index + 1)
                        : ledger.unprobed(claim, outcome.code());
            });
        }

        /** No password of ours opens the role. What the managing role sees of role and server tells the causes apart. */
        private Uni<Void> changed(Login place, PasswordVersion current) {
            ManagedRole role = claim.role;
            if (role.self && role.validUntil != null && !role.validUntil.isAfter(role.storeNow)) {
                // Nobody else is there who could look; so it said itself when it last was in.
                return ledger.probed(claim, EXPIRED, EXPIRED);
            }
            return role.self
                    ? byOthers(current, false)
                    : logins.managing(role.connectionId, place).chain(managing -> look(managing, 0, current));
        }

        private Uni<Void> look(List<Login> logins, int index, PasswordVersion current) {
            return fenced.preflight(
                            logins.get(index),
                            claim.role.roleName,
                            claim.role.roleOid,
                            Inspection.PLACEHOLDER,
                            Purpose.DUE_WORK,
                            deadline)
                    .onItemOrFailure()
                    .transformToUni((found, failure) -> {
                        if (failure == null) {
                            return seen(found, current);
                        }
                        if (!(failure instanceof TargetFailure target)) {
                            return Uni.createFrom().failure(failure);
                        }
                        if (!Proofs.refusesPassword(target)) {
                            return ledger.unprobed(
                                    claim, Stop.of(Step.PREFLIGHT, target).reason());
                        }
                        return index + 1 < logins.size() ? look(logins, index + 1, current) : byOthers(current, true);
                    });
        }

        private Uni<Void> seen(Preflight found, PasswordVersion current) {
            ManagedRole role = claim.role;
            RoleIdentity.Number number = role.identity().compare(identities.of(found));
            Stop renamed = RoleIdentity.renamed(role.roleName, number, found);
            String state = renamed != null ? renamed.reason() : state(found);
            if (state == null) {
                // None of our passwords opens it, which is what tells the role from another one of its name.
                RoleIdentity.Verdict verdict =
                        RoleIdentity.judge(number, RoleIdentity.Marker.NOT_OURS, RoleIdentity.Opens.NONE, false);
                state = verdict.stops() ? verdict.code() : null;
            }
            if (state != null) {
                return ledger.probed(claim, state, state);
            }
            Fence marker = found.fence();
            if (marker == null) {
                // Somebody may have wiped it: no marker alone is no evidence of anything.
                return role.wentBack(found.report().server()) && !ledger.mayHaveForgotten(role, List.of(current))
                        ? wentBack(current)
                        : byOthers(current, false);
            }
            if (!markers.isOf(role.ownerId, marker)) {
                // Another rotation or installation has changed it, or a copy of this store that was adopted.
                return markers.superseded(marker)
                        .chain(() -> ledger.probed(claim, "role_already_managed", "role_already_managed"));
            }
            return ledger.knows(role, marker.epoch())
                    .chain(ours -> ours
                            ? ledger.appliedEpoch(role.id)
                                    .chain(applied ->
                                            marker.epoch() < applied ? wentBack(current) : byOthers(current, false))
                            // Under a higher epoch than this store knows: it was restored from an older copy, or a copy
                            // is
                            // at work.
                            : ledger.probed(claim, "store_behind_target", "store_behind_target"));
        }

        private Uni<Void> wentBack(PasswordVersion current) {
            return ledger.lookAtServerOf(claim.role).chain(() -> putBack(current, Cause.TARGET_WENT_BACK));
        }

        /** @param unseen whether the managing role is refused as well, so that nothing could be looked at */
        private Uni<Void> byOthers(PasswordVersion current, boolean unseen) {
            ManagedRole role = claim.role;
            if (!role.self && ledger.mayHaveForgotten(role, List.of(current))) {
                // It may be a newer password of ours, which consumers have.
                return ledger.probed(claim, "store_behind_target", "store_behind_target");
            }
            return claims.terms(role.ownerId).chain(terms -> {
                // A role that changes its own password cannot log in to put anything back.
                return terms != null && terms.drift() == DriftPolicy.REASSERT && !role.self && !unseen
                        ? putBack(current, Cause.REASSERT)
                        : ledger.probed(claim, "password_refused", Stop.THIRD_PARTY);
            });
        }

        private Uni<Void> putBack(PasswordVersion current, Cause cause) {
            return ledger.reapply(claim, cause, current)
                    .chain(attempt -> runs.run(attempt, false, deadline))
                    .replaceWithVoid();
        }
    }
}
