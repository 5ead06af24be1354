package io.rolewright.sealing;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.store.StartupStep;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.AEADBadTagException;
import javax.crypto.spec.SecretKeySpec;
import org.jboss.logging.Logger;

/**
 * Opens the keys of the store with the configured root key, and makes them at the very first start. A later start costs
 * one query. The root keys are let go as soon as the data keys are open.
 */
@ApplicationScoped
class StoreOpener implements StartupStep {

    /** Both tables in one round trip; the first column tells them apart. */
    private static final String READ = """
            SELECT 'data key' AS kind, state AS name, id, root_key_id, wrapped AS value FROM data_key
            UNION ALL
            SELECT 'constant', name, NULL, NULL, sealed FROM sealed_constant""";

    /** "ROLESEAL": of several replicas that start on an empty store, one makes the keys and the others wait for it. */
    private static final long LOCK = 0x524F4C45_5345414CL;

    /** Constants belong to the store as a whole; their field tells them apart. */
    static final UUID STORE = new UUID(0, 0);

    private static final byte[] CANARY = "The canary of a Rolewright store.".getBytes(StandardCharsets.US_ASCII);

    private static final int FIRST_DATA_KEY = 1;

    private static final Logger log = Logger.getLogger(StoreOpener.class);

    private final SealingConfig config;
    private final Sealer sealer;
    private final Pool pool;
    private final Vertx vertx;
    private final MeterRegistry metrics;

    StoreOpener(SealingConfig config, Sealer sealer, Pool pool, Vertx vertx, MeterRegistry metrics) {
        this.config = config;
        this.sealer = sealer;
        this.pool = pool;
        this.vertx = vertx;
        this.metrics = metrics;
    }

    @Override
    public int order() {
        return 200;
    }

    @Override
    public String name() {
        return "sealing";
    }

    @Override
    public Uni<Void> run() {
        if (sealer.isOpen()) {
            // A later step failed and all are run again; the count of seals goes on.
            return Uni.createFrom().voidItem();
        }
        return rootKeys()
                .chain(rootKeys -> stored(pool)
                        .chain(stored -> stored.isEmpty()
                                ? makeKeys(rootKeys)
                                : Uni.createFrom().item(stored))
                        .invoke(stored -> use(open(stored, rootKeys)))
                        .replaceWithVoid());
    }

    private Uni<RootKeys> rootKeys() {
        if (config.rootKeyFile().isEmpty()) {
            return Uni.createFrom().failure(new NotReady("No root key is configured: set ROLEWRIGHT_ROOT_KEY_FILE."));
        }
        var file = config.rootKeyFile().get();
        // Read anew at each try, so that a mount which was mended is seen; on a worker, since a mount may be slow.
        return Uni.createFrom()
                .completionStage(() -> vertx.executeBlocking(() -> RootKeyFile.read(file), false)
                        .toCompletionStage())
                .onFailure(RootKeyFile.Unusable.class)
                .transform(e -> new NotReady(e.getMessage()));
    }

    private static Uni<Stored> stored(SqlClient client) {
        return client.query(READ).execute().map(rows -> {
            var dataKeys = new ArrayList<StoredKey>();
            var constants = new HashMap<String, byte[]>();
            for (var row : rows) {
                byte[] value = row.getBuffer("value").getBytes();
                if (row.getString("kind").equals("constant")) {
                    constants.put(row.getString("name"), value);
                } else {
                    dataKeys.add(new StoredKey(
                            row.getInteger("id"),
                            row.getString("name").equals("active"),
                            row.getString("root_key_id"),
                            value));
                }
            }
            return new Stored(dataKeys, constants);
        });
    }

    private Uni<Stored> makeKeys(RootKeys rootKeys) {
        return pool.withTransaction(connection -> connection
                .preparedQuery("SELECT pg_advisory_xact_lock($1)")
                .execute(Tuple.of(LOCK))
                // Another replica may have made them while this one waited for the lock.
                .chain(() -> stored(connection))
                .chain(stored -> stored.isEmpty()
                        ? insertKeys(connection, rootKeys)
                        : Uni.createFrom().item(stored)));
    }

