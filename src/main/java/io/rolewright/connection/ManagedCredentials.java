package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.Changes;
import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.credential.Credential;
import io.rolewright.credential.CredentialStore;
import io.rolewright.credential.LoginUse;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.NotChanged;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.Passwords;
import io.rolewright.credential.RoleChecks;
import io.rolewright.credential.RoleServer;
import io.rolewright.credential.RoleState;
import io.rolewright.credential.RoleStatus;
import io.rolewright.credential.Schedule;
import io.rolewright.credential.Sight;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.Deadline;
import io.rolewright.target.Errand;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The password of a connection, kept and changed by the service.
 *
 * <p>It begins with the human's password as the first version, which is current until a new one is proven; it ends with a release,
 * which hands the current one out, or with a deletion that says in so many words that it is thrown away. In between nothing that the
 * store forgets could be the only copy.
 */
@ApplicationScoped
class ManagedCredentials {

    private final ConnectionSeal seal;
    private final ManagedRoles roles;
    private final PasswordChanges changes;
    private final Passwords passwords;
    private final LoginUse logins;
    private final RoleChecks checks;

    ManagedCredentials(
            ConnectionSeal seal,
            ManagedRoles roles,
            PasswordChanges changes,
            Passwords passwords,
            LoginUse logins,
            RoleChecks checks) {
        this.seal = seal;
        this.roles = roles;
        this.changes = changes;
        this.passwords = passwords;
        this.logins = logins;
        this.checks = checks;
    }

    /**
     * A wanted schedule.
     *
     * @param auto null keeps what there is
     * @param schedule null keeps what there is
     * @param lookMinutes null keeps what there is
     */
    record Wanted(Boolean auto, Schedule schedule, @Nullable Integer lookMinutes) {
        boolean isEmpty() {
            return auto == null && schedule == null && lookMinutes == null;
        }
    }

    /** What is ready to be written down when management begins. */
    record Start(RoleServer server, ManagedRoles.Adopted adopted, Credentials credentials, Sight sight) {}

    /**
     * What one request has written down to begin with: this, and nothing else, is what it may take back.
     *
     * @param id that the credential shows, which is new each time that management begins
     */
    record Begun(UUID id, UUID roleId) {}

    // ---- Reading --------------------------------------------------------------------------------------------------

    /** @param role null once it is released */
    record Managed(Credential credential, @Nullable RoleStatus role) {}

    /** What is said of a connection whose management was begun, when nothing can be read of how it went. */
    static Managed inDoubt(Connection row) {
        Credential credential = Credential.ofConnection(row.id, row.projectId(), row.name);
        credential.begin(row.id, row.id, row.createdAt);
        return new Managed(credential, RoleStatus.inDoubt(row.id, row.id, ""));
    }

    /** Null item for a connection that is not managed. */
    Uni<@Nullable Managed> of(Connection connection) {
        return of(List.of(connection)).map(found -> found.get(connection.id));
    }

    /** By the id of the connection; those that are not managed are missing. */
    Uni<Map<UUID, Managed>> of(List<Connection> connections) {
        List<UUID> ids = connections.stream()
                .filter(each -> each.platformManaged)
                .map(each -> each.id)
                .toList();
        if (ids.isEmpty()) {
            return Uni.createFrom().item(Map.of());
        }
        return Panache.withSession(() -> CredentialStore.credentials(ids)
                .chain(found -> roles.of(ids).map(statuses -> {
                    Map<UUID, RoleStatus> byOwner =
                            statuses.stream().collect(Collectors.toMap(RoleStatus::ownerId, Function.identity()));
                    return found.stream()
                            .collect(Collectors.toMap(
                                    Credential::id, each -> new Managed(each, byOwner.get(each.id()))));
                })));
    }

    // ---- Beginning ------------------------------------------------------------------------------------------------

