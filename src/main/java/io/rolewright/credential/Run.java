package io.rolewright.credential;

import io.rolewright.credential.Protocol.Reached;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetBusy;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Unreachability;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One claim's way through the steps, from the preflight to the promotion or to the reason why not. For one use, on one context.
 *
 * <p>The order never varies: the password is sealed and committed, then sent fenced, then proven by a login, then promoted. A send
 * without an answer is repeated with the same secret under a higher epoch; so is one that an earlier claim has left. What the server has
 * taken and cannot be proven any more is replaced by what it had before.
 */
final class Run {

    /** With less than this left nothing is sent any more: the answer, the proof and the promotion have to follow. */
    private static final Duration TIME_TO_SEND = Duration.ofMillis(1500);

    private static final Logger log = Logger.getLogger(Run.class);

    private final Claims claims;
    private final Ledger ledger;
    private final VersionSeal seal;
    private final NewPasswords passwords;
    private final ManagingConnections connections;
    private final Inspection inspection;
    private final SelfInspection selfInspection;
    private final RoleIdentities identities;
    private final TargetSteps steps;
    private final Claim claim;
    private final ManagedRole role;
    private final Attempt attempt;
    private final Deadline deadline;
    private final boolean force;

    private long epoch;
    private Terms terms;

    /** Number of the newest version, whatever became of it; 0 where there is none. */
    private long latest;

    private @Nullable PasswordVersion version;
    private @Nullable PasswordVersion former;
    private VersionSeal.@Nullable Opened secret;

    /** Where this stands in the protocol. */
    private Protocol.State state;

    /** Where the role is, the versions that it has, and what the last look has found. */
    private Login place;

    private List<PasswordVersion> versions = List.of();
    private Inspection.@Nullable Found found;
    private Preflight looked;

    /** By which the role is changed. */
    private Login login;

    /** The marker that the role carried when it was looked at, or was given since. */
    private @Nullable Fence seen;

    /** Of the role when it was looked at: nothing is done to another one that has got its name since. */
    private RoleIdentity identity = new RoleIdentity(null, null);

    Run(
            Claims claims,
            Ledger ledger,
            VersionSeal seal,
            NewPasswords passwords,
            ManagingConnections connections,
            Inspection inspection,
            SelfInspection selfInspection,
            RoleIdentities identities,
            TargetSteps steps,
            Claim claim,
            boolean force,
            Deadline deadline) {
        this.claims = claims;
        this.ledger = ledger;
        this.seal = seal;
        this.passwords = passwords;
        this.connections = connections;
        this.inspection = inspection;
        this.selfInspection = selfInspection;
        this.identities = identities;
        this.steps = steps;
        this.claim = claim;
        this.role = claim.role;
        this.attempt = claim.attempt;
        this.deadline = deadline;
        this.force = force;
        this.epoch = role.epoch;
        this.state = begun(Reached.UNTOUCHED);
    }

    Uni<ChangeOutcome> go() {
        return Uni.createFrom()
                .deferred(this::start)
                .onFailure(LostClaim.class)
                .recoverWithItem(ChangeOutcome.InProgress::new)
                .onFailure(failure -> !StoreFault.isOutage(failure)
                        && !(failure instanceof TargetBusy)
                        && !(failure instanceof Withdrawn))
                .recoverWithUni(this::broken)
                .onFailure(Withdrawn.class)
                .recoverWithUni(withdrawn -> withdrawn(((Withdrawn) withdrawn).refused))
                .onFailure(TargetBusy.class)
                .recoverWithUni(busy -> notBegun((TargetBusy) busy))
                .onFailure(LostClaim.class)
                .recoverWithItem(ChangeOutcome.InProgress::new)
                .onFailure(failure -> version != null && !(failure instanceof TargetBusy))
                .recoverWithItem(this::left);
    }

    /**
     * The address at which this request had its turn does not answer, and at the next one its turn does not come in time: whoever
     * asked is told when it does, as if there had been no claim. What is already written down as begun, such as a revoke, goes on by
     * itself.
     */
    private Uni<ChangeOutcome> notBegun(TargetBusy busy) {
        return attempt.cause == Cause.MANUAL || claim.continued && attempt.cause != Cause.REVOKE
                ? claims.giveBack(claim, epoch).chain(() -> Uni.createFrom().failure(busy))
                : stop(Stop.passing(
                        Step.PREFLIGHT,
                        Unreachability.TOO_MANY_SESSIONS.name().toLowerCase(java.util.Locale.ROOT),
                        Unreachability.TOO_MANY_SESSIONS.message()));
    }

