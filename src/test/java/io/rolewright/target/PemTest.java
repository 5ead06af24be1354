package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestCertificates;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateKey;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PemTest {

    private static final TestCertificates CA = TestCertificates.create();
    private static final TestCertificates.Issued CLIENT = CA.client("app");
    private static final TestCertificates.Issued OTHER = CA.client("other");
    private static final String ENCRYPTED =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----";

    private static TlsSettings settings(String ca, String certificate, String key) {
        return new TlsSettings(SslMode.VERIFY_FULL, ca, certificate, key);
    }

    @Test
    void takesWhatCanBeUsed() {
        assertThat(settings(null, null, null).faults()).isEmpty();
        assertThat(settings(CA.caPem(), CLIENT.pem(), CLIENT.keyPem()).faults()).isEmpty();
        assertThat(settings("Subject: somebody\n" + CA.caPem() + CA.caPem().replace("\n", "\r\n"), null, null)
                        .faults())
                .isEmpty();
        assertThat(settings(null, CLIENT.pem() + CA.caPem(), CLIENT.keyPem()).faults())
                .isEmpty();
    }

    /** As they come out of environment variables, OpenSSL and the bundles of clouds. */
    @Test
    void takesWhatOpenSslTakes() {
        String escaped = CA.caPem().replace("\n", "\\n");
        String asOpenSslNamesIt = CA.caPem().replace("CERTIFICATE", "X509 CERTIFICATE");
        String list = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";

        assertThat(settings(
                                escaped,
                                CLIENT.pem().replace("\n", "\\r\\n"),
                                CLIENT.keyPem().replace("\n", "\\n"))
                        .faults())
                .isEmpty();
        assertThat(settings(asOpenSslNamesIt + list, null, null).faults()).isEmpty();
        assertThat(settings(trusted(CA.caPem()), null, null).faults()).isEmpty();
        assertThat(settings(CA.caPem().repeat(300), null, null).faults()).isEmpty();
    }

    /** A certificate and then what it may be used for: {@code openssl x509 -trustout}. */
    private static String trusted(String pem) {
        String base64 = pem.replaceAll("-----[A-Z ]+-----|\\s", "");
        byte[] certificate = Base64.getDecoder().decode(base64);
        byte[] both = Arrays.copyOf(certificate, certificate.length + 2);
        both[certificate.length] = 0x30; // an empty SEQUENCE
        return "-----BEGIN TRUSTED CERTIFICATE-----\n"
                + Base64.getMimeEncoder().encodeToString(both)
                + "\n-----END TRUSTED CERTIFICATE-----\n";
    }

    static Stream<Arguments> faults() {
        String notBase64 = "-----BEGIN CERTIFICATE-----\nA=A=\n-----END CERTIFICATE-----";
        String notDer = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        return Stream.of(
                Arguments.of(settings("", null, null), TlsSettings.Field.CA, "no certificate"),
                Arguments.of(settings("hello", null, null), TlsSettings.Field.CA, "no certificate"),
                Arguments.of(settings("/etc/ssl/ca.pem", null, null), TlsSettings.Field.CA, "name of a file"),
                Arguments.of(
                        settings(
                                Base64.getEncoder().encodeToString(CA.caPem().getBytes(StandardCharsets.US_ASCII)),
                                null,
                                null),
                        TlsSettings.Field.CA,
                        "Base64, as in a Kubernetes Secret"),
                Arguments.of(settings(notBase64, null, null), TlsSettings.Field.CA, "not Base64"),
                Arguments.of(
                        settings(CA.caPem() + notDer, null, null),
                        TlsSettings.Field.CA,
                        "Certificate 2 cannot be read"),
                Arguments.of(settings(CLIENT.keyPem(), null, null), TlsSettings.Field.CA, "another kind"),
                Arguments.of(settings(CA.caPem().repeat(301), null, null), TlsSettings.Field.CA, "more than 300"),
                Arguments.of(
                        settings(null, "x", CLIENT.keyPem()), TlsSettings.Field.CLIENT_CERTIFICATE, "no certificate"),
                Arguments.of(
                        settings(null, null, CLIENT.keyPem()),
                        TlsSettings.Field.CLIENT_CERTIFICATE,
                        "needs its certificate"),
                Arguments.of(settings(null, CLIENT.pem(), null), TlsSettings.Field.CLIENT_KEY, "needs its key"),
                Arguments.of(settings(null, CLIENT.pem(), "x"), TlsSettings.Field.CLIENT_KEY, "no private key"),
                Arguments.of(settings(null, CLIENT.pem(), ENCRYPTED), TlsSettings.Field.CLIENT_KEY, "encrypted"),
                Arguments.of(
                        settings(null, CLIENT.pem(), OTHER.keyPem()), TlsSettings.Field.CLIENT_KEY, "does not belong"));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void namesTheFieldAndTheFault(TlsSettings settings, TlsSettings.Field field, String message) {
        assertThat(settings.faults()).singleElement().satisfies(fault -> {
            assertThat(fault.field()).isEqualTo(field);
            assertThat(fault.message()).contains(message);
        });
    }

    @ParameterizedTest
    @CsvSource({"RSA, 2048", "EC, 256", "EC, 384", "EC, 521"})
    void readsTheOlderFormsOfKeys(String algorithm, int size)
            throws GeneralSecurityException, IOException, Pem.Unreadable {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        generator.initialize(size);
        PrivateKey key = generator.generateKeyPair().getPrivate();
        byte[] older = key instanceof ECPrivateKey ec
                // As OpenSSL writes it: with the curve inside.
                ? new org.bouncycastle.asn1.sec.ECPrivateKey(
                                size,
                                ec.getS(),
                                PrivateKeyInfo.getInstance(key.getEncoded())
                                        .getPrivateKeyAlgorithm()
                                        .getParameters())
                        .getEncoded()
                : PrivateKeyInfo.getInstance(key.getEncoded())
                        .parsePrivateKey()
                        .toASN1Primitive()
                        .getEncoded();
        String curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

        for (PrivateKey read : List.of(
                Pem.privateKey(curve + pem(algorithm + " PRIVATE KEY", older)),
                Pem.privateKey(pem("PRIVATE KEY", key.getEncoded())))) {
            // Encodings differ in whether they repeat the curve; the number does not.
            assertThat(read.getAlgorithm()).isEqualTo(algorithm);
            assertThat(secretNumber(read)).isEqualTo(secretNumber(key));
        }
    }

    private static BigInteger secretNumber(PrivateKey key) {
        return key instanceof ECPrivateKey ec ? ec.getS() : ((RSAPrivateKey) key).getPrivateExponent();
    }

    private static String pem(String kind, byte[] der) {
        return "-----BEGIN " + kind + "-----\n" + Base64.getMimeEncoder().encodeToString(der) + "\n-----END " + kind
                + "-----\n";
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "MA==", "MIIB", "MAOgAaA=", "MIT/////", "MAcCAQEEAACg"})
    void readsNothingIntoABrokenKey(String base64) {
        for (String kind : new String[] {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"}) {
            String key = "-----BEGIN " + kind + "-----\n" + base64 + "\n-----END " + kind + "-----";

            assertThat(settings(null, CLIENT.pem(), key).faults())
                    .singleElement()
                    .extracting(TlsSettings.Fault::field)
                    .isEqualTo(TlsSettings.Field.CLIENT_KEY);
        }
    }
}
