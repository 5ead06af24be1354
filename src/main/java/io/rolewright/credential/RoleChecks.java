package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.rolewright.target.Deadline;
import io.rolewright.target.Demand;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Purpose;
import io.rolewright.target.Refusal;
import io.rolewright.target.RoleDifferences;
import io.rolewright.target.SessionFacts;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Looks whether a role's password could be changed through a connection. Changes nothing. */
@ApplicationScoped
public class RoleChecks {

    private final ManagingConnections connections;
    private final Ledger ledger;
    private final Inspection inspection;
    private final RoleLogins logins;
    private final RoleIdentities identities;
    private final OtherAddresses addresses;
    private final Targets targets;
    private final RoleDifferences differences;

    RoleChecks(
            ManagingConnections connections,
            Ledger ledger,
            Inspection inspection,
            RoleLogins logins,
            RoleIdentities identities,
            OtherAddresses addresses,
            Targets targets,
            RoleDifferences differences) {
        this.connections = connections;
        this.ledger = ledger;
        this.inspection = inspection;
        this.logins = logins;
        this.identities = identities;
        this.addresses = addresses;
        this.targets = targets;
        this.differences = differences;
    }

    /**
     * What was found.
     *
     * @param ready whether a change would be tried
     * @param reason stable code of the first thing in the way; absent when ready
     * @param message one sentence for it; absent when ready
     * @param obstacles all that stands in the way on the server, each with the statement that helps
     * @param warnings what stands in nobody's way and should be known before the change
     * @param report of the managing role's login; absent when it did not come about
     * @param server for {@link ManagedRoles#register}; absent with the report
     * @param oid the server's number for the role; absent where there is no such role, and with the report
     */
    public record Check(
            boolean ready,
            @Nullable String reason,
            @Nullable String sqlState,
            @Nullable String message,
            List<Obstacle> obstacles,
            List<Obstacle> warnings,
            @Nullable TargetReport report,
            @Nullable RoleServer server,
            @Nullable Long oid) {}

    /**
     * What is asked.
     *
     * @param roleId of a role that is managed already; absent for one that is to be
     * @param takeover whether the marker of another owner may be replaced
     * @param sight what may be named of others who log in as the role
     */
    public record Question(
            UUID connectionId,
            String roleName,
            @Nullable UUID roleId,
            boolean takeover,
            boolean allowPrivileged,
            Sight sight) {}

    /**
     * Looks at all that a change of the role's password looks at first, in the same order.
     *
     * @return fails only when the store cannot be reached
     */
    public Uni<Check> check(Question asked, Deadline deadline) {
        return connections
                .login(asked.connectionId)
                .chain(login -> login == null
                        ? Uni.createFrom()
                                .item(blocked(
                                        Stop.definite(Step.CLAIM, "connection_gone", "There is no such connection."),
                                        null))
                        : known(asked.roleId)
                                .chain(known -> inspection
                                        .look(
                                                new Inspection.Question(
                                                        asked.roleName,
                                                        Inspection.PLACEHOLDER,
                                                        asked.takeover,
                                                        asked.allowPrivileged,
                                                        known,
                                                        asked.sight,
                                                        Purpose.REQUEST,
                                                        deadline),
                                                asked.connectionId,
                                                login)
                                        .map(found -> check(found, known))));
    }

    /**
     * In what two roles that are to take turns are not alike, for whoever is asked to let them.
     *
     * @return empty where they are alike, or it is not known; fails only when the store cannot be reached
     */
    public Uni<List<Obstacle>> differences(UUID connectionId, String first, String second, Deadline deadline) {
        return connections
                .login(connectionId)
                .chain(login -> login == null
                        ? Uni.createFrom().item(List.<Obstacle>of())
                        : logins.managing(connectionId, login)
                                .chain(managing ->
                                        differences.between(managing.get(0), first, second, Purpose.REQUEST, deadline))
                                .map(found -> found.stream()
                                        .map(each -> new Obstacle(each.code(), each.message(), null))
                                        .toList()));
    }

    /**
     * Proves that a role has a password, by a login that shows the server no more of it than SCRAM does.
     *
     * @param looked what {@link #check} has found of the role: ready
     * @param password that a human sent
     * @return to be registered with; fails with 400 {@code initial_password_refused} or {@code initial_password_not_proven}
     */
    public Uni<ManagedRoles.Adopted> prove(
            UUID connectionId, Check looked, String roleName, String password, Deadline deadline) {
        return connections
                .login(connectionId)
                .onItem()
                .ifNull()
                .failWith(() -> Problem.of(
                        ErrorCode.CONNECTION_NOT_FOUND, "There is no connection with the id " + connectionId + "."))
                .chain(place -> targets.login(place.as(roleName, password), Purpose.REQUEST, deadline))
                .chain(outcome -> {
                    ScramSalt salt = Proofs.proven(outcome) ? Proofs.signed(outcome) : null;
                    if (salt == null) {
                        throw notProven(roleName, outcome);
                    }
                    TargetReport report = Objects.requireNonNull(looked.report, "a role that is ready was looked at");
                    return OwnContext.elsewhere(() -> new ManagedRoles.Adopted(
                            new VersionSeal.Opened(password, ScramSecret.derive(password, salt)),
                            new RoleIdentity(looked.oid, identities.server(report)),
                            report.server()));
                });
    }

