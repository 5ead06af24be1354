package io.rolewright.target;

import io.rolewright.password.ScramKeys;
import io.rolewright.password.ScramSalt;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The client's side of one SCRAM-SHA-256 or SCRAM-SHA-256-PLUS exchange (RFC 5802, RFC 7677) as PostgreSQL has it. For one use, on one
 * thread.
 *
 * <p>It is ours and not the driver's, so that we know ourselves what the server has shown: the salt of the secret that it keeps, and
 * that it has that secret.
 */
final class ScramExchange {

    static final String MECHANISM = "SCRAM-SHA-256";

    /** The same with channel binding: the proof is for the server that showed this one certificate. */
    static final String BOUND = "SCRAM-SHA-256-PLUS";

    /** Strict, so that nothing can be read in two ways: RFC 5802 fixes the order, and PostgreSQL sends nothing more. */
    private static final Pattern SERVER_FIRST =
            Pattern.compile("r=([\\x21-\\x2B\\x2D-\\x7E]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,8})");

    private final String mechanism;

    /** Who could bind and does not says so, and is refused by a server that offered it: nobody strikes the offer out on the way. */
    private final String header;

    private final byte[] binding;
    private final String nonce;
    private @Nullable String serverFirst;
    private @Nullable ScramSalt salt;
    private @Nullable String serverNonce;
    private byte @Nullable [] serverSignature;

    private ScramExchange(String mechanism, String header, byte[] binding) {
        this.mechanism = mechanism;
        this.header = header;
        this.binding = binding;
        byte[] random = new byte[18];
        new SecureRandom().nextBytes(random);
        nonce = Base64.getEncoder().encodeToString(random);
    }

    /** For a session without TLS, or with a certificate that nothing can be bound to. */
    static ScramExchange unbound() {
        return new ScramExchange(MECHANISM, "n,,", new byte[0]);
    }

    /** For a session with TLS whose server does not offer channel binding. */
    static ScramExchange notOffered() {
        return new ScramExchange(MECHANISM, "y,,", new byte[0]);
    }

    /** @param endPoint {@link ChannelBinding#endPoint} of the certificate that the server has shown */
    static ScramExchange bound(byte[] endPoint) {
        return new ScramExchange(BOUND, "p=tls-server-end-point,,", endPoint);
    }

    String mechanism() {
        return mechanism;
    }

    /** PostgreSQL takes the role from the start-up message and wants none here. */
    private String clientFirstBare() {
        return "n=,r=" + nonce;
    }

    String clientFirst() {
        return header + clientFirstBare();
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

    /**
     * Costs two microseconds an iteration where the keys are not those of the challenge.
     *
     * @param password not empty
     * @param known keys of the password that were derived before; absent for none
     */
    String clientFinal(String password, @Nullable ScramKeys known) {
        ScramSalt challenge = salt;
        if (challenge == null) {
            throw new IllegalStateException("not challenged yet");
        }
        ScramKeys keys = known != null && known.fit(challenge) ? known : ScramKeys.derive(password, challenge);
        String withoutProof = "c=" + channel() + ",r=" + serverNonce;
        String authMessage = clientFirstBare() + "," + serverFirst + "," + withoutProof;
        serverSignature = keys.serverSignature(authMessage);
        return withoutProof + ",p=" + Base64.getEncoder().encodeToString(keys.clientProof(authMessage));
    }

    private String channel() {
        byte[] said = header.getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(said, said.length + binding.length);
        System.arraycopy(binding, 0, all, said.length, binding.length);
        return Base64.getEncoder().encodeToString(all);
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
