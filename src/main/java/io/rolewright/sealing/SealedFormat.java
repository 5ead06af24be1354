package io.rolewright.sealing;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.UUID;
import javax.crypto.AEADBadTagException;

/**
 * How a sealed value is laid out. All numbers are big-endian.
 *
 * <pre>
 * stored:           format (1 byte) | data key id (4) | nonce (12) | ciphertext | tag (16)
 * associated data:  format (1) | record kind (2) | record id (16) | field (2) | version (8) | data key id (4)
 * </pre>
 *
 * <p>Every part of the associated data has a fixed length, so no two places share one byte string.
 */
final class SealedFormat {

    /** The only format so far. */
    static final byte FORMAT = 1;

    static final int HEADER_BYTES = 1 + Integer.BYTES;

    private SealedFormat() {}

    /** @param nonce 12 bytes, random, used once */
    static byte[] seal(DataKey key, byte[] nonce, SealedField field, UUID record, long version, byte[] plaintext) {
        byte[] encrypted = AesGcm.encrypt(key.key, nonce, associatedData(field, record, version, key.id), plaintext);
        return ByteBuffer.allocate(HEADER_BYTES + nonce.length + encrypted.length)
                .put(FORMAT)
                .putInt(key.id)
                .put(nonce)
                .put(encrypted)
                .array();
    }

    static byte[] open(Keyring keyring, SealedField field, UUID record, long version, byte[] sealed) {
        return open(keyring.byId(), field, record, version, sealed);
    }

    /** The same with the data keys alone, by id. */
    static byte[] open(Map<Integer, DataKey> byId, SealedField field, UUID record, long version, byte[] sealed) {
        if (sealed.length < HEADER_BYTES || sealed[0] != FORMAT) {
            throw new CannotOpen(field, record, version, "not in a format that this build knows");
        }
        int keyId = ByteBuffer.wrap(sealed).getInt(1);
        var key = byId.get(keyId);
        if (key == null) {
            throw new CannotOpen(field, record, version, "the store has no data key " + keyId);
        }
        try {
            return AesGcm.decrypt(key.key, associatedData(field, record, version, keyId), sealed, HEADER_BYTES);
        } catch (AEADBadTagException e) {
            throw new CannotOpen(field, record, version, "it was altered or belongs somewhere else");
        }
    }

    /** @return id of the data key that it names, or 0 if it is in no format that is known */
    static int keyId(byte[] sealed) {
        return sealed.length < HEADER_BYTES || sealed[0] != FORMAT
                ? 0
                : ByteBuffer.wrap(sealed).getInt(1);
    }

    static byte[] associatedData(SealedField field, UUID record, long version, int keyId) {
        return ByteBuffer.allocate(1 + Short.BYTES + 2 * Long.BYTES + Short.BYTES + Long.BYTES + Integer.BYTES)
                .put(FORMAT)
                .putShort(field.kind)
                .putLong(record.getMostSignificantBits())
                .putLong(record.getLeastSignificantBits())
                .putShort(field.field)
                .putLong(version)
                .putInt(keyId)
                .array();
    }
}
