package io.rolewright.idempotency;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.request.Answer;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Knows which creations their callers have not heard of: who lost the answer of a POST and sends the same again gets what it made,
 * once, instead of being told that the name is taken. It is for callers without an {@code Idempotency-Key}, and only for answers
 * that hold no secret.
 *
 * <p>A creation is written down in the transaction that makes the row, and crossed out when its answer is out, which costs one
 * small statement after the answer. So what a killed process leaves counts as lost.
 */
@ApplicationScoped
public class UnansweredCreations {

    /** After the deadline of a request its answer is out, or its process is gone. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private static final Duration LOOK_AGAIN_AFTER = Duration.ofMillis(200);

    private static final String INSERT =
            "INSERT INTO unanswered_creation (id, identity_id, fingerprint, answered_by, expires_at) VALUES (?1, ?2, ?3,"
                    + " now() + ?4 * INTERVAL '1 millisecond', now() + INTERVAL '1 hour')";

    private static final String CLAIM = "DELETE FROM unanswered_creation WHERE id = ?1 AND identity_id = ?2"
            + " AND fingerprint = ?3 AND answered_by <= now() AND expires_at > now()";

    private static final String ON_ITS_WAY = "SELECT 1 FROM unanswered_creation WHERE id = $1 AND identity_id = $2"
            + " AND fingerprint = $3 AND answered_by > now()";

    private static final String ANSWERED = "DELETE FROM unanswered_creation WHERE id = $1";

    private static final String LOST = "UPDATE unanswered_creation SET answered_by = now() WHERE id = $1";

    private static final String PURGE = """
            DELETE FROM unanswered_creation WHERE id IN (
                SELECT id FROM unanswered_creation WHERE expires_at <= now()
                ORDER BY expires_at LIMIT 10000 FOR UPDATE SKIP LOCKED)""";

    private static final Logger log = Logger.getLogger(UnansweredCreations.class);

    private final Pool pool;
    private final Idempotency idempotency;

    UnansweredCreations(Pool pool, Idempotency idempotency) {
        this.pool = pool;
        this.idempotency = idempotency;
    }

    /** One POST that makes a row. */
    public static final class Creation {
        private final UUID identity;
        private final byte[] fingerprint;
        private final Answer answer;
        private volatile @Nullable UUID row;

        private Creation(UUID identity, byte[] fingerprint, Answer answer) {
            this.identity = identity;
            this.fingerprint = fingerprint;
            this.answer = answer;
        }
    }

    /**
     * @param right to make it, asked for in this request
     * @param operation what is asked for, as in {@link Idempotency#once}
     * @param request the body, in a form that is equal when the request is
     */
    public Creation creation(ProvenRight right, String operation, byte[] request, Answer answer) {
        return new Creation(right.holder(), idempotency.fingerprint("create\n" + operation, request), answer);
    }

    /**
     * Writes down that {@code row} was made and not answered yet. Joins the running transaction, which makes the row.
     *
     * @param left until the request's deadline
     */
    public Uni<Void> made(Creation creation, UUID row, Duration left) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(INSERT)
                        .setParameter(1, row)
                        .setParameter(2, creation.identity)
                        .setParameter(3, creation.fingerprint)
                        .setParameter(4, left.plus(GRACE).toMillis())
                        .executeUpdate())
                .invoke(() -> creation.row = row)
                .replaceWithVoid();
    }

    /** The work of the request is over, and its answer is about to be sent: watches whether it gets out. Outside the transaction. */
    public void done(Creation creation) {
        UUID row = creation.row;
        if (row != null) {
            creation.answer.whenOver(told -> over(row, told));
        }
    }

    private void over(UUID row, boolean told) {
        pool.preparedQuery(told ? ANSWERED : LOST)
                .execute(Tuple.of(row))
                .subscribe()
                .with(
                        done -> {},
                        failure -> StoreFault.warn(
                                log,
                                "Could not record whether the caller received the answer for creation " + row,
                                failure));
    }

    /** Waits while the answer of the first POST may still be on its way, at most for {@code atMost}. Needs a Vert.x context. */
    public Uni<Void> settled(Creation creation, UUID row, Duration atMost) {
        return pool.preparedQuery(ON_ITS_WAY)
                .execute(Tuple.of(row, creation.identity, Buffer.buffer(creation.fingerprint)))
                .chain(found -> found.size() == 0 || atMost.isNegative()
                        ? Uni.createFrom().voidItem()
                        : OwnContext.pause(LOOK_AGAIN_AFTER)
                                .chain(() -> settled(creation, row, atMost.minus(LOOK_AGAIN_AFTER))));
    }

    /**
     * Takes the lost answer of {@code row}, if it was made by this very request. Joins the running transaction.
     *
     * @return true for one caller at most
     */
    public Uni<Boolean> claim(Creation creation, UUID row) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(CLAIM)
                        .setParameter(1, row)
                        .setParameter(2, creation.identity)
                        .setParameter(3, creation.fingerprint)
                        .executeUpdate())
                .map(deleted -> deleted == 1);
    }

    /** @return how many were older than an hour and are gone now, at most 10,000 at a time */
    public Uni<Integer> purgeExpired() {
        return pool.query(PURGE).execute().map(deleted -> deleted.rowCount());
    }
}
