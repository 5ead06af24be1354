package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.target.Login;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** How managing and managed roles log in, with the passwords that are kept for them. For the length of one call. */
@ApplicationScoped
class RoleLogins {

    private final VersionSeal seal;

    RoleLogins(VersionSeal seal) {
        this.seal = seal;
    }

    /**
     * The logins of a managing role, likeliest first: the connection's own, or where its password is managed too, the current one and
     * then the one that may have taken its place.
     *
     * @param stored of the connection
     * @return one or two; fails only when the store cannot be reached
     */
    Uni<List<Login>> managing(UUID connectionId, Login stored) {
        if (!stored.password().isEmpty()) { // that of a managed connection is among the versions of its role
            return Uni.createFrom().item(List.of(stored));
        }
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from ManagedRole r where r.ownerId = ?1 and r.self = true and r.deletedAt is null",
                                ManagedRole.class)
                        .setParameter(1, connectionId)
                        .getSingleResultOrNull())
                .chain(own -> own == null
                        ? Uni.createFrom().item(List.of(stored))
                        : CredentialStore.version(own.id, VersionState.CURRENT)
                                .chain(current -> CredentialStore.unfinishedVersion(own.id)
                                        .map(unfinished -> logins(stored, own, current, unfinished)))));
    }

    private List<Login> logins(Login stored, ManagedRole own, PasswordVersion current, PasswordVersion unfinished) {
        List<Login> logins = new ArrayList<>();
        for (PasswordVersion each : new PasswordVersion[] {current, unfinished}) {
            if (each != null) {
                logins.add(login(stored, own, each));
            }
        }
        return logins;
    }

    /**
     * Until a password of ours has taken its place, the one that a person chose may be shown to a server in the form it asks for. Not once a
     * secret was derived from it here, nor where the role's own login was asked for it by SCRAM.
     */
    Login login(Login place, ManagedRole role, PasswordVersion version) {
        String password = seal.open(version, role).password();
        Login ours = place.as(role.roleName, password);
        boolean chosen = version.cause == Cause.ADOPTED
                && version.state == VersionState.CURRENT
                && version.appliedAt == null
                && !(role.self && place.scramOnly());
        return chosen ? ours.with(password) : ours;
    }
}
