package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Passwords that are served to nobody any more and that a role may have all the same: those of a role that was given up, those that were
 * rejected without having been proven, and those in whose place a human's came. They can be read for as long as {@link
 * CredentialConfig#retention} says. Never among them: what a human has chosen, which is his, and what a role was given so that nobody has it.
 */
@ApplicationScoped
public class DiscardedPasswords {

    private static final String DISCARDED = """
            select v.id, r.roleName, r.ownerKind, r.ownerId, coalesce(r.ownerName, c.name),
                   coalesce(r.ownerProjectId, c.projectId), v.number, v.state, v.cause, v.createdAt,
                   coalesce(r.deletedAt, v.rejectedAt, v.endedAt)
              from PasswordVersion v
              join ManagedRole r on r.id = v.roleId
              left join Credential c on c.id = r.ownerId
             where v.cause not in (io.rolewright.credential.Cause.ADOPTED, io.rolewright.credential.Cause.REVOKE)
               and coalesce(r.deletedAt, v.rejectedAt, v.endedAt) > :since
               and (r.deletedAt is not null
                    or v.state = io.rolewright.credential.VersionState.REJECTED
                    or v.state in (io.rolewright.credential.VersionState.PREVIOUS,
                                   io.rolewright.credential.VersionState.RETIRED)
                       and exists (select 1 from PasswordVersion h
                                    where h.roleId = v.roleId and h.cause = io.rolewright.credential.Cause.ADOPTED
                                      and h.currentAt = v.endedAt))
            """;

    private static final String NEWEST_FIRST =
            " order by coalesce(r.deletedAt, v.rejectedAt, v.endedAt) desc, v.id desc";

    private final VersionSeal seal;
    private final Duration kept;

    DiscardedPasswords(VersionSeal seal, CredentialConfig config) {
        this.seal = seal;
        kept = config.retention();
    }

    /**
     * All but the password.
     *
     * @param ownerName null where a build has given the role up that did not write it down
     * @param projectId null also for a connection of the organisation
     */
    public record Discarded(
            UUID id,
            String roleName,
            String ownerKind,
            UUID ownerId,
            @Nullable String ownerName,
            @Nullable UUID projectId,
            long number,
            VersionState state,
            Cause cause,
            Instant createdAt,
            Instant discardedAt,
            Instant readableUntil) {}

    /** To be answered with and not to be kept. */
    public record Read(Discarded discarded, String password) {
        @Override
        public String toString() {
            return "Read[" + discarded.id + "]";
        }
    }

    /**
     * Newest first.
     *
     * @param roleName only of roles of this name; null for all
     * @param ownerId only of this rotation or connection, there or not; null for all
     * @param page its cursor is one of an earlier answer of this method
     * @param now the store's clock is not needed: it is a matter of days
     */
    public Uni<Slice<Discarded>> list(@Nullable String roleName, @Nullable UUID ownerId, Page page, Instant now) {
        StringBuilder where = new StringBuilder();
        Map<String, Object> parameters = new HashMap<>();
        if (roleName != null) {
            where.append(" and r.roleName = :role");
            parameters.put("role", roleName);
        }
        if (ownerId != null) {
            where.append(" and r.ownerId = :owner");
            parameters.put("owner", ownerId);
        }
        if (page.afterName() != null) {
            where.append(" and (coalesce(r.deletedAt, v.rejectedAt, v.endedAt) < :at"
                    + " or coalesce(r.deletedAt, v.rejectedAt, v.endedAt) = :at and v.id < :id)");
            parameters.put("at", page.afterMoment());
            parameters.put("id", page.afterId());
        }
        return Panache.withSession(() -> rows(where + NEWEST_FIRST, parameters, page.rowsToRead(), now))
                .map(rows -> page.cut(rows, row -> row.discardedAt().toString(), Discarded::id));
    }

    /** Opens one. Null item when there is no such version, or it is not discarded, or was so for too long. */
    public Uni<@Nullable Read> read(UUID versionId, Instant now) {
        return Panache.withSession(() -> rows(" and v.id = :id", Map.of("id", versionId), 1, now)
                .chain(found -> found.isEmpty()
                        ? Uni.createFrom().nullItem()
                        : Panache.getSession()
                                .chain(session -> session.find(PasswordVersion.class, versionId))
                                .chain(version -> CredentialStore.role(version.roleId)
                                        .map(role -> new Read(
                                                found.get(0),
                                                seal.open(version, role).password())))));
    }

    private Uni<List<Discarded>> rows(String more, Map<String, Object> parameters, int most, Instant now) {
        return Panache.getSession().chain(session -> {
            var select = session.createSelectionQuery(DISCARDED + more, Object[].class)
                    .setParameter("since", now.minus(kept))
                    .setMaxResults(most);
            parameters.forEach(select::setParameter);
            return select.getResultList()
                    .map(rows -> rows.stream().map(this::discarded).toList());
        });
    }

    private Discarded discarded(Object[] row) {
        Instant at = (Instant) row[10];
        return new Discarded(
                (UUID) row[0],
                (String) row[1],
                (String) row[2],
                (UUID) row[3],
                (String) row[4],
                (UUID) row[5],
                (Long) row[6],
                (VersionState) row[7],
                (Cause) row[8],
                (Instant) row[9],
                at,
                at.plus(kept));
    }
}
