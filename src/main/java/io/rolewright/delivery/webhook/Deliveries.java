package io.rolewright.delivery.webhook;

import io.rolewright.request.Page;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** All SQL over what is to be told. Every time is the store's. */
@ApplicationScoped
class Deliveries {

    /** Arbitrary; whoever holds it puts down facts, so that those of one subject are put down in order. */
    private static final long FAN_OUT_LOCK = 0x726f6c65_77656268L;

    private static final int FACTS_AT_ONCE = 500;

    /**
     * First for ours, then for those that were made by the reference's body, which are about the secrets of a place ({@link Receiver.Place}).
     * Where a rotation was that is gone, its last fact says.
     * What is called well-again in the outbox, where the build before reads too, is recovered to whoever has asked for it by that name.
     */
    private static final String FAN_OUT = """
            WITH told AS (
                UPDATE outbox_fact SET told_at = clock_timestamp()
                 WHERE position IN (SELECT position FROM outbox_fact WHERE told_at IS NULL ORDER BY position LIMIT $1)
                RETURNING *),
            put_down AS (
                INSERT INTO webhook_delivery (id, webhook_id, position, fact_id, type, project_id, subject_kind, subject_id,
                       credential_version, facts, ordering_key, at, due_at, give_up_at)
                SELECT gen_random_uuid(), w.id, f.position, f.id, CASE WHEN n.name = ANY (n.wanted) THEN n.name ELSE f.type END, f.project_id, f.subject_kind, f.subject_id,
                       f.credential_version, f.facts, f.ordering_key, f.at, clock_timestamp(), clock_timestamp() + $2::interval
                  FROM told f JOIN webhook w ON w.project_id = f.project_id
                 CROSS JOIN LATERAL (
                     SELECT replace(f.type, '.well-again', '.recovered') AS name, string_to_array(w.events, ',') AS wanted) n
                 WHERE w.enabled AND w.created_at <= f.at AND (f.type = ANY (n.wanted) OR n.name = ANY (n.wanted))
                UNION ALL
                SELECT gen_random_uuid(), w.id, f.position, f.id, n.name, f.project_id, f.subject_kind, f.subject_id, f.credential_version,
                       f.facts || jsonb_build_object('environmentId', e.id, 'environment', e.slug, 'secretPath', r.secret_path,
                           'rotationName', r.name, 'projectName', p.name),
                       f.ordering_key, f.at, clock_timestamp(), clock_timestamp() + $2::interval
                  FROM told f
                  LEFT JOIN secret_rotation s ON s.id = f.subject_id
                 CROSS JOIN LATERAL (
                     SELECT coalesce(s.environment, f.facts ->> 'environment') AS environment,
                            coalesce(s.secret_path, f.facts ->> 'secretPath') AS secret_path,
                            coalesce(s.name, f.facts ->> 'rotationName') AS name) r
                  JOIN project p ON p.id = f.project_id
                  JOIN environment e ON e.project_id = f.project_id AND e.slug = r.environment
                  JOIN webhook w ON w.project_id = f.project_id AND w.environment_id = e.id
                 CROSS JOIN LATERAL (
                     SELECT CASE f.type WHEN 'rotation.credential-changed' THEN 'secrets.modified'
                                        WHEN 'rotation.deleted' THEN 'secrets.modified'
                                        WHEN 'rotation.secrets-renamed' THEN 'secrets.modified'
                                        WHEN 'rotation.failed' THEN 'secrets.rotation-failed' END AS name) n
                 WHERE f.subject_kind = 'rotation' AND w.enabled AND w.created_at <= f.at AND n.name IS NOT NULL
                   AND (w.events = 'secrets' OR n.name = ANY (string_to_array(w.events, ',')))
                   AND (r.secret_path = w.secret_path
                     OR right(w.secret_path, 3) = '/**' AND (r.secret_path = left(w.secret_path, -3)
                         OR starts_with(r.secret_path, left(w.secret_path, -2)))
                     OR right(w.secret_path, 2) = '/*' AND starts_with(r.secret_path, left(w.secret_path, -1))
                         AND length(r.secret_path) >= length(w.secret_path)
                         AND position('/' IN substr(r.secret_path, length(w.secret_path))) = 0))
            SELECT count(*) AS told FROM told""";