    private static Problem notProven(String roleName, LoginOutcome outcome) {
        boolean refused = outcome instanceof LoginOutcome.Refused answer && answer.reason() == Refusal.PASSWORD_REFUSED;
        return Problem.of(
                refused ? ErrorCode.INITIAL_PASSWORD_REFUSED : ErrorCode.INITIAL_PASSWORD_NOT_PROVEN,
                refused
                        ? "The server refuses initialPassword for the role " + roleName
                                + ". Nothing was changed. Send the password that the role has, or leave the field out: then it"
                                + " gets a new one immediately."
                        : "It could not be proven that initialPassword is the password of the role " + roleName + ": "
                                + outcome.message()
                                + " Nothing was changed. The server must ask for the password by SCRAM; without the field"
                                + " the role gets a new password immediately.",
                Map.of("role", roleName, "reason", outcome.code()));
    }

    /**
     * Refuses to have a role change its own password that somebody else changes over another address of its server, where only the servers
     * themselves can tell that it is the same.
     *
     * @param self the role's own login
     * @param except the owner that wants it
     * @return fails with 400 {@code role_already_managed}
     */
    public Uni<Void> requireUnmanagedElsewhere(
            Login self, RoleServer server, UUID except, Sight sight, Deadline deadline) {
        return addresses
                .conflict(self.role(), server, self, except, sight, Purpose.REQUEST, deadline)
                .invoke(conflict -> {
                    if (conflict != null) {
                        throw conflict.problem();
                    }
                })
                .replaceWithVoid();
    }

    /**
     * Why the password of a role that has just logged in can't be managed: the server did not ask for it by a challenge that proves it.
     *
     * @return null when it did
     */
    public static @Nullable Obstacle unprovable(SessionFacts facts, Login login) {
        if (facts.rule().proves()) {
            return null;
        }
        Stop stop = Inspection.unprovable(new Demand(facts.rule(), null, null), login);
        return new Obstacle(stop.reason(), stop.message(), null);
    }

    private Uni<Inspection.@Nullable Known> known(@Nullable UUID roleId) {
        return roleId == null
                ? Uni.createFrom().nullItem()
                : Panache.withSession(() -> CredentialStore.role(roleId))
                        .chain(role -> role == null
                                ? Uni.createFrom().nullItem()
                                : ledger.versions(roleId).map(versions -> new Inspection.Known(role, versions, false)));
    }

    /** What a change would say after the same look, before it writes anything. */
    private static Check check(Inspection.Found found, Inspection.@Nullable Known known) {
        TargetReport report =
                found.preflight() == null ? null : found.preflight().report();
        Stop stop = Protocol.preflight(wouldBe(known), found.answer());
        return stop == null
                ? new Check(true, null, null, null, List.of(), warnings(found), report, server(found), oid(found))
                : blocked(stop, found);
    }

    /** A change to a new password, before its first step. */
    private static Protocol.State wouldBe(Inspection.@Nullable Known known) {
        boolean former =
                known != null && known.versions().stream().anyMatch(version -> version.state == VersionState.CURRENT);
        return Protocol.State.before(
                new Protocol.Subject(false, false, false, false, former),
                known == null || known.role().marked,
                Protocol.Reached.UNTOUCHED);
    }

    private static List<Obstacle> warnings(Inspection.Found found) {
        if (found.rule() == PasswordRule.MD5) {
            return List.of(new Obstacle(
                    "md5_password_replaced",
                    "The server keeps this role's password as MD5 and will keep the new one as SCRAM-SHA-256: clients that"
                            + " know no SCRAM (drivers from before PostgreSQL 10) can't log in afterwards.",
                    null));
        }
        return found.sign() == null ? List.of() : List.of(found.sign());
    }

    private static @Nullable RoleServer server(Inspection.Found found) {
        return found.preflight() == null || found.managing() == null
                ? null
                : RoleServer.of(found.preflight().report(), found.managing());
    }

    private static Check blocked(Stop stop, Inspection.@Nullable Found found) {
        return new Check(
                false,
                stop.reason(),
                stop.sqlState(),
                stop.message(),
                stop.obstacles(),
                List.of(),
                found == null || found.preflight() == null
                        ? null
                        : found.preflight().report(),
                found == null ? null : server(found),
                found == null ? null : oid(found));
    }

    private static @Nullable Long oid(Inspection.Found found) {
        return found.preflight() == null ? null : found.preflight().oid();
    }
}
