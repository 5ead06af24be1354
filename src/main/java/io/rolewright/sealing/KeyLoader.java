package io.rolewright.sealing;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.sealing.StoredKeys.Stored;
import io.rolewright.sealing.StoredKeys.StoredKey;
import io.rolewright.store.StartupStep.NotReady;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.spec.SecretKeySpec;
import org.jboss.logging.Logger;

/**
 * Keeps the keys of this process what the store says they are. The root is asked only for data keys that this process does not
 * have yet, so a look that finds nothing new costs one query and no call.
 *
 * <p>Every look also tells the store that this process is alive and which keys it has ({@code key_holder}): a new data key
 * seals nothing before all that are alive can open it.
 */
@ApplicationScoped
class KeyLoader {

    static final byte[] CANARY = "The canary of a Rolewright store.".getBytes(StandardCharsets.US_ASCII);

    private static final Logger log = Logger.getLogger(KeyLoader.class);

    /** Of this process, for as long as it runs. */
    private final UUID process = UUID.randomUUID();

    private final StoredKeys store;
    private final RootKeySources roots;
    private final Sealer sealer;
    private final MeterRegistry metrics;
    private final AtomicInteger unfit = new AtomicInteger();

    KeyLoader(StoredKeys store, RootKeySources roots, Sealer sealer, MeterRegistry metrics) {
        this.store = store;
        this.roots = roots;
        this.sealer = sealer;
        this.metrics = metrics;
        Gauge.builder("rolewright.root.key.unfit", unfit, AtomicInteger::get)
                .description(
                        "1 if the root key file was changed and no longer opens the store: this process goes on, and would"
                                + " not start again")
                .register(metrics);
    }

    /** Says that this process is about to read the keys: one that is made from now on waits for it. */
    Uni<Void> announce() {
        return store.hold(process, 0, 0);
    }

    /** Says that this process is done. */
    Uni<Void> leave() {
        return store.forget(process);
    }

    /** Looks what the store has now. Fails with {@link NotReady} if there is a new key that the root does not open. */
    Uni<Void> refresh() {
        return store.read().chain(stored -> {
            var keyring = sealer.keyring();
            boolean same = (keyring.rowsSealed() || !stored.rowsSealed())
                    && keyring.byId().size() == stored.keys().size()
                    && stored.keys().stream()
                            .allMatch(
                                    key -> keyring.byId().containsKey(key.key().id())
                                            && key.active() == (key.key().id() == keyring.active().id));
            // With what it has: should the root fail, others shall see that this process is alive and lacks a key.
            return report(keyring).chain(() -> same ? Uni.createFrom().voidItem() : load(stored, keyring.byId()));
        });
    }

    /**
     * Tries a root key file that was changed, so that one which opens the store no more is found while this process still has the data keys, and
     * not at its next start. Nothing is asked of the store or the root while the file is the same.
     *
     * @return fails with {@link NotReady} and a sentence as long as it does not open all data keys
     */
    Uni<Void> tryChangedRoot() {
        return roots.changed()
                .chain(changed -> !changed
                        ? Uni.createFrom().voidItem()
                        : store.read()
                                .chain(stored -> roots.unwrap(stored.keys().stream()
                                        .map(StoredKey::key)
                                        .toList()))
                                .onItemOrFailure()
                                .invoke((opened, failure) -> {
                                    if (failure == null) {
                                        opened.values().forEach(secret -> Arrays.fill(secret, (byte) 0));
                                        roots.seen();
                                    }
                                    unfit.set(failure instanceof NotReady ? 1 : 0);
                                })
                                .replaceWithVoid());
    }

    /** @param held data keys that need not be unwrapped, by id */
    Uni<Void> load(Stored stored, Map<Integer, DataKey> held) {
        var missing = stored.keys().stream()
                .map(StoredKey::key)
                .filter(key -> !held.containsKey(key.id()))
                .toList();
        return roots.unwrap(missing).chain(secrets -> {
            try {
                use(keyring(stored, held, secrets));
            } finally {
                secrets.values().forEach(secret -> Arrays.fill(secret, (byte) 0));
            }
            return report(sealer.keyring());
        });
    }

    private Uni<Void> report(Keyring keyring) {
        return store.hold(process, keyring.newest(), keyring.active().id);
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

    private Keyring keyring(Stored stored, Map<Integer, DataKey> held, Map<Integer, byte[]> secrets) {
        List<DataKey> all = new ArrayList<>();
        DataKey active = null;
        for (var key : stored.keys()) {
            int id = key.key().id();
            var dataKey = held.get(id);
            if (dataKey == null) {
                byte[] secret = secrets.get(id);
                if (secret == null) {
                    throw new NotReady("The root of keys gave no data key " + id + ".");
                }
                dataKey = new DataKey(id, secret);
            }
            all.add(dataKey);
            active = key.active() ? dataKey : active;
            if (key.key().source() != roots.active()) {
                log.infof(
                        "%s is not wrapped by the configured source of root keys: run the key command rewrap",
                        key.key());
            }
        }
        byte[] canary = stored.constants().get(StoredKeys.CANARY);
        byte[] fingerprintKey = stored.constants().get(StoredKeys.FINGERPRINT_KEY);
        if (active == null || canary == null || fingerprintKey == null) {
            throw new NotReady("The store's keys are incomplete: restore data_key and sealed_constant together.");
        }
        var byId = Keyring.byId(all);
        if (!MessageDigest.isEqual(CANARY, constant(byId, SealedField.CANARY, 0, canary))) {
            throw new NotReady("The store's canary is not what it should be: its keys do not belong to it.");
        }
        byte[] key = constant(
                byId, SealedField.FINGERPRINT_KEY, stored.rowsSealed() ? StoredKeys.ROWS_SEALED : 0, fingerprintKey);
        try {
            // Whoever puts an older row back does not change what this process knows.
            boolean rowsSealed =
                    stored.rowsSealed() || sealer.isOpen() && sealer.keyring().rowsSealed();
            return Keyring.of(active, all, new SecretKeySpec(key, "HmacSHA256"), rowsSealed);
        } finally {
            Arrays.fill(key, (byte) 0);
        }
    }

    private static byte[] constant(Map<Integer, DataKey> byId, SealedField field, long version, byte[] sealed) {
        try {
            return SealedFormat.open(byId, field, SealedField.Place.STORE, version, sealed);
        } catch (CannotOpen e) {
            throw new NotReady("The store's keys do not belong to it: " + e.getMessage() + ".");
        }
    }
}
