package io.rolewright.target;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads certificates and private keys in PEM (RFC 7468), and says in words what is wrong with them. */
final class Pem {

    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\\s]*)-----END \\1-----");

    /** The longest bundles that are in use (a cloud's of all regions, a distribution's) have 110 to 150; all of it is parsed for every session. */
    private static final int MAXIMUM_CERTIFICATES = 300;

    /** As OpenSSL names one. In {@code TRUSTED CERTIFICATE} what it may be used for follows, which is not looked at. */
    private static final Set<String> CERTIFICATE = Set.of("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE");

    private static final Pattern FILE =
            Pattern.compile("(~|\\.{1,2}|[A-Za-z]:)?[/\\\\]?[\\w.-]+([/\\\\][\\w.-]+)*\\.(pem|crt|cer|key)");

    private static final String PEM_IN_BASE64 =
            Base64.getEncoder().encodeToString("-----BEGI".getBytes(StandardCharsets.US_ASCII));

    /** DER of {@code SEQUENCE { OID rsaEncryption, NULL }} and of {@code OID id-ecPublicKey} (RFC 8017 A.1, RFC 5480 §2.1.1). */
    private static final byte[] RSA_ALGORITHM = hex("300d06092a864886f70d0101010500");

    private static final byte[] EC_OID = hex("06072a8648ce3d0201");

    private Pem() {}

    /** A readable sentence about a PEM text. */
    static final class Unreadable extends Exception {
        private final String reason;

        Unreadable(String reason) {
            super(reason, null, false, false);
            this.reason = reason;
        }

        String reason() {
            return reason;
        }
    }

    static List<TlsSettings.Fault> faults(TlsSettings settings) {
        List<TlsSettings.Fault> faults = new ArrayList<>();
        if (settings.caPem() != null) {
            try {
                certificates(settings.caPem());
            } catch (Unreadable e) {
                faults.add(new TlsSettings.Fault(TlsSettings.Field.CA, e.reason()));
            }
        }
        X509Certificate leaf = null;
        if (settings.clientCertificatePem() != null) {
            try {
                leaf = certificates(settings.clientCertificatePem()).get(0);
            } catch (Unreadable e) {
                faults.add(new TlsSettings.Fault(TlsSettings.Field.CLIENT_CERTIFICATE, e.reason()));
            }
        } else if (settings.clientKeyPem() != null) {
            faults.add(
                    new TlsSettings.Fault(TlsSettings.Field.CLIENT_CERTIFICATE, "A client key needs its certificate."));
        }
        keyFault(settings, leaf).ifPresent(faults::add);
        return faults;
    }

    private static Optional<TlsSettings.Fault> keyFault(TlsSettings settings, @Nullable X509Certificate leaf) {
        String message = null;
        if (settings.clientKeyPem() == null) {
            message = settings.clientCertificatePem() == null ? null : "A client certificate needs its key.";
        } else {
            try {
                PrivateKey key = privateKey(settings.clientKeyPem());
                if (leaf != null && !belong(key, leaf.getPublicKey())) {
                    message = "The key does not belong to the first client certificate.";
                }
            } catch (Unreadable e) {
                message = e.reason();
            }
        }
        return Optional.ofNullable(message).map(text -> new TlsSettings.Fault(TlsSettings.Field.CLIENT_KEY, text));
    }

    /** @return at least one, in the text's order */
    static List<X509Certificate> certificates(String pem) throws Unreadable {
        List<X509Certificate> certificates = new ArrayList<>();
        Matcher blocks = BLOCK.matcher(lines(pem));
        while (blocks.find()) {
            if (blocks.group(1).equals("X509 CRL")) {
                continue; // often beside the certificates, and OpenSSL reads over it too
            }
            if (!CERTIFICATE.contains(blocks.group(1))) {
                throw new Unreadable("Only CERTIFICATE blocks belong here, and there is another kind.");
            }
            if (certificates.size() == MAXIMUM_CERTIFICATES) {
                throw new Unreadable("There are more than " + MAXIMUM_CERTIFICATES + " certificates.");
            }
            try {
                certificates.add((X509Certificate) CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(decode(blocks.group(2)))));
            } catch (CertificateException e) {
                throw new Unreadable("Certificate " + (certificates.size() + 1) + " cannot be read.");
            }
        }
        if (certificates.isEmpty()) {
            throw new Unreadable(
                    otherwise(pem).orElse("There is no certificate in PEM form (-----BEGIN CERTIFICATE-----)."));
        }
        return certificates;
    }

    /** The certificates of a text in the form that every client reads (RFC 7468 §2), and nothing that stood between them. */
    static String written(String pem) {
        Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
        StringBuilder written = new StringBuilder();
        try {
            for (X509Certificate each : certificates(pem)) {
                written.append("-----BEGIN CERTIFICATE-----\n")
                        .append(lines.encodeToString(each.getEncoded()))
                        .append("\n-----END CERTIFICATE-----\n");
            }
        } catch (Unreadable | CertificateEncodingException e) {
            throw new IllegalStateException("certificates that could be read when they were stored", e);
        }
        return written.toString();
    }

    /** Environment variables and .env files carry line ends as the two characters {@code \n}, neither of which is one of PEM's. */
    private static String lines(String pem) {
        return pem.replace("\\r", "").replace("\\n", "\n");
    }

    /** What was given in place of a PEM text, if it can be told. */
    private static Optional<String> otherwise(String text) {
        if (FILE.matcher(text).matches()) {
            return Optional.of("This is the name of a file. Send what stands in the file.");
        }
        return text.replaceAll("\\s", "").startsWith(PEM_IN_BASE64)
                ? Optional.of("This is a PEM text in Base64, as in a Kubernetes Secret. Send it decoded.")
                : Optional.empty();
    }

    static PrivateKey privateKey(String pem) throws Unreadable {
        Matcher blocks = BLOCK.matcher(lines(pem));
        while (blocks.find()) {
            byte[] content = decode(blocks.group(2));
            switch (blocks.group(1)) {
                case "PRIVATE KEY":
                    return pkcs8(content);
                case "RSA PRIVATE KEY":
                    return pkcs8(wrap(RSA_ALGORITHM, content));
                case "EC PRIVATE KEY":
                    return pkcs8(wrap(der(0x30, concat(EC_OID, curve(content))), content));
                case "ENCRYPTED PRIVATE KEY":
                    throw new Unreadable("The key is encrypted; give it without a passphrase.");
                default:
                // "EC PARAMETERS" and certificates may stand before the key.
            }
        }
        throw new Unreadable(
                pem.contains("Proc-Type: 4,ENCRYPTED")
                        ? "The key is encrypted; give it without a passphrase."
                        : otherwise(pem).orElse("There is no private key in PEM form (-----BEGIN PRIVATE KEY-----)."));
    }

    private static PrivateKey pkcs8(byte[] content) throws Unreadable {
        for (String algorithm : List.of("RSA", "EC", "EdDSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(content));
            } catch (InvalidKeySpecException other) {
                // Not a key of this algorithm.
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new Unreadable("The key cannot be read; it must be RSA, EC or EdDSA.");
    }

    /** Whether a signature by the one verifies with the other. */
    private static boolean belong(PrivateKey key, PublicKey certified) {
        String algorithm = switch (key.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "EdDSA";
        };
        byte[] message = {1};
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(message);
            byte[] signed = signature.sign();
            signature.initVerify(certified);
            signature.update(message);
            return signature.verify(signed);
        } catch (GeneralSecurityException differentKinds) {
            return false;
        }
    }

    private static byte[] decode(String base64) throws Unreadable {
        try {
            return Base64.getDecoder().decode(base64.replaceAll("\\s", ""));
        } catch (IllegalArgumentException e) {
            throw new Unreadable("What stands between BEGIN and END is not Base64.");
        }
    }

    // ---- DER, as much of it as older key forms need to be read as PKCS#8 (RFC 5958)

    private static byte[] wrap(byte[] algorithm, byte[] key) {
        return der(0x30, concat(hex("020100"), algorithm, der(0x04, key)));
    }

    /** The curve's OID from SEC1's {@code ECPrivateKey ::= SEQUENCE { 1, OCTET STRING, [0] OID, … }} (RFC 5915 §3). */
    private static byte[] curve(byte[] sec1) throws Unreadable {
        try {
            int at = contentOf(sec1, 0);
            at = after(sec1, at);
            at = after(sec1, at);
            if ((sec1[at] & 0xff) == 0xa0) {
                int oid = contentOf(sec1, at);
                return java.util.Arrays.copyOfRange(sec1, oid, after(sec1, oid));
            }
        } catch (ArrayIndexOutOfBoundsException | IllegalArgumentException truncated) {
            // Falls through to the sentence below.
        }
        throw new Unreadable("The EC key does not name its curve.");
    }

    private static int contentOf(byte[] der, int at) {
        int length = der[at + 1] & 0xff;
        return length < 0x80 ? at + 2 : at + 2 + (length & 0x7f);
    }

    private static int after(byte[] der, int at) {
        int start = contentOf(der, at);
        int length = der[at + 1] & 0xff;
        if (length >= 0x80) {
            length = new BigInteger(1, java.util.Arrays.copyOfRange(der, at + 2, start)).intValueExact();
        }
        return start + length;
    }

    private static byte[] der(int tag, byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        if (content.length < 0x80) {
            out.write(content.length);
        } else {
            byte[] length = BigInteger.valueOf(content.length).toByteArray();
            int skip = length[0] == 0 ? 1 : 0;
            out.write(0x80 | (length.length - skip));
            out.write(length, skip, length.length - skip);
        }
        out.writeBytes(content);
        return out.toByteArray();
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] hex(String hex) {
        return java.util.HexFormat.of().parseHex(hex);
    }
}
