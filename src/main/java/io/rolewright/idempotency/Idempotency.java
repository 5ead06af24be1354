package io.rolewright.idempotency;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Carries a request out once, however often it is sent with the same {@code Idempotency-Key}; the header and its answers
 * follow draft-ietf-httpapi-idempotency-key-header.
 *
 * <p>A run <em>claims</em> the key in a short transaction of its own, works, and keeps its reply in the transaction of
 * its effect. A failed run frees the key. One whose process died keeps it for 30 seconds, then anybody may take it over;
 * should the first be alive after all, its transaction can no longer commit. A run goes on to its end when the caller
 * hangs up.
 */
@ApplicationScoped
public class Idempotency {

    /**
     * Takes a key that is free, expired or left behind by a dead run. A reply is served for 24 hours, by the store's clock.
     * A claim lapses after 30 seconds: longer than any request with a key may take (9 s), so only dead runs lapse.
     */
    private static final String CLAIM = """
            INSERT INTO idempotent_request AS r (identity_id, key, run_id, fingerprint, lapses_at, expires_at)
            VALUES ($1, $2, $3, $4, now() + INTERVAL '30 seconds', now() + INTERVAL '24 hours')
            ON CONFLICT (identity_id, key) DO UPDATE SET
                run_id = excluded.run_id, fingerprint = excluded.fingerprint, reply = NULL,
                lapses_at = excluded.lapses_at, expires_at = excluded.expires_at
            WHERE r.expires_at <= now() OR (r.reply IS NULL AND r.lapses_at <= now())""";

    private static final String EARLIER_RUN =
            "SELECT run_id, fingerprint, reply FROM idempotent_request WHERE identity_id = $1 AND key = $2";

    /** Finds no row once another run has taken the key over. HQL, so that it joins the transaction of the effect. */
    private static final String KEEP_REPLY =
            "UPDATE IdempotentRequest SET reply = :reply WHERE runId = :runId AND reply IS NULL";

    private static final String FREE = "DELETE FROM idempotent_request WHERE run_id = $1 AND reply IS NULL";

    private static final String PURGE = """
            DELETE FROM idempotent_request WHERE run_id IN (
                SELECT run_id FROM idempotent_request WHERE expires_at <= now()
                ORDER BY expires_at LIMIT 10000 FOR UPDATE SKIP LOCKED)""";

    /** The row met by a claim can vanish before it is read: its run failed or it was purged. Then the key is free. */
    private static final int CLAIM_TRIES = 3;

    private static final Logger log = Logger.getLogger(Idempotency.class);

    private final Pool pool;
    private final Sealer sealer;
    private final ObjectMapper json;

    /** Moments stand in it as builds wrote them that knew no other form: a request is repeated over an upgrade too. */
    private final ObjectMapper requests;

    Idempotency(Pool pool, Sealer sealer, ObjectMapper json) {
        this.pool = pool;
        this.sealer = sealer;
        this.json = json;
        this.requests = json.copy()
                .registerModule(new SimpleModule().addSerializer(Instant.class, ToStringSerializer.instance));
    }

    /**
     * Runs the work, or returns the reply that an earlier run has kept. Must not be called inside a store transaction.
     *
     * @param right that whoever asks may do this, also when he is only given the reply of an earlier run: he may have lost the right
     *     since. The key is its holder's; keys of different identities never meet
     * @param key what the header said, 1 to 255 printable ASCII characters; null runs the work without more ado
     * @param operation what is asked for, e.g. method and path: a key belongs to one operation
     * @param request the body, in a form that is equal when the request is
     * @param replyType of the reply, which is kept as JSON, sealed
     * @param work is handed the {@link Completion} that it calls in its last store transaction; if it succeeds without,
     *     its reply is kept afterwards
     * @return the reply; or fails as the work does, with 422 for a malformed key or one that was used for another
     *     request, or with 400 {@code idempotency_key_in_progress} and a {@code Retry-After}
     */
    public <T> Uni<T> once(
            ProvenRight right,
            @Nullable String key,
            String operation,
            byte[] request,
            Class<T> replyType,
            Function<Completion, Uni<T>> work) {
        if (key == null) {
            return Uni.createFrom()
                    .deferred(() -> work.apply(reply -> Uni.createFrom().voidItem()));
        }
        if (!isWellFormed(key)) {
            return Uni.createFrom()
                    .failure(invalidKey("invalid_string", "must be 1 to 255 printable ASCII characters"));
        }
        return Uni.createFrom().deferred(() -> {
            var claim = new Claim(right.holder(), key, UUID.randomUUID(), fingerprint(operation, request));
            return claim(claim, CLAIM_TRIES)
                    .chain(earlier -> earlier == null
                            ? run(claim, work)
                            : Uni.createFrom().item(opened(earlier, replyType)));
        });
    }

    /** What makes two requests the same request: every field that was read, in one order. */
    public byte[] canonical(Object request) {
        try {
            return requests.writeValueAsBytes(request);
        } catch (JsonProcessingException impossible) { // it was read from JSON
            throw new IllegalStateException("a request that was read cannot be written");
        }
    }