    /**
     * @param report of the login that was just proven
     * @param connection that is to be managed
     * @param sight what a refusal may name of others who log in as the role
     */
    Uni<Start> prepare(
            UUID connection,
            TargetReport report,
            Credentials credentials,
            boolean allowPrivileged,
            Sight sight,
            Deadline deadline) {
        TargetReport.ManagingRole role = report.managingRole();
        TargetReport.Server server = report.server();
        if (report.outcome() instanceof LoginOutcome.Accepted accepted) {
            Obstacle unprovable = RoleChecks.unprovable(accepted.facts(), credentials.login());
            if (unprovable != null) {
                throw Problem.of(ErrorCode.ofReason(unprovable.code()), unprovable.message());
            }
        }
        if (role.proof() == PasswordProof.POOLED) {
            throw Problem.of(ErrorCode.POOLER_IN_BETWEEN, PasswordProof.POOLER_MESSAGE);
        }
        if (!allowPrivileged && (role.superuser() || role.replication())) {
            throw Problem.of(
                    ErrorCode.ROLE_IS_PRIVILEGED,
                    "The role " + role.name()
                            + " is a superuser or has REPLICATION. Send allowPrivileged: true to have its"
                            + " password managed.");
        }
        if (server.standby()) {
            throw Problem.of(
                    ErrorCode.READ_ONLY, "The server is a standby: passwords can only be changed on the primary.");
        }
        RoleServer where = RoleServer.of(report, credentials.login());
        return logins.requireFree(credentials.username(), where, connection, sight)
                .chain(() -> checks.requireUnmanagedElsewhere(credentials.login(), where, connection, sight, deadline))
                .chain(() -> roles.adopt(credentials.password()))
                .map(adopted -> new Start(where, adopted, credentials, sight));
    }

    /** Joins the running transaction. The row is sealed without its password, which is a version of the managed role from now on. */
    Uni<Begun> begin(Connection row, Start start, Wanted wanted, Instant now) {
        row.platformManaged = true;
        seal.keep(row, start.credentials().withoutPassword());
        return roles.register(
                        new ManagedRoles.NewRole(
                                ManagedRoles.CONNECTION,
                                row.id,
                                row.id,
                                true,
                                start.credentials().username(),
                                start.server(),
                                start.sight()),
                        start.adopted())
                .call(role -> roles.lookEvery(List.of(role), wanted.lookMinutes()))
                .chain(role -> CredentialStore.hold(row.id).chain(old -> {
                    Credential credential =
                            old == null ? Credential.ofConnection(row.id, row.projectId(), row.name) : old;
                    Begun begun = new Begun(UUID.randomUUID(), role);
                    credential.begin(begun.id(), role, now);
                    credential.plan().auto(Boolean.TRUE.equals(wanted.auto()));
                    if (wanted.schedule() != null) {
                        credential.plan().schedule(wanted.schedule());
                    }
                    return (old == null ? CredentialStore.insert(credential) : Panache.flush()).replaceWith(begun);
                }));
    }

    /**
     * Gives the role its first password of ours.
     *
     * @return how it ended; fails with 400 if it definitely did not, and then the role has the password that it had
     */
    Uni<ChangeOutcome> takeOver(Begun begun, ConnectionAudit.Act act, Deadline deadline) {
        return changes.change(begun.roleId(), Cause.MANAGED, actor(act), false, deadline)
                .invoke(outcome -> {
                    if (outcome instanceof ChangeOutcome.Failed) {
                        throw NotChanged.of(
                                outcome, ErrorCode.MANAGED_CREDENTIALS_FAILED, ManagedCredentials::notManaged);
                    }
                });
    }

    /**
     * Takes back what {@link #begin} has written, if it is still there and nobody has given the role a password since. Joins the running
     * transaction, which holds the connection's lock.
     *
     * @return whether it was taken back; if not, nothing was changed
     */
    Uni<Boolean> undo(Connection row, Begun begun) {
        return roles.untouched(begun.roleId())
                .chain(untouched -> CredentialStore.hold(row.id).chain(held -> {
                    if (!untouched || held == null || !begun.id().equals(held.shownId()) || held.released()) {
                        return Uni.createFrom().item(false);
                    }
                    row.platformManaged = false;
                    return roles.forget(begun.roleId())
                            .chain(() -> CredentialStore.delete(held))
                            .replaceWith(true);
                }));
    }

    // ---- While it is managed --------------------------------------------------------------------------------------

    /** Opens what a connection logs in with, for the length of one call. */
    Uni<Login> login(Connection row) {
        Login stored = seal.login(row);
        return !row.platformManaged
                ? Uni.createFrom().item(stored)
                : active(row.id)
                        .chain(managed -> passwords.current(
                                managed.role1Id(), (role, password, number) -> stored.as(role, password)));
    }

    /** Gives the role a new password now. Fails with 400 or 504 ({@link #answer}) unless it has come to its end. */
    Uni<Void> rotate(UUID connection, ConnectionAudit.Act act, Deadline deadline) {
        return active(connection)
                .chain(row -> changes.alone(
                        connection,
                        NotChanged::inProgress,
                        () -> changes.admitted(
                                connection,
                                Errand.CHANGE,
                                deadline,
                                own -> changes.change(row.role1Id(), Cause.MANUAL, actor(act), false, own))))
                .invoke(outcome ->
                        NotChanged.requireDone(outcome, ErrorCode.ROTATION_FAILED, ManagedCredentials::notManaged))
                .replaceWithVoid();
    }

