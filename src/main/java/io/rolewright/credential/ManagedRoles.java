package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.password.ScramSecret;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The register of roles whose passwords are ours to change. Every method joins the running store transaction, if there is one. */
@ApplicationScoped
public class ManagedRoles {

    /** What {@link NewRole#ownerKind} may be. */
    public static final String ROTATION = "rotation";

    public static final String CONNECTION = "connection";

    private static final String STATUS = """
            select new io.rolewright.credential.RoleStatus(r.id, r.ownerId, r.roleName, r.state, r.reason,
                   v.number, v.currentAt, r.verifiedAt, a.id, a.nextTryAt, a.state, r.leaseUntil, r.storeNow,
                   r.lookMinutes)
              from ManagedRole r
              left join PasswordVersion v on v.roleId = r.id and v.state = io.rolewright.credential.VersionState.CURRENT
              left join Attempt a on a.roleId = r.id and a.state in (io.rolewright.credential.AttemptState.CLAIMED,
                   io.rolewright.credential.AttemptState.SENT, io.rolewright.credential.AttemptState.PARKED)
             where r.deletedAt is null and\s""";

    /** In the order in which an owner's roles are locked everywhere. */
    private static final String THROUGH =
            "from ManagedRole r where r.connectionId = ?1 and r.deletedAt is null order by r.createdAt, r.id";

    private static final String MOVES_BACK = """
            from ManagedRole r
             where r.id = ?2 and r.deletedAt is null and not exists
                   (select 1 from ManagedRole o where o.server = ?1 and o.roleName = r.roleName and o.deletedAt is null)""";

    private final Sealer sealer;
    private final VersionSeal seal;
    private final Ledger ledger;
    private final Purge purge;
    private final NewPasswords passwords;
    private final LoginUse logins;
    private final CredentialConfig config;

    ManagedRoles(
            Sealer sealer,
            VersionSeal seal,
            Ledger ledger,
            Purge purge,
            NewPasswords passwords,
            LoginUse logins,
            CredentialConfig config) {
        this.sealer = sealer;
        this.seal = seal;
        this.ledger = ledger;
        this.purge = purge;
        this.passwords = passwords;
        this.logins = logins;
        this.config = config;
    }

    /** A password that a human chose, made ready to be kept. It shows nothing of itself. */
    public static final class Adopted {
        final VersionSeal.Opened opened;

        /** Of the role that has it, and where its server was then; absent where only the password is known. */
        final @Nullable RoleIdentity identity;

        final TargetReport.@Nullable Server server;

        private Adopted(VersionSeal.Opened opened) {
            this(opened, null, null);
        }

        Adopted(VersionSeal.Opened opened, @Nullable RoleIdentity identity, TargetReport.@Nullable Server server) {
            this.opened = opened;
            this.identity = identity;
            this.server = server;
        }
    }

    /** Derives what belongs to a human's password, apart from the event loop. */
    public Uni<Adopted> adopt(String password) {
        return OwnContext.elsewhere(() -> new Adopted(passwords.of(password, ScramSecret.DEFAULT_ITERATIONS)));
    }

    /**
     * Writes a role down together with the password that it has: it is current at once, so nothing is lost whatever comes next. Should
     * this process end before it gives the role a password of ours, due work does it.
     *
     * @return its id; fails like {@link #register(NewRole)}
     */
    public Uni<UUID> register(NewRole wanted, Adopted adopted) {
        return Panache.withTransaction(() -> register(wanted)
                .chain(id -> CredentialStore.lock(id)
                        .chain(role -> ledger.insert(role, Cause.ADOPTED, VersionState.CURRENT, adopted.opened)
                                .invoke(version -> {
                                    role.changeAt = version.createdAt.plus(config.lease());
                                    role.dueAt = role.changeAt;
                                }))
                        .replaceWith(id)));
    }

    /**
     * The same for a role that keeps that password until its owner has it changed: nothing follows by itself.
     *
     * @param proven by {@link RoleChecks#prove}
     * @return its id; fails like {@link #register(NewRole)}
     */
    public Uni<UUID> registerAsItIs(NewRole wanted, Adopted proven) {
        return Panache.withTransaction(() -> register(wanted)
                .chain(id -> CredentialStore.lock(id)
                        .chain(role -> ledger.adopted(role, proven))
                        .replaceWith(id)));
    }

