package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import io.rolewright.target.Deadline;
import io.rolewright.target.Demand;
import io.rolewright.target.Fence;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.SslMode;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All that is looked at before a managing role changes a role's password, in one order: what the server lets the managing role do, whose
 * login the role is, how the server asks the role for its password, whose marker it carries. Whoever only tells and whoever then
 * changes look with this, so both give the same first reason. Changes nothing.
 */
@ApplicationScoped
class Inspection {

    /** What needs no quotes in {@code pg_hba.conf}, apart from the words below. */
    private static final Pattern PLAIN = Pattern.compile("[a-z_][a-z0-9_]*");

    /** No store falls behind its own markers by more changes than this. */
    private static final long FARTHEST = 1_000_000;

    /** Any well-formed secret will do for a rehearsal, which is rolled back. */
    static final String PLACEHOLDER =
            "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$" + "A".repeat(43) + "=:" + "A".repeat(43) + "=";

    private static final Set<String> WORDS =
            Set.of("all", "sameuser", "samerole", "samegroup", "replication", "include", "include_if_exists");

    private final FencedApply fenced;
    private final Targets targets;
    private final Ledger ledger;
    private final VersionSeal seal;
    private final Markers markers;
    private final RoleIdentities identities;
    private final RoleLogins logins;
    private final LoginUse use;
    private final OtherAddresses addresses;
    private final Poolers poolers;

    Inspection(
            FencedApply fenced,
            Targets targets,
            Ledger ledger,
            VersionSeal seal,
            Markers markers,
            RoleIdentities identities,
            RoleLogins logins,
            LoginUse use,
            OtherAddresses addresses,
            Poolers poolers) {
        this.fenced = fenced;
        this.targets = targets;
        this.ledger = ledger;
        this.seal = seal;
        this.markers = markers;
        this.identities = identities;
        this.logins = logins;
        this.use = use;
        this.addresses = addresses;
        this.poolers = poolers;
    }

    /**
     * What is asked.
     *
     * @param rehearsed any well-formed SCRAM secret
     * @param takeover whether the marker of another owner may be replaced
     * @param known the role as the register has it; absent for one that nobody manages yet
     * @param sight what may be named of those who log in as a role that nobody manages yet
     */
    record Question(
            String roleName,
            String rehearsed,
            boolean takeover,
            boolean allowPrivileged,
            @Nullable Known known,
            Sight sight,
            Purpose purpose,
            Deadline deadline) {}

    /**
     * A role that is managed.
     *
     * @param versions those that still hold a password
     * @param force also where the server knows a higher epoch and none of them opens the role
     */
    record Known(ManagedRole role, List<PasswordVersion> versions, boolean force) {}

    /**
     * What was found.
     *
     * @param managing the login that works; absent when none did
     * @param preflight absent with it
     * @param stop the first thing in the way; absent when the change can be tried
     * @param rule how the server asks the role for its password; UNKNOWN when it was not asked
     * @param leave why the marker of another owner may be replaced; absent where the role carries none of another one
     * @param ours whether the role carries our marker
     * @param above the change needs an epoch above this one; 0 when the next will do
     * @param identity whether the role is the one that is managed; SAME where nobody manages it yet
     * @param sign what the salt says of the password that is served; absent when all is well, or nothing can be said
     */
    record Found(
            @Nullable Login managing,
            @Nullable Preflight preflight,
            @Nullable Stop stop,
            PasswordRule rule,
            Markers.@Nullable Leave leave,
            boolean ours,
            long above,
            RoleIdentity.Verdict identity,
            ChangeOutcome.@Nullable Obstacle sign) {

        static Found stopped(@Nullable Login managing, @Nullable Preflight preflight, Stop stop) {
            return new Found(
                    managing, preflight, stop, PasswordRule.UNKNOWN, null, false, 0, RoleIdentity.Verdict.SAME, null);
        }

        /** Of a role that changes itself. */
        static Found clear(Login self, Preflight preflight, PasswordRule rule, RoleIdentity.Verdict verdict) {
            return new Found(self, preflight, null, rule, null, false, 0, verdict, null);
        }

        /** In the words of the protocol. */
        Protocol.Answer answer() {
            return stop == null ? new Protocol.Clear(ours) : new Protocol.InTheWay(stop);
        }

        private Found with(ChangeOutcome.@Nullable Obstacle seen) {
            return new Found(managing, preflight, stop, rule, leave, ours, above, identity, seen);
        }

        private Found with(RoleIdentity.Verdict verdict) {
            return new Found(managing, preflight, stop, rule, leave, ours, above, verdict, sign);
        }
    }

