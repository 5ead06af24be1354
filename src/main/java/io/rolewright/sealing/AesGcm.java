package io.rolewright.sealing;

import java.security.GeneralSecurityException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/** AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST SP 800-38D), and nothing else. */
final class AesGcm {

    static final int KEY_BYTES = 32;

    /** 96 bits: the size that SP 800-38D §5.2.1.1 recommends and for which no hashing of the nonce is needed. */
    static final int NONCE_BYTES = 12;

    static final int TAG_BYTES = 16;

    private AesGcm() {}

    /**
     * @param nonce 12 bytes, never used before with this key
     * @return ciphertext followed by the tag: 16 bytes longer than the plaintext
     */
    static byte[] encrypt(SecretKey key, byte[] nonce, byte[] associatedData, byte[] plaintext) {
        try {
            var cipher = cipher(Cipher.ENCRYPT_MODE, key, nonce, 0);
            cipher.updateAAD(associatedData);
            return cipher.doFinal(plaintext);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("AES-GCM does not work on this Java runtime", e);
        }
    }

    /**
     * @param input holds nonce, ciphertext and tag from {@code offset} to its end
     * @throws AEADBadTagException if key, nonce, associated data, ciphertext or tag is not the one it was made with
     */
    static byte[] decrypt(SecretKey key, byte[] associatedData, byte[] input, int offset) throws AEADBadTagException {
        if (input.length - offset < NONCE_BYTES + TAG_BYTES) {
            throw new AEADBadTagException("too short");
        }
        try {
            var cipher = cipher(Cipher.DECRYPT_MODE, key, input, offset);
            cipher.updateAAD(associatedData);
            int start = offset + NONCE_BYTES;
            return cipher.doFinal(input, start, input.length - start);
        } catch (AEADBadTagException e) {
            throw e;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("AES-GCM does not work on this Java runtime", e);
        }
    }

    private static Cipher cipher(int mode, SecretKey key, byte[] nonceSource, int offset)
            throws GeneralSecurityException {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(8 * TAG_BYTES, nonceSource, offset, NONCE_BYTES));
        return cipher;
    }
}