    /** Tells those who follow it that a credential is served which was adopted. Joins the running store transaction. */
    public Uni<Void> tellAdopted(UUID roleId) {
        return Panache.withSession(() -> CredentialStore.role(roleId)).chain(ledger::tellAdopted);
    }

    /**
     * Lets nobody else register a role of one of these names before the running store transaction has ended. For whoever registers
     * several: always in the same order, so that two of them never wait for each other.
     */
    public Uni<Void> holdNames(List<String> roleNames) {
        Uni<Void> held = Uni.createFrom().voidItem();
        for (String name : roleNames.stream().sorted().distinct().toList()) {
            held = held.chain(() -> logins.hold(name));
        }
        return held;
    }

    /**
     * The same for all roles that are changed through a connection, for whoever moves it. Nobody may register one through it meanwhile: its
     * row is locked.
     *
     * @param login as which the connection is to log in, held too
     */
    public Uni<Void> holdNamesOf(UUID connection, String login) {
        return throughIt(connection)
                .map(rows -> Stream.concat(Stream.of(login), rows.stream().map(row -> row.roleName))
                        .toList())
                .chain(this::holdNames);
    }

    static Uni<List<ManagedRole>> throughIt(UUID connection) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery(THROUGH, ManagedRole.class)
                        .setParameter(1, connection)
                        .getResultList());
    }

    /**
     * Where roles were before a connection was moved.
     *
     * @param servers by role
     */
    public record Moved(Map<UUID, byte[]> servers) {}

    /**
     * A connection leads to another address, and the roles of the same names there are changed through it from now on: they must be as
     * free as if they were registered now. Whether it is the same server is asked by {@link Moves}. Joins the running store transaction, which holds the names and has written where the connection leads.
     *
     * @param sight what a refusal may name
     * @return fails like {@link #register(NewRole)}
     */
    public Uni<Moved> move(UUID connection, RoleServer server, Sight sight) {
        Map<UUID, byte[]> before = new LinkedHashMap<>();
        return throughIt(connection)
                .chain(rows -> {
                    Uni<Void> moved = Uni.createFrom().voidItem();
                    for (ManagedRole each : rows) { // one session: one at a time
                        moved = moved.chain(() -> logins.requireFree(each.roleName, server, each.ownerId, sight))
                                .chain(() -> Panache.getSession()
                                        .chain(session -> session.refresh(each, LockModeType.PESSIMISTIC_WRITE)))
                                .invoke(() -> {
                                    before.put(each.id, each.server);
                                    each.server = fingerprint(server);
                                })
                                .chain(() -> Panache.getSession().chain(session -> session.flush()))
                                .onFailure(StoreFault::isUniqueViolation)
                                .transform(clash -> alreadyManaged(each.roleName));
                    }
                    return moved;
                })
                .replaceWith(new Moved(before));
    }

    /**
     * The connection leads to where it led before. A role that somebody else has taken under management there meanwhile keeps the mark of
     * the server that it is moved from. Joins the running store transaction.
     */
    public Uni<Void> moveBack(Moved moved) {
        Uni<Void> back = Uni.createFrom().voidItem();
        for (Map.Entry<UUID, byte[]> each : moved.servers.entrySet()) { // one session: one at a time
            back = back.chain(() -> Panache.getSession()
                            .chain(session -> session.createSelectionQuery(MOVES_BACK, ManagedRole.class)
                                    .setParameter(1, each.getValue())
                                    .setParameter(2, each.getKey())
                                    .setLockMode(LockModeType.PESSIMISTIC_WRITE)
                                    .getSingleResultOrNull()
                                    .onItem()
                                    .ifNotNull()
                                    .call(row -> {
                                        row.server = each.getValue();
                                        return session.flush();
                                    })))
                    .replaceWithVoid();
        }
        return back;
    }

    /** Locks the role's row for the rest of the running store transaction: nobody promotes or parks anything of it meanwhile. */
    public Uni<Void> hold(UUID roleId) {
        return CredentialStore.lock(roleId).replaceWithVoid();
    }

    /**
     * How soon a change of these roles' passwords behind our back is looked for from now on. Joins the running store transaction.
     *
     * @param minutes null leaves it as it is
     * @return whether that is another value for one of them
     */
    public Uni<Boolean> lookEvery(List<UUID> roleIds, @Nullable Integer minutes) {
        Uni<Boolean> all = Uni.createFrom().item(false);
        if (minutes == null) {
            return all;
        }
        for (UUID each : roleIds) { // one session: one at a time
            all = all.chain(before -> CredentialStore.lock(each).map(role -> {
                boolean another = before;
                if (role != null && role.deletedAt == null) {
                    another |= !minutes.equals(role.lookMinutes);
                    Instant latest = role.storeNow.plus(Duration.ofMinutes(minutes));
                    role.lookMinutes = minutes;
                    if (role.dueAt != null && role.dueAt.isAfter(latest)) {
                        role.dueAt = latest;
                    }
                }
                return another;
            }));
        }
        return all;
    }

    /** When the role's next scheduled change is due; null for none. Joins the running store transaction. */
    public Uni<Void> schedule(UUID roleId, @Nullable Instant at) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId).invoke(role -> {
                    if (role != null && role.deletedAt == null) {
                        role.changeAt = at;
                        if (role.dueAt == null || at != null && at.isBefore(role.dueAt)) {
                            role.dueAt = at;
                        }
                    }
                }))
                .replaceWithVoid();
    }

    /**
     * Ends the management of a role and hands its current password out. Joins the running store transaction.
     *
     * @return what {@code reader} makes of it; fails with 400 {@code rotation_in_progress} while somebody works on the role, and with
     *     400 {@code rotation_unfinished} while it is open which password the role has
     */
    public <T> Uni<T> release(UUID roleId, PasswordReader<T> reader) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId).chain(role -> {
            if (role == null || role.deletedAt != null) {
                throw Problem.of(ErrorCode.NOT_MANAGED, "The role is not managed.");
            }
            if (role.isClaimed()) {
                throw Problem.of(ErrorCode.ROTATION_IN_PROGRESS, "The password is being changed at this moment.");
            }
            return CredentialStore.unfinishedVersion(roleId)
                    .invoke(unfinished -> {
                        if (unfinished != null) {
                            throw Problem.of(
                                    ErrorCode.ROTATION_UNFINISHED,
                                    "A password change is unfinished, so it is not certain which password the role has. The service"
                                            + " retries it; a rotate retries it immediately. Repeat this request once the state is ok.");
                        }
                    })
                    .chain(() -> CredentialStore.version(roleId, VersionState.CURRENT))
                    .map(current ->
                            reader.read(role.roleName, seal.open(current, role).password(), current.number))
                    .call(() -> forget(roleId));
        }));
    }

    /**
     * @param ownerKind {@link #ROTATION} or {@link #CONNECTION}
     * @param ownerId of the rotation or the connection, which is that of the credential
     * @param connectionId by which the role is changed
     * @param self whether it changes its own password, logging in by that connection
     * @param server as the login showed it that looked at the role
     * @param sight what a refusal may name
     */
    public record NewRole(
            String ownerKind,
            UUID ownerId,
            UUID connectionId,
            boolean self,
            String roleName,
            RoleServer server,
            Sight sight) {}

    /**
     * Recognises a server: by its system identifier <em>and</em> the address and port that were dialled, since standbys, clones and
     * restores share the identifier.
     *
     * @return a keyed hash, which names nothing
     */
    private byte[] fingerprint(RoleServer server) {
        String identifier = server.identifier() == null ? "?" : server.identifier();
        return sealer.fingerprint(
                "managed-role-server",
                (identifier + " " + server.dialled() + " " + server.port()).getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes a role down; nothing is done to it yet.
     *
     * @return its id; fails with 400 {@code role_already_managed} when a rotation or connection manages this role of this server, {@code
     *     role_of_a_connection} when another stored connection logs in as it, {@code role_of_this_service} when the service itself does
     */
    public Uni<UUID> register(NewRole wanted) {
        ManagedRole role = new ManagedRole();
        role.id = UUID.randomUUID();
        role.ownerKind = wanted.ownerKind();
        role.ownerId = wanted.ownerId();
        role.connectionId = wanted.connectionId();
        role.self = wanted.self();
        role.roleName = wanted.roleName();
        role.server = fingerprint(wanted.server());
        role.marked = !wanted.self();
        role.epoch = 0;
        role.state = RoleState.OK;
        return Panache.withTransaction(() -> logins.hold(wanted.roleName())
                .chain(() -> logins.requireFree(wanted.roleName(), wanted.server(), wanted.ownerId(), wanted.sight()))
                .chain(StoreClock::now)
                .chain(now -> {
                    role.createdAt = now;
                    role.storeNow = now;
                    return Panache.getSession()
                            .chain(session -> session.persist(role).chain(session::flush));
                })
                .onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> alreadyManaged(wanted.roleName()))
                .replaceWith(role.id));
    }

    static Problem alreadyManaged(String roleName) {
        return Problem.of(
                ErrorCode.ROLE_ALREADY_MANAGED,
                "The role " + roleName + " is managed already: another rotation or connection changes its password.",
                Map.of("role", roleName));
    }

    /** Null item when there is no such role (any more). */
    public Uni<@Nullable RoleStatus> status(UUID roleId) {
        return statuses("r.id = ?1", roleId).map(found -> found.isEmpty() ? null : found.get(0));
    }

    /** Of those of them that there are, in no order. */
    public Uni<List<RoleStatus>> statuses(Collection<UUID> roleIds) {
        return roleIds.isEmpty() ? Uni.createFrom().item(List.of()) : statuses("r.id in ?1", roleIds);
    }

    /** The roles of one owner, in the order in which they were registered. */
    public Uni<List<RoleStatus>> of(UUID ownerId) {
        return statuses("r.ownerId = ?1 order by r.createdAt, r.id", ownerId);
    }

    /** The roles of many owners, for lists. */
    public Uni<List<RoleStatus>> of(Collection<UUID> ownerIds) {
        return ownerIds.isEmpty()
                ? Uni.createFrom().item(List.of())
                : statuses("r.ownerId in ?1 order by r.createdAt, r.id", ownerIds);
    }

    private static Uni<List<RoleStatus>> statuses(String where, Object parameter) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(STATUS + where, RoleStatus.class)
                        .setParameter(1, parameter)
                        .getResultList()));
    }

    /**
     * Ends the management of a role: its versions stay sealed for 30 days, an open attempt fails with {@code deleted}, and the name is
     * free for another owner. Whoever works on it right now can no longer write anything down, so nothing of his is sent any more.
     * Joins the running store transaction; the role stays locked until its end.
     *
     * @return fails with {@link UnfinishedChange} while there is a version that was sent, or may have been, and is neither proven nor
     *     rejected: it may be the only copy of the password that the role has
     */
    public Uni<Void> forget(UUID roleId) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId)
                .chain(role -> role == null || role.deletedAt != null
                        ? Uni.createFrom().voidItem()
                        : CredentialStore.unfinishedVersion(roleId)
                                .chain(version -> version == null
                                        ? end(role)
                                        : CredentialStore.openAttempt(roleId)
                                                .chain(attempt -> Uni.createFrom()
                                                        .failure(UnfinishedChange.of(role, version, attempt))))));
    }

    /** The same whatever is unfinished: somebody said in so many words that the password may get lost. */
    public Uni<Void> discard(UUID roleId) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId)
                .chain(role -> role == null || role.deletedAt != null
                        ? Uni.createFrom().voidItem()
                        : end(role)));
    }

    private static Uni<Void> end(ManagedRole role) {
        return CredentialStore.giveUp(role)
                .chain(() -> CredentialStore.openAttempt(role.id))
                .invoke(attempt -> {
                    role.epoch++;
                    role.leaseOwner = null;
                    role.leaseUntil = null;
                    role.changeAt = null;
                    if (attempt != null) {
                        attempt.state = AttemptState.FAILED;
                        attempt.reason = "deleted";
                        attempt.message = "The owner of the role was deleted.";
                        attempt.finishedAt = role.storeNow;
                        attempt.nextTryAt = null;
                    }
                })
                .replaceWithVoid();
    }

    /**
     * Locks a role and says whether it still has the password that it had when it was registered, as far as we are concerned: none of
     * ours was proven, and none is under way. Only then may a registration be taken back. Joins the running store transaction.
     *
     * @return false also for a role that is not managed any more
     */
    public Uni<Boolean> untouched(UUID roleId) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId).chain(role -> {
            if (role == null || role.deletedAt != null) {
                return Uni.createFrom().item(false);
            }
            return CredentialStore.unfinishedVersion(roleId)
                    .chain(unfinished -> CredentialStore.version(roleId, VersionState.CURRENT)
                            .map(current -> unfinished == null && (current == null || current.cause == Cause.ADOPTED)));
        }));
    }

    /** Clears away roles that were given up 30 days ago or more. @return how many */
    public Uni<Integer> purge() {
        return purge.roles();
    }
}