    /**
     * @param connectionId through which the role is changed
     * @param stored of it
     * @return fails only when the store cannot be reached
     */
    Uni<Found> look(Question asked, UUID connectionId, Login stored) {
        return logins.managing(connectionId, stored).chain(managing -> new Look(asked).preflight(managing, 0));
    }

    /**
     * Whether the role of this name, wherever that is, is the one that is known, by evidence alone: whatever its number is.
     *
     * @param known with the name that is looked for
     * @param managing a login there; with it nothing is changed
     * @return false also where it cannot be looked at; fails only when the store cannot be reached
     */
    Uni<Boolean> recognised(Known known, Login managing, Deadline deadline) {
        Question asked = new Question(
                known.role.roleName,
                PLACEHOLDER,
                false,
                true,
                known,
                (kind, project) -> false,
                Purpose.REQUEST,
                deadline);
        return new Look(asked).recognised(known, managing);
    }

    // ---- How the server asks --------------------------------------------------------------------------------------

    /** Why a new password could not be proven there. */
    static Stop unprovable(Demand demand, Login login) {
        LoginOutcome refusal = demand.refusal();
        return switch (demand.rule()) {
            case CLEARTEXT ->
                Stop.definite(
                        Step.PREFLIGHT,
                        "cleartext_password_demanded",
                        "The server asks the role " + login.role()
                                + " for its password in clear (password, ldap, pam or radius in pg_hba.conf). A managed"
                                + " password is never sent like that, over TLS neither. " + wayOut(login));
            case NOT_ASKED ->
                Stop.definite(
                        Step.PREFLIGHT,
                        "password_not_asked",
                        "The server lets the role " + login.role()
                                + " in without asking for a password (trust, cert, ident or peer in pg_hba.conf), so a new"
                                + " one would prove nothing. " + wayOut(login));
            case ANOTHER_MECHANISM ->
                Stop.definite(
                        Step.PREFLIGHT,
                        "authentication_not_supported",
                        "The server asks the role " + login.role()
                                + " for another proof than its password (gss, sspi or oauth in pg_hba.conf), so a new one"
                                + " would prove nothing. " + wayOut(login));
            case REFUSED ->
                refusal != null && refusal.code().equals("tls_demanded")
                        ? Stop.noLogin(Step.PREFLIGHT, refusal)
                        : Stop.definite(
                                Step.PREFLIGHT,
                                "login_not_offered",
                                "pg_hba.conf does not let the role " + login.role()
                                        + " in from here: no line is for it, or one rejects it, or one wants to know it by"
                                        + " something else than its password. " + wayOut(login));
            case SCRAM, MD5, UNKNOWN ->
                refusal != null
                        ? Stop.noLogin(Step.PREFLIGHT, refusal)
                        : Stop.passing(
                                Step.PREFLIGHT,
                                "login_not_offered",
                                "The server did not say how it would ask the role for its password.");
        };
    }

    private static String wayOut(Login login) {
        return "Put this line into pg_hba.conf above the one that applies now, and reload: " + hbaLine(login);
    }

    /** @return {@code hostssl <database> <role> <address> scram-sha-256}; the address is the one that the server sees us come from */
    static String hbaLine(Login login) {
        return (login.tls().mode() == SslMode.DISABLE ? "host " : "hostssl ") + quoted(login.database()) + " "
                + quoted(login.role()) + " <address of this service> scram-sha-256";
    }

    private static String quoted(String name) {
        return PLAIN.matcher(name).matches() && !WORDS.contains(name) ? name : '"' + name.replace("\"", "\"\"") + '"';
    }

    // ---- Whose marker may be replaced -----------------------------------------------------------------------------

    static Stop managedElsewhere(Fence fence, Preflight preflight, Markers.Leave leave) {
        if (leave == Markers.Leave.ALIVE) {
            return Stop.definite(
                    Step.PREFLIGHT,
                    "role_already_managed",
                    "The role carries the marker of another rotation or connection of this service (" + fence.owner()
                            + "), which changes it still. Delete that one first.");
        }
        if (leave == Markers.Leave.ADOPTED) {
            return Stop.definite(
                    Step.PREFLIGHT,
                    "role_already_managed",
                    "The role carries the marker of a copy of this service's store, which was adopted and manages the role now."
                            + " This one stands still.");
        }
        String message = "The role carries the marker of another rotation or installation (" + fence.owner()
                + "). Send takeover: true to manage it from here, or remove the marker if that one is gone.";
        return new Stop(
                Step.PREFLIGHT,
                "role_already_managed",
                null,
                message,
                true,
                List.of(new ChangeOutcome.Obstacle("role_already_managed", message, preflight.unmark())));
    }