    /** A fault of ours, or a version that cannot be opened: it waits like everything else, instead of being claimed for ever. */
    private Uni<ChangeOutcome> broken(Throwable failure) {
        log.errorf(failure, "Attempt %s on role %s failed unexpectedly", attempt.id, role.id);
        return stop(Stop.passing(attempt.step, "internal_error", "An unexpected fault occurred; see the log."));
    }

    /** The store cannot be written: the lease lapses, the next claim goes on, and nothing is lost. */
    private ChangeOutcome left(Throwable failure) {
        StoreFault.warn(log, "Attempt " + attempt.id + " interrupted, the next claim resumes it", failure);
        log.debug("Cause", failure);
        return new ChangeOutcome.InDoubt(
                attempt.id,
                "store_unavailable",
                "What became of it could not be written down; it goes on by itself.",
                role.leaseUntil);
    }

    private Uni<ChangeOutcome> start() {
        Uni<Terms> agreed = claim.terms == null
                ? claims.terms(role.ownerId)
                : Uni.createFrom().item(claim.terms);
        return agreed.chain(found -> {
            if (found == null) {
                return stop(Stop.definite(Step.CLAIM, "owner_gone", "What managed the role is gone."));
            }
            terms = found;
            return ledger.versions(role.id).chain(versions -> {
                latest = ledger.lastNumber(role, versions.isEmpty() ? null : versions.get(0));
                this.versions = versions;
                former = versions.stream()
                        .filter(each -> each.state == VersionState.CURRENT)
                        .findFirst()
                        .orElse(null);
                PasswordVersion begun = versions.stream()
                        .filter(each -> attempt.cause.reapplies()
                                ? each.state == VersionState.CURRENT
                                : each.state.unfinished())
                        .findFirst()
                        .orElse(null);
                state = begun(reached(begun));
                if (begun != null) {
                    version = begun;
                    secret = seal.open(begun, role);
                }
                return connections.login(role.connectionId).chain(login -> {
                    if (login == null) {
                        return stop(Stop.definite(
                                Step.CLAIM, "connection_gone", "The connection that changes the role is gone."));
                    }
                    place = login;
                    return carry(Protocol.begin(state));
                });
            });
        });
    }

    private Protocol.State begun(Reached reached) {
        boolean revokes = attempt.cause == Cause.REVOKE;
        return Protocol.State.before(
                new Protocol.Subject(role.self, claim.continued, attempt.cause.reapplies(), revokes, former != null),
                role.marked && !role.self,
                reached);
    }

    /** Of what an earlier claim may have sent; the current version is applied again whatever became of it. */
    private static Reached reached(@Nullable PasswordVersion begun) {
        if (begun == null || begun.state == VersionState.CURRENT) {
            return Reached.UNTOUCHED;
        }
        return begun.state == VersionState.APPLIED ? Reached.APPLIED : Reached.DOUBT;
    }

    // ---- Look -----------------------------------------------------------------------------------------------------

    /** At all that could make the change wrong, and last of all whether it may still be had. */
    private Uni<Protocol.Answer> look() {
        return (role.self ? atItself() : throughManaging())
                .chain(seen ->
                        seen.stop() != null ? Uni.createFrom().item(seen.answer()) : allowed(() -> cleared(seen)));
    }

    private Uni<Inspection.Found> atItself() {
        return selfInspection.look(
                new SelfInspection.Question(
                        role,
                        versions,
                        rehearsed(),
                        Stop.THIRD_PARTY.equals(attempt.reason),
                        attempt.cause == Cause.ADOPTED,
                        deadline),
                place);
    }

    private Uni<Inspection.Found> throughManaging() {
        return inspection
                .look(
                        new Inspection.Question(
                                role.roleName,
                                rehearsed(),
                                terms.takeover(),
                                terms.allowPrivileged(),
                                new Inspection.Known(role, versions, force),
                                (kind, project) -> false,
                                Purpose.DUE_WORK,
                                deadline),
                        role.connectionId,
                        place)
                .call(seen -> sign(seen)
                        ? ledger.lookAtServerOf(role)
                        : Uni.createFrom().voidItem())
                .call(this::pin);
    }

    /** What the managing role was asked for by SCRAM stays so. */
    private Uni<Void> pin(Inspection.Found found) {
        return found.managing() != null
                        && found.preflight() != null
                        && found.preflight().report().outcome() instanceof LoginOutcome.Accepted in
                        && in.facts().rule() == PasswordRule.SCRAM
                ? connections.askedByScram(role.connectionId, found.managing())
                : Uni.createFrom().voidItem();
    }

    /** Whether what was seen says that something is wrong with the whole server. */
    private boolean sign(Inspection.Found found) {
        return found.preflight() == null
                ? found.stop() != null && "password_refused".equals(found.stop().reason())
                : role.wentBack(found.preflight().report().server());
    }

