package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.junit.jupiter.api.Tag;

/**
 * What callers send as PEM, fuzzed by coverage. {@code .ci/steps/fuzz} runs each parser's test for a while; for longer: {@code
 * FUZZ_SECONDS=3600 .ci/run fuzz}. Without {@code JAZZER_FUZZ=1} it runs over its empty input and its corpus only. A class has one such
 * test, because Jazzer fuzzes one in each process.
 */
@Tag("suite-fuzz")
class PemFuzzTest {

    private static final String CERTIFICATE = "-----BEGIN CERTIFICATE-----\n";
    private static final String KEY = "-----BEGIN PRIVATE KEY-----\n";

    /** Whatever it is, there is a sentence about it, and nothing of the key in that. */
    @FuzzTest
    void pem(FuzzedDataProvider data) {
        String ca = framed(CERTIFICATE, data);
        String certificate = framed(CERTIFICATE, data);
        String key = framed(KEY, data);

        Pem.faults(new TlsSettings(SslMode.VERIFY_FULL, ca, certificate, key)).forEach(fault -> {
            assertThat(fault.toString()).isNotBlank();
            if (key.length() > 60) {
                assertThat(fault.toString()).doesNotContain(key.substring(KEY.length(), key.length() - 1));
            }
        });
    }

    private static String framed(String head, FuzzedDataProvider data) {
        return data.consumeBoolean()
                ? head + data.consumeAsciiString(400) + head.replace("BEGIN", "END")
                : data.consumeString(400);
    }
}
