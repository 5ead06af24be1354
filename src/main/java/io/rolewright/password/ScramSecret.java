package io.rolewright.password;

import io.vertx.core.Context;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Pattern;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * What PostgreSQL keeps in {@code pg_authid.rolpassword}, made here so that {@code ALTER ROLE} never carries the password itself: a failing
 * plaintext {@code ALTER ROLE} is copied into the server's log.
 *
 * <pre>SCRAM-SHA-256$&lt;iterations&gt;:&lt;salt&gt;$&lt;StoredKey&gt;:&lt;ServerKey&gt;   (after RFC 5803; the last three in Base64)
 *
 * SaltedPassword := Hi(Normalize(password), salt, i)
 * ClientKey      := HMAC(SaltedPassword, "Client Key")
 * StoredKey      := H(ClientKey)
 * ServerKey      := HMAC(SaltedPassword, "Server Key")                  (RFC 5802 §3)</pre>
 *
 * <p>It is as sensitive as a hash is: with it a weak password can be guessed, and a false server can pose as the real one.
 * {@link #toString} hides it.
 */
public final class ScramSecret {

    /** PostgreSQL's default, RFC 7677's minimum, and the only value a server before version 16 gives out by itself. */
    public static final int DEFAULT_ITERATIONS = 4096;

    /** More than this we refuse to compute for a server at login, so we do not ask for it either. */
    public static final int MAXIMUM_ITERATIONS = 100_000;

    /** PostgreSQL's own choice ({@code SCRAM_DEFAULT_SALT_LEN}). */
    private static final int SALT_BYTES = 16;

    private static final int KEY_BITS = 256;

    /**
     * PostgreSQL takes what is malformed by as little as a trailing newline for a password in clear and hashes it, without a word: so
     * nothing is sent that does not match this exactly. A key is 32 bytes, 44 characters of Base64 with one {@code =}.
     */
    private static final Pattern FORM = Pattern.compile(
            "SCRAM-SHA-256\\$[1-9][0-9]{0,5}:(?:[A-Za-z0-9+/]{4}){1,32}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
                    + "\\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=");

    private final String text;

    /** Absent for one that was derived before. */
    private final @Nullable ScramKeys keys;

    private ScramSecret(String text, @Nullable ScramKeys keys) {
        this.text = text;
        this.keys = keys;
    }

    /**
     * Derives the secret with a fresh salt. Takes about two microseconds per iteration: 8 ms at 4,096. <strong>Never on an event
     * loop.</strong>
     *
     * @param iterations {@code scram_iterations} of the server on 16+, else {@link #DEFAULT_ITERATIONS}; 1 to
     *     {@link #MAXIMUM_ITERATIONS}
     */
    public static ScramSecret derive(String password, int iterations, SecureRandom random) {
        byte[] salt = new byte[SALT_BYTES];
        random.nextBytes(salt);
        return derive(password, salt, iterations);
    }

    /**
     * The very secret that a server keeps which shows this challenge and proves to know this password. Takes as long as {@link
     * #derive(String, int, SecureRandom)}, and like it is <strong>never</strong> to be called on an event loop.
     *
     * @param shown with at most {@link #MAXIMUM_ITERATIONS}
     */
    public static ScramSecret derive(String password, ScramSalt shown) {
        return derive(password, shown.bytes(), shown.iterations());
    }

    /** For known answers: the same password, salt and count always give the same secret. */
    static ScramSecret derive(String password, byte[] salt, int iterations) {
        if (password.isEmpty() || iterations < 1 || iterations > MAXIMUM_ITERATIONS) {
            throw new IllegalArgumentException(
                    "a secret needs a password and 1 to " + MAXIMUM_ITERATIONS + " iterations");
        }
        if (Context.isOnEventLoopThread()) {
            throw new IllegalStateException("deriving a SCRAM secret would block the event loop");
        }
        Base64.Encoder base64 = Base64.getEncoder();
        String encoded = base64.encodeToString(salt);
        ScramKeys keys = ScramKeys.derive(password, new ScramSalt(encoded, iterations));
        String text = "SCRAM-SHA-256$" + iterations + ":" + encoded + "$" + base64.encodeToString(keys.storedKey())
                + ":" + base64.encodeToString(keys.serverKey());
        return new ScramSecret(of(text).text, keys);
    }

    /**
     * {@code Hi(Normalize(password), salt, i)}, of which both sides' keys are made. Takes about two microseconds per iteration.
     *
     * @param password of at least one character, as it was typed
     */
    public static byte[] salted(String password, byte[] salt, int iterations) {
        char[] prepared = Saslprep.prepared(password).toCharArray();
        PBEKeySpec spec = new PBEKeySpec(prepared, salt, iterations, KEY_BITS);
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(spec)
                    .getEncoded();
        } catch (GeneralSecurityException impossible) { // every Java has it
            throw new IllegalStateException(impossible);
        } finally {
            spec.clearPassword();
            Arrays.fill(prepared, '\0');
        }
    }

    /**
     * One that was derived before, for instance by the attempt that is being recovered.
     *
     * @throws IllegalArgumentException it is not exactly a SCRAM secret; the message does not quote it
     */
    public static ScramSecret of(String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("not a SCRAM-SHA-256 secret in PostgreSQL's form");
        }
        return new ScramSecret(text, null);
    }

    /** By which who has derived it proves its password without deriving anything again; null for one that was derived before. */
    public @Nullable ScramKeys keys() {
        return keys;
    }

    /** As {@code ALTER ROLE … PASSWORD} takes it; no character in it needs escaping in an SQL literal. */
    public String text() {
        return text;
    }

    /** By which a server's challenge shows that it keeps this one. */
    public ScramSalt salt() {
        int colon = text.indexOf(':');
        return new ScramSalt(
                text.substring(colon + 1, text.indexOf('$', colon)),
                Integer.parseInt(text.substring(text.indexOf('$') + 1, colon)));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ScramSecret secret
                && MessageDigest.isEqual(
                        text.getBytes(StandardCharsets.US_ASCII), secret.text.getBytes(StandardCharsets.US_ASCII));
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return "ScramSecret[SCRAM-SHA-256]";
    }
}