    /** A comment is text that others may write: what cannot be ours is named, and never gone on from. */
    static Stop implausible(Preflight preflight, Fence fence) {
        String message = "The role's comment holds a marker of this service with a number that it cannot have written ("
                + (fence.epoch() == Long.MAX_VALUE ? "too large to be read" : fence.epoch())
                + "): somebody else wrote it. Remove it.";
        return new Stop(
                Step.PREFLIGHT,
                "marker_implausible",
                null,
                message,
                true,
                List.of(new ChangeOutcome.Obstacle("marker_implausible", message, preflight.unmark())));
    }

    // ---- One look -------------------------------------------------------------------------------------------------

    /** For one use. */
    private final class Look {
        private final String roleName;
        private final String rehearsed;
        private final boolean takeover;
        private final boolean allowPrivileged;
        private final @Nullable Known known;
        private final Sight sight;
        private final Purpose purpose;
        private final Deadline deadline;

        Look(Question asked) {
            this.roleName = asked.roleName;
            this.rehearsed = asked.rehearsed;
            this.takeover = asked.takeover;
            this.allowPrivileged = asked.allowPrivileged;
            this.known = asked.known;
            this.sight = asked.sight;
            this.purpose = asked.purpose;
            this.deadline = asked.deadline;
        }

        /** @param logins of the managing role, likeliest first; each is tried only if the one before it is refused for its password */
        private Uni<Found> preflight(List<Login> logins, int index) {
            Login managing = logins.get(index);
            return fenced.preflight(
                            managing, roleName, known == null ? null : known.role.roleOid, rehearsed, purpose, deadline)
                    .onItemOrFailure()
                    .transformToUni((found, failure) -> {
                        if (failure == null) {
                            return examined(managing, found);
                        }
                        if (!(failure instanceof TargetFailure target)) {
                            return Uni.createFrom().failure(failure);
                        }
                        return Proofs.refusesPassword(target) && index + 1 < logins.size()
                                ? preflight(logins, index + 1)
                                : Uni.createFrom().item(Found.stopped(null, null, Stop.of(Step.PREFLIGHT, target)));
                    });
        }

        private Uni<Found> examined(Login managing, Preflight preflight) {
            Stop renamed = known == null
                    ? null
                    : RoleIdentity.renamed(
                            roleName, known.role.identity().compare(identities.of(preflight)), preflight);
            Stop obstacle = renamed != null ? renamed : Stop.found(preflight, allowPrivileged);
            if (obstacle != null) {
                return Uni.createFrom().item(Found.stopped(managing, preflight, obstacle));
            }
            return whoseLogin(managing, RoleServer.of(preflight.report(), managing))
                    .chain(conflict -> conflict != null
                            ? Uni.createFrom().item(Found.stopped(managing, preflight, conflict.stop()))
                            : asked(managing, preflight));
        }

        /** Others are asked about when the role comes under management; from then on no connection can become another one's login. */
        private Uni<LoginUse.@Nullable Conflict> whoseLogin(Login managing, RoleServer server) {
            return use.ours(roleName, server)
                    .chain(ours -> ours != null || known != null
                            ? Uni.createFrom().item(ours)
                            : Panache.withSession(() -> use.others(roleName, server, null, sight))
                                    .chain(others -> others != null
                                            ? Uni.createFrom().item(others)
                                            : addresses.conflict(
                                                    roleName, server, managing, null, sight, purpose, deadline)));
        }

        private Uni<Found> asked(Login managing, Preflight preflight) {
            Login login = managing.as(roleName, "");
            return targets.passwordRule(login, purpose, deadline).chain(demand -> {
                if (!demand.rule().proves()) {
                    return Uni.createFrom().item(Found.stopped(managing, preflight, unprovable(demand, login)));
                }
                return poolers.between(
                                login, managing, demand, known == null ? List.of() : secrets(known), purpose, deadline)
                        .chain(pooled -> pooled
                                ? Uni.createFrom().item(Found.stopped(managing, preflight, Poolers.FOUND))
                                : owned(managing, preflight, demand.rule())
                                        .chain(found -> found.stop() != null || known == null
                                                ? Uni.createFrom().item(found)
                                                : identified(found, known, demand.salt())))
                        .map(found -> found.with(sign(demand.salt())));
            });
        }

