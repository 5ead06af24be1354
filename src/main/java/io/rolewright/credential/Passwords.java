package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The passwords that may be used or given out. A version that is not current yet is never among them. */
@ApplicationScoped
public class Passwords {

    private static final String SERVED_VERSIONS = """
            select c.id, coalesce(c.credentialVersion, v.number, 0L)
              from Credential c
              left join PasswordVersion v
                on c.credentialVersion is null and v.roleId = c.role1Id and v.state = ?2 and v.cause <> ?3
             where c.id in ?1 and c.releasedVersion is null""";

    private final VersionSeal seal;

    Passwords(VersionSeal seal) {
        this.seal = seal;
    }

    /** Opens the current password of a role and hands it to {@code reader}; null item when there is none yet, or no such role. */
    public <T> Uni<@Nullable T> current(UUID roleId, PasswordReader<T> reader) {
        return in(VersionState.CURRENT, roleId, reader);
    }

    /** What a credential serves now; null item when there is none, or none any more. Joins the running transaction. */
    public Uni<@Nullable Served> served(UUID credentialId) {
        return Panache.withSession(() -> CredentialStore.credential(credentialId)
                .chain(credential -> credential == null || credential.released()
                        ? Uni.createFrom().nullItem()
                        : CredentialStore.role(credential.servedRole())
                                .chain(role -> CredentialStore.version(credential.servedRole(), VersionState.CURRENT)
                                        .map(version -> credential.served(role, version)))));
    }

    /** The versions that are served, of those of the credentials that exist; 0 while there is none. */
    public Uni<Map<UUID, Long>> servedVersions(Collection<UUID> credentialIds) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(SERVED_VERSIONS, Object[].class)
                        .setParameter(1, credentialIds)
                        .setParameter(2, VersionState.CURRENT)
                        .setParameter(3, Cause.ADOPTED)
                        .getResultList())
                .map(rows -> rows.stream().collect(Collectors.toMap(row -> (UUID) row[0], row -> (Long) row[1]))));
    }

    /** The same for the password before the current one. */
    public <T> Uni<@Nullable T> previous(UUID roleId, PasswordReader<T> reader) {
        return in(VersionState.PREVIOUS, roleId, reader);
    }

    /** The same for many roles, with one query; a role without a current password has no entry. */
    public <T> Uni<Map<UUID, T>> current(Collection<UUID> roleIds, PasswordReader<T> reader) {
        if (roleIds.isEmpty()) {
            return Uni.createFrom().item(Map.of());
        }
        return Panache.withSession(() -> CredentialStore.currentVersions(roleIds)
                .map(found -> {
                    Map<UUID, T> read = new HashMap<>();
                    for (Object[] pair : found) {
                        PasswordVersion version = (PasswordVersion) pair[0];
                        ManagedRole role = (ManagedRole) pair[1];
                        read.put(
                                role.id,
                                reader.read(
                                        role.roleName, seal.open(version, role).password(), version.number));
                    }
                    return read;
                }));
    }

    /** A version of a role as it lies in the store, for who has read it together with something else. */
    public record Sealed(UUID roleId, String roleName, UUID versionId, long number, byte[] sealed) {
        @Override
        public String toString() {
            return "Sealed[" + versionId + "]";
        }
    }

    /** To be answered with and not to be kept. */
    public String password(Sealed version) {
        return seal.open(version).password();
    }

    /** What the server keeps of that password, for a pooler that lets clients in with it. */
    public String scramSecret(Sealed version) {
        return seal.open(version).secret().text();
    }

    /** The SCRAM secret of the current password, for a pooler that lets clients in with it; null item as above. */
    public Uni<@Nullable String> currentScramSecret(UUID roleId) {
        return opened(
                VersionState.CURRENT,
                roleId,
                (role, version) -> seal.open(version, role).secret().text());
    }

    private <T> Uni<@Nullable T> in(VersionState state, UUID roleId, PasswordReader<T> reader) {
        return opened(
                state,
                roleId,
                (role, version) ->
                        reader.read(role.roleName, seal.open(version, role).password(), version.number));
    }

    private static <T> Uni<@Nullable T> opened(
            VersionState state, UUID roleId, BiFunction<ManagedRole, PasswordVersion, T> open) {
        return Panache.withSession(() -> CredentialStore.role(roleId).chain(role -> {
            if (role == null || role.deletedAt != null) {
                return Uni.createFrom().nullItem();
            }
            return CredentialStore.version(roleId, state)
                    .map(version -> version == null ? null : open.apply(role, version));
        }));
    }
}
