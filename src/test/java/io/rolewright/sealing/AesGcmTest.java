package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import javax.crypto.AEADBadTagException;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** Test case 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega), the paper that NIST took GCM from. */
class AesGcmTest {

    private static final SecretKeySpec KEY =
            new SecretKeySpec(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), "AES");
    private static final byte[] NONCE = hex("cafebabefacedbaddecaf888");
    private static final byte[] ASSOCIATED_DATA = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    private static final byte[] PLAINTEXT = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    private static final byte[] CIPHERTEXT = hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662");
    private static final byte[] TAG = hex("76fc6ece0f4e1768cddf8853bb2d551b");

    @Test
    void encryptsTheKnownAnswer() {
        byte[] encrypted = AesGcm.encrypt(KEY, NONCE, ASSOCIATED_DATA, PLAINTEXT);

        assertThat(encrypted).isEqualTo(joined(CIPHERTEXT, TAG));
    }

    @Test
    void decryptsTheKnownAnswer() throws AEADBadTagException {
        byte[] stored = joined(new byte[5], NONCE, CIPHERTEXT, TAG);

        assertThat(AesGcm.decrypt(KEY, ASSOCIATED_DATA, stored, 5)).isEqualTo(PLAINTEXT);
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }

    private static byte[] joined(byte[]... parts) {
        var all = ByteBuffer.allocate(
                java.util.Arrays.stream(parts).mapToInt(p -> p.length).sum());
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }
}