        /** The challenge of a role shows which secret the server keeps, and so whether what is served logs in. */
        private ChangeOutcome.@Nullable Obstacle sign(@Nullable ScramSalt salt) {
            if (known == null || salt == null) {
                return null;
            }
            List<PasswordVersion> shown = known.versions.stream()
                    .filter(version ->
                            seal.open(version, known.role).secret().salt().equals(salt))
                    .toList();
            boolean served = known.versions.stream().anyMatch(version -> version.state == VersionState.CURRENT);
            if (!served
                    || shown.stream().anyMatch(each -> each.state == VersionState.CURRENT || each.state.unfinished())) {
                return null;
            }
            return shown.isEmpty()
                    ? new ChangeOutcome.Obstacle(
                            Stop.THIRD_PARTY,
                            "The server keeps another secret for this role than the one of the password that is served, which does not log"
                                    + " in: somebody else has changed it, or has taken it away.",
                            null)
                    : new ChangeOutcome.Obstacle(
                            Cause.TARGET_WENT_BACK.wireName(),
                            "The server keeps an older password of this role, so the one that is served does not log in: the server was"
                                    + " restored or failed over. The current one is put back by the next look, or by a change.",
                            null);
        }

        private List<ScramSecret> secrets(Known role) {
            return role.versions.stream()
                    .map(version -> seal.open(version, role.role).secret())
                    .toList();
        }

        // ---- Whose marker it carries
        // ----------------------------------------------------------------------------------

        private Uni<Found> owned(Login managing, Preflight preflight, PasswordRule rule) {
            Fence fence = preflight.fence();
            if (fence == null) {
                return known != null && !known.force && ledger.mayHaveForgotten(known.role, known.versions)
                        ? forgotten(managing, preflight, rule, known)
                        : clear(managing, preflight, rule, null, 0);
            }
            if (fence.epoch() == Long.MAX_VALUE) {
                return Uni.createFrom().item(Found.stopped(managing, preflight, implausible(preflight, fence)));
            }
            if (known != null && markers.isOf(known.role.ownerId, fence)) {
                return ledger.knows(known.role, fence.epoch())
                        .chain(ours -> ours
                                ? clear(managing, preflight, rule, null, 0)
                                : fence.epoch() > known.role.epoch + FARTHEST
                                                // Each version of a role takes an epoch, and of a dual the other role
                                                // has
                                                // as many.
                                                || fence.version() > 2 * fence.epoch() + 2
                                        ? Uni.createFrom()
                                                .item(Found.stopped(managing, preflight, implausible(preflight, fence)))
                                        : behind(managing, preflight, rule, fence, known));
            }
            RoleServer server = RoleServer.of(preflight.report(), managing);
            return markers.leave(fence, roleName, server, takeover).chain(leave -> switch (leave) {
                case FREE, TAKEOVER -> clear(managing, preflight, rule, leave, 0);
                case ASKED, ALIVE, ADOPTED ->
                    Uni.createFrom()
                            .item(Found.stopped(managing, preflight, managedElsewhere(fence, preflight, leave)));
            });
        }

        private Uni<Found> clear(
                Login managing, Preflight preflight, PasswordRule rule, Markers.@Nullable Leave leave, long above) {
            Fence fence = preflight.fence();
            boolean ours = known != null
                    && fence != null
                    && !fence.ended()
                    && fence.owner().equals(markers.of(known.role.ownerId));
            return Uni.createFrom()
                    .item(new Found(
                            managing, preflight, null, rule, leave, ours, above, RoleIdentity.Verdict.SAME, null));
        }

        // ---- Which role it is
        // -----------------------------------------------------------------------------------------

        private Uni<Found> identified(Found found, Known known, @Nullable ScramSalt salt) {
            Preflight preflight = found.preflight();
            RoleIdentity.Number number = known.role.identity().compare(identities.of(preflight));
            if (!number.doubtful()) {
                return Uni.createFrom().item(found);
            }
            RoleIdentity.Marker marker = marker(known.role, preflight.fence());
            return opens(found.managing(), likely(known, salt), 0, known.role).map(opens -> {
                RoleIdentity.Verdict verdict = RoleIdentity.judge(number, marker, opens, takeover);
                return verdict.stops()
                        ? Found.stopped(found.managing(), preflight, RoleIdentity.stop(verdict, known.role, preflight))
                        : found.with(verdict);
            });
        }

