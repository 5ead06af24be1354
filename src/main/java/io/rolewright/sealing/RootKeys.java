package io.rolewright.sealing;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import javax.crypto.AEADBadTagException;
import javax.crypto.SecretKey;

/**
 * The root keys of a root key file, by id.
 *
 * <pre>
 * wrapped data key:  format (1 byte) | nonce (12) | ciphertext (32) | tag (16)
 * associated data:   format (1) | data key id (4) | SHA-256 of the root key id (32)
 * </pre>
 */
public final class RootKeys {

    private static final byte FORMAT = 1;

    private final String activeId;
    private final SecretKey active;
    private final Map<String, SecretKey> keys;

    RootKeys(String activeId, Map<String, SecretKey> keys) {
        this.activeId = activeId;
        this.active = Objects.requireNonNull(keys.get(activeId), "the active key is one of them");
        this.keys = Map.copyOf(keys);
    }

    /** @return id of the one that wraps new data keys */
    String activeId() {
        return activeId;
    }

    /** @param nonce 12 bytes, random, used once */
    byte[] wrap(int dataKeyId, byte[] dataKey, byte[] nonce) {
        byte[] encrypted = AesGcm.encrypt(active, nonce, associatedData(dataKeyId, activeId), dataKey);
        return ByteBuffer.allocate(1 + nonce.length + encrypted.length)
                .put(FORMAT)
                .put(nonce)
                .put(encrypted)
                .array();
    }

    /**
     * @return the data key, for the caller to wipe; empty if this root key is not listed
     * @throws AEADBadTagException if the listed key is another one than the one that wrapped it, or the store was altered
     */
    Optional<byte[]> unwrap(int dataKeyId, String rootKeyId, byte[] wrapped) throws AEADBadTagException {
        var key = keys.get(rootKeyId);
        if (key == null) {
            return Optional.empty();
        }
        if (wrapped.length == 0 || wrapped[0] != FORMAT) {
            throw new AEADBadTagException("not in a format that this build knows");
        }
        return Optional.of(AesGcm.decrypt(key, associatedData(dataKeyId, rootKeyId), wrapped, 1));
    }

    private static byte[] associatedData(int dataKeyId, String rootKeyId) {
        return ByteBuffer.allocate(1 + Integer.BYTES + 32)
                .put(FORMAT)
                .putInt(dataKeyId)
                .put(sha256(rootKeyId))
                .array();
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "root keys " + keys.keySet();
    }
}
