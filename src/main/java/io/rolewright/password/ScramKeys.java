package io.rolewright.password;

import com.ongres.scram.common.ScramFunctions;
import com.ongres.scram.common.ScramMechanism;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The two keys that a login by SCRAM needs of a password, for one salt and number of iterations. All the cost of a password lies in
 * them: who has just made its secret proves it without deriving anything again.
 *
 * <p>With the client's key anybody can log in as the role, so they are kept as the password is: for the length of one change.
 */
public final class ScramKeys {

    private static final ScramMechanism SHA_256 = ScramMechanism.SCRAM_SHA_256;

    private final ScramSalt salt;
    private final byte[] clientKey;
    private final byte[] serverKey;

    private ScramKeys(ScramSalt salt, byte[] clientKey, byte[] serverKey) {
        this.salt = salt;
        this.clientKey = clientKey;
        this.serverKey = serverKey;
    }

    /** Takes about two microseconds an iteration. @param password not empty */
    public static ScramKeys derive(String password, ScramSalt salt) {
        byte[] salted = ScramSecret.salted(password, salt.bytes(), salt.iterations());
        try {
            return new ScramKeys(
                    salt, ScramFunctions.clientKey(SHA_256, salted), ScramFunctions.serverKey(SHA_256, salted));
        } finally {
            Arrays.fill(salted, (byte) 0);
        }
    }

    /** Whether they answer this challenge. */
    public boolean fit(@Nullable ScramSalt challenge) {
        return salt.equals(challenge);
    }

    public byte[] storedKey() {
        return ScramFunctions.storedKey(SHA_256, clientKey);
    }

    /** @param authMessage of RFC 5802 §3 */
    public byte[] clientProof(String authMessage) {
        return ScramFunctions.clientProof(clientKey, ScramFunctions.clientSignature(SHA_256, storedKey(), authMessage));
    }

    /** What the server must say to it. */
    public byte[] serverSignature(String authMessage) {
        return ScramFunctions.serverSignature(SHA_256, serverKey, authMessage);
    }

    byte[] serverKey() {
        return serverKey.clone();
    }

    @Override
    public String toString() {
        return "ScramKeys[SCRAM-SHA-256]";
    }
}