        private Uni<Boolean> recognised(Known known, Login managing) {
            return fenced.preflight(managing, roleName, null, rehearsed, purpose, deadline)
                    .chain(found -> found.oid() == null
                            ? Uni.createFrom().item(false)
                            : targets.passwordRule(managing.as(roleName, ""), purpose, deadline)
                                    .chain(demand -> opens(managing, likely(known, demand.salt()), 0, known.role))
                                    .map(opens -> RoleIdentity.judge(
                                                    RoleIdentity.Number.ELSEWHERE,
                                                    marker(known.role, found.fence()),
                                                    opens,
                                                    false)
                                            == RoleIdentity.Verdict.RECOGNISED))
                    .onFailure(TargetFailure.class)
                    .recoverWithItem(false);
        }

        /** Versions that the server may keep, as its challenge shows. */
        private List<PasswordVersion> likely(Known known, @Nullable ScramSalt salt) {
            return known.versions.stream()
                    // What was given up for a password of a human's may still have been applied by a late statement.
                    .filter(each -> each.state != VersionState.REJECTED || each.inDoubtAt != null)
                    // The salt of a secret that a human set is not known.
                    .filter(each -> each.cause == Cause.ADOPTED
                            || seal.open(each, known.role).secret().salt().equals(salt))
                    .toList();
        }

        private RoleIdentity.Marker marker(ManagedRole role, @Nullable Fence fence) {
            if (fence != null && markers.isOf(role.ownerId, fence)) {
                return RoleIdentity.Marker.OURS;
            }
            return role.marked || fence != null ? RoleIdentity.Marker.NOT_OURS : RoleIdentity.Marker.IMPOSSIBLE;
        }

        /** Which of them the server proves to know. None of them is sent in any other form than SCRAM's. */
        private Uni<RoleIdentity.Opens> opens(Login place, List<PasswordVersion> tried, int index, ManagedRole role) {
            if (index == tried.size()) {
                return Uni.createFrom().item(RoleIdentity.Opens.NONE);
            }
            PasswordVersion version = tried.get(index);
            return targets.login(place.as(roleName, seal.open(version, role).password()), purpose, deadline)
                    .chain(outcome -> Proofs.proven(outcome)
                            ? Uni.createFrom().item(RoleIdentity.Opens.of(version))
                            : opens(place, tried, index + 1, role));
        }

        /**
         * The target has seen a higher epoch of ours than the store knows: the store is an older copy, or a clone of it is at work. If a
         * password that we hold still works, nothing is lost and we go on above the marker. Where we hold none, somebody else has one.
         */
        private Uni<Found> behind(Login managing, Preflight preflight, PasswordRule rule, Fence fence, Known known) {
            if (known.force) {
                return clear(managing, preflight, rule, null, fence.epoch());
            }
            return anyOpens(managing, live(known), 0, known)
                    .chain(works -> works
                            ? clear(managing, preflight, rule, null, fence.epoch())
                            : Uni.createFrom()
                                    .item(Found.stopped(
                                            managing,
                                            preflight,
                                            Stop.definite(
                                                    Step.PREFLIGHT,
                                                    "store_behind_target",
                                                    "The role was changed under a higher epoch than this store knows ("
                                                            + fence.epoch()
                                                            + "), and none of the passwords kept here opens it: the store was"
                                                            + " restored from an older copy, or a copy of it is at work. Stop"
                                                            + " the copy, then rotate with force=true."))));
        }

        /** After the store went back, of a role that does not say how often it was changed. */
        private Uni<Found> forgotten(Login managing, Preflight preflight, PasswordRule rule, Known known) {
            return anyOpens(managing, live(known), 0, known)
                    .chain(works -> works
                            ? clear(managing, preflight, rule, null, 0)
                            : Uni.createFrom()
                                    .item(Found.stopped(
                                            managing,
                                            preflight,
                                            Stop.definite(
                                                    Step.PREFLIGHT,
                                                    "store_behind_target",
                                                    "The store went back in time since the role was changed last, as far as it"
                                                            + " knows. The role carries no marker that would say whether it was"
                                                            + " changed since, and none of the passwords kept here opens it."
                                                            + " Rotate with force=true."))));
        }

        private static List<PasswordVersion> live(Known known) {
            return known.versions.stream()
                    .filter(each -> each.state.unfinished() || each.state == VersionState.CURRENT)
                    .toList();
        }

        /** Tries each once; a login that does not come about counts as not opening. */
        private Uni<Boolean> anyOpens(Login place, List<PasswordVersion> tried, int index, Known known) {
            if (index == tried.size()) {
                return Uni.createFrom().item(false);
            }
            return targets.login(logins.login(place, known.role, tried.get(index)), purpose, deadline)
                    .chain(outcome -> Proofs.proven(outcome)
                            ? Uni.createFrom().item(true)
                            : anyOpens(place, tried, index + 1, known));
        }
    }
}
