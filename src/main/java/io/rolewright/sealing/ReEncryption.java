package io.rolewright.sealing;

import io.rolewright.sealing.KeyRun.Unreadable;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Brings every sealed value of the store under the active data key, in small transactions: each locks a few rows, seals them
 * anew and counts them. Rows that somebody else works on are passed over and met again later, so nobody waits for more than
 * one such transaction; and nothing is remembered between them but what the rows themselves say, so a run that was killed
 * goes on as if nothing had happened.
 */
@ApplicationScoped
class ReEncryption {

    /** Rows per transaction: they stay locked for some milliseconds. */
    private static final int BATCH = 200;

    /** How often rows that were always locked are looked for again, with a pause of a second. */
    private static final int MOST_PASSES = 30;

    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Pool pool;
    private final Sealer sealer;
    private final KeyRunStore runs;

    ReEncryption(Pool pool, Sealer sealer, KeyRunStore runs) {
        this.pool = pool;
        this.sealer = sealer;
        this.runs = runs;
    }

    /** How a run is known to the store. */
    record Work(UUID run, UUID owner) {}

    /** @param last the last record that was read; null if there was none, and the pass is over */
    private record Batch(@Nullable UUID last) {}

    private record Pass(int number, long left) {}

    private record Row(UUID record, long version, byte[] sealed) {}

    /** @param unreadable those of the rows that cannot be opened */
    private record Sealed(UUID[] records, Buffer[] values, List<Unreadable> unreadable) {}

    /** @return how many records are left that could be opened and were locked each time; 0 if all is done */
    Uni<Long> run(Work work) {
        return left(work)
                .chain(total -> runs.advance(work.run(), work.owner(), 0, total, null))
                .chain(() -> Multi.createBy()
                        .repeating()
                        .uni(
                                AtomicInteger::new,
                                passes -> pass(work)
                                        .chain(() -> left(work))
                                        .map(left -> new Pass(passes.incrementAndGet(), left)))
                        .withDelay(PAUSE)
                        .whilst(pass -> pass.left() > 0 && pass.number() < MOST_PASSES)
                        .collect()
                        .last())
                .map(Pass::left);
    }

    /** How many records each data key is needed for, by field. */
    Uni<Map<SealedField, Map<Integer, Long>>> scan() {
        Uni<Map<SealedField, Map<Integer, Long>>> all = Uni.createFrom().item(() -> new EnumMap<>(SealedField.class));
        for (var field : SealedField.values()) {
            var place = field.place;
            all = all.chain(counts -> pool.query(
                            "SELECT coalesce(%1$s, 0) AS key, count(*) AS records FROM %2$s WHERE %3$s GROUP BY 1"
                                    .formatted(place.keyId(), place.table(), place.where()))
                    .execute()
                    .invoke(rows -> {
                        var byKey = new TreeMap<Integer, Long>();
                        rows.forEach(row -> byKey.put(row.getInteger("key"), row.getLong("records")));
                        counts.put(field, byKey);
                    })
                    .replaceWith(counts));
        }
        return all;
    }

    private Uni<Void> pass(Work work) {
        Uni<Void> all = Uni.createFrom().voidItem();
        for (var field : SealedField.values()) {
            all = all.chain(() -> pass(work, field));
        }
        return all;
    }

    /** From the first record to the last. */
    private Uni<Void> pass(Work work, SealedField field) {
        return Multi.createBy()
                .repeating()
                .uni(Position::new, position -> pool.withTransaction(session -> batch(session, work, field, position)))
                .whilst(batch -> batch.last() != null)
                .collect()
                .last()
                .replaceWithVoid();
    }

    /** Where a pass is. */
    private static final class Position {
        /** The last record that was looked at; null at the start of a pass. */
        @Nullable
        UUID after;
    }

