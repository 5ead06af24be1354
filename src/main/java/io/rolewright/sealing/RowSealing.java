package io.rolewright.sealing;

import io.rolewright.sealing.KeyRun.Unreadable;
import io.rolewright.sealing.ReEncryption.Work;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Goes through the {@link SealedRow rows that decide}: seals those that have no seal while that is allowed, and names those that are not
 * believed. In batches, each a transaction that also counts them; nothing is remembered between them but what the rows themselves say,
 * so a run that was killed goes on as if nothing had happened.
 */
@ApplicationScoped
class RowSealing {

    /** Rows per transaction: they stay locked for some milliseconds. */
    private static final int BATCH = 200;

    /** How often rows that were always locked are looked for again, with a pause of a second. */
    private static final int MOST_PASSES = 30;

    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Pool pool;
    private final Sealer sealer;
    private final RowSeals seals;
    private final KeyRunStore runs;

    RowSealing(Pool pool, Sealer sealer, RowSeals seals, KeyRunStore runs) {
        this.pool = pool;
        this.sealer = sealer;
        this.seals = seals;
        this.runs = runs;
    }

    /** @return how many rows have no seal at the end, because they were locked each time */
    Uni<Long> run(Work work) {
        return withoutSeal()
                .chain(total -> runs.advance(work.run(), work.owner(), 0, total, null))
                .chain(() -> Multi.createBy()
                        .repeating()
                        .uni(
                                AtomicInteger::new,
                                passes -> pass(work)
                                        .chain(this::withoutSeal)
                                        .map(left -> new Pass(passes.incrementAndGet(), left)))
                        .withDelay(PAUSE)
                        .whilst(pass -> pass.left() > 0
                                && pass.number() < MOST_PASSES
                                && !sealer.keyring().rowsSealed())
                        .collect()
                        .last())
                .map(Pass::left);
    }

    private record Pass(int number, long left) {}

    /** @param last the last row that was looked at; null if there was none, and the pass is over */
    private record Batch(@Nullable UUID last) {}

    private static final class Position {
        @Nullable
        UUID after;
    }

    private Uni<Void> pass(Work work) {
        Uni<Void> all = Uni.createFrom().voidItem();
        for (var kind : SealedRow.values()) {
            all = all.chain(() -> Multi.createBy()
                    .repeating()
                    .uni(
                            Position::new,
                            position -> pool.withTransaction(session -> batch(session, work, kind, position)))
                    .whilst(batch -> batch.last() != null)
                    .collect()
                    .last()
                    .replaceWithVoid());
        }
        return all;
    }

    private Uni<Batch> batch(SqlConnection session, Work work, SealedRow kind, Position position) {
        return session.preparedQuery(select(kind))
                .execute(Tuple.of(position.after, BATCH))
                .chain(found -> {
                    var ids = new ArrayList<UUID>();
                    var values = new ArrayList<Buffer>();
                    var bad = new ArrayList<Unreadable>();
                    UUID last = null;
                    for (var row : found) {
                        last = row.getUUID("record");
                        var seal = row.getBuffer("row_seal");
                        byte[] bytes = seal == null ? null : seal.getBytes();
                        if (!sealer.keyring().rowsSealed()) {
                            if (!seals.holds(kind, last, bytes, values(kind, row))) {
                                ids.add(last);
                                values.add(Buffer.buffer(seals.seal(kind, last, values(kind, row))));
                            }
                        } else if (!seals.believes(kind, last, bytes, values(kind, row))) {
                            bad.add(new Unreadable(
                                    kind.field.name(), last, seal == null ? "it has no seal" : "it was altered"));
                        }
                    }
                    position.after = last;
                    return (ids.isEmpty()
                                    ? Uni.createFrom().voidItem()
                                    : session.preparedQuery(update(kind))
                                            .execute(Tuple.of(ids.toArray(UUID[]::new), values.toArray(Buffer[]::new)))
                                            .replaceWithVoid())
                            .chain(() -> runs.cannotOpen(session, work.run(), bad))
                            .chain(() -> runs.advance(session, work.run(), work.owner(), ids.size(), 0, null))
                            .replaceWith(new Batch(position.after));
                });
    }

    static @Nullable Object[] values(SealedRow kind, Row row) {
        var values = new ArrayList<@Nullable Object>();
        for (int i = 0; i < kind.columns.size(); i++) {
            values.add(row.getValue("v" + i));
        }
        return values.toArray();
    }

    private Uni<Long> withoutSeal() {
        Uni<Long> all = Uni.createFrom().item(0L);
        for (var kind : SealedRow.values()) {
            all = all.chain(sum -> pool.query(
                            "SELECT count(*) FROM " + kind.table() + " WHERE row_seal IS NULL AND " + kind.condition())
                    .execute()
                    .map(rows -> sum + rows.iterator().next().getLong(0)));
        }
        return all;
    }

    private static String select(SealedRow kind) {
        var id = kind.field.place.record();
        return "SELECT %s AS record, row_seal, %s FROM %s WHERE %s AND ($1::uuid IS NULL OR %s > $1) ORDER BY %s LIMIT $2"
                        .formatted(id, columns(kind), kind.table(), kind.condition(), id, id)
                + " FOR NO KEY UPDATE SKIP LOCKED";
    }

    /** Numbered, since some are expressions. */
    static String columns(SealedRow kind) {
        List<String> named = new ArrayList<>();
        for (int i = 0; i < kind.columns.size(); i++) {
            named.add(kind.columns.get(i) + " AS v" + i);
        }
        return String.join(", ", named);
    }

    private static String update(SealedRow kind) {
        return "UPDATE %s AS t SET row_seal = anew.seal FROM unnest($1::uuid[], $2::bytea[]) AS anew (id, seal)"
                        .formatted(kind.table())
                + " WHERE t." + kind.field.place.record() + " = anew.id";
    }
}