    /** @return how many replies and claims were older than 24 hours and are gone now, at most 10,000 at a time */
    public Uni<Integer> purgeExpired() {
        return pool.query(PURGE).execute().map(deleted -> deleted.rowCount());
    }

    /** @return null if the key is now ours, else the row with an earlier run's reply */
    private Uni<Row> claim(Claim claim, int triesLeft) {
        return pool.preparedQuery(CLAIM)
                .execute(Tuple.of(claim.identity, claim.key, claim.runId, Buffer.buffer(claim.fingerprint)))
                .chain(claimed -> claimed.rowCount() == 1 ? Uni.createFrom().nullItem() : earlier(claim, triesLeft));
    }

    private Uni<Row> earlier(Claim claim, int triesLeft) {
        return pool.preparedQuery(EARLIER_RUN)
                .execute(Tuple.of(claim.identity, claim.key))
                .chain(rows -> {
                    if (rows.size() == 0) {
                        return triesLeft > 1
                                ? claim(claim, triesLeft - 1)
                                : Uni.createFrom().failure(new InProgress());
                    }
                    var row = rows.iterator().next();
                    byte[] fingerprint = row.getBuffer("fingerprint").getBytes();
                    if (!MessageDigest.isEqual(claim.fingerprint, fingerprint)) {
                        return Uni.createFrom()
                                .failure(invalidKey("idempotency_key_reused", "was used for another request"));
                    }
                    return row.getBuffer("reply") == null
                            ? Uni.createFrom().failure(new InProgress())
                            : Uni.createFrom().item(row);
                });
    }

    private <T> Uni<T> run(Claim claim, Function<Completion, Uni<T>> work) {
        var kept = new AtomicBoolean();
        Completion completion = reply -> keep(claim, reply).invoke(() -> kept.set(true));
        var run = Uni.createFrom()
                .deferred(() -> work.apply(completion))
                .call(reply -> kept.get() ? Uni.createFrom().voidItem() : keep(claim, reply))
                .onFailure()
                .call(() -> free(claim));
        // An emitter does not pass cancellation on. Quarkus cancels when the caller hangs up, but this caller will come
        // back with his key and ask what became of it.
        return Uni.createFrom().emitter(caller -> run.subscribe().with(caller::complete, caller::fail));
    }

    private Uni<Void> keep(Claim claim, Object reply) {
        byte[] sealed = sealed(claim, reply);
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createMutationQuery(KEEP_REPLY)
                        .setParameter("reply", sealed)
                        .setParameter("runId", claim.runId)
                        .executeUpdate())
                .invoke(updated -> {
                    if (updated == 0) {
                        throw new InProgress();
                    }
                })
                .replaceWithVoid());
    }

    private Uni<Void> free(Claim claim) {
        return pool.preparedQuery(FREE)
                .execute(Tuple.of(claim.runId))
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(e -> {
                    // The caller needs to know why the work failed, and the claim lapses by itself.
                    log.warn("Could not release an idempotency key; it stays claimed until it expires", e);
                    return Uni.createFrom().voidItem();
                });
    }

    private byte[] sealed(Claim claim, Object reply) {
        try {
            return sealer.seal(SealedField.IDEMPOTENT_REPLY, claim.runId, 0, json.writeValueAsBytes(reply));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a reply that cannot be written as JSON", e);
        }
    }

    private <T> T opened(Row row, Class<T> replyType) {
        byte[] reply = sealer.open(
                SealedField.IDEMPOTENT_REPLY,
                row.getUUID("run_id"),
                0,
                row.getBuffer("reply").getBytes());
        try {
            return json.readValue(reply, replyType);
        } catch (IOException e) {
            throw new IllegalStateException("a kept reply that is not a " + replyType.getSimpleName(), e);
        }
    }

    /** The length in front keeps operation and body apart. */
    byte[] fingerprint(String operation, byte[] request) {
        byte[] name = operation.getBytes(StandardCharsets.UTF_8);
        return sealer.fingerprint(
                "idempotency",
                ByteBuffer.allocate(Integer.BYTES + name.length + request.length)
                        .putInt(name.length)
                        .put(name)
                        .put(request)
                        .array());
    }

    private static boolean isWellFormed(String key) {
        return !key.isEmpty() && key.length() <= 255 && key.chars().allMatch(c -> c >= 0x20 && c <= 0x7E);
    }

    private static ValidationProblem invalidKey(String code, String what) {
        return ValidationProblem.at(List.of("headers", "Idempotency-Key"), code, "Idempotency-Key " + what);
    }

    private record Claim(UUID identity, String key, UUID runId, byte[] fingerprint) {}

    private static final class InProgress extends Problem {

        /** A run takes seconds at most, so that is when to come back. */
        InProgress() {
            super(
                    ErrorCode.IDEMPOTENCY_KEY_IN_PROGRESS,
                    "A request with this Idempotency-Key is still being carried out.",
                    Map.of(),
                    Map.of("Retry-After", "1"));
        }
    }
}
