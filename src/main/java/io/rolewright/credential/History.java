package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What was done to the roles of an owner, and which passwords they had: everything but the passwords. Newest first. */
@ApplicationScoped
public class History {

    private static final String ATTEMPTS = "select a, r.roleName from Attempt a join ManagedRole r on r.id = a.roleId"
            + " where a.ownerId = :owner %s order by a.startedAt desc, a.id desc";

    private static final String VERSIONS =
            "select v, r.roleName from PasswordVersion v join ManagedRole r on r.id = v.roleId"
                    + " where r.ownerId = :owner %s order by v.createdAt desc, v.id desc";

    /** @param step how far the latest try came */
    public record PastAttempt(
            UUID id,
            String roleName,
            Cause cause,
            AttemptState state,
            Step step,
            int tries,
            @Nullable String reason,
            @Nullable String sqlState,
            @Nullable String message,
            Actor actor,
            Instant startedAt,
            @Nullable Instant finishedAt,
            @Nullable Instant nextTryAt) {}

    /** @param endedAt when it was replaced */
    public record PastVersion(
            UUID id,
            String roleName,
            long number,
            VersionState state,
            Cause cause,
            Instant createdAt,
            @Nullable Instant inDoubtAt,
            @Nullable Instant appliedAt,
            @Nullable Instant currentAt,
            @Nullable Instant endedAt,
            @Nullable Instant rejectedAt) {}

    /** @param page its cursor is one of an earlier answer of this method */
    public Uni<Slice<PastAttempt>> attempts(UUID ownerId, Page page) {
        return rows(ATTEMPTS, "and (a.startedAt < :at or (a.startedAt = :at and a.id < :id))", ownerId, page)
                .map(rows -> page.cut(
                        rows.stream().map(History::attempt).toList(),
                        row -> row.startedAt.toString(),
                        PastAttempt::id));
    }

    /** @param page its cursor is one of an earlier answer of this method */
    public Uni<Slice<PastVersion>> versions(UUID ownerId, Page page) {
        return rows(VERSIONS, "and (v.createdAt < :at or (v.createdAt = :at and v.id < :id))", ownerId, page)
                .map(rows -> page.cut(
                        rows.stream().map(History::version).toList(),
                        row -> row.createdAt.toString(),
                        PastVersion::id));
    }

    private static Uni<List<Object[]>> rows(String query, String after, UUID ownerId, Page page) {
        return Panache.withSession(() -> Panache.getSession().chain(session -> {
            var select = session.createSelectionQuery(
                            query.formatted(page.afterName() == null ? "" : after), Object[].class)
                    .setParameter("owner", ownerId)
                    .setMaxResults(page.rowsToRead());
            if (page.afterName() != null) {
                select = select.setParameter("at", page.afterMoment()).setParameter("id", page.afterId());
            }
            return select.getResultList();
        }));
    }

    private static PastAttempt attempt(Object[] row) {
        Attempt attempt = (Attempt) row[0];
        return new PastAttempt(
                attempt.id,
                (String) row[1],
                attempt.cause,
                attempt.state,
                attempt.step,
                attempt.tries,
                attempt.reason,
                attempt.sqlState,
                attempt.message,
                attempt.actor(),
                attempt.startedAt,
                attempt.finishedAt,
                attempt.nextTryAt);
    }

    private static PastVersion version(Object[] row) {
        PasswordVersion version = (PasswordVersion) row[0];
        return new PastVersion(
                version.id,
                (String) row[1],
                version.number,
                version.state,
                version.cause,
                version.createdAt,
                version.inDoubtAt,
                version.appliedAt,
                version.currentAt,
                version.endedAt,
                version.rejectedAt);
    }
}
