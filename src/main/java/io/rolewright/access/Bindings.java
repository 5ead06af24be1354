package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import java.util.Collection;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** Writes which roles identities have. Every method joins the running transaction. */
final class Bindings {

    /** "ROLEADMN": two requests must not each take away what the other takes for the last administrator. */
    private static final long LOCK = 0x524F4C45_41444D4EL;

    private static final String AN_ADMINISTRATOR_CAN_LOG_IN = """
            select exists (
                select from role_binding b where b.project_id is null and b.role = 'admin' and (
                    exists (select from token_rule r where r.identity_id = b.identity_id)
                    or exists (
                        select from client_secret s where s.identity_id = b.identity_id
                            and (s.expires_at is null or s.expires_at > now())
                            and (s.uses_limit = 0 or s.uses < s.uses_limit))))""";

    private Bindings() {}

    /** @param projectId null for the organisation; roles elsewhere stay what they are */
    static Uni<Void> replace(
            Mutiny.Session session, RowSeals seals, UUID identityId, @Nullable UUID projectId, Collection<Role> roles) {
        var gone = session.createNativeQuery("""
                        delete from role_binding
                        where identity_id = ?1 and project_id is not distinct from cast(?2 as uuid)""")
                .setParameter(1, identityId)
                .setParameter(2, text(projectId))
                .executeUpdate()
                .replaceWithVoid();
        var set = gone;
        for (var role : roles) {
            set = set.chain(() -> add(session, seals, identityId, projectId, role));
        }
        return set.chain(() -> Standings.changed(session, identityId));
    }

    /** The one place that gives a role. */
    static Uni<Void> add(Mutiny.Session session, RowSeals seals, UUID identityId, @Nullable UUID projectId, Role role) {
        var id = UUID.randomUUID();
        return session.createNativeQuery("""
                        insert into role_binding (id, identity_id, project_id, role, row_seal)
                        values (?1, ?2, cast(?3 as uuid), ?4, ?5) on conflict do nothing""")
                .setParameter(1, id)
                .setParameter(2, identityId)
                .setParameter(3, text(projectId))
                .setParameter(4, role.storedName())
                .setParameter(5, seals.seal(SealedRow.ROLE_BINDING, id, identityId, projectId, role.storedName()))
                .executeUpdate()
                .replaceWithVoid();
    }

    /**
     * To be called before what may take away an administrator, and {@link #keepAnAdministrator} after it.
     */
    static Uni<Void> lock(Mutiny.Session session) {
        return session.createNativeQuery("select 1 from pg_advisory_xact_lock(?1)", Integer.class)
                .setParameter(1, LOCK)
                .getSingleResult()
                .replaceWithVoid();
    }

    /** @return fails with 400 {@code last_administrator} if nobody could log in as one any more */
    static Uni<Void> keepAnAdministrator(Mutiny.Session session) {
        return session.createNativeQuery(AN_ADMINISTRATOR_CAN_LOG_IN, Boolean.class)
                .getSingleResult()
                .invoke(can -> {
                    if (!can) {
                        throw Problem.of(
                                ErrorCode.LAST_ADMINISTRATOR,
                                "This would leave no administrator who can log in. First give another identity the role admin"
                                        + " and a way to log in.");
                    }
                })
                .replaceWithVoid();
    }

    /** The driver takes no null without a type. */
    private static @Nullable String text(@Nullable UUID id) {
        return id == null ? null : id.toString();
    }
}
