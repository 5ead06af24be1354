package io.rolewright.sealing;

import io.rolewright.sealing.StoredKeys.Stored;
import io.rolewright.sealing.StoredKeys.StoredKey;
import io.rolewright.store.StartupStep;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jboss.logging.Logger;

/**
 * Opens the keys of the store with the configured root key, and makes them at the very first start. A later start costs two
 * short statements and one call to the root, which is not needed again until a data key is made or wrapped anew.
 */
@ApplicationScoped
class StoreOpener implements StartupStep {

    private static final int FIRST_DATA_KEY = 1;

    private static final Logger log = Logger.getLogger(StoreOpener.class);

    private final StoredKeys store;
    private final KeyLoader loader;
    private final RootKeySources roots;
    private final Sealer sealer;

    StoreOpener(StoredKeys store, KeyLoader loader, RootKeySources roots, Sealer sealer) {
        this.store = store;
        this.loader = loader;
        this.roots = roots;
        this.sealer = sealer;
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
        return loader.announce()
                .chain(store::read)
                .chain(stored -> stored.isEmpty() ? makeKeys() : loader.load(stored, Map.of()))
                // Until the next attempt this process holds nothing, and nobody need wait for it.
                .onFailure()
                .call(() -> loader.leave().onFailure().recoverWithNull());
    }

    /** The root is asked before the transaction begins: nothing waits for it there. */
    private Uni<Void> makeKeys() {
        byte[] secret = sealer.random(AesGcm.KEY_BYTES);
        var dataKey = new DataKey(FIRST_DATA_KEY, secret);
        return roots.wrap(dataKey.id, secret)
                .eventually(() -> Arrays.fill(secret, (byte) 0))
                .chain(wrapped -> {
                    byte[] fingerprintKey = sealer.random(AesGcm.KEY_BYTES);
                    var constants = Map.of(
                            StoredKeys.CANARY, seal(dataKey, SealedField.CANARY, 0, KeyLoader.CANARY),
                            StoredKeys.FINGERPRINT_KEY,
                                    seal(dataKey, SealedField.FINGERPRINT_KEY, StoredKeys.ROWS_SEALED, fingerprintKey));
                    Arrays.fill(fingerprintKey, (byte) 0);
                    var first = new Stored(List.of(new StoredKey(wrapped, true, Instant.now())), constants, true);
                    return store.make(first).chain(stored -> {
                        if (stored != first) {
                            return loader.load(stored, Map.of()); // another replica was first
                        }
                        log.infof("Created the first data key, wrapped by root key %s", wrapped.rootKeyId());
                        return loader.load(stored, Map.of(dataKey.id, dataKey));
                    });
                });
    }

    private byte[] seal(DataKey key, SealedField field, long version, byte[] plaintext) {
        return SealedFormat.seal(
                key, sealer.random(AesGcm.NONCE_BYTES), field, SealedField.Place.STORE, version, plaintext);
    }
}
