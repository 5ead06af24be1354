package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;

/** The revocations that the store keeps: each until the last token of its family could have been renewed. */
@ApplicationScoped
public class RevokedTokens {

    /** Some milliseconds of work for the store. */
    static final int PIECE = 5_000;

    /** In one turn; a revocation itself clears away a hundred more. */
    private static final int MOST_PIECES = 20;

    private static final String PURGE = """
            delete from revoked_token where token_id in (
                select token_id from revoked_token where expires_at < now()
                order by expires_at limit $1 for update skip locked)""";

    private final Pool pool;

    RevokedTokens(Pool pool) {
        this.pool = pool;
    }

    /** Clears away those that are of no use any more, in pieces, each a transaction. @return how many */
    public Uni<Integer> purge() {
        return purge(MOST_PIECES, 0);
    }

    private Uni<Integer> purge(int pieces, int soFar) {
        return pool.preparedQuery(PURGE)
                .execute(Tuple.of((long) PIECE))
                .chain(rows -> rows.rowCount() < PIECE || pieces == 1
                        ? Uni.createFrom().item(soFar + rows.rowCount())
                        : purge(pieces - 1, soFar + rows.rowCount()));
    }
}
