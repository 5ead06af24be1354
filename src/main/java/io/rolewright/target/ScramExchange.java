package io.rolewright.target;

import com.ongres.scram.common.ScramFunctions;
import com.ongres.scram.common.ScramMechanism;
import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The client's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677) as PostgreSQL has it. For one use, on one thread.
 *
 * <p>It is ours and not the driver's, so that we know ourselves what the server has shown: the salt of the secret that it keeps, and
 * that it has that secret.
 */
final class ScramExchange {

    static final String MECHANISM = "SCRAM-SHA-256";

    private static final ScramMechanism SHA_256 = ScramMechanism.SCRAM_SHA_256;

    /** No channel binding. */
    private static final String HEADER = "n,,";

    /** Strict, so that nothing can be read in two ways: RFC 5802 fixes the order, and PostgreSQL sends nothing more. */
    private static final Pattern SERVER_FIRST =
            Pattern.compile("r=([\\x21-\\x2B\\x2D-\\x7E]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,8})");

    private final String nonce;
    private @Nullable String serverFirst;
    private @Nullable ScramSalt salt;
    private @Nullable String serverNonce;
    private byte @Nullable [] serverSignature;

    ScramExchange() {
        byte[] random = new byte[18];
        new SecureRandom().nextBytes(random);
        nonce = Base64.getEncoder().encodeToString(random);
    }

    /** PostgreSQL takes the role from the start-up message and wants none here. */
    private String clientFirstBare() {
        return "n=,r=" + nonce;
    }

    String clientFirst() {
        return HEADER + clientFirstBare();
    }

    /** @return false when that is no answer to our first message */
    boolean challenged(String message) {
        Matcher parts = SERVER_FIRST.matcher(message);
        if (serverFirst != null || !parts.matches() || !parts.group(1).startsWith(nonce)) {
            return false;
        }
        try {
            salt = new ScramSalt(parts.group(2), Integer.parseInt(parts.group(3)));
        } catch (IllegalArgumentException noBase64) {
            return false;
        }
        serverFirst = message;
        serverNonce = parts.group(1);
        return true;
    }

    /** What the challenge showed; null before it. */
    @Nullable
    ScramSalt salt() {
        return salt;
    }

    /** Costs two microseconds an iteration. @param password not empty */
    String clientFinal(String password) {
        ScramSalt challenge = salt;
        if (challenge == null) {
            throw new IllegalStateException("not challenged yet");
        }
        byte[] salted = ScramSecret.salted(password, challenge.bytes(), challenge.iterations());
        byte[] clientKey = ScramFunctions.clientKey(SHA_256, salted);
        try {
            String withoutProof = "c=" + Base64.getEncoder().encodeToString(HEADER.getBytes(StandardCharsets.US_ASCII))
                    + ",r=" + serverNonce;
            String authMessage = clientFirstBare() + "," + serverFirst + "," + withoutProof;
            byte[] signature =
                    ScramFunctions.clientSignature(SHA_256, ScramFunctions.storedKey(SHA_256, clientKey), authMessage);
            serverSignature =
                    ScramFunctions.serverSignature(SHA_256, ScramFunctions.serverKey(SHA_256, salted), authMessage);
            return withoutProof + ",p="
                    + Base64.getEncoder().encodeToString(ScramFunctions.clientProof(clientKey, signature));
        } finally {
            Arrays.fill(salted, (byte) 0);
            Arrays.fill(clientKey, (byte) 0);
        }
    }

    /**
     * Whether the server's last message is its signature over this exchange: it has the secret of the password that we proved, and says
     * that our proof held.
     */
    boolean signs(String message) {
        byte[] expected = serverSignature;
        serverSignature = null; // once
        if (expected == null || !message.startsWith("v=")) {
            return false;
        }
        try {
            return MessageDigest.isEqual(expected, Base64.getDecoder().decode(message.substring(2)));
        } catch (IllegalArgumentException noBase64) {
            return false;
        }
    }
}
