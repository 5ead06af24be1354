package io.rolewright.credential;

import io.rolewright.credential.Ledger.Reached;
import io.rolewright.credential.RoleOwner.Terms;
import io.rolewright.password.ScramSecret;
import io.rolewright.store.StoreFault;
import io.rolewright.target.ApplyOutcome;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.Refusal;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One claim's way through the steps, from the preflight to the promotion or to the reason why not. For one use, on one context.
 *
 * <p>The order never varies: the password is sealed and committed, then sent fenced, then proven by a login, then promoted. A send
 * without an answer is repeated with the same secret under a higher epoch; so is one that an earlier claim has left.
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
    private @Nullable PasswordVersion version;
    private VersionSeal.@Nullable Opened secret;
    private Reached reached = Reached.UNTOUCHED;
    private boolean takeover;
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
                .onFailure(failure -> !StoreFault.isOutage(failure))
                .recoverWithUni(this::broken)
                .onFailure(LostClaim.class)
                .recoverWithItem(ChangeOutcome.InProgress::new)
                .onFailure(failure -> version != null)
                .recoverWithItem(this::left);
    }

    /** A fault of ours, or a version that cannot be opened: it waits like everything else, instead of being claimed for ever. */
    private Uni<ChangeOutcome> broken(Throwable failure) {
        log.errorf(failure, "Attempt %s on role %s failed unexpectedly", attempt.id, role.id);
        return stop(Stop.passing(attempt.step, "internal_error", "An unexpected fault; the log says more."));
    }

    /** The store cannot be written: the lease lapses, the next claim goes on, and nothing is lost. */
    private ChangeOutcome left(Throwable failure) {
        log.warnf("Attempt %s is left to the next claim: %s", attempt.id, StoreFault.describe(failure));
        log.debug("Cause", failure);
        return new ChangeOutcome.InDoubt(
                attempt.id,
                "store_unavailable",
                "What became of it could not be written down; it goes on by itself.",
                role.leaseUntil);
    }

    private Uni<ChangeOutcome> start() {
        return tools.ledger().owner(role.ownerKind).terms(role.ownerId, role.id).chain(found -> {
            if (found == null) {
                return stop(Stop.definite(Step.CLAIM, "owner_gone", "What managed the role is gone."));
            }
            terms = found;
            return tools.ledger().versions(role.id).chain(versions -> {
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
        reached = found.state == VersionState.CURRENT ? Reached.UNTOUCHED : Reached.DOUBT;
    }

    // ---- Changed by a managing role -------------------------------------------------------------------------------

    private Uni<ChangeOutcome> managed(Login login, List<PasswordVersion> versions) {
        return tools.managing(role.connectionId, login).chain(logins -> preflight(logins, versions, 0));
    }

    private Uni<ChangeOutcome> preflight(List<Login> logins, List<PasswordVersion> versions, int index) {
        Login managing = logins.get(index);
        return tools.fenced()
                .preflight(managing, role.roleName, rehearsed(), Purpose.DUE_WORK, deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return checked(managing, versions, found);
                    }
                    if (!(failure instanceof TargetFailure target)) {
                        return Uni.createFrom().failure(failure);
                    }
                    return refusesPassword(target) && index + 1 < logins.size()
                            ? preflight(logins, versions, index + 1)
                            : stop(Stop.of(Step.PREFLIGHT, target));
                });
    }

    private Uni<ChangeOutcome> checked(Login managing, List<PasswordVersion> versions, Preflight found) {
        Stop obstacle = Stop.found(found, terms.allowPrivileged());
        if (obstacle != null) {
            return stop(obstacle);
        }
        return tools.targets()
                .passwordRule(managing.as(role.roleName, ""), Purpose.DUE_WORK, deadline)
                .chain(rule -> {
                    if (rule != PasswordRule.ASKED) {
                        return stop(noProofThere(rule));
                    }
                    return owned(managing, versions, found.fence())
                            .chain(conflict -> conflict != null
                                    ? stop(conflict)
                                    : persisted(found.iterations()).chain(() -> send(managing)));
                });
    }

    static Stop noProofThere(PasswordRule rule) {
        return rule == PasswordRule.NOT_ASKED
                ? Stop.definite(
                        Step.PREFLIGHT,
                        "password_not_asked",
                        "The server lets the role in without asking for a password, so a new one would prove nothing. Let"
                                + " pg_hba.conf demand scram-sha-256 for it.")
                : Stop.passing(
                        Step.PREFLIGHT,
                        "login_not_offered",
                        "The server did not ask the role for a password: perhaps no rule of pg_hba.conf lets it in from"
                                + " here.");
    }

    /** Whose marker stands on the role. @return why it must not be touched; null item when it may be */
    private Uni<@Nullable Stop> owned(Login managing, List<PasswordVersion> versions, @Nullable Fence fence) {
        if (fence == null) {
            return Uni.createFrom().nullItem();
        }
        if (fence.owner().equals(tools.marker(role.ownerId))) {
            return fence.epoch() < epoch ? Uni.createFrom().nullItem() : behind(managing, versions, fence);
        }
        return tools.mayTakeOver(fence.owner(), terms.takeover()).chain(may -> {
            if (!may) {
                return Uni.createFrom().item(managedElsewhere(fence));
            }
            takeover = true;
            return fence.epoch() < epoch ? Uni.createFrom().nullItem() : above(fence);
        });
    }

    static Stop managedElsewhere(Fence fence) {
        return Stop.definite(
                Step.PREFLIGHT,
                "role_already_managed",
                "The role carries the marker of another rotation or installation (" + fence.owner()
                        + "). Send takeover: true to manage it from here.");
    }

    /**
     * The target has seen a higher epoch of ours than the store knows: the store is an older copy, or a clone of it is at work. If a
     * password that we hold still works, nothing is lost and we go on above the marker.
     */
    private Uni<@Nullable Stop> behind(Login managing, List<PasswordVersion> versions, Fence fence) {
        List<PasswordVersion> live = versions.stream()
                .filter(each -> each.state.unfinished() || each.state == VersionState.CURRENT)
                .toList();
        if (force || live.isEmpty()) {
            return above(fence);
        }
        return firstThatOpens(managing, live, 0)
                .chain(works -> works != null
                        ? above(fence)
                        : Uni.createFrom()
                                .item(Stop.definite(
                                        Step.PREFLIGHT,
                                        "store_behind_target",
                                        "The role was changed under a higher epoch than this store knows ("
                                                + fence.epoch()
                                                + "), and none of the passwords kept here opens it: the store was restored"
                                                + " from an older copy, or a copy of it is at work. Stop the copy, then"
                                                + " rotate with force=true.")));
    }

    private Uni<@Nullable Stop> above(Fence fence) {
        return tools.ledger()
                .raise(claim, epoch, fence.epoch())
                .invoke(raised -> epoch = raised)
                .replaceWith((Stop) null);
    }

    /** Tries each once; a login that does not come about counts as not opening. */
    private Uni<@Nullable PasswordVersion> firstThatOpens(Login place, List<PasswordVersion> tried, int index) {
        if (index == tried.size()) {
            return Uni.createFrom().nullItem();
        }
        PasswordVersion each = tried.get(index);
        Login login = place.as(role.roleName, tools.seal().open(each, role).password());
        return tools.targets()
                .login(login, Purpose.DUE_WORK, deadline)
                .chain(outcome ->
                        proven(outcome) ? Uni.createFrom().item(each) : firstThatOpens(place, tried, index + 1));
    }

    // ---- Changed by itself ----------------------------------------------------------------------------------------

    /** Finds the password that opens the role: the one in doubt first, then from the current one back. Each is tried once. */
    private Uni<ChangeOutcome> self(Login place, List<PasswordVersion> versions) {
        // Once it is known that none of them works, a retry costs two failing logins and not the whole history again.
        boolean known = Stop.THIRD_PARTY.equals(attempt.reason);
        List<Login> logins = versions.stream()
                .filter(each -> each.state != VersionState.REJECTED)
                .limit(known ? 2 : versions.size())
                .map(each ->
                        place.as(role.roleName, tools.seal().open(each, role).password()))
                .toList();
        return selfPreflight(logins, 0);
    }

    private Uni<ChangeOutcome> selfPreflight(List<Login> logins, int index) {
        if (index == logins.size()) {
            return stop(new Stop(
                    Step.PREFLIGHT,
                    Stop.THIRD_PARTY,
                    "28P01",
                    "None of the passwords kept for the role opens it: a third party changed it, or VALID UNTIL has passed.",
                    true,
                    List.of()));
        }
        Login login = logins.get(index);
        return tools.unmarked()
                .preflight(login, rehearsed(), Purpose.DUE_WORK, deadline)
                .onItemOrFailure()
                .transformToUni((found, failure) -> {
                    if (failure == null) {
                        return selfChecked(login, found);
                    }
                    if (!(failure instanceof TargetFailure target)) {
                        return Uni.createFrom().failure(failure);
                    }
                    return refusesPassword(target)
                            ? selfPreflight(logins, index + 1)
                            : stop(Stop.of(Step.PREFLIGHT, target));
                });
    }

    private Uni<ChangeOutcome> selfChecked(Login login, Preflight found) {
        PasswordProof proof = found.report().managingRole().proof();
        if (proof == PasswordProof.NOT_ASKED) {
            return stop(noProofThere(PasswordRule.NOT_ASKED));
        }
        if (proof == PasswordProof.POOLED) {
            return stop(Stop.definite(Step.PREFLIGHT, PasswordProof.POOLER, PasswordProof.POOLER_MESSAGE));
        }
        Stop obstacle = Stop.found(found, true);
        return obstacle != null ? stop(obstacle) : persisted(found.iterations()).chain(() -> send(login));
    }

    // ---- Persist --------------------------------------------------------------------------------------------------

    private String rehearsed() {
        return secret == null ? PLACEHOLDER : secret.secret().text();
    }

    /** A new password only where none is in doubt; it is committed before anything of it is sent. */
    private Uni<Void> persisted(int iterations) {
        if (version != null) {
            return Uni.createFrom().voidItem();
        }
        return Loop.elsewhere(() -> tools.make(terms.policy(), iterations))
                .chain(made -> tools.ledger().persist(claim, epoch, made).invoke(written -> {
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
                                sent.text(),
                                new Fence(tools.marker(role.ownerId), epoch),
                                takeover,
                                UnmarkedApply.applicationName(role.id, epoch),
                                deadline)
                : tools.unmarked().apply(login, role.roleName, sent.text(), role.id, epoch, deadline);
        return apply.chain(outcome -> sent(login, outcome));
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
                    ? send(login.as(role.roleName, secret.password()))
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
        return stale();
    }

    /** A newer claim was quicker; or the marker moved while we looked away, which the next preflight sorts out. */
    private Uni<ChangeOutcome> stale() {
        return stop(Stop.passing(
                Step.APPLY, "store_behind_target", "The role was changed under a higher epoch than this store knows."));
    }

    /** The same secret again under a higher epoch; if the first send still happens, it is refused by then or had the same effect. */
    private Uni<ChangeOutcome> again(Login login, Stop doubt) {
        reached = Reached.DOUBT;
        boolean currentAgain = attempt.cause.reapplies();
        return tools.ledger().doubt(claim, epoch, currentAgain ? null : version).chain(raised -> {
            epoch = raised;
            return deadline.left().compareTo(TIME_TO_SEND) < 0 || sends == MOST_SENDS
                    ? stop(doubt)
                    : Loop.pause(jitter(100)).chain(() -> send(login));
        });
    }

    private Uni<ChangeOutcome> refused(Login login, ApplyOutcome.Refused refused) {
        if (refused.retryAtOnce() && deadline.left().compareTo(TIME_TO_SEND) > 0 && sends < MOST_SENDS) {
            return Loop.pause(jitter(150)).chain(() -> send(login));
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
        Login older = role.self ? login.as(role.roleName, secret.password()) : login;
        return tools.unmarked()
                .endOlder(older, role.id, epoch, deadline)
                .chain(outcome -> outcome instanceof LoginOutcome.Accepted
                        ? verify(login)
                        : stop(Stop.noLogin(Step.VERIFY, outcome)));
    }

    private Uni<ChangeOutcome> verify(Login login) {
        return tools.targets()
                .login(login.as(role.roleName, secret.password()), Purpose.DUE_WORK, deadline)
                .chain(outcome -> proven(outcome)
                        ? promote(login)
                        : stop(
                                outcome instanceof LoginOutcome.Accepted
                                        ? Stop.definite(
                                                Step.VERIFY,
                                                "password_not_proven",
                                                "The server let the role in, but not visibly because of its password.")
                                        : Stop.noLogin(Step.VERIFY, outcome)));
    }

    private Uni<ChangeOutcome> promote(Login login) {
        return tools.ledger()
                .promote(claim, epoch, version)
                .call(done -> attempt.cause == Cause.REVOKE && marked
                        ? unmark(login)
                        : Uni.createFrom().voidItem())
                .map(done -> (ChangeOutcome) done)
                .onFailure(failure ->
                        StoreFault.isOutage(failure) && deadline.left().compareTo(Duration.ofMillis(300)) > 0)
                .recoverWithUni(() -> Loop.pause(jitter(200)).chain(() -> promote(login)));
    }

    /** The role is nobody's any more. A marker that stays is one of an owner that is gone, which nothing respects. */
    private Uni<Void> unmark(Login login) {
        return tools.fenced()
                .removeMarker(login, role.roleName, tools.marker(role.ownerId), deadline)
                .onFailure(TargetFailure.class)
                .recoverWithNull();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<ChangeOutcome> stop(Stop reason) {
        boolean currentAgain = attempt.cause.reapplies();
        return tools.ledger().stop(claim, epoch, currentAgain ? null : version, reached, reason);
    }

    private static boolean proven(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Accepted accepted
                && accepted.proof().proven();
    }

    private static boolean refusesPassword(TargetFailure failure) {
        return failure instanceof TargetFailure.NoSession none && refusesPassword(none.outcome());
    }

    static boolean refusesPassword(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Refused refused && refused.reason() == Refusal.PASSWORD_REFUSED;
    }
}
