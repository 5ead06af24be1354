package io.rolewright.sealing;

import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** A key that seals records. It is kept in the store, wrapped by a root key. */
final class DataKey {

    final int id;
    final SecretKey key;

    /** How often this process has sealed with it. */
    final AtomicLong seals = new AtomicLong();

    /** @param bytes 32 of them; copied, so the caller wipes his own */
    DataKey(int id, byte[] bytes) {
        this.id = id;
        this.key = new SecretKeySpec(bytes, "AES");
    }

    @Override
    public String toString() {
        return "data key " + id;
    }
}