    private Uni<Protocol.Answer> cleared(Inspection.Found clear) {
        found = clear;
        looked = clear.preflight();
        login = clear.managing();
        seen = looked.fence();
        identity = identities.of(looked);
        Uni<Long> raised = clear.above() == 0
                ? Uni.createFrom().item(epoch)
                // Of a dual the other role may carry the version after the one that is on this role.
                : ledger.raise(claim, epoch, clear.above(), seen == null ? 0 : seen.version() + 1);
        return raised.invoke(next -> epoch = next).replaceWith(clear::answer);
    }

    // ---- Leave ----------------------------------------------------------------------------------------------------

    /**
     * The last moment at which nothing was begun: who asked for the change may have lost the right while the server was waited for. What is
     * unfinished already is not his any more, and goes on.
     */
    private Uni<Protocol.Answer> allowed(Supplier<Uni<Protocol.Answer>> work) {
        if (!attempt.cause.awaited() || claim.continued) {
            return work.get();
        }
        return deadline.stillAllowed()
                .onFailure(Problem.class)
                .transform(refused -> new Withdrawn((Problem) refused))
                .chain(() -> work.get());
    }

    /** Nothing was begun. An owner that was written down for this has to know that it came to nothing; its creator is told why. */
    private Uni<ChangeOutcome> withdrawn(Problem refused) {
        return attempt.cause == Cause.MANUAL
                ? claims.giveBack(claim, epoch).chain(() -> Uni.createFrom().failure(refused))
                : stop(Stop.definite(Step.PREFLIGHT, refused.code(), refused.getMessage()));
    }

    /** Whoever asked for the change may not have it any more. */
    private static final class Withdrawn extends RuntimeException {
        private final transient Problem refused;

        Withdrawn(Problem refused) {
            super(null, null, false, false);
            this.refused = refused;
        }
    }

    // ---- Mark -----------------------------------------------------------------------------------------------------

    /** A role gets our marker before its password is touched: no marker is never leave to change one. */
    private Uni<Protocol.Answer> mark(Inspection.Found clear) {
        Fence marker = steps.marker(role, epoch, versionSeen());
        Fence before = seen;
        boolean another = clear.identity() == RoleIdentity.Verdict.CONFIRMED;
        return ledger.knows(role, 1)
                .chain(had -> ledger.marking(
                        claim,
                        epoch,
                        before == null && had && !attempt.cause.reapplies() && !another,
                        clear.leave() == Markers.Leave.TAKEOVER
                                ? before.owner() + " epoch=" + before.epoch()
                                : another ? "the role with the oid " + role.roleOid : null))
                .invoke(next -> epoch = next)
                .chain(() -> steps.mark(at(), before, marker))
                .invoke(answer -> {
                    if (answer instanceof Protocol.Marked) {
                        seen = marker;
                    }
                });
    }

    // ---- Persist --------------------------------------------------------------------------------------------------

    private String rehearsed() {
        return secret == null ? Inspection.PLACEHOLDER : secret.secret().text();
    }

    /** A new password only where none is in doubt; it is committed before anything of it is sent. */
    private Uni<Void> persisted() {
        if (version != null) {
            return ledger.sending(claim, epoch, looked.report().server());
        }
        return OwnContext.elsewhere(() -> passwords.make(terms.policy(), looked.iterations()))
                .chain(made -> ledger.persist(
                                claim, epoch, latest + 1, made, looked.report().server())
                        .invoke(written -> {
                            version = written;
                            secret = made;
                        }))
                .replaceWithVoid();
    }

    // ---- What the protocol says -----------------------------------------------------------------------------------

    /** Carries out what comes after the answer, and so on to the end. */
    private Uni<ChangeOutcome> after(Protocol.Answer answer) {
        return carry(Protocol.next(state, answer, deadline.left().compareTo(TIME_TO_SEND) >= 0));
    }

    private Uni<ChangeOutcome> carry(Protocol.Next next) {
        state = next.state();
        Protocol.Do act = next.act();
        if (act instanceof Protocol.Promote promote) {
            return promote(promote.refusal());
        }
        return act instanceof Protocol.End end
                ? stop(end.stop())
                : carriedOut(act).chain(this::after);
    }

