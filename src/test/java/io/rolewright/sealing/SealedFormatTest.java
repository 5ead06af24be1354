package io.rolewright.sealing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SealedFormatTest {

    private static final UUID RECORD = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final long VERSION = 7;
    private static final byte[] PLAINTEXT = "{\"password\":\"pa55\"}".getBytes(UTF_8);
    private static final byte[] NONCE = hex("a0a1a2a3a4a5a6a7a8a9aaab");

    private static final DataKey KEY = key(0x01020304, 0);
    private static final DataKey OLD_KEY = key(3, 100);
    private static final Keyring KEYRING = Keyring.of(KEY, List.of(KEY, OLD_KEY), null, false);

    /**
     * As a store of format 1 holds it: format, data key id, nonce, ciphertext, tag. Computed once with another
     * implementation (pyca/cryptography): it must open for ever.
     */
    private static final String STORED = "01" + "01020304" + "a0a1a2a3a4a5a6a7a8a9aaab"
            + "9d3a0c4c36b875d01001a5e9250aa1eb458e24" + "8482a56ae855fb2f37cd599471e29cad";

    @Test
    void sealsAsPinned() {
        byte[] sealed = SealedFormat.seal(KEY, NONCE, SealedField.CONNECTION_CREDENTIALS, RECORD, VERSION, PLAINTEXT);

        assertThat(HexFormat.of().formatHex(sealed)).isEqualTo(STORED);
    }

    @Test
    void opensWhatAStoreOfThisFormatHolds() {
        assertThat(open(hex(STORED))).isEqualTo(PLAINTEXT);
    }

    @Test
    void bindsEveryPartOfThePlace() {
        byte[] data = SealedFormat.associatedData(SealedField.FINGERPRINT_KEY, RECORD, VERSION, KEY.id);

        assertThat(HexFormat.of().formatHex(data))
                .isEqualTo(
                        "01" + "0004" + "00112233445566778899aabbccddeeff" + "0002" + "0000000000000007" + "01020304");
    }

    @Test
    void numbersOfFieldsNeverChange() {
        assertThat(Arrays.stream(SealedField.values())
                        .collect(Collectors.toMap(Enum::name, f -> f.kind + "." + f.field)))
                .containsAllEntriesOf(Map.of(
                        "CONNECTION_CREDENTIALS", "1.1",
                        "SIGNING_KEY", "2.1",
                        "IDEMPOTENT_REPLY", "3.1",
                        "CANARY", "4.1",
                        "FINGERPRINT_KEY", "4.2",
                        "PASSWORD_VERSION", "5.1"));
        assertThat(Arrays.stream(SealedField.values()).map(f -> f.kind + "." + f.field))
                .doesNotHaveDuplicates();
    }

    /** Covers format, key id, nonce, ciphertext and tag: every one of them. */
    @Test
    void doesNotOpenWithAnyOneBitFlipped() {
        byte[] stored = hex(STORED);

        for (int bit = 0; bit < 8 * stored.length; bit++) {
            byte[] altered = stored.clone();
            altered[bit / 8] ^= (byte) (1 << bit % 8);

            assertThatThrownBy(() -> open(altered)).as("bit %d", bit).isInstanceOf(CannotOpen.class);
        }
    }

    @Test
    void doesNotOpenWhenCutOrLengthened() {
        byte[] stored = hex(STORED);

        IntStream.range(0, stored.length)
                .forEach(length -> assertThatThrownBy(() -> open(Arrays.copyOf(stored, length)))
                        .as("%d bytes", length)
                        .isInstanceOf(CannotOpen.class));
        assertThatThrownBy(() -> open(Arrays.copyOf(stored, stored.length + 1))).isInstanceOf(CannotOpen.class);
    }

    private static Stream<Place> otherPlaces() {
        var fields = Arrays.stream(SealedField.values())
                .filter(f -> f != SealedField.CONNECTION_CREDENTIALS)
                .map(f -> new Place(f, RECORD, VERSION));
        var records = IntStream.range(0, 128)
                .mapToObj(bit -> bit < 64
                        ? new UUID(RECORD.getMostSignificantBits() ^ 1L << bit, RECORD.getLeastSignificantBits())
                        : new UUID(RECORD.getMostSignificantBits(), RECORD.getLeastSignificantBits() ^ 1L << bit - 64))
                .map(record -> new Place(SealedField.CONNECTION_CREDENTIALS, record, VERSION));
        var versions = IntStream.range(0, 64)
                .mapToObj(bit -> new Place(SealedField.CONNECTION_CREDENTIALS, RECORD, VERSION ^ 1L << bit));
        return Stream.of(fields, records, versions).flatMap(s -> s);
    }

    @Test
    void doesNotOpenInAnotherFieldRecordOrVersion() {
        assertThat(otherPlaces())
                .allSatisfy(other -> assertThatThrownBy(
                                () -> SealedFormat.open(KEYRING, other.field, other.record, other.version, hex(STORED)))
                        .isInstanceOf(CannotOpen.class)
                        .hasMessageContaining(other.record.toString())
                        .hasMessageNotContaining("pa55"));
    }

    @Test
    void doesNotOpenWithAnotherKeyOfTheSameId() {
        var other = key(KEY.id, 1);
        var keyring = Keyring.of(other, List.of(other), null, false);

        assertThatThrownBy(() ->
                        SealedFormat.open(keyring, SealedField.CONNECTION_CREDENTIALS, RECORD, VERSION, hex(STORED)))
                .isInstanceOf(CannotOpen.class);
    }

    @Test
    void doesNotOpenUnderTheIdOfAnotherKeyEvenIfTheBytesAreTheSame() {
        var sameBytes = key(KEY.id + 1, 0);
        byte[] relabelled = hex(STORED);
        relabelled[4]++;
        var keyring = Keyring.of(sameBytes, List.of(sameBytes), null, false);

        assertThatThrownBy(() ->
                        SealedFormat.open(keyring, SealedField.CONNECTION_CREDENTIALS, RECORD, VERSION, relabelled))
                .isInstanceOf(CannotOpen.class);
    }

    @Test
    void opensWhatAnOlderDataKeySealed() {
        byte[] sealed = SealedFormat.seal(OLD_KEY, NONCE, SealedField.SIGNING_KEY, RECORD, 0, PLAINTEXT);

        assertThat(SealedFormat.open(KEYRING, SealedField.SIGNING_KEY, RECORD, 0, sealed))
                .isEqualTo(PLAINTEXT);
    }

    @Test
    void sealsNothingAtAll() {
        byte[] sealed = SealedFormat.seal(KEY, NONCE, SealedField.SIGNING_KEY, RECORD, 0, new byte[0]);

        assertThat(sealed).hasSize(33);
        assertThat(SealedFormat.open(KEYRING, SealedField.SIGNING_KEY, RECORD, 0, sealed))
                .isEmpty();
    }

    private static byte[] open(byte[] sealed) {
        return SealedFormat.open(KEYRING, SealedField.CONNECTION_CREDENTIALS, RECORD, VERSION, sealed);
    }

    private static DataKey key(int id, int firstByte) {
        byte[] bytes = new byte[32];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (firstByte + i);
        }
        return new DataKey(id, bytes);
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }

    private record Place(SealedField field, UUID record, long version) {}
}
