package io.rolewright.credential;

import io.rolewright.password.ScramSecret;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a change that are made on the role's server, with what the server answers in the words of {@link Protocol}. None of them
 * touches the store; whoever calls has written down before what is sent.
 */
@ApplicationScoped
class TargetSteps {

    private final FencedApply fenced;
    private final UnmarkedApply unmarked;
    private final Targets targets;
    private final Markers markers;

    TargetSteps(FencedApply fenced, UnmarkedApply unmarked, Targets targets, Markers markers) {
        this.fenced = fenced;
        this.unmarked = unmarked;
        this.targets = targets;
        this.markers = markers;
    }

    /**
     * Which role it is and how it is changed.
     *
     * @param oid by which the server knows it; absent where that was not learned
     */
    record At(Login login, ManagedRole role, @Nullable Long oid, Deadline deadline) {}

    /** @param version that consumers see with it */
    Fence marker(ManagedRole role, long epoch, long version) {
        return new Fence(markers.of(role.ownerId), epoch, version);
    }

    /** @param before the marker that the role carried when it was looked at; absent for none */
    Uni<Protocol.Answer> mark(At at, @Nullable Fence before, Fence marker) {
        return fenced.mark(
                        at.login,
                        at.role.roleName,
                        at.oid,
                        before,
                        marker,
                        UnmarkedApply.applicationName(at.role.id, marker.epoch()),
                        at.deadline)
                .map(outcome -> {
                    if (outcome instanceof ApplyOutcome.Applied) {
                        return new Protocol.Marked();
                    }
                    if (outcome instanceof ApplyOutcome.NotSent notSent) {
                        return new Protocol.MarkNotSent(Stop.noLogin(Step.APPLY, notSent.outcome()));
                    }
                    return outcome instanceof ApplyOutcome.Refused refused && !refused.retryAtOnce()
                            ? new Protocol.MarkRefused(Stop.refused(refused), forbidden(refused))
                            : new Protocol.MarkUnknown();
                });
    }

    /** The rehearsal was allowed the ALTER ROLE: where the role carries a marker, it is COMMENT that is refused. */
    private static boolean forbidden(ApplyOutcome.Refused refused) {
        return refused.sqlState().equals("42501");
    }

    /**
     * Sends a secret together with our marker.
     *
     * @param seen the marker that the role carries
     */
    Uni<Protocol.Answer> send(At at, ScramSecret secret, Fence seen, Fence marker) {
        return fenced(at, secret, seen, marker).map(TargetSteps::answer);
    }

    /**
     * Sends a secret to a role that can carry no marker of ours.
     *
     * @param seen the marker of somebody else's; absent for none
     */
    Uni<Protocol.Answer> sendUnmarked(At at, ScramSecret secret, @Nullable Fence seen, long epoch) {
        return unmarked.apply(at.login, at.role.roleName, at.oid, secret.text(), seen, at.role.id, epoch, at.deadline)
                .map(TargetSteps::answer);
    }

    private Uni<ApplyOutcome> fenced(At at, ScramSecret secret, Fence seen, Fence marker) {
        return fenced.apply(
                at.login,
                at.role.roleName,
                at.oid,
                secret.text(),
                seen.epoch(),
                marker,
                UnmarkedApply.applicationName(at.role.id, marker.epoch()),
                at.deadline);
    }

    private static Protocol.Answer answer(ApplyOutcome outcome) {
        if (outcome instanceof ApplyOutcome.Applied) {
            return new Protocol.Applied();
        }
        if (outcome instanceof ApplyOutcome.InDoubt doubt) {
            return new Protocol.SendUnknown(Stop.passing(
                    Step.APPLY,
                    doubt.reason().name().toLowerCase(Locale.ROOT),
                    doubt.reason().message()));
        }
        if (outcome instanceof ApplyOutcome.NotSent notSent) {
            return new Protocol.NotSent(
                    Stop.noLogin(Step.APPLY, notSent.outcome()), Proofs.refusesPassword(notSent.outcome()));
        }
        if (outcome instanceof ApplyOutcome.Refused refused) {
            return new Protocol.Refused(Stop.refused(refused), refused.retryAtOnce(), forbidden(refused));
        }
        return outcome instanceof ApplyOutcome.ManagedElsewhere ? new Protocol.Elsewhere() : new Protocol.Moved();
    }

    /** Without a marker, what older attempts have left is ended once more before the proof. */
    Uni<Protocol.Answer> endOlder(At at, ScramSecret secret, long epoch) {
        return unmarked.endOlder(at.login, at.role.id, epoch, at.deadline)
                .map(outcome -> outcome instanceof LoginOutcome.Accepted
                        ? new Protocol.OlderEnded()
                        : new Protocol.OlderLeft(
                                Stop.noLogin(Step.VERIFY, outcome),
                                Proofs.proven(outcome, secret),
                                Proofs.refusal(outcome)));
    }

    /**
     * The password is proven by the server's own signature for the secret that was set. What the server then has against the session (no
     * slot left, a certificate of another name …) is no fault of the password: it is kept as a reason.
     *
     * @param renewed the role's own, with the password that was set
     */
    Uni<Protocol.Answer> prove(Login renewed, ScramSecret secret, Deadline deadline) {
        return targets.login(renewed, Purpose.DUE_WORK, deadline).map(outcome -> {
            if (Proofs.proven(outcome, secret)) {
                return new Protocol.Proven(Proofs.refusal(outcome));
            }
            return new Protocol.Unproven(
                    outcome instanceof LoginOutcome.Accepted
                            ? Stop.definite(
                                    Step.VERIFY,
                                    "password_not_proven",
                                    "The server let the role in, but not visibly because of its password.")
                            : Stop.noLogin(Step.VERIFY, outcome));
        });
    }

    /**
     * The server has taken the new password, and what has changed there since the preflight keeps it from being proven. If that stays so,
     * the former password is put back: it is the one that is served.
     *
     * @param reason why there was no proof
     */
    Uni<Protocol.Answer> askRule(At at, ScramSecret secret, Stop reason) {
        Login asked = at.login.as(at.role.roleName, "");
        return targets.passwordRule(asked, Purpose.DUE_WORK, at.deadline)
                .map(demand -> new Protocol.Asked(
                        demand.rule(),
                        secret.salt().equals(demand.salt()),
                        switch (demand.rule()) {
                            case CLEARTEXT, NOT_ASKED, ANOTHER_MECHANISM, REFUSED ->
                                Inspection.unprovable(demand, asked);
                            case SCRAM, MD5, UNKNOWN -> reason;
                        }));
    }

    Uni<Protocol.Answer> putBack(At at, ScramSecret former, Fence seen, Fence marker, Stop reason) {
        return fenced(at, former, seen, marker)
                .map(outcome -> new Protocol.PutBackEnded(outcome instanceof ApplyOutcome.Applied, reason));
    }

    Uni<Protocol.Answer> proveFormer(At at, VersionSeal.Opened former, Stop reason) {
        return targets.login(at.login.as(at.role.roleName, former.password()), Purpose.DUE_WORK, at.deadline)
                .map(proof -> new Protocol.Former(Proofs.proven(proof, former.secret()), reason));
    }

    /** The role is nobody's any more, and its marker says so: one that stays as it is would be one of an owner that is gone. */
    Uni<Void> unmark(At at, long epoch) {
        return fenced.endMarker(at.login, at.role.roleName, markers.of(at.role.ownerId), epoch, at.deadline)
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }
}
