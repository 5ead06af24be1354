package io.rolewright.sealing;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import javax.crypto.SecretKey;

/**
 * The keys of an opened store. Immutable.
 *
 * @param active seals everything new
 * @param byId every data key that something may still be sealed with, the active one included
 * @param fingerprintKey of HMAC-SHA-256; never changes for the life of a store
 * @param rowsSealed whether a {@link SealedRow} without a seal counts for nothing
 */
record Keyring(DataKey active, Map<Integer, DataKey> byId, SecretKey fingerprintKey, boolean rowsSealed) {

    static Keyring of(DataKey active, List<DataKey> all, SecretKey fingerprintKey, boolean rowsSealed) {
        return new Keyring(active, byId(all), fingerprintKey, rowsSealed);
    }

    static Map<Integer, DataKey> byId(List<DataKey> all) {
        return all.stream().collect(Collectors.toUnmodifiableMap(key -> key.id, Function.identity()));
    }

    /** Ids only grow: a value that names a higher one was sealed with a key that this process has not read yet. */
    int newest() {
        return Collections.max(byId.keySet());
    }

    @Override
    public String toString() {
        return "keyring with " + byId.size() + " data keys";
    }
}