    /** Only the first of each subject: while it is pending, claimed or not, the next ones wait. */
    private static final String CLAIM = """
            UPDATE webhook_delivery d
               SET tries = d.tries + 1, lease = gen_random_uuid(), last_tried_at = clock_timestamp(),
                   due_at = clock_timestamp() + INTERVAL '60 seconds'
              FROM webhook w
             WHERE w.id = d.webhook_id AND d.id IN (
                SELECT p.id FROM webhook_delivery p JOIN webhook r ON r.id = p.webhook_id
                 WHERE p.state = 'pending' AND p.due_at <= statement_timestamp()
                   AND r.enabled AND (r.quiet_until IS NULL OR r.quiet_until <= clock_timestamp())
                   AND p.webhook_id <> ALL ($2)
                   AND NOT EXISTS (
                       SELECT FROM webhook_delivery e
                        WHERE e.webhook_id = p.webhook_id AND e.ordering_key = p.ordering_key
                          AND e.state = 'pending' AND e.position < p.position)
                 ORDER BY p.due_at, p.position LIMIT $1 FOR UPDATE OF p SKIP LOCKED)
            RETURNING d.id, d.webhook_id, d.fact_id, d.position, d.type, d.project_id, d.subject_kind, d.subject_id, d.credential_version,
                      d.facts, d.at, d.state, d.tries, d.due_at, d.lease, d.give_up_at, d.last_tried_at, d.last_failure, d.last_status,
                      d.ended_at, w.sealed, w.sealed_version, w.project_id AS webhook_project, w.events, w.row_seal""";

    private static final String TAKEN = """
            WITH ended AS (
                UPDATE webhook_delivery
                   SET state = 'delivered', ended_at = clock_timestamp(), last_status = $3, last_failure = NULL
                 WHERE id = $1 AND lease = $2 AND state = 'pending' RETURNING webhook_id)
            UPDATE webhook SET failures = 0, quiet_until = NULL, last_delivered_at = clock_timestamp()
             WHERE id IN (SELECT webhook_id FROM ended)""";

    /** $5 whether the receiver itself has trouble: then it is left in peace, and all that has waited too long for it is given up. */
    private static final String NOT_TAKEN = """
            WITH failed AS (
                UPDATE webhook_delivery
                   SET last_status = $3, last_failure = $4,
                       state = CASE WHEN give_up_at <= clock_timestamp() THEN 'dead' ELSE 'pending' END,
                       ended_at = CASE WHEN give_up_at <= clock_timestamp() THEN clock_timestamp() END,
                       due_at = clock_timestamp() + LEAST($7::interval, $6::interval * power(4, LEAST(tries, 20) - 1)) * (0.75 + random() / 4)
                 WHERE id = $1 AND lease = $2 AND state = 'pending' RETURNING id, webhook_id, state, tries),
            quiet AS (
                UPDATE webhook w
                   SET failures = w.failures + 1,
                       quiet_until = clock_timestamp() + LEAST($7::interval, $6::interval * power(4, LEAST(w.failures, 20))) * (0.75 + random() / 4)
                 WHERE $5 AND w.id IN (SELECT webhook_id FROM failed) RETURNING w.failures),
            given_up AS (
                UPDATE webhook_delivery d
                   SET state = 'dead', ended_at = clock_timestamp(), last_failure = COALESCE(d.last_failure, $4)
                 WHERE $5 AND d.state = 'pending' AND d.give_up_at <= clock_timestamp() AND d.due_at <= clock_timestamp()
                   AND d.webhook_id IN (SELECT webhook_id FROM failed) AND d.id <> $1)
            SELECT state, coalesce((SELECT failures FROM quiet), tries) = 1 AS news FROM failed""";

    private static final String NEXT = """
            SELECT LEAST((SELECT min(GREATEST(d.due_at, w.quiet_until)) FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
                           WHERE d.state = 'pending' AND w.enabled
                             AND NOT EXISTS (
                                 SELECT FROM webhook_delivery e
                                  WHERE e.webhook_id = d.webhook_id AND e.ordering_key = d.ordering_key
                                    AND e.state = 'pending' AND e.position < d.position)),
                         (SELECT min(at) FROM outbox_fact WHERE told_at IS NULL)) AS next""";

    /** By their names: a statement that is prepared fails when a migration gives it another column. */
    private static final String SELECT = """
            SELECT id, fact_id, position, type, project_id, subject_kind, subject_id, credential_version, facts, at, state, tries, due_at,
                   last_tried_at, last_failure, last_status, ended_at
              FROM webhook_delivery\s""";

