package io.rolewright.sealing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.problem.Problem;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

class SealerTest {

    private static final UUID RECORD = UUID.randomUUID();

    private final DataKey dataKey = new DataKey(1, new byte[32]);
    private final Sealer sealer = new Sealer();

    @Test
    void answersNotReadyBeforeTheStoreIsOpen() {
        assertThatThrownBy(() -> sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, new byte[1]))
                .isInstanceOfSatisfying(Problem.class, p -> {
                    assertThat(p.status()).isEqualTo(503);
                    assertThat(p.code()).isEqualTo("not_ready");
                });
    }

    @Test
    void opensWhatItSealed() {
        open();
        byte[] secret = "of some length".getBytes(UTF_8);

        byte[] sealed = sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, secret);

        assertThat(sealed).hasSize(secret.length + 33);
        assertThat(sealer.open(SealedField.PASSWORD_VERSION, RECORD, 1, sealed)).isEqualTo(secret);
    }

    @Test
    void sealsTheSameThingDifferentlyEachTime() {
        open();

        assertThat(sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, new byte[8]))
                .isNotEqualTo(sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, new byte[8]));
    }

    @Test
    void refusesToSealMoreOftenThanIsSafeWithOneKey() {
        open();
        dataKey.seals.set(Sealer.MOST_SEALS_PER_KEY - 1);

        sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, new byte[1]);

        assertThatThrownBy(() -> sealer.seal(SealedField.PASSWORD_VERSION, RECORD, 1, new byte[1]))
                .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.code()).isEqualTo("data_key_exhausted"));
    }

    /** HMAC-SHA-256 of the purpose's length in four bytes, the purpose, and the content. It is stored: it must not change. */
    @Test
    void fingerprintsAsPinned() {
        open();

        assertThat(HexFormat.of().formatHex(sealer.fingerprint("credentials", "content".getBytes(UTF_8))))
                .isEqualTo("fdcce40cf677b42ae8850422a4b8851264e4e10962559d1461716f877a5b1a69");
    }

    @Test
    void fingerprintsDifferByPurpose() {
        open();

        assertThat(sealer.fingerprint("a", "bc".getBytes(UTF_8)))
                .isNotEqualTo(sealer.fingerprint("ab", "c".getBytes(UTF_8)))
                .isNotEqualTo(sealer.fingerprint("b", "bc".getBytes(UTF_8)))
                .isEqualTo(sealer.fingerprint("a", "bc".getBytes(UTF_8)));
    }

    private void open() {
        byte[] fingerprintKey = HexFormat.of().parseHex("0b".repeat(32));
        sealer.use(Keyring.of(dataKey, List.of(dataKey), new SecretKeySpec(fingerprintKey, "HmacSHA256"), false));
    }
}
