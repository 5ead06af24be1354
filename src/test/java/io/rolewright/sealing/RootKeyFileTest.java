package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import javax.crypto.AEADBadTagException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RootKeyFileTest {

    private static final String ONE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    private static final String OTHER = "/////////////////////////////////////////w8=";
    private static final byte[] DATA_KEY = HexFormat.of().parseHex("5c".repeat(32));
    private static final byte[] NONCE = new byte[12];

    @TempDir
    Path folder;

    @Test
    void firstKeyIsActiveAndTheOthersStillOpen() throws IOException, AEADBadTagException {
        byte[] wrapped = read("old:" + OTHER).wrap(1, DATA_KEY, NONCE);

        var keys = read("new:" + ONE + "\nold:" + OTHER + "\n");

        assertThat(keys.activeId()).isEqualTo("new");
        assertThat(keys.unwrap(1, "old", wrapped)).hasValue(DATA_KEY);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "k1:" + ONE,
                "k1:" + ONE + "\n",
                "# made on Monday\r\n\r\n  k1:" + ONE + "  \r\n",
                "\n\t\nk1:" + ONE + "\n# the end"
            })
    void toleratesCommentsBlanksAndAnyLineEnd(String content) throws IOException {
        assertThat(read(content).activeId()).isEqualTo("k1");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            no colon,        AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,      is not of the form <key id>:<32 bytes in base64>
            no id,           :AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,     'needs a key id of 1 to 64 letters, digits, dots, dashes or underscores'
            blank in the id, k 1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,  'needs a key id of 1 to 64 letters, digits, dots, dashes or underscores'
            key first,       AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:k1,   'needs a key id of 1 to 64 letters, digits, dots, dashes or underscores'
            no key,          k1:,                                               holds a key of 0 bytes where 32 are needed
            short key,       k1:AAECAwQFBgcICQoLDA0ODw==,                       holds a key of 16 bytes where 32 are needed
            hexadecimal key, k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f, holds a key of 48 bytes where 32 are needed
            not base64,      k1:AAECAwQF!gcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,   holds a key that is not base64
            id twice,        k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,   repeats the key id of an earlier line
            """)
    void saysWhichLineIsWrongAndWhyButNotWhatStandsThere(String situation, String line, String why) throws IOException {
        var file = file("k0:" + OTHER + "\n# a comment\n" + line + "\n");

        assertThatThrownBy(() -> RootKeyFile.read(file))
                .isInstanceOf(RootKeyFile.Unusable.class)
                .hasMessage("The root key file %s is malformed: line 3 %s.".formatted(file, why))
                .hasNoCause();
    }

    @Test
    void saysThatThereIsNoFile() {
        var file = folder.resolve("absent");

        assertThatThrownBy(() -> RootKeyFile.read(file))
                .isInstanceOf(RootKeyFile.Unusable.class)
                .hasMessage("The root key file %s does not exist.", file);
    }

    @Test
    void saysThatItIsNoFile() {
        assertThatThrownBy(() -> RootKeyFile.read(folder))
                .isInstanceOf(RootKeyFile.Unusable.class)
                .hasMessage("The root key file %s cannot be read.", folder);
    }

    @Test
    void saysThatNoKeyIsInIt() {
        assertThatThrownBy(() -> read("# nothing yet\n\n"))
                .isInstanceOf(RootKeyFile.Unusable.class)
                .hasMessageEndingWith("holds no key; it needs a line <key id>:<32 bytes in base64>.");
    }

    @Test
    void saysThatItIsTooLong() {
        assertThatThrownBy(() -> read("# filler\n".repeat(10_000)))
                .isInstanceOf(RootKeyFile.Unusable.class)
                .hasMessageContaining("longer than 64 KiB");
    }

    @Test
    void wrappedKeyOpensOnlyAsTheDataKeyAndUnderTheRootKeyItWasWrappedFor() throws IOException, AEADBadTagException {
        var keys = read("k1:" + ONE + "\nk2:" + ONE);
        byte[] wrapped = keys.wrap(1, DATA_KEY, NONCE);

        assertThat(keys.unwrap(1, "k1", wrapped)).hasValue(DATA_KEY);
        assertThat(keys.unwrap(1, "absent", wrapped)).isEmpty();
        assertThatThrownBy(() -> keys.unwrap(2, "k1", wrapped)).isInstanceOf(AEADBadTagException.class);
        assertThatThrownBy(() -> keys.unwrap(1, "k2", wrapped)).isInstanceOf(AEADBadTagException.class);
        for (int i = 0; i < wrapped.length; i++) {
            byte[] altered = wrapped.clone();
            altered[i] ^= 1;
            assertThatThrownBy(() -> keys.unwrap(1, "k1", altered)).isInstanceOf(AEADBadTagException.class);
        }
    }

    /** Format, nonce, ciphertext and tag, computed once with another implementation (pyca/cryptography). */
    @Test
    void wrapsAsPinned() throws IOException {
        assertThat(HexFormat.of().formatHex(read("k1:" + ONE).wrap(1, DATA_KEY, NONCE)))
                .isEqualTo(
                        "01" + "00".repeat(12)
                                + "52e0e982e970dfe154f4f5694470cdc58e1f0a0f74dd3c73dcc2efdf99a3010a1b71376439fcd256e5e60edbc7c56ce2");
    }

    @Test
    void showsNoKeyAsText() throws IOException {
        assertThat(read("k1:" + ONE)).hasToString("root keys [k1]");
    }

    private RootKeys read(String content) throws IOException {
        return RootKeyFile.read(file(content));
    }

    private Path file(String content) throws IOException {
        return Files.writeString(folder.resolve("root-keys"), content);
    }
}