    private static final String LIST = SELECT + """
            WHERE webhook_id = $1 AND ($2::text IS NULL OR state = $2)
               AND ($3::bigint IS NULL OR position < $3) ORDER BY position DESC LIMIT $4""";

    private static final String AGAIN = """
            UPDATE webhook_delivery
               SET state = 'pending', tries = 0, due_at = clock_timestamp(), give_up_at = clock_timestamp() + $2::interval, ended_at = NULL
             WHERE webhook_id = $1 AND\s""";

    private static final String QUIET_NO_MORE = "UPDATE webhook SET quiet_until = NULL WHERE id = $1";

    /** What waits for a webhook that is switched off is given up too, a day later than what was tried. */
    private static final String PURGE = """
            WITH given_up AS (
                UPDATE webhook_delivery SET state = 'dead', ended_at = clock_timestamp(), last_failure = COALESCE(last_failure, 'not_tried')
                 WHERE id IN (SELECT id FROM webhook_delivery WHERE state = 'pending'
                                 AND give_up_at < statement_timestamp() - INTERVAL '1 day' LIMIT 10000 FOR UPDATE SKIP LOCKED))
            DELETE FROM webhook_delivery WHERE id IN (
                SELECT id FROM webhook_delivery
                 WHERE (state = 'delivered' AND ended_at < statement_timestamp() - $1::interval)
                    OR (state = 'dead' AND ended_at < statement_timestamp() - $2::interval)
                 LIMIT 10000 FOR UPDATE SKIP LOCKED)""";

    private final Pool pool;
    private final RowSeals seals;
    private final WebhookConfig config;

    Deliveries(Pool pool, RowSeals seals, WebhookConfig config) {
        this.pool = pool;
        this.seals = seals;
        this.config = config;
    }

    /** Pending ones are tried again until they are delivered or dead. */
    enum State {
        PENDING,
        DELIVERED,
        DEAD;

        String storedName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** One that is ours to send, for a minute. */
    record Claimed(UUID id, UUID lease, UUID webhookId, byte[] sealed, long sealedVersion, Message message) {

        @Override
        public String toString() {
            return "Claimed[" + id + "]";
        }
    }

    /** @param dead whether it was given up; @param news whether the receiver took messages until now */
    record Failed(boolean dead, boolean news) {}

    /** @param lastFailure ours, never text of the receiver */
    record Shown(
            UUID id,
            Message message,
            State state,
            int tries,
            @Nullable Instant dueAt,
            @Nullable Instant lastTriedAt,
            @Nullable String lastFailure,
            @Nullable Integer lastStatus,
            @Nullable Instant endedAt) {}

    /** Puts facts down for those who want them. @return whether there may be more; false too while somebody else does it */
    Uni<Boolean> fanOut() {
        return pool.withTransaction(session -> session.preparedQuery("SELECT pg_try_advisory_xact_lock($1) AS ours")
                .execute(Tuple.of(FAN_OUT_LOCK))
                .chain(rows -> rows.iterator().next().getBoolean("ours")
                        ? session.preparedQuery(FAN_OUT)
                                .execute(Tuple.of(FACTS_AT_ONCE, interval(config.patience())))
                                .map(told -> told.iterator().next().getLong("told") == FACTS_AT_ONCE)
                        : Uni.createFrom().item(false)));
    }

    /** Whether we have written who is told of what, and this is about something of the same project. */
    private boolean believes(Row row) {
        UUID project = row.getUUID("webhook_project");
        return seals.believes(
                        SealedRow.WEBHOOK,
                        row.getUUID("webhook_id"),
                        RowSeals.bytes(row.getBuffer("row_seal")),
                        project,
                        row.getString("events"))
                && project.equals(row.getUUID("project_id"));
    }

    /** @param limit 1 or more */
    Uni<List<Claimed>> claim(int limit, Collection<UUID> webhooksToLeaveOut) {
        return pool.preparedQuery(CLAIM)
                .execute(Tuple.of(limit, webhooksToLeaveOut.toArray(new UUID[0])))
                // One that is not believed is claimed and left, and is a dead letter when its time is up.
                .map(rows -> StreamSupport.stream(rows.spliterator(), false)
                        .filter(this::believes)
                        .map(row -> new Claimed(
                                row.getUUID("id"),
                                row.getUUID("lease"),
                                row.getUUID("webhook_id"),
                                row.getBuffer("sealed").getBytes(),
                                row.getLong("sealed_version"),
                                message(row)))
                        .toList());
    }