    private Uni<Batch> batch(SqlConnection session, Work work, SealedField field, Position position) {
        var keyring = sealer.keyring();
        return session.preparedQuery(select(field.place))
                .execute(Tuple.of(keyring.active().id, position.after, work.run(), field.name(), BATCH))
                .chain(found -> {
                    var rows = new ArrayList<Row>();
                    found.forEach(row -> rows.add(new Row(
                            row.getUUID("record"),
                            row.getLong("version"),
                            row.getBuffer("sealed").getBytes())));
                    if (rows.isEmpty()) {
                        return Uni.createFrom().item(new Batch(null));
                    }
                    position.after = rows.get(rows.size() - 1).record();
                    // Some milliseconds of arithmetic, which an event loop has no time for.
                    return Uni.createFrom()
                            .item(() -> sealAnew(keyring, field, rows))
                            .runSubscriptionOn(Infrastructure.getDefaultWorkerPool())
                            .chain(anew -> store(session, work, field, anew))
                            .replaceWith(new Batch(position.after));
                });
    }

    private Sealed sealAnew(Keyring keyring, SealedField field, List<Row> rows) {
        var records = new ArrayList<UUID>();
        var values = new ArrayList<Buffer>();
        var unreadable = new ArrayList<Unreadable>();
        for (var row : rows) {
            byte[] plaintext = null;
            try {
                plaintext = SealedFormat.open(keyring, field, row.record(), row.version(), row.sealed());
                values.add(Buffer.buffer(sealer.seal(field, row.record(), row.version(), plaintext)));
                records.add(row.record());
            } catch (CannotOpen broken) {
                unreadable.add(new Unreadable(field.name(), row.record(), broken.why()));
            } finally {
                if (plaintext != null) {
                    Arrays.fill(plaintext, (byte) 0);
                }
            }
        }
        return new Sealed(records.toArray(UUID[]::new), values.toArray(Buffer[]::new), unreadable);
    }

    private Uni<Void> store(SqlConnection session, Work work, SealedField field, Sealed anew) {
        return session.preparedQuery(update(field.place))
                .execute(Tuple.of(anew.records(), anew.values()))
                .chain(() -> runs.cannotOpen(session, work.run(), anew.unreadable()))
                .chain(() -> runs.advance(session, work.run(), work.owner(), anew.records().length, 0, null));
    }

    /** What is still under another key, without what this run could not open. */
    private Uni<Long> left(Work work) {
        Uni<Long> all = Uni.createFrom().item(0L);
        for (var field : SealedField.values()) {
            all = all.chain(sum -> pool.preparedQuery("SELECT count(*) FROM " + toDo(field.place, "$1", "$2", "$3"))
                    .execute(Tuple.of(sealer.keyring().active().id, work.run(), field.name()))
                    .map(rows -> sum + rows.iterator().next().getLong(0)));
        }
        return all;
    }

    private static String select(SealedField.Place place) {
        return """
                SELECT %1$s AS record, %2$s::bigint AS version, %3$s AS sealed FROM %4$s
                AND ($2::uuid IS NULL OR %1$s > $2) ORDER BY %1$s LIMIT $5 FOR NO KEY UPDATE OF t SKIP LOCKED""".formatted(place.record(), place.version(), place.column(), toDo(place, "$1", "$3", "$4"));
    }

    private static String toDo(SealedField.Place place, String key, String run, String field) {
        return """
                %1$s AS t WHERE %2$s AND %3$s IS DISTINCT FROM %4$s AND NOT EXISTS (
                SELECT FROM unreadable_record u WHERE u.run_id = %5$s AND u.field = %6$s AND u.record_id = %7$s)""".formatted(
                        place.table(), place.where(), place.keyId(), key, run, field, "(" + qualified(place) + ")");
    }

    /** The record id, where another table with columns of its own is in sight. */
    private static String qualified(SealedField.Place place) {
        return place.record().matches("[a-z_]+") ? "t." + place.record() : place.record();
    }

    private static String update(SealedField.Place place) {
        return """
                UPDATE %1$s AS t SET %2$s = anew.new_value
                FROM unnest($1::uuid[], $2::bytea[]) AS anew (for_record, new_value) WHERE %3$s AND %4$s = anew.for_record""".formatted(place.table(), place.column(), place.where(), qualified(place));
    }
}
