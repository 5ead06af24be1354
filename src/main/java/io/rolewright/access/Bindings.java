package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import java.util.Collection;
import java.util.Set;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** Writes which roles identities have. Every method joins the running transaction. */
final class Bindings {

    /** "ROLEADMN": two requests must not each take away what the other takes for the last administrator. */
    private static final long LOCK = 0x524F4C45_41444D4EL;

    /** Each administrator of the organisation with each thing that he may log in with now, and the setting of that login. */
    private static final String ADMINISTRATORS = """
            select b.id, b.identity_id, b.row_seal as binding_seal, i.client_id, i.row_seal as identity_seal,
                w.method, w.id as way_id, w.row_seal as way_seal,
                w.fingerprint, w.expires_at, w.uses_limit, w.trusted_ips, w.issuer, w.ca_cert, w.conditions,
                l.id as setting_id, l.row_seal as setting_seal, l.access_token_ttl, l.access_token_max_ttl,
                l.access_token_trusted_ips, l.client_secret_trusted_ips
            from role_binding b
            join identity i on i.id = b.identity_id
            cross join lateral (
                select 'universal-auth' as method, s.id, s.row_seal, s.fingerprint, s.expires_at, s.uses_limit, s.trusted_ips,
                    cast(null as text) as issuer, cast(null as text) as ca_cert, cast(null as text) as conditions
                from client_secret s
                where s.identity_id = b.identity_id and (s.expires_at is null or s.expires_at > now())
                    and (s.uses_limit = 0 or s.uses < s.uses_limit)
                union all
                select r.method, r.id, r.row_seal, null, null, null, null, r.issuer, r.ca_cert, cast(r.conditions as text)
                from token_rule r where r.identity_id = b.identity_id) w
            left join login_setting l on l.identity_id = b.identity_id and l.method = w.method
            where b.project_id is null and b.role = 'admin'""";

    private Bindings() {}

    /** By their stored names. @param projectId null for the organisation */
    static Uni<Set<String>> of(Mutiny.Session session, UUID identityId, @Nullable UUID projectId) {
        return session.createNativeQuery("""
                        select role from role_binding
                        where identity_id = ?1 and project_id is not distinct from cast(?2 as uuid)""", String.class)
                .setParameter(1, identityId)
                .setParameter(2, text(projectId))
                .getResultList()
                .map(Set::copyOf);
    }

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

    /**
     * Looks at what is believed, not at what is there: who has written himself into the store is no administrator, and one who is there in
     * the end by name only must not let the last true one go.
     *
     * @return fails with 400 {@code last_administrator} if nobody could log in as one any more
     */
    static Uni<Void> keepAnAdministrator(Mutiny.Session session, RowSeals seals) {
        return session.createNativeQuery(ADMINISTRATORS, Object[].class)
                .getResultList()
                .invoke(rows -> {
                    if (rows.stream().noneMatch(row -> canLogIn(seals, row))) {
                        throw Problem.of(
                                ErrorCode.LAST_ADMINISTRATOR,
                                "This would leave no administrator who can log in. First give another identity the role admin"
                                        + " and a way to log in.");
                    }
                })
                .replaceWithVoid();
    }

    /** @param row of {@link #ADMINISTRATORS} */
    private static boolean canLogIn(RowSeals seals, Object[] row) {
        var identityId = (UUID) row[1];
        var way = (UUID) row[6];
        byte[] waySeal = (byte[]) row[7];
        return seals.believes(
                        SealedRow.ROLE_BINDING,
                        (UUID) row[0],
                        (byte[]) row[2],
                        identityId,
                        null,
                        Role.ADMIN.storedName())
                && seals.believes(SealedRow.IDENTITY, identityId, (byte[]) row[4], row[3])
                && (row[8] != null
                        ? seals.believes(
                                SealedRow.CLIENT_SECRET, way, waySeal, identityId, row[8], row[9], row[10], row[11])
                        : seals.believes(
                                SealedRow.TOKEN_RULE, way, waySeal, identityId, row[5], row[12], row[13], row[14]))
                && (row[15] == null
                        || seals.believes(
                                SealedRow.LOGIN_SETTING,
                                (UUID) row[15],
                                (byte[]) row[16],
                                identityId,
                                row[5],
                                row[17],
                                row[18],
                                row[19],
                                row[20]));
    }

    /** The driver takes no null without a type. */
    private static @Nullable String text(@Nullable UUID id) {
        return id == null ? null : id.toString();
    }
}