    /** Whether it is known that something is wrong with the password. */
    Uni<Boolean> troubled(UUID connection) {
        return active(connection)
                .chain(row -> roles.status(row.role1Id()))
                .map(status -> status != null && status.state() != RoleState.OK);
    }

    /** Makes a password current that a human sent and that has just opened the role. Fails as {@link #rotate}. */
    Uni<Void> adopt(UUID connection, Credentials sent, ConnectionAudit.Act act, Deadline deadline) {
        return active(connection)
                .chain(row -> roles.adopt(sent.password())
                        .chain(adopted -> changes.admitted(
                                connection,
                                Errand.CHANGE,
                                deadline,
                                own -> changes.adopt(row.role1Id(), adopted, actor(act), own))))
                .invoke(outcome ->
                        NotChanged.requireDone(outcome, ErrorCode.ROTATION_FAILED, ManagedCredentials::notManaged))
                .replaceWithVoid();
    }

    /** Looks now whether the password opens the role; heals what can be healed. */
    Uni<Void> verify(UUID connection, ConnectionAudit.Act act, Deadline deadline) {
        return active(connection)
                .chain(row -> changes.admitted(
                        connection, Errand.LOOK, deadline, own -> changes.verify(row.role1Id(), actor(act), own)));
    }

    /** Changes the schedule, and says what is another then. Joins the running transaction, which holds the connection's lock. */
    Uni<Void> schedule(UUID connection, Wanted wanted, Instant now, Changes changes) {
        return active(connection)
                .chain(known -> roles.hold(known.role1Id())
                        .chain(() -> roles.lookEvery(List.of(known.role1Id()), wanted.lookMinutes()))
                        .invoke(another -> changes.put("lookIntervalMinutes", another))
                        .chain(() -> CredentialStore.hold(known))
                        .chain(held -> {
                            if (wanted.schedule() != null) {
                                changes.put("rotation", held.plan().schedule(), wanted.schedule());
                                held.plan().schedule(wanted.schedule());
                            }
                            if (wanted.auto() != null) {
                                changes.put("isAutoRotationEnabled", held.plan().auto(), wanted.auto());
                                held.plan().auto(wanted.auto());
                            }
                            held.plan().reckon(now);
                            held.edited(now);
                            return roles.schedule(held.role1Id(), held.plan().dueAt());
                        }));
    }

    // ---- Ending ---------------------------------------------------------------------------------------------------

    /**
     * Hands the current password out and leaves the connection as an ordinary one with it. Until its credentials change, asking again
     * gives the same answer. Joins the running transaction, which holds the connection's lock.
     */
    Uni<String> release(Connection row, Instant now) {
        return CredentialStore.credential(row.id).chain(known -> {
            if (known == null || known.released() && known.releasedVersion() != row.credentialsVersion) {
                throw notManaged();
            }
            if (known.released()) {
                return Uni.createFrom().item(seal.open(row).password());
            }
            return roles.release(known.role1Id(), (role, password, number) -> password)
                    .chain(password -> CredentialStore.hold(known).map(held -> {
                        row.platformManaged = false;
                        seal.keep(row, seal.open(row).with(password));
                        held.release(row.credentialsVersion, now);
                        return password;
                    }));
        });
    }

    /** Ends the management of a connection that is deleted. Joins the running transaction. */
    Uni<Void> discard(UUID connection) {
        return CredentialStore.credential(connection)
                .chain(row ->
                        row == null || row.released() ? Uni.createFrom().voidItem() : roles.discard(row.role1Id()));
    }

    private static Uni<Credential> active(UUID connection) {
        return Panache.withSession(() -> CredentialStore.credential(connection)).invoke(row -> {
            if (row == null || row.released()) {
                throw notManaged();
            }
        });
    }

    private static Problem notManaged() {
        return Problem.of(
                ErrorCode.NOT_MANAGED,
                "The password of this connection is not managed. Send isPlatformManagedCredentials: true with the"
                        + " credentials to begin.");
    }

    private static Actor actor(ConnectionAudit.Act act) {
        return new Actor(act.caller().id(), act.caller().name(), act.caller().address(), act.requestId());
    }
}
