package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import jakarta.persistence.LockModeType;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** How rows of this package are found. Every method joins the running session; those that lock or write need a transaction. */
public final class CredentialStore {

    /**
     * Locks what a role belongs to, in the transaction that begins a change of it; it is not written there. Null item when it is gone.
     */
    static Uni<@Nullable Credential> lockCredential(UUID id) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery("from Credential c where c.id = ?1", Credential.class)
                        .setParameter(1, id)
                        .setLockMode(LockModeType.PESSIMISTIC_WRITE)
                        .getSingleResultOrNull());
    }

    private static final String HOLD = "SELECT hold_credential(?1)";

    /**
     * Locks a credential that is to be written, to the end of the running transaction: first the row in the table of the build before, which
     * locks in that order too. Whoever also locks roles locks those before. Null item when it is gone.
     */
    public static Uni<@Nullable Credential> hold(UUID id) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(HOLD, Boolean.class)
                        .setParameter(1, id)
                        .getSingleResult()
                        .chain(there -> there
                                ? session.find(Credential.class, id)
                                : Uni.createFrom().nullItem()));
    }

    /** The same for one that the session has read before. */
    public static Uni<@Nullable Credential> hold(Credential read) {
        return hold(read.id)
                .onItem()
                .ifNotNull()
                .call(held -> Panache.getSession().chain(session -> session.refresh(held)));
    }

    /** Null item when it is gone. */
    public static Uni<@Nullable Credential> credential(UUID id) {
        return Panache.getSession().chain(session -> session.find(Credential.class, id));
    }

    /** Ends the management of a locked role, and writes down what it belonged to, whose row may go in the same transaction. */
    static Uni<Void> giveUp(ManagedRole role) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "select c.name, c.projectId from Credential c where c.id = ?1", Object[].class)
                        .setParameter(1, role.ownerId)
                        .getSingleResultOrNull())
                .invoke(owner -> {
                    if (owner != null) {
                        role.ownerName = (String) owner[0];
                        role.ownerProjectId = (UUID) owner[1];
                    }
                    role.deletedAt = role.storeNow;
                    role.dueAt = null;
                })
                .replaceWithVoid();
    }

    /** Those of them that there are, in no order. */
    public static Uni<List<Credential>> credentials(Collection<UUID> ids) {
        return ids.isEmpty()
                ? Uni.createFrom().item(List.of())
                : Panache.getSession()
                        .chain(session -> session.createSelectionQuery(
                                        "from Credential c where c.id in ?1", Credential.class)
                                .setParameter(1, ids)
                                .getResultList());
    }

    /** Writes a new one down, after the roles that it has. */
    public static Uni<Void> insert(Credential credential) {
        return Panache.getSession().chain(session -> session.persist(credential).chain(session::flush));
    }

    /** @param held by the running transaction. @return whether it was there */
    public static Uni<Boolean> delete(Credential held) {
        return Panache.getSession().chain(session -> Rows.delete(session, held, "id = ?1", held.id));
    }

    private static final List<VersionState> UNFINISHED =
            List.of(VersionState.PENDING, VersionState.IN_DOUBT, VersionState.APPLIED);
    private static final List<AttemptState> OPEN =
            List.of(AttemptState.CLAIMED, AttemptState.SENT, AttemptState.PARKED);

    private CredentialStore() {}

    static Uni<@Nullable ManagedRole> role(UUID id) {
        return Panache.getSession().chain(session -> session.find(ManagedRole.class, id));
    }

    /** In no order. */
    static Uni<List<ManagedRole>> roles(Collection<UUID> ids) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery("from ManagedRole r where r.id in ?1", ManagedRole.class)
                        .setParameter(1, ids)
                        .getResultList());
    }

    /** Whoever holds this lock decides about the role, its versions and attempts; nothing of them is written without it. */
    static Uni<@Nullable ManagedRole> lock(UUID id) {
        return Panache.getSession()
                .chain(session -> session.find(ManagedRole.class, id, LockModeType.PESSIMISTIC_WRITE));
    }

    static Uni<@Nullable Attempt> openAttempt(UUID roleId) {
        return first("from Attempt a where a.roleId = ?1 and a.state in ?2", Attempt.class, roleId, OPEN);
    }

    static Uni<@Nullable Attempt> attempt(UUID id) {
        return Panache.getSession().chain(session -> session.find(Attempt.class, id));
    }

    /** For the states of which a role has at most one, and for PREVIOUS the newest. */
    static Uni<@Nullable PasswordVersion> version(UUID roleId, VersionState state) {
        return first(
                "from PasswordVersion v where v.roleId = ?1 and v.state = ?2 order by v.number desc",
                PasswordVersion.class,
                roleId,
                state);
    }

    /** Version and role, of each of the given roles that has a current version and is not forgotten. */
    static Uni<List<Object[]>> currentVersions(Collection<UUID> roleIds) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "select v, r from PasswordVersion v join ManagedRole r on r.id = v.roleId"
                                        + " where r.id in ?1 and r.deletedAt is null and v.state = ?2",
                                Object[].class)
                        .setParameter(1, roleIds)
                        .setParameter(2, VersionState.CURRENT)
                        .getResultList());
    }

    static Uni<@Nullable PasswordVersion> unfinishedVersion(UUID roleId) {
        return first(
                "from PasswordVersion v where v.roleId = ?1 and v.state in ?2",
                PasswordVersion.class,
                roleId,
                UNFINISHED);
    }

    private static <T> Uni<@Nullable T> first(String query, Class<T> type, Object... parameters) {
        return Panache.getSession().chain(session -> {
            var select = session.createSelectionQuery(query, type).setMaxResults(1);
            for (int i = 0; i < parameters.length; i++) {
                select = select.setParameter(i + 1, parameters[i]);
            }
            return select.getResultList().map(found -> found.isEmpty() ? null : found.get(0));
        });
    }
}
