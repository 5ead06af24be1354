package io.rolewright.sealing;

import io.rolewright.sealing.RootKeyConfig.Source;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** All SQL over data keys, and over the processes that hold them. */
@ApplicationScoped
class StoredKeys {

    /** A process that has not been heard of for so long is gone, or will look at the keys before it does anything. */
    static final int HOLDER_LIFE_SECONDS = 30;

    static final String CANARY = "canary";

    /** The version that the key of fingerprints is sealed for once a {@link SealedRow} without a seal counts for nothing. */
    static final long ROWS_SEALED = 1;

    static final String FINGERPRINT_KEY = "fingerprint-key";

    /** Both tables in one round trip; the first column tells them apart. */
    private static final String READ = """
            SELECT 'data key' AS kind, state AS name, id, root_key_source, root_key_id, wrapped AS value, created_at,
                NULL AS version
            FROM data_key
            UNION ALL
            SELECT 'constant', name, NULL, NULL, NULL, sealed, NULL, version FROM sealed_constant
            ORDER BY id""";

    /** "ROLESEAL": of several replicas that start on an empty store, one makes the keys and the others wait for it. */
    private static final long LOCK = 0x524F4C45_5345414CL;

    private static final String MAKE = """
            WITH made AS (
                INSERT INTO data_key (id, state, root_key_source, root_key_id, wrapped)
                VALUES ($1, 'active', $2, $3, $4))
            INSERT INTO sealed_constant (name, sealed, version) VALUES ('canary', $5, 0), ('fingerprint-key', $6, %d)""".formatted(ROWS_SEALED);

    /** Of several that add the same id at once, one wins. */
    private static final String ADD = """
            INSERT INTO data_key (id, state, root_key_source, root_key_id, wrapped)
            VALUES ($1, 'opening', $2, $3, $4) ON CONFLICT DO NOTHING""";

    private static final String REPLACE = """
            UPDATE data_key SET root_key_source = $2, root_key_id = $3, wrapped = $4 WHERE id = $1 AND wrapped = $5""";

    /** Only an older key than the active one: a newer one is on its way to become active. */
    private static final String RETIRE = """
            DELETE FROM data_key WHERE id = $1 AND id < (SELECT id FROM data_key WHERE state = 'active')
            AND NOT EXISTS (SELECT FROM key_holder
                WHERE active_key_id = $1 AND seen_at > now() - make_interval(secs => $2))""";

    private static final String HOLD = """
            INSERT INTO key_holder (process_id, seen_at, newest_key_id, active_key_id, seals_rows)
            VALUES ($1, now(), $2, $3, true)
            ON CONFLICT (process_id) DO UPDATE SET
                seen_at = now(), newest_key_id = excluded.newest_key_id, active_key_id = excluded.active_key_id""";

    private static final String FORGET =
            "DELETE FROM key_holder WHERE process_id = $1 OR seen_at < now() - INTERVAL '1 hour'";

    private static final String HOLDERS = """
            SELECT count(*) AS alive, count(*) FILTER (WHERE newest_key_id >= $1) AS holding,
                count(*) FILTER (WHERE active_key_id IN (0, $1)) AS sealing,
                count(*) FILTER (WHERE seals_rows) AS sealing_rows
            FROM key_holder
            WHERE seen_at > now() - make_interval(secs => $2)""";

    private final Pool pool;

    StoredKeys(Pool pool) {
        this.pool = pool;
    }

    /** @param active whether it seals what is new */
    record StoredKey(WrappedKey key, boolean active, Instant createdAt) {}

    /** @param rowsSealed what the store says; whether it is true the key of fingerprints shows when it is opened */
    record Stored(List<StoredKey> keys, Map<String, byte[]> constants, boolean rowsSealed) {
        boolean isEmpty() {
            return keys.isEmpty() && constants.isEmpty();
        }
    }

    /**
     * @param alive processes that hold keys now
     * @param holding those of them that have the key in question
     * @param sealing those that seal with it, or with none yet
     * @param sealingRows those that seal the rows that they write
     */
    record Holders(int alive, int holding, int sealing, int sealingRows) {}

    Uni<Stored> read() {
        return read(pool);
    }

