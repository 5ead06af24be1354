package io.rolewright.delivery.webhook;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signing as the Standard Webhooks specification says, by the symmetric scheme {@code v1}: HMAC-SHA256. */
final class Signature {

    /** The specification asks for 24 to 64 bytes. */
    static final int KEY_BYTES = 32;

    private static final String SECRET_PREFIX = "whsec_";

    private Signature() {}

    /** @param id of the message, the same however often it is sent */
    static String of(byte[] key, String id, long epochSeconds, byte[] body) {
        Mac mac = hmac(key);
        mac.update((id + "." + epochSeconds + ".").getBytes(StandardCharsets.UTF_8));
        return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
    }

    /**
     * As the reference signs.
     *
     * @param key the text that was given, as it is
     * @param epochMillis the one that stands in the body
     */
    static String plain(String key, long epochMillis, byte[] body) {
        return "t=" + epochMillis + ";"
                + HexFormat.of()
                        .formatHex(hmac(key.getBytes(StandardCharsets.UTF_8)).doFinal(body));
    }

    private static Mac hmac(byte[] key) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HMAC-SHA-256 does not work on this Java runtime", e);
        }
    }

    /** What the receiver verifies with, in the form that libraries take. */
    static String secret(byte[] key) {
        return SECRET_PREFIX + Base64.getEncoder().encodeToString(key);
    }
}
