package io.rolewright.sealing;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.UUID;
import javax.crypto.Mac;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Seals what must not lie in the store in clear, and opens it again. Every call takes microseconds and may be made on an
 * event loop; any thread may call.
 *
 * <p><b>What this protects against:</b> reading a stolen store or backup; changing a sealed value; moving one to another
 * record, field or version. <b>What it does not:</b> putting an older row back whole (its version goes with it), deleting
 * rows, and anybody who holds the root key or reads this process's memory.
 *
 * <p>Works once the start-up step {@code sealing} has opened the store; until then every call ends with 503
 * {@code not_ready}.
 */
@ApplicationScoped
public class Sealer {

    /** SP 800-38D §8.3: at most 2³² encryptions with random nonces under one key. */
    static final long MOST_SEALS_PER_KEY = 1L << 32;

    /** A sixteenth of the bound: time to make a new data key long before it, with up to 16 replicas or restarts counting apart. */
    static final long SEALS_TO_WARN_AT = 1L << 28;

    private static final Logger log = Logger.getLogger(Sealer.class);

    // Not static: a native image would carry the seed of the machine that built it.
    private final SecureRandom random = new SecureRandom();

    private volatile @Nullable Keyring keyring;

    /**
     * @param record id of the row; together with {@code version} and the field it says where the result may be opened
     * @param version of the row's sealed value, whatever the caller counts; 0 where nothing is counted
     * @param plaintext stays the caller's: he wipes it if it is worth wiping
     * @return 33 bytes longer than the plaintext; another one at each call
     */
    public byte[] seal(SealedField field, UUID record, long version, byte[] plaintext) {
        var key = keyring().active();
        count(key);
        return SealedFormat.seal(key, random(AesGcm.NONCE_BYTES), field, record, version, plaintext);
    }

    /**
     * @return the plaintext, in an array of the caller's own
     * @throws CannotOpen if it was altered, was sealed for another place, or its data key is not in this store
     * @throws Problem 503 {@code data_key_not_loaded} if it was sealed with a newer key than this process has read: it
     *     stood still while that was made, and reads it within seconds
     */
    public byte[] open(SealedField field, UUID record, long version, byte[] sealed) {
        var opened = keyring();
        if (SealedFormat.keyId(sealed) > opened.newest()) {
            throw Problem.of(ErrorCode.DATA_KEY_NOT_LOADED, "This process has not loaded the newest data key yet.");
        }
        return SealedFormat.open(opened, field, record, version, sealed);
    }

    /**
     * A keyed hash by which equal things are recognised without keeping them: HMAC-SHA-256 with a key that is made once
     * per store and never changes, so the result outlives every change of data keys and root keys.
     *
     * @param purpose what it is for, in ASCII; the same bytes hash differently for another purpose
     * @param canonical an encoding in which different things differ
     * @return 32 bytes; compare with {@link java.security.MessageDigest#isEqual}
     */
    public byte[] fingerprint(String purpose, byte[] canonical) {
        try {
            var mac = Mac.getInstance("HmacSHA256");
            mac.init(keyring().fingerprintKey());
            byte[] name = purpose.getBytes(StandardCharsets.US_ASCII);
            // The length in front keeps purpose and content apart.
            mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(name.length).array());
            mac.update(name);
            return mac.doFinal(canonical);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HMAC-SHA-256 does not work on this Java runtime", e);
        }
    }

    /** @return so many bytes from the operating system's generator; works before the store is open */
    public byte[] random(int bytes) {
        byte[] result = new byte[bytes];
        random.nextBytes(result);
        return result;
    }

    boolean isOpen() {
        return keyring != null;
    }

    void use(Keyring opened) {
        keyring = opened;
    }

    /** @throws Problem 503 {@code not_ready} until the store is open */
    Keyring keyring() {
        var opened = keyring;
        if (opened == null) {
            throw Problem.of(ErrorCode.NOT_READY, "The service is starting and has not opened its keys yet.");
        }
        return opened;
    }

    private static void count(DataKey key) {
        long seals = key.seals.incrementAndGet();
        if (seals == SEALS_TO_WARN_AT) {
            log.warnf("This process has sealed 2^28 times with %s: run the key command new-data-key", key);
        }
        if (seals > MOST_SEALS_PER_KEY) {
            throw Problem.of(
                    ErrorCode.DATA_KEY_EXHAUSTED,
                    "The data key has reached its safe number of uses. Create a new one.");
        }
    }
}
