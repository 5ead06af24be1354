package io.rolewright.credential;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.UUID;

/** Deletes passwords and attempts that are older, and more, than are kept. */
@ApplicationScoped
class Purge {

    private static final String PURGE_ROLES = """
            DELETE FROM managed_role WHERE id IN (
                SELECT id FROM managed_role WHERE deleted_at < statement_timestamp() - $1::text::interval
                ORDER BY deleted_at LIMIT 1000 FOR UPDATE SKIP LOCKED)""";

    private static final String PURGE_VERSIONS = """
            DELETE FROM password_version
             WHERE role_id = $1 AND state IN ('RETIRED', 'REJECTED')
               AND coalesce(ended_at, rejected_at, created_at) < statement_timestamp() - $2::text::interval
               AND number <= (SELECT number FROM password_version WHERE role_id = $1 ORDER BY number DESC OFFSET $3 LIMIT 1)""";

    /** The attempts' bound is looser: they are small, and are what one reads to learn what happened. */
    private static final String PURGE_ATTEMPTS = """
            DELETE FROM attempt
             WHERE role_id = $1 AND state IN ('DONE', 'FAILED')
               AND finished_at < statement_timestamp() - 3 * $2::text::interval
               AND started_at <= (SELECT started_at FROM attempt WHERE role_id = $1 ORDER BY started_at DESC OFFSET $3 LIMIT 1)""";

    private final Pool pool;
    private final CredentialConfig config;

    Purge(Pool pool, CredentialConfig config) {
        this.pool = pool;
        this.config = config;
    }

    /** Deletes roles that were given up longer ago than passwords are kept, with all that belongs to them. @return how many */
    Uni<Integer> roles() {
        return pool.preparedQuery(PURGE_ROLES).execute(Tuple.of(age())).map(roles -> roles.rowCount());
    }

    /**
     * Deletes of one role the versions and attempts beyond both bounds; what may still open it stays. Role by role, since nothing else finds
     * them without reading all that are kept.
     */
    Uni<Void> versions(UUID roleId) {
        Tuple bounds = Tuple.of(roleId, age(), config.versionsKept());
        return pool.preparedQuery(PURGE_VERSIONS)
                .execute(bounds)
                .chain(versions -> pool.preparedQuery(PURGE_ATTEMPTS).execute(bounds))
                .replaceWithVoid();
    }

    private String age() {
        return config.retention().toSeconds() + " seconds";
    }
}