    private static Uni<Stored> read(SqlClient client) {
        return client.query(READ).execute().map(rows -> {
            var keys = new ArrayList<StoredKey>();
            var constants = new HashMap<String, byte[]>();
            boolean rowsSealed = false;
            for (var row : rows) {
                byte[] value = row.getBuffer("value").getBytes();
                if (row.getString("kind").equals("constant")) {
                    constants.put(row.getString("name"), value);
                    rowsSealed |=
                            row.getString("name").equals(FINGERPRINT_KEY) && row.getLong("version") == ROWS_SEALED;
                } else {
                    var key = new WrappedKey(
                            row.getInteger("id"),
                            Source.of(row.getString("root_key_source")),
                            row.getString("root_key_id"),
                            value);
                    keys.add(new StoredKey(
                            key,
                            row.getString("name").equals("active"),
                            row.getOffsetDateTime("created_at").toInstant()));
                }
            }
            return new Stored(keys, constants, rowsSealed);
        });
    }

    /** Stores a store's first keys, unless another replica has done so meanwhile. @return what the store has then */
    Uni<Stored> make(Stored first) {
        var key = first.keys().get(0).key();
        return pool.withTransaction(connection -> connection
                .preparedQuery("SELECT pg_advisory_xact_lock($1)")
                .execute(Tuple.of(LOCK))
                .chain(() -> read(connection))
                .chain(stored -> !stored.isEmpty()
                        ? Uni.createFrom().item(stored)
                        : connection
                                .preparedQuery(MAKE)
                                .execute(Tuple.of(
                                        key.id(),
                                        key.source().storedName(),
                                        key.rootKeyId(),
                                        Buffer.buffer(key.wrapped()),
                                        Buffer.buffer(first.constants().get(CANARY)),
                                        Buffer.buffer(first.constants().get(FINGERPRINT_KEY))))
                                .replaceWith(first)));
    }

    /** @return whether it was added; else another process has just added one of the same id */
    Uni<Boolean> add(WrappedKey key) {
        return pool.preparedQuery(ADD)
                .execute(Tuple.of(key.id(), key.source().storedName(), key.rootKeyId(), Buffer.buffer(key.wrapped())))
                .map(added -> added.rowCount() == 1);
    }

    /** From now on this key seals what is new, in each process as soon as it has noticed. */
    Uni<Void> activate(int id) {
        return pool.withTransaction(connection -> connection
                        .preparedQuery("UPDATE data_key SET state = 'opening' WHERE state = 'active' AND id < $1")
                        .execute(Tuple.of(id))
                        .chain(() -> connection
                                .preparedQuery("UPDATE data_key SET state = 'active' WHERE id = $1")
                                .execute(Tuple.of(id))))
                .replaceWithVoid();
    }

    /** From now on no row without a seal is believed. @return whether the key of fingerprints was still sealed as it was read */
    Uni<Boolean> believeSealedRowsOnly(byte[] old, byte[] anew) {
        return pool.preparedQuery(
                        "UPDATE sealed_constant SET sealed = $1, version = $2 WHERE name = $3 AND sealed = $4 AND version = 0")
                .execute(Tuple.of(Buffer.buffer(anew), ROWS_SEALED, FINGERPRINT_KEY, Buffer.buffer(old)))
                .map(updated -> updated.rowCount() == 1);
    }

    /** @return whether the key was still wrapped as it was read */
    Uni<Boolean> replace(WrappedKey old, WrappedKey anew) {
        return pool.preparedQuery(REPLACE)
                .execute(Tuple.of(
                        old.id(),
                        anew.source().storedName(),
                        anew.rootKeyId(),
                        Buffer.buffer(anew.wrapped()),
                        Buffer.buffer(old.wrapped())))
                .map(updated -> updated.rowCount() == 1);
    }

    /**
     * Deletes a data key.
     *
     * @return whether it is gone; false if it is not older than the active one, or a process still seals with it. Fails
     *     with SQLSTATE 23503 if a row needs it.
     */
    Uni<Boolean> retire(int id) {
        return pool.preparedQuery(RETIRE)
                .execute(Tuple.of(id, (double) HOLDER_LIFE_SECONDS))
                .map(deleted -> deleted.rowCount() == 1);
    }

    /** Says that this process is alive and which keys it has. */
    Uni<Void> hold(UUID process, int newestKey, int activeKey) {
        return pool.preparedQuery(HOLD)
                .execute(Tuple.of(process, newestKey, activeKey))
                .replaceWithVoid();
    }

    Uni<Void> forget(UUID process) {
        return pool.preparedQuery(FORGET).execute(Tuple.of(process)).replaceWithVoid();
    }

    Uni<Holders> holders(int key) {
        return pool.preparedQuery(HOLDERS)
                .execute(Tuple.of(key, (double) HOLDER_LIFE_SECONDS))
                .map(rows -> rows.iterator().next())
                .map(row -> new Holders(
                        row.getInteger("alive"),
                        row.getInteger("holding"),
                        row.getInteger("sealing"),
                        row.getInteger("sealing_rows")));
    }
}
