package io.rolewright.credential;

import io.rolewright.credential.Ledger.Reached;
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
import io.rolewright.target.UnmarkedApply;
import io.rolewright.target.Unreachability;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
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

    /** Sends in one run: more would keep a role's row busy for nothing. */
    private static final int MOST_SENDS = 8;

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
    private Reached reached = Reached.UNTOUCHED;

    /** The marker that the role carried when it was looked at, or was given since. */
    private @Nullable Fence seen;

    /** Of the role when it was looked at: nothing is done to another one that has got its name since. */
    private RoleIdentity identity = new RoleIdentity(null, null);

    private boolean marked;
    private int sends;

    Run(Tools tools, Claim claim, boolean force, Deadline deadline) {
        this.tools = tools;
        this.claim = claim;
        this.role = claim.role;
        this.attempt = claim.attempt;
        this.deadline = deadline;
        this.force = force;
        this.epoch = role.epoch;
        this.marked = role.marked && !role.self;
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
                ? tools.ledger()
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
                ? tools.ledger().terms(role.ownerId)
                : Uni.createFrom().item(claim.terms);
        return agreed.chain(found -> {
            if (found == null) {
                return stop(Stop.definite(Step.CLAIM, "owner_gone", "What managed the role is gone."));
            }
            terms = found;
            return tools.ledger().versions(role.id).chain(versions -> {
                latest = tools.ledger().lastNumber(role, versions.isEmpty() ? null : versions.get(0));
                former = versions.stream()
                        .filter(each -> each.state == VersionState.CURRENT)
                        .findFirst()
                        .orElse(null);
                versions.stream()
                        .filter(each -> attempt.cause.reapplies()
                                ? each.state == VersionState.CURRENT
                                : each.state.unfinished())
                        .findFirst()
                        .ifPresent(this::goOnWith);
                return tools.connections().login(role.connectionId).chain(login -> {
                    if (login == null) {
                        return stop(Stop.definite(
                                Step.CLAIM, "connection_gone", "The connection that changes the role is gone."));
                    }
                    return role.self ? self(login, versions) : managed(login, versions);
                });
            });
        });
    }

    /** What an earlier claim may have sent; or the current version, which is applied again whatever became of it. */
    private void goOnWith(PasswordVersion found) {
        version = found;
        secret = tools.seal().open(found, role);
        reached = switch (found.state) {
            case CURRENT -> Reached.UNTOUCHED;
            case APPLIED -> Reached.APPLIED;
            default -> Reached.DOUBT;
        };
    }

    // ---- Changed by a managing role -------------------------------------------------------------------------------

    private Uni<ChangeOutcome> managed(Login login, List<PasswordVersion> versions) {
        return tools.managing(role.connectionId, login)
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
                .call(found -> sign(found)
                        ? tools.ledger().lookAtServerOf(role)
                        : Uni.createFrom().voidItem())
                .chain(found -> found.stop() != null ? stop(found.stop()) : inspected(login, versions, found));
    }

    /** Whether what was seen says that something is wrong with the whole server. */
    private boolean sign(Inspection.Found found) {
        return found.preflight() == null
                ? found.stop() != null && "password_refused".equals(found.stop().reason())
                : role.wentBack(found.preflight().report().server());
    }

    private Uni<ChangeOutcome> inspected(Login login, List<PasswordVersion> versions, Inspection.Found found) {
        return allowed(() -> changing(login, versions, found));
    }

    private Uni<ChangeOutcome> changing(Login login, List<PasswordVersion> versions, Inspection.Found found) {
        seen = found.preflight().fence();
        identity = tools.identity(found.preflight());
        boolean ours = seen != null && !seen.ended() && seen.owner().equals(tools.marker(role.ownerId));
        Uni<Long> raised = found.above() == 0
                ? Uni.createFrom().item(epoch)
                // Of a dual the other role may carry the version after the one that is on this role.
                : tools.ledger().raise(claim, epoch, found.above(), seen == null ? 0 : seen.version() + 1);
        return raised.invoke(next -> epoch = next)
                .chain(() -> marked && !ours
                        ? mark(login, versions, found)
                        : persisted(found.preflight()).chain(() -> send(found.managing())));
    }

    /** A role gets our marker before its password is touched: no marker is never leave to change one. */
    private Uni<ChangeOutcome> mark(Login login, List<PasswordVersion> versions, Inspection.Found found) {
        if (sends == MOST_SENDS) {
            return stop(Stop.passing(Step.APPLY, Stop.OUT_OF_TIME, "There was no time left to mark the role."));
        }
        sends++;
        Fence marker = new Fence(tools.marker(role.ownerId), epoch, versionSeen());
        Fence before = seen;
        boolean another = found.identity() == RoleIdentity.Verdict.CONFIRMED;
        return tools.ledger()
                .knows(role, 1)
                .chain(had -> tools.ledger()
                        .marking(
                                claim,
                                epoch,
                                before == null && had && !attempt.cause.reapplies() && !another,
                                found.leave() == Tools.Leave.TAKEOVER
                                        ? before.owner() + " epoch=" + before.epoch()
                                        : another ? "the role with the oid " + role.roleOid : null))
                .invoke(next -> epoch = next)
                .chain(() -> tools.fenced()
                        .mark(
                                found.managing(),
                                role.roleName,
                                identity.oid(),
                                before,
                                marker,
                                UnmarkedApply.applicationName(role.id, marker.epoch()),
                                deadline))
                .chain(outcome -> {
                    if (outcome instanceof ApplyOutcome.Applied) {
                        seen = marker;
                        return persisted(found.preflight()).chain(() -> send(found.managing()));
                    }
                    if (outcome instanceof ApplyOutcome.NotSent notSent) {
                        return stop(Stop.noLogin(Step.APPLY, notSent.outcome()));
                    }
                    if (outcome instanceof ApplyOutcome.Refused refused && !refused.retryAtOnce()) {
                        if (!refused.sqlState().equals("42501")) {
                            return stop(Stop.refused(refused));
                        }
                        // The rehearsal was allowed the ALTER ROLE, so it is COMMENT that is refused: fence by ending
                        // backends instead.
                        marked = false;
                        return tools.ledger()
                                .marked(claim, epoch, false)
                                .chain(() -> persisted(found.preflight()))
                                .chain(() -> send(found.managing()));
                    }
                    // Somebody was quicker, or the answer is missing: whatever became of it shows at the next look.
                    return deadline.left().compareTo(TIME_TO_SEND) < 0
                            ? stop(moved())
                            : OwnContext.pause(jitter(150)).chain(() -> managed(login, versions));
                });
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
                    return allowed(() -> persisted(found).chain(() -> send(login)));
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
                ? tools.ledger()
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
    private Uni<Void> persisted(Preflight found) {
        if (version != null) {
            return tools.ledger().sending(claim, epoch, found.report().server());
        }
        return OwnContext.elsewhere(() -> tools.make(terms.policy(), found.iterations()))
                .chain(made -> tools.ledger()
                        .persist(claim, epoch, latest + 1, made, found.report().server())
                        .invoke(written -> {
                            version = written;
                            secret = made;
                        }))
                .replaceWithVoid();
    }

    // ---- Apply ----------------------------------------------------------------------------------------------------

    private Uni<ChangeOutcome> send(Login login) {
        if (deadline.left().compareTo(TIME_TO_SEND) < 0 || sends == MOST_SENDS) {
            return stop(Stop.passing(Step.APPLY, Stop.OUT_OF_TIME, "There was no time left to change the password."));
        }
        sends++;
        ScramSecret sent = secret.secret();
        Uni<ApplyOutcome> apply = marked
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
        return apply.chain(outcome -> sent(login, outcome));
    }

    /** As consumers will see it once this is proven. */
    private long versionShown() {
        return attempt.cause.reapplies() || attempt.cause == Cause.REVOKE ? versionSeen() : versionSeen() + 1;
    }

    /** That consumers have seen last, also if the store has forgotten it. */
    private long versionSeen() {
        return Math.max(terms.version(), role.versionFloor);
    }

    private Uni<ChangeOutcome> sent(Login login, ApplyOutcome outcome) {
        if (outcome instanceof ApplyOutcome.Applied) {
            reached = Reached.APPLIED;
            return marked ? verify(login) : settle(login);
        }
        if (outcome instanceof ApplyOutcome.InDoubt doubt) {
            return again(
                    login,
                    Stop.passing(
                            Step.APPLY,
                            doubt.reason().name().toLowerCase(java.util.Locale.ROOT),
                            doubt.reason().message()));
        }
        if (outcome instanceof ApplyOutcome.NotSent notSent) {
            return role.self && sends > 1 && refusesPassword(notSent.outcome())
                    // An earlier send of ours took effect meanwhile: the new password opens the role.
                    ? send(login.as(
                            role.roleName, secret.password(), secret.secret().keys()))
                    : stop(Stop.noLogin(Step.APPLY, notSent.outcome()));
        }
        if (outcome instanceof ApplyOutcome.Refused refused) {
            return refused(login, refused);
        }
        if (outcome instanceof ApplyOutcome.ManagedElsewhere) {
            return stop(Stop.definite(
                    Step.APPLY,
                    "role_already_managed",
                    "Another rotation or installation put its marker on the role."));
        }
        return stop(moved());
    }

    /** A newer claim was quicker, or somebody removed or wrote a marker while we looked away: the next preflight sorts it out. */
    private static Stop moved() {
        return Stop.passing(
                Step.APPLY,
                "marker_moved",
                "The marker in the role's comment was removed or replaced between the look at the role and the change:"
                        + " somebody else works on the role. Nothing was changed by this try.");
    }

    /** The same secret again under a higher epoch; if the first send still happens, it is refused by then or had the same effect. */
    private Uni<ChangeOutcome> again(Login login, Stop doubt) {
        reached = Reached.DOUBT;
        boolean currentAgain = attempt.cause.reapplies();
        return tools.ledger().doubt(claim, epoch, currentAgain ? null : version).chain(raised -> {
            epoch = raised;
            return deadline.left().compareTo(TIME_TO_SEND) < 0 || sends == MOST_SENDS
                    ? stop(doubt)
                    : OwnContext.pause(jitter(100)).chain(() -> send(login));
        });
    }

    private Uni<ChangeOutcome> refused(Login login, ApplyOutcome.Refused refused) {
        if (refused.retryAtOnce() && deadline.left().compareTo(TIME_TO_SEND) > 0 && sends < MOST_SENDS) {
            return OwnContext.pause(jitter(150)).chain(() -> send(login));
        }
        if (marked && refused.sqlState().equals("42501")) {
            // The rehearsal was allowed the ALTER ROLE, so it is COMMENT that is refused: fence by ending backends
            // instead.
            marked = false;
            return tools.ledger().marked(claim, epoch, false).chain(() -> send(login));
        }
        return stop(Stop.refused(refused));
    }

    private static Duration jitter(int millis) {
        return Duration.ofMillis(millis / 3 + ThreadLocalRandom.current().nextInt(millis));
    }

    // ---- Verify and promote ---------------------------------------------------------------------------------------

    /** Without a marker, what older attempts have left is ended once more before the proof. */
    private Uni<ChangeOutcome> settle(Login login) {
        Login older = role.self
                ? login.as(role.roleName, secret.password(), secret.secret().keys())
                : login;
        return tools.unmarked().endOlder(older, role.id, epoch, deadline).chain(outcome -> {
            if (outcome instanceof LoginOutcome.Accepted) {
                return verify(login);
            }
            // Before the change they were ended, and this is all that was sent since.
            boolean nothingOlder = sends == 1 && !claim.continued;
            return nothingOlder && proven(outcome, secret.secret())
                    ? promote(login, refusal(outcome))
                    : stop(Stop.noLogin(Step.VERIFY, outcome));
        });
    }

    /**
     * The password is proven by the server's own signature for the secret that was set. What the server then has against the session (no
     * slot left, a certificate of another name …) is no fault of the password: it is kept as a reason.
     */
    private Uni<ChangeOutcome> verify(Login login) {
        return tools.targets()
                .login(
                        login.as(
                                role.roleName,
                                secret.password(),
                                secret.secret().keys()),
                        Purpose.DUE_WORK,
                        deadline)
                .chain(outcome -> {
                    if (proven(outcome, secret.secret())) {
                        return promote(login, refusal(outcome));
                    }
                    return unproven(
                            login,
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
    private Uni<ChangeOutcome> unproven(Login login, Stop reason) {
        PasswordVersion served = former;
        if (served == null || !marked || attempt.cause.reapplies() || attempt.cause == Cause.REVOKE) {
            return stop(reason);
        }
        Login asked = login.as(role.roleName, "");
        return tools.targets().passwordRule(asked, Purpose.DUE_WORK, deadline).chain(demand -> switch (demand.rule()) {
            case CLEARTEXT, NOT_ASKED, ANOTHER_MECHANISM, REFUSED ->
                putBack(login, served, Inspection.unprovable(demand, asked));
            // Another salt than ours is a standby that lags, or a failover.
            case SCRAM -> secret.secret().salt().equals(demand.salt()) ? putBack(login, served, reason) : stop(reason);
            case MD5, UNKNOWN -> stop(reason);
        });
    }

    private Uni<ChangeOutcome> putBack(Login login, PasswordVersion served, Stop reason) {
        if (deadline.left().compareTo(TIME_TO_SEND) < 0) {
            return stop(reason);
        }
        VersionSeal.Opened before = tools.seal().open(served, role);
        return tools.ledger()
                .raise(claim, epoch, epoch, 0)
                .invoke(next -> epoch = next)
                .chain(() -> tools.ledger().sending(claim, epoch, null))
                .chain(() -> tools.fenced()
                        .apply(
                                login,
                                role.roleName,
                                identity.oid(),
                                before.secret().text(),
                                seen.epoch(),
                                new Fence(tools.marker(role.ownerId), epoch, versionSeen()),
                                UnmarkedApply.applicationName(role.id, epoch),
                                deadline))
                .chain(outcome -> outcome instanceof ApplyOutcome.Applied
                        ? tools.targets()
                                .login(login.as(role.roleName, before.password()), Purpose.DUE_WORK, deadline)
                                .invoke(proof -> {
                                    if (proven(proof, before.secret())) {
                                        reached = Reached.PUT_BACK;
                                    }
                                })
                                .chain(() -> stop(reason))
                        : stop(reason));
    }

    /** @param refusal of the session by which the password was proven; absent when the role was let in */
    private Uni<ChangeOutcome> promote(Login login, @Nullable Stop refusal) {
        return tools.ledger()
                .promote(claim, epoch, version, refusal, identity)
                .call(done -> attempt.cause == Cause.REVOKE && marked
                        ? unmark(login)
                        : Uni.createFrom().voidItem())
                .map(done -> (ChangeOutcome) done)
                .onFailure(failure ->
                        StoreFault.isOutage(failure) && deadline.left().compareTo(Duration.ofMillis(300)) > 0)
                .recoverWithUni(() -> OwnContext.pause(jitter(200)).chain(() -> promote(login, refusal)));
    }

    /** The role is nobody's any more, and its marker says so: one that stays as it is would be one of an owner that is gone. */
    private Uni<Void> unmark(Login login) {
        return tools.fenced()
                .endMarker(login, role.roleName, tools.marker(role.ownerId), epoch + 1, deadline)
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<ChangeOutcome> stop(Stop reason) {
        boolean currentAgain = attempt.cause.reapplies();
        return tools.ledger().stop(claim, epoch, currentAgain ? null : version, reached, reason);
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
