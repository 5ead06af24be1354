package io.rolewright.audit;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who was given the passwords of a rotation, from the audit. Whoever polls with the ETag of what he has is given none and leaves no row, so
 * the look goes back to when the served password began to be served: at least a day and at most 30 days.
 */
@ApplicationScoped
public class PasswordReaders {

    /** The latest rows of the project that are looked at, so that a look costs the store a known amount. */
    static final int MOST_ROWS = 100_000;

    private static final int MOST_READERS = 100;

    /** $1 rotation, $2 project, $3 when the served password began to be served, $4 most rows, $5 most readers. */
    private static final String READERS = """
            WITH span AS (
                SELECT greatest(least($3::timestamptz, now() - INTERVAL '1 day'), now() - INTERVAL '30 days') AS since),
            looked AS MATERIALIZED (
                SELECT a.at, a.type, a.outcome, a.actor_id, a.actor_name, a.subject_id, a.facts
                  FROM audit_event a
                 WHERE a.project_id = $2 AND a.at >= (SELECT since FROM span)
                 ORDER BY a.at DESC, a.id DESC LIMIT $4),
            reader AS (
                SELECT actor_id, (array_agg(actor_name ORDER BY at DESC))[1] AS name, count(*) AS reads, max(at) AS last_at
                  FROM looked
                 WHERE outcome = 'SUCCESS' AND actor_id IS NOT NULL
                   AND (type = 'get-secret-rotation-generated-credentials' AND subject_id = $1::uuid::text
                        OR type IN ('get-secrets', 'get-secret') AND facts -> 'rotationIds' ? $1::uuid::text)
                 GROUP BY actor_id ORDER BY last_at DESC, actor_id LIMIT $5),
            whole AS (
                SELECT CASE WHEN count(*) < $4 THEN (SELECT since FROM span) ELSE min(at) END AS since FROM looked)
            SELECT w.since, r.* FROM whole w LEFT JOIN reader r ON true ORDER BY r.last_at DESC, r.actor_id""";

    private final Pool pool;

    PasswordReaders(Pool pool) {
        this.pool = pool;
    }

    /**
     * One who was given a password.
     *
     * @param name as it was when he last read
     * @param reads how often
     */
    public record Reader(UUID id, @Nullable String name, long reads, Instant lastReadAt) {}

    /**
     * All of them.
     *
     * @param since the first moment that was looked at
     * @param readers who read last comes first; no more than 100
     */
    public record Found(Instant since, List<Reader> readers) {}

    /** @param servedSince when its served password began to be served; null if none ever was */
    public Uni<Found> of(UUID rotation, UUID project, @Nullable Instant servedSince) {
        OffsetDateTime served = servedSince == null ? null : servedSince.atOffset(ZoneOffset.UTC);
        return pool.preparedQuery(READERS)
                .execute(Tuple.of(rotation, project, served, MOST_ROWS, MOST_READERS))
                .map(rows -> {
                    List<Reader> readers = new ArrayList<>();
                    Instant since = null;
                    for (Row row : rows) {
                        since = row.getOffsetDateTime("since").toInstant();
                        if (row.getUUID("actor_id") != null) {
                            readers.add(new Reader(
                                    row.getUUID("actor_id"),
                                    row.getString("name"),
                                    row.getLong("reads"),
                                    row.getOffsetDateTime("last_at").toInstant()));
                        }
                    }
                    if (since == null) {
                        throw new IllegalStateException("an aggregate without a row");
                    }
                    return new Found(since, readers);
                });
    }
}