    private Uni<Stored> insertKeys(SqlClient connection, RootKeys rootKeys) {
        byte[] secret = sealer.random(AesGcm.KEY_BYTES);
        byte[] fingerprintKey = sealer.random(AesGcm.KEY_BYTES);
        try {
            var dataKey = new DataKey(FIRST_DATA_KEY, secret);
            var key = new StoredKey(
                    dataKey.id,
                    true,
                    rootKeys.activeId(),
                    rootKeys.wrap(dataKey.id, secret, sealer.random(AesGcm.NONCE_BYTES)));
            byte[] canary = seal(dataKey, SealedField.CANARY, CANARY);
            byte[] sealedFingerprintKey = seal(dataKey, SealedField.FINGERPRINT_KEY, fingerprintKey);
            return connection
                    .preparedQuery("""
                            WITH made AS (
                                INSERT INTO data_key (id, state, root_key_id, wrapped) VALUES ($1, 'active', $2, $3))
                            INSERT INTO sealed_constant (name, sealed) VALUES ('canary', $4), ('fingerprint-key', $5)""")
                    .execute(Tuple.of(
                            key.id(),
                            key.rootKeyId(),
                            Buffer.buffer(key.wrapped()),
                            Buffer.buffer(canary),
                            Buffer.buffer(sealedFingerprintKey)))
                    .invoke(() -> log.infof("Made the first data key, wrapped by root key %s", key.rootKeyId()))
                    .replaceWith(new Stored(
                            List.of(key), Map.of("canary", canary, "fingerprint-key", sealedFingerprintKey)));
        } finally {
            Arrays.fill(secret, (byte) 0);
            Arrays.fill(fingerprintKey, (byte) 0);
        }
    }

    private byte[] seal(DataKey key, SealedField field, byte[] plaintext) {
        return SealedFormat.seal(key, sealer.random(AesGcm.NONCE_BYTES), field, STORE, 0, plaintext);
    }

    private void use(Keyring keyring) {
        var active = keyring.active();
        // A process knows its own seals only; the sum over replicas and restarts is what must stay below 2^32.
        FunctionCounter.builder("rolewright.sealing.seals", active.seals, AtomicLong::get)
                .description("Encryptions with a data key by this process; make a new key long before 2^32 in all")
                .tag("key", Integer.toString(active.id))
                .register(metrics);
        sealer.use(keyring);
    }

    private static Keyring open(Stored stored, RootKeys rootKeys) {
        var all = new ArrayList<DataKey>();
        DataKey active = null;
        for (var key : stored.dataKeys()) {
            var dataKey = unwrap(key, rootKeys);
            all.add(dataKey);
            active = key.active() ? dataKey : active;
        }
        byte[] canary = stored.constants().get("canary");
        byte[] fingerprintKey = stored.constants().get("fingerprint-key");
        if (active == null || canary == null || fingerprintKey == null) {
            throw new NotReady("The store's keys are incomplete: restore data_key and sealed_constant together.");
        }
        var keyring = Keyring.of(active, all, null);
        if (!MessageDigest.isEqual(CANARY, constant(keyring, SealedField.CANARY, canary))) {
            throw new NotReady("The store's canary is not what it should be: its keys do not belong to it.");
        }
        byte[] key = constant(keyring, SealedField.FINGERPRINT_KEY, fingerprintKey);
        try {
            return Keyring.of(active, all, new SecretKeySpec(key, "HmacSHA256"));
        } finally {
            Arrays.fill(key, (byte) 0);
        }
    }

    private static DataKey unwrap(StoredKey key, RootKeys rootKeys) {
        byte[] secret = null;
        try {
            secret = rootKeys.unwrap(key.id(), key.rootKeyId(), key.wrapped())
                    .orElseThrow(() -> new NotReady(
                            "Data key %d of the store is wrapped by root key %s, which the root key file does not list."
                                    .formatted(key.id(), key.rootKeyId())));
            if (!key.rootKeyId().equals(rootKeys.activeId())) {
                log.infof(
                        "Data key %d is still wrapped by root key %s: rewrap before retiring that",
                        key.id(), key.rootKeyId());
            }
            return new DataKey(key.id(), secret);
        } catch (AEADBadTagException e) {
            throw new NotReady("Root key %s does not open data key %d of the store: it is another key of that name."
                    .formatted(key.rootKeyId(), key.id()));
        } finally {
            if (secret != null) {
                Arrays.fill(secret, (byte) 0);
            }
        }
    }

    private static byte[] constant(Keyring keyring, SealedField field, byte[] sealed) {
        try {
            return SealedFormat.open(keyring, field, STORE, 0, sealed);
        } catch (CannotOpen e) {
            throw new NotReady("The store's keys do not belong to it: " + e.getMessage() + ".");
        }
    }

    private record StoredKey(int id, boolean active, String rootKeyId, byte[] wrapped) {}

    private record Stored(List<StoredKey> dataKeys, Map<String, byte[]> constants) {
        boolean isEmpty() {
            return dataKeys.isEmpty() && constants.isEmpty();
        }
    }
}
