package io.rolewright.credential;

import io.rolewright.credential.Protocol.Reached;
import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.Deadline;
import io.rolewright.target.Demand;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.Refusal;
import io.rolewright.target.SessionFacts;
import io.rolewright.target.TargetBusy;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.TargetReport;
import io.rolewright.target.UnmarkedApply;
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

    /** Any well-formed secret will do for a rehearsal, which is rolled back. */
    static final String PLACEHOLDER =
            "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$" + "A".repeat(43) + "=:" + "A".repeat(43) + "=";

    /** With less than this left nothing is sent any more: the answer, the proof and the promotion have to follow. */
    private static final Duration TIME_TO_SEND = Duration.ofMillis(1500);

    private static final Logger log = Logger.getLogger(Run.class);

    private final Tools tools;
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

    /** Where the role is, the versions that it has, and what the last look has found: for one that changes itself the preflight alone. */
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

    Run(Tools tools, Claim claim, boolean force, Deadline deadline) {
        this.tools = tools;
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
                ? tools.claims()
                        .giveBack(claim, epoch)
                        .chain(() -> Uni.createFrom().failure(busy))
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
                ? tools.claims().terms(role.ownerId)
                : Uni.createFrom().item(claim.terms);
        return agreed.chain(found -> {
            if (found == null) {
                return stop(Stop.definite(Step.CLAIM, "owner_gone", "What managed the role is gone."));
            }
            terms = found;
            return tools.ledger().versions(role.id).chain(versions -> {
                latest = tools.ledger().lastNumber(role, versions.isEmpty() ? null : versions.get(0));
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
                    secret = tools.seal().open(begun, role);
                }
                return tools.connections().login(role.connectionId).chain(login -> {
                    if (login == null) {
                        return stop(Stop.definite(
                                Step.CLAIM, "connection_gone", "The connection that changes the role is gone."));
                    }
                    place = login;
                    return role.self ? self(login, versions) : managed();
                });
            });
        });
    }

    private Protocol.State begun(Reached reached) {
        boolean revokes = attempt.cause == Cause.REVOKE;
        return new Protocol.State(
                new Protocol.Subject(role.self, claim.continued, attempt.cause.reapplies(), revokes, former != null),
                role.marked && !role.self,
                false,
                0,
                reached);
    }

    /** Of what an earlier claim may have sent; the current version is applied again whatever became of it. */
    private static Reached reached(@Nullable PasswordVersion begun) {
        if (begun == null || begun.state == VersionState.CURRENT) {
            return Reached.UNTOUCHED;
        }
        return begun.state == VersionState.APPLIED ? Reached.APPLIED : Reached.DOUBT;
    }

    // ---- Changed by a managing role -------------------------------------------------------------------------------

    private Uni<ChangeOutcome> managed() {
        return tools.managing(role.connectionId, place)
                .chain(logins -> new Inspection(
                                tools,
                                role.roleName,
                                rehearsed(),
                                terms.takeover(),
                                terms.allowPrivileged(),
                                new Inspection.Known(role, versions, force),
                                (kind, project) -> false,
                                Purpose.DUE_WORK,
                                deadline)
                        .go(logins))
                .call(seen -> sign(seen)
                        ? tools.ledger().lookAtServerOf(role)
                        : Uni.createFrom().voidItem())
                .chain(seen -> seen.stop() != null ? stop(seen.stop()) : allowed(() -> changing(seen)));
    }

    /** Whether what was seen says that something is wrong with the whole server. */
    private boolean sign(Inspection.Found found) {
        return found.preflight() == null
                ? found.stop() != null && "password_refused".equals(found.stop().reason())
                : role.wentBack(found.preflight().report().server());
    }

    private Uni<ChangeOutcome> changing(Inspection.Found clear) {
        found = clear;
        looked = clear.preflight();
        login = clear.managing();
        seen = looked.fence();
        identity = tools.identity(looked);
        boolean ours = seen != null && !seen.ended() && seen.owner().equals(tools.marker(role.ownerId));
        Uni<Long> raised = clear.above() == 0
                ? Uni.createFrom().item(epoch)
                // Of a dual the other role may carry the version after the one that is on this role.
                : tools.ledger().raise(claim, epoch, clear.above(), seen == null ? 0 : seen.version() + 1);
        return raised.invoke(next -> epoch = next).chain(() -> after(new Protocol.Clear(ours)));
    }

    /** A role gets our marker before its password is touched: no marker is never leave to change one. */
    private Uni<Protocol.Answer> mark(Inspection.Found clear) {
        Fence marker = new Fence(tools.marker(role.ownerId), epoch, versionSeen());
        Fence before = seen;
        boolean another = clear.identity() == RoleIdentity.Verdict.CONFIRMED;
        return tools.ledger()
                .knows(role, 1)
                .chain(had -> tools.ledger()
                        .marking(
                                claim,
                                epoch,
                                before == null && had && !attempt.cause.reapplies() && !another,
                                clear.leave() == Tools.Leave.TAKEOVER
                                        ? before.owner() + " epoch=" + before.epoch()
                                        : another ? "the role with the oid " + role.roleOid : null))
                .invoke(next -> epoch = next)
                .chain(() -> tools.fenced()
                        .mark(
                                login,
                                role.roleName,
                                identity.oid(),
                                before,
                                marker,
                                UnmarkedApply.applicationName(role.id, marker.epoch()),
                                deadline))
                .map(outcome -> {
                    if (outcome instanceof ApplyOutcome.Applied) {
                        seen = marker;
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

    // ---- Changed by itself ----------------------------------------------------------------------------------------

    /** Finds the password that opens the role: the one in doubt first, then from the current one back. Each is tried once. */
    private Uni<ChangeOutcome> self(Login place, List<PasswordVersion> versions) {
        // Once it is known that none of them works, a retry costs two failing logins and not the whole history again.
        boolean known = Stop.THIRD_PARTY.equals(attempt.reason);
        List<PasswordVersion> tried = versions.stream()
                // What was given up for a password of a human's may still have been applied by a late statement.
                .filter(each -> each.state != VersionState.REJECTED || each.inDoubtAt != null)
                .limit(known ? 2 : versions.size())
                .toList();
        return selfPreflight(place, tried, 0, versions);
    }

    private Uni<ChangeOutcome> selfPreflight(
            Login place, List<PasswordVersion> tried, int index, List<PasswordVersion> versions) {
        if (index == tried.size()) {
            return stop(new Stop(
                    Step.PREFLIGHT,
                    Stop.THIRD_PARTY,
                    "28P01",
                    "None of the passwords kept for the role opens it: a third party changed it, or VALID UNTIL has passed.",
                    true,
                    List.of()));
        }
        Login login = tools.login(place, role, tried.get(index));
        return tools.unmarked()
                .preflight(login, rehearsed(), Purpose.DUE_WORK, deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return selfChecked(login, found, tried.get(index), versions);
                    }
                    if (!(failure instanceof TargetFailure target)) {
                        return Uni.createFrom().failure(failure);
                    }
                    return refusesPassword(target)
                            ? selfPreflight(place, tried, index + 1, versions)
                            : stop(Stop.of(Step.PREFLIGHT, target));
                });
    }

    /** @param opens the version whose password lets the role in */
    private Uni<ChangeOutcome> selfChecked(
            Login login, Preflight found, PasswordVersion opens, List<PasswordVersion> versions) {
        if (found.report().managingRole().proof() == PasswordProof.POOLED) {
            return stop(Poolers.FOUND);
        }
        SessionFacts facts = ((LoginOutcome.Accepted) found.report().outcome()).facts();
        Demand demand = new Demand(facts.rule(), facts.salt(), null);
        if (!demand.rule().proves()) {
            return stop(Inspection.unprovable(demand, login));
        }
        Stop obstacle = Stop.found(found, true);
        if (obstacle != null) {
            return stop(obstacle);
        }
        identity = tools.identity(found);
        RoleIdentity.Verdict verdict = RoleIdentity.judge(
                role.identity().compare(identity),
                RoleIdentity.Marker.IMPOSSIBLE,
                RoleIdentity.Opens.of(opens),
                // A human has just sent the password for the place where the connection leads.
                attempt.cause == Cause.ADOPTED);
        if (verdict.stops()) {
            return stop(RoleIdentity.stop(verdict, role, found));
        }
        RoleServer server = RoleServer.of(found.report(), login);
        List<ScramSecret> secrets = versions.stream()
                .map(version -> tools.seal().open(version, role).secret())
                .toList();
        return new Poolers(tools, Purpose.DUE_WORK, deadline)
                .between(login, login, demand, secrets)
                .chain(pooled -> pooled
                        ? Uni.createFrom().item(Poolers.FOUND)
                        : tools.logins()
                                .ours(role.roleName, server)
                                .chain(ours -> ours != null
                                        ? Uni.createFrom().item(ours.stop())
                                        : othersMarker(found, server)))
                .chain(stop -> {
                    if (stop != null) {
                        return stop(stop);
                    }
                    seen = found.fence();
                    looked = found;
                    this.login = login;
                    return allowed(() -> after(new Protocol.Clear(false)));
                });
    }

    /** The role cannot carry a marker of ours, but it may carry one of somebody who changes it. */
    private Uni<@Nullable Stop> othersMarker(Preflight found, RoleServer server) {
        Fence fence = found.fence();
        if (fence == null || tools.isOf(role.ownerId, fence)) {
            return Uni.createFrom().nullItem();
        }
        return tools.leave(fence, role.roleName, server, false)
                .map(leave -> leave == Tools.Leave.FREE ? null : Inspection.managedElsewhere(fence, found, leave));
    }

    // ---- Leave ----------------------------------------------------------------------------------------------------

    /**
     * The last moment at which nothing was begun: who asked for the change may have lost the right while the server was waited for. What is
     * unfinished already is not his any more, and goes on.
     */
    private Uni<ChangeOutcome> allowed(Supplier<Uni<ChangeOutcome>> work) {
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
                ? tools.claims()
                        .giveBack(claim, epoch)
                        .chain(() -> Uni.createFrom().failure(refused))
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

    // ---- Persist --------------------------------------------------------------------------------------------------

    private String rehearsed() {
        return secret == null ? PLACEHOLDER : secret.secret().text();
    }

    /** A new password only where none is in doubt; it is committed before anything of it is sent. */
    private Uni<Void> persisted() {
        if (version != null) {
            return tools.ledger().sending(claim, epoch, looked.report().server());
        }
        return OwnContext.elsewhere(() -> tools.make(terms.policy(), looked.iterations()))
                .chain(made -> tools.ledger()
                        .persist(claim, epoch, latest + 1, made, looked.report().server())
                        .invoke(written -> {
                            version = written;
                            secret = made;
                        }))
                .replaceWithVoid();
    }

    // ---- What the protocol says -----------------------------------------------------------------------------------

    /** Carries out what comes after the answer, and so on to the end. */
    private Uni<ChangeOutcome> after(Protocol.Answer answer) {
        Protocol.Next next = Protocol.next(state, answer, deadline.left().compareTo(TIME_TO_SEND) >= 0);
        state = next.state();
        Protocol.Do act = next.act();
        if (act instanceof Protocol.LookAgain) {
            return OwnContext.pause(jitter(Duration.ofMillis(150))).chain(this::managed);
        }
        if (act instanceof Protocol.Promote promote) {
            return promote(promote.refusal());
        }
        return act instanceof Protocol.End end
                ? stop(end.stop())
                : carriedOut(act).chain(this::after);
    }

    private Uni<Protocol.Answer> carriedOut(Protocol.Do act) {
        if (act instanceof Protocol.Mark) {
            return mark(Objects.requireNonNull(found));
        }
        if (act instanceof Protocol.NoteNoMarker) {
            return tools.ledger().marked(claim, epoch, false).replaceWith(new Protocol.NoMarkerNoted());
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
            return tools.ledger()
                    .doubt(claim, epoch, attempt.cause.reapplies() ? null : version)
                    .invoke(raised -> epoch = raised)
                    .replaceWith(new Protocol.DoubtNoted(doubt.stop()));
        }
        if (act instanceof Protocol.EndOlder) {
            return endOlder();
        }
        if (act instanceof Protocol.Prove) {
            return prove();
        }
        if (act instanceof Protocol.AskRule ask) {
            return askRule(ask.reason());
        }
        if (act instanceof Protocol.PutBack back) {
            return putBack(Objects.requireNonNull(former), back.reason());
        }
        return proveFormer(Objects.requireNonNull(former), ((Protocol.ProveFormer) act).reason());
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
        ScramSecret sent = secret.secret();
        Uni<ApplyOutcome> apply = state.marked()
                ? tools.fenced()
                        .apply(
                                login,
                                role.roleName,
                                identity.oid(),
                                sent.text(),
                                seen.epoch(),
                                new Fence(tools.marker(role.ownerId), epoch, versionShown()),
                                UnmarkedApply.applicationName(role.id, epoch),
                                deadline)
                : tools.unmarked()
                        .apply(login, role.roleName, identity.oid(), sent.text(), seen, role.id, epoch, deadline);
        return apply.map(Run::answer);
    }

    private static Protocol.Answer answer(ApplyOutcome outcome) {
        if (outcome instanceof ApplyOutcome.Applied) {
            return new Protocol.Applied();
        }
        if (outcome instanceof ApplyOutcome.InDoubt doubt) {
            return new Protocol.SendUnknown(Stop.passing(
                    Step.APPLY,
                    doubt.reason().name().toLowerCase(java.util.Locale.ROOT),
                    doubt.reason().message()));
        }
        if (outcome instanceof ApplyOutcome.NotSent notSent) {
            return new Protocol.NotSent(
                    Stop.noLogin(Step.APPLY, notSent.outcome()), refusesPassword(notSent.outcome()));
        }
        if (outcome instanceof ApplyOutcome.Refused refused) {
            return new Protocol.Refused(Stop.refused(refused), refused.retryAtOnce(), forbidden(refused));
        }
        return outcome instanceof ApplyOutcome.ManagedElsewhere ? new Protocol.Elsewhere() : new Protocol.Moved();
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

    // ---- Verify and promote ---------------------------------------------------------------------------------------

    /** Without a marker, what older attempts have left is ended once more before the proof. */
    private Uni<Protocol.Answer> endOlder() {
        Login older = role.self ? renewed() : login;
        return tools.unmarked()
                .endOlder(older, role.id, epoch, deadline)
                .map(outcome -> outcome instanceof LoginOutcome.Accepted
                        ? new Protocol.OlderEnded()
                        : new Protocol.OlderLeft(
                                Stop.noLogin(Step.VERIFY, outcome),
                                proven(outcome, secret.secret()),
                                refusal(outcome)));
    }

    /**
     * The password is proven by the server's own signature for the secret that was set. What the server then has against the session (no
     * slot left, a certificate of another name …) is no fault of the password: it is kept as a reason.
     */
    private Uni<Protocol.Answer> prove() {
        return tools.targets().login(renewed(), Purpose.DUE_WORK, deadline).map(outcome -> {
            if (proven(outcome, secret.secret())) {
                return new Protocol.Proven(refusal(outcome));
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

    // ---- Put back -------------------------------------------------------------------------------------------------

    /**
     * The server has taken the new password, and what has changed there since the preflight keeps it from being proven. If that stays so,
     * the former password is put back: it is the one that is served.
     */
    private Uni<Protocol.Answer> askRule(Stop reason) {
        Login asked = login.as(role.roleName, "");
        return tools.targets()
                .passwordRule(asked, Purpose.DUE_WORK, deadline)
                .map(demand -> new Protocol.Asked(
                        demand.rule(),
                        secret.secret().salt().equals(demand.salt()),
                        switch (demand.rule()) {
                            case CLEARTEXT, NOT_ASKED, ANOTHER_MECHANISM, REFUSED ->
                                Inspection.unprovable(demand, asked);
                            case SCRAM, MD5, UNKNOWN -> reason;
                        }));
    }

    private Uni<Protocol.Answer> putBack(PasswordVersion served, Stop reason) {
        return tools.ledger()
                .raise(claim, epoch, epoch, 0)
                .invoke(next -> epoch = next)
                .chain(() -> tools.ledger().sending(claim, epoch, null))
                .chain(() -> tools.fenced()
                        .apply(
                                login,
                                role.roleName,
                                identity.oid(),
                                tools.seal().open(served, role).secret().text(),
                                seen.epoch(),
                                new Fence(tools.marker(role.ownerId), epoch, versionSeen()),
                                UnmarkedApply.applicationName(role.id, epoch),
                                deadline))
                .map(outcome -> new Protocol.PutBackEnded(outcome instanceof ApplyOutcome.Applied, reason));
    }

    private Uni<Protocol.Answer> proveFormer(PasswordVersion served, Stop reason) {
        VersionSeal.Opened before = tools.seal().open(served, role);
        return tools.targets()
                .login(login.as(role.roleName, before.password()), Purpose.DUE_WORK, deadline)
                .map(proof -> new Protocol.Former(proven(proof, before.secret()), reason));
    }

    /** @param refusal of the session by which the password was proven; absent when the role was let in */
    private Uni<ChangeOutcome> promote(@Nullable Stop refusal) {
        return tools.ledger()
                .promote(claim, epoch, version, refusal, identity, validUntil())
                .call(done -> attempt.cause == Cause.REVOKE && state.marked()
                        ? unmark()
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

    /** The role is nobody's any more, and its marker says so: one that stays as it is would be one of an owner that is gone. */
    private Uni<Void> unmark() {
        return tools.fenced()
                .endMarker(login, role.roleName, tools.marker(role.ownerId), epoch + 1, deadline)
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<ChangeOutcome> stop(Stop reason) {
        boolean currentAgain = attempt.cause.reapplies();
        return tools.ledger().stop(claim, epoch, currentAgain ? null : version, state.reached(), reason);
    }

    /** Whether the password opens the role, be it that the session was then refused for another reason. */
    static boolean proven(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Accepted accepted
                ? accepted.proof().proven()
                : outcome instanceof LoginOutcome.Refused refused && byTheServer(refused);
    }

    /** Whether the server has also shown that it keeps exactly this secret. */
    static boolean proven(LoginOutcome outcome, ScramSecret secret) {
        return proven(outcome) && secret.salt().equals(signed(outcome));
    }

    /** What the server has shown of the secret that it keeps; null where it did not ask by SCRAM. */
    static @Nullable ScramSalt signed(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Accepted accepted
                ? accepted.facts().salt()
                : outcome instanceof LoginOutcome.Refused refused ? refused.signed() : null;
    }

    /**
     * Why the server, which has accepted the password, gives the role no session all the same.
     *
     * @return null when it does
     */
    static @Nullable Stop refusal(LoginOutcome proof) {
        return proof instanceof LoginOutcome.Refused refused && refused.reason() != Refusal.EXAMINATION_REFUSED
                ? Stop.noLogin(Step.VERIFY, refused)
                : null;
    }

    /** What stands between may sign for a role that the server itself has not been asked about; its errors name no routine of PostgreSQL's. */
    private static boolean byTheServer(LoginOutcome.Refused refused) {
        return refused.signed() != null && refused.routine() != null;
    }

    static boolean refusesPassword(TargetFailure failure) {
        return failure instanceof TargetFailure.NoSession none && refusesPassword(none.outcome());
    }

    /** A role with a SCRAM secret is not asked for MD5: where it is, the secret is another than the one of the password tried. */
    static boolean refusesPassword(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Refused refused && refused.reason() == Refusal.PASSWORD_REFUSED
                || outcome instanceof LoginOutcome.Unreachable unreachable
                        && unreachable.reason() == Unreachability.MD5_PASSWORD_DEMANDED;
    }
}
