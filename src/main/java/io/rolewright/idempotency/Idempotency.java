package io.rolewright.idempotency;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jboss.logging.Logger;

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

    /** A kept reply is served this long, by the store's clock. */
    static final String KEPT = "24 hours";

    /** Longer than any request with a key may take (9 s), so only dead runs lapse. */
    static final String LAPSE = "30 seconds";

    /** The row met by a claim can vanish before it is read: its run failed or it was purged. Then the key is free. */
    private static final int CLAIM_TRIES = 3;

    private static final Logger log = Logger.getLogger(Idempotency.class);

    private final Pool pool;
    private final Sealer sealer;
    private final ObjectMapper json;

    Idempotency(Pool pool, Sealer sealer, ObjectMapper json) {
        this.pool = pool;
        this.sealer = sealer;
        this.json = json;
    }

    /**
     * Runs the work, or returns the reply that an earlier run has kept. Must not be called inside a store transaction.
     *
     * @param identity whose key it is; keys of different identities never meet
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
            UUID identity,
            String key,
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
                    .failure(ValidationProblem.at(
                            List.of("headers", "Idempotency-Key"),
                            "invalid_string",
                            "Idempotency-Key must be 1 to 255 printable ASCII characters"));
        }
        return Uni.createFrom().deferred(() -> {
            var claim = new Claim(identity, key, UUID.randomUUID(), fingerprint(operation, request));
            return claim(claim, CLAIM_TRIES)
                    .chain(earlier -> earlier == null
                            ? run(claim, work)
                            : Uni.createFrom().item(opened(earlier, replyType)));
        });
    }

    /** @return how many replies and claims were older than 24 hours and are gone now, at most 10,000 at a time */
    public Uni<Integer> purgeExpired() {
        return pool.query("""
                        delete from idempotent_request where run_id in (
                            select run_id from idempotent_request where expires_at <= now()
                            order by expires_at limit 10000 for update skip locked)""").execute().map(deleted -> deleted.rowCount());
    }

    /** @return null if the key is now ours, else the row with an earlier run's reply */
    private Uni<Row> claim(Claim claim, int triesLeft) {
        return pool.preparedQuery("""
                        insert into idempotent_request as r
                            (identity_id, key, run_id, fingerprint, lapses_at, expires_at)
                        values ($1, $2, $3, $4, now() + interval '%1$s', now() + interval '%2$s')
                        on conflict (identity_id, key) do update set
                            run_id = excluded.run_id, fingerprint = excluded.fingerprint, reply = null,
                            lapses_at = excluded.lapses_at, expires_at = excluded.expires_at
                        where r.expires_at <= now() or (r.reply is null and r.lapses_at <= now())""".formatted(LAPSE, KEPT))
                .execute(Tuple.of(claim.identity, claim.key, claim.runId, Buffer.buffer(claim.fingerprint)))
                .chain(claimed -> claimed.rowCount() == 1 ? Uni.createFrom().nullItem() : earlier(claim, triesLeft));
    }

    private Uni<Row> earlier(Claim claim, int triesLeft) {
        return pool.preparedQuery(
                        "select run_id, fingerprint, reply from idempotent_request where identity_id = $1 and key = $2")
                .execute(Tuple.of(claim.identity, claim.key))
                .chain(rows -> {
                    if (rows.size() == 0) {
                        return triesLeft > 1
                                ? claim(claim, triesLeft - 1)
                                : Uni.createFrom().failure(new InProgress());
                    }
                    var row = rows.iterator().next();
                    if (!MessageDigest.isEqual(
                            claim.fingerprint, row.getBuffer("fingerprint").getBytes())) {
                        return Uni.createFrom()
                                .failure(ValidationProblem.at(
                                        List.of("headers", "Idempotency-Key"),
                                        "idempotency_key_reused",
                                        "This Idempotency-Key was used for another request"));
                    }
                    return row.getBuffer("reply") == null
                            ? Uni.createFrom().failure(new InProgress())
                            : Uni.createFrom().item(row);
                });
    }

    private <T> Uni<T> run(Claim claim, Function<Completion, Uni<T>> work) {
        var stored = new AtomicBoolean();
        Completion completion = reply -> store(claim, reply).invoke(() -> stored.set(true));
        var run = Uni.createFrom()
                .deferred(() -> work.apply(completion))
                .call(reply -> stored.get() ? Uni.createFrom().voidItem() : store(claim, reply))
                .onFailure()
                .call(() -> free(claim));
        // An emitter does not pass cancellation on. Quarkus cancels when the caller hangs up, and a caller with a key
        // will
        // ask again for what this run is doing.
        return Uni.createFrom().emitter(caller -> run.subscribe().with(caller::complete, caller::fail));
    }

    private Uni<Void> store(Claim claim, Object reply) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createMutationQuery(
                                        "update IdempotentRequest set reply = :reply where runId = :runId and reply is null")
                                .setParameter("reply", sealed(claim, reply))
                                .setParameter("runId", claim.runId)
                                .executeUpdate()))
                .invoke(updated -> {
                    if (updated == 0) {
                        throw new InProgress();
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Void> free(Claim claim) {
        return pool.preparedQuery("delete from idempotent_request where run_id = $1 and reply is null")
                .execute(Tuple.of(claim.runId))
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(e -> {
                    // The caller needs the failure of the work; the claim lapses by itself.
                    log.warn("An idempotency key could not be freed and stays claimed for " + LAPSE, e);
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
    private byte[] fingerprint(String operation, byte[] request) {
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

    private record Claim(UUID identity, String key, UUID runId, byte[] fingerprint) {}

    private static final class InProgress extends Problem {

        /** A run takes seconds at most, so that is when to come back. */
        InProgress() {
            super(
                    400,
                    "idempotency_key_in_progress",
                    "A request with this Idempotency-Key is being carried out.",
                    Map.of(),
                    Map.of("Retry-After", "1"));
        }
    }
}