    private Uni<Protocol.Answer> carriedOut(Protocol.Do act) {
        if (act instanceof Protocol.Look) {
            return look();
        }
        if (act instanceof Protocol.LookAgain) {
            return OwnContext.pause(jitter(Duration.ofMillis(150))).chain(this::look);
        }
        if (act instanceof Protocol.Mark) {
            return mark(Objects.requireNonNull(found));
        }
        if (act instanceof Protocol.NoteNoMarker) {
            return ledger.marked(claim, epoch, false).replaceWith(new Protocol.NoMarkerNoted());
        }
        if (act instanceof Protocol.Write) {
            return persisted().replaceWith(new Protocol.Written());
        }
        if (act instanceof Protocol.Send send) {
            return send(send.asNew());
        }
        if (act instanceof Protocol.Wait wait) {
            return OwnContext.pause(jitter(wait.about())).replaceWith(new Protocol.Waited());
        }
        if (act instanceof Protocol.NoteDoubt doubt) {
            // If the first send still happens, it is refused by then or had the same effect.
            return ledger.doubt(claim, epoch, attempt.cause.reapplies() ? null : version)
                    .invoke(raised -> epoch = raised)
                    .replaceWith(new Protocol.DoubtNoted(doubt.stop()));
        }
        if (act instanceof Protocol.EndOlder) {
            return steps.endOlder(role.self ? at(renewed()) : at(), secret.secret(), epoch);
        }
        if (act instanceof Protocol.Prove) {
            return steps.prove(renewed(), secret.secret(), deadline);
        }
        if (act instanceof Protocol.AskRule ask) {
            return steps.askRule(at(), secret.secret(), ask.reason());
        }
        if (act instanceof Protocol.PutBack back) {
            return putBack(Objects.requireNonNull(former), back.reason());
        }
        VersionSeal.Opened before = seal.open(Objects.requireNonNull(former), role);
        return steps.proveFormer(at(), before, ((Protocol.ProveFormer) act).reason());
    }

    private static Duration jitter(Duration about) {
        int millis = (int) about.toMillis();
        return Duration.ofMillis(millis / 3 + ThreadLocalRandom.current().nextInt(millis));
    }

    // ---- Apply ----------------------------------------------------------------------------------------------------

    /** @param asNew an earlier send of ours took effect meanwhile: the new password opens the role */
    private Uni<Protocol.Answer> send(boolean asNew) {
        if (asNew) {
            login = renewed();
        }
        return state.marked()
                ? steps.send(at(), secret.secret(), seen, steps.marker(role, epoch, versionShown()))
                : steps.sendUnmarked(at(), secret.secret(), seen, epoch);
    }

    private TargetSteps.At at() {
        return at(login);
    }

    private TargetSteps.At at(Login by) {
        return new TargetSteps.At(by, role, identity.oid(), deadline);
    }

    private Login renewed() {
        return login.as(role.roleName, secret.password(), secret.secret().keys());
    }

    /** As consumers will see it once this is proven. */
    private long versionShown() {
        return attempt.cause.reapplies() || attempt.cause == Cause.REVOKE ? versionSeen() : versionSeen() + 1;
    }

    /** That consumers have seen last, also if the store has forgotten it. */
    private long versionSeen() {
        return Math.max(terms.version(), role.versionFloor);
    }

    private Uni<Protocol.Answer> putBack(PasswordVersion served, Stop reason) {
        return ledger.raise(claim, epoch, epoch, 0)
                .invoke(next -> epoch = next)
                .chain(() -> ledger.sending(claim, epoch, null))
                .chain(() -> steps.putBack(
                        at(),
                        seal.open(served, role).secret(),
                        seen,
                        steps.marker(role, epoch, versionSeen()),
                        reason));
    }

    // ---- Promote --------------------------------------------------------------------------------------------------

    /** @param refusal of the session by which the password was proven; absent when the role was let in */
    private Uni<ChangeOutcome> promote(@Nullable Stop refusal) {
        return ledger.promote(claim, epoch, version, refusal, identity, validUntil())
                .call(done -> attempt.cause == Cause.REVOKE && state.marked()
                        ? steps.unmark(at(), epoch + 1)
                        : Uni.createFrom().voidItem())
                .map(done -> (ChangeOutcome) done)
                .onFailure(failure ->
                        StoreFault.isOutage(failure) && deadline.left().compareTo(Duration.ofMillis(300)) > 0)
                .recoverWithUni(
                        () -> OwnContext.pause(jitter(Duration.ofMillis(200))).chain(() -> promote(refusal)));
    }

    /** Of the role when it was looked at; a new password does not move it. Null for ever. */
    private @Nullable Instant validUntil() {
        TargetReport report = looked.report();
        return role.self
                ? report.managingRole().validUntil()
                : report.managedRoles().stream()
                        .filter(each -> each.name().equals(role.roleName))
                        .map(TargetReport.ManagedRole::validUntil)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .orElse(null);
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<ChangeOutcome> stop(Stop reason) {
        boolean currentAgain = attempt.cause.reapplies();
        return ledger.stop(claim, epoch, currentAgain ? null : version, state.reached(), reason);
    }
}