    /** Does nothing when the claim has lapsed and another has taken it up. */
    Uni<Void> taken(Claimed claimed, int status) {
        return pool.preparedQuery(TAKEN)
                .execute(Tuple.of(claimed.id, claimed.lease, status))
                .replaceWithVoid();
    }

    /** Writes down that a try came to nothing; nothing of both if the claim has lapsed. */
    Uni<Failed> notTaken(Claimed claimed, Sender.Answer answer) {
        return pool.preparedQuery(NOT_TAKEN)
                .execute(Tuple.from(new Object[] {
                    claimed.id,
                    claimed.lease,
                    answer.status(),
                    answer.failure(),
                    answer.troubled(),
                    interval(config.firstPause()),
                    interval(config.longestPause())
                }))
                .map(rows -> rows.size() == 0
                        ? new Failed(false, false)
                        : failed(rows.iterator().next()));
    }

    private static Failed failed(Row row) {
        return new Failed(
                State.DEAD.storedName().equals(row.getString("state")), Boolean.TRUE.equals(row.getBoolean("news")));
    }

    /** In the past if something waits already. */
    Uni<Optional<Instant>> nextDue() {
        return pool.query(NEXT)
                .execute()
                .map(rows -> Optional.ofNullable(instant(rows.iterator().next(), "next")));
    }

    /** The latest first. A page's cursor is the position of its last row. */
    Uni<Page.Slice<Shown>> list(UUID webhookId, @Nullable State state, Page page) {
        Long before = page.afterName() == null ? null : Long.valueOf(page.afterName());
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(webhookId, state == null ? null : state.storedName(), before, page.rowsToRead()))
                .map(rows -> page.cut(
                        all(rows, Deliveries::shown), row -> Long.toString(row.message.position()), row -> row.id));
    }

    /** Empty if the webhook has none with this id. */
    Uni<Optional<Shown>> find(UUID webhookId, UUID id) {
        return pool.preparedQuery(SELECT + "WHERE webhook_id = $1 AND id = $2")
                .execute(Tuple.of(webhookId, id))
                .map(rows -> all(rows, Deliveries::shown).stream().findFirst());
    }

    /** Has ended ones delivered again, with all the patience of a new one. @param id null for all dead ones @return how many */
    Uni<Integer> again(UUID webhookId, @Nullable UUID id) {
        return pool.withTransaction(session -> session.preparedQuery(
                        id == null ? AGAIN + "state = 'dead'" : AGAIN + "state <> 'pending' AND id = $3")
                .execute(
                        id == null
                                ? Tuple.of(webhookId, interval(config.patience()))
                                : Tuple.of(webhookId, interval(config.patience()), id))
                .call(() -> session.preparedQuery(QUIET_NO_MORE).execute(Tuple.of(webhookId)))
                .map(RowSet::rowCount));
    }

    Uni<Integer> purge() {
        return pool.preparedQuery(PURGE)
                .execute(Tuple.of(interval(config.keepDelivered()), interval(config.keepDead())))
                .map(RowSet::rowCount);
    }

    private static Shown shown(Row row) {
        State state = State.valueOf(row.getString("state").toUpperCase(Locale.ROOT));
        return new Shown(
                row.getUUID("id"),
                message(row),
                state,
                row.getInteger("tries"),
                state == State.PENDING ? instant(row, "due_at") : null,
                instant(row, "last_tried_at"),
                row.getString("last_failure"),
                row.getInteger("last_status"),
                instant(row, "ended_at"));
    }

    private static Message message(Row row) {
        return new Message(
                row.getUUID("fact_id"),
                row.getLong("position"),
                row.getString("type"),
                row.getUUID("project_id"),
                row.getString("subject_kind"),
                row.getUUID("subject_id"),
                row.getLong("credential_version"),
                row.getJsonObject("facts"),
                instant(row, "at"));
    }

    private static @Nullable Instant instant(Row row, String column) {
        OffsetDateTime at = row.getOffsetDateTime(column);
        return at == null ? null : at.toInstant();
    }

    private static <T> List<T> all(RowSet<Row> rows, Function<Row, T> shape) {
        List<T> all = new ArrayList<>(rows.size());
        rows.forEach(row -> all.add(shape.apply(row)));
        return all;
    }

    private static io.vertx.pgclient.data.Interval interval(Duration span) {
        return io.vertx.pgclient.data.Interval.of(
                0, 0, 0, 0, 0, Math.toIntExact(span.toSeconds()), span.toNanosPart() / 1000);
    }
}
