package io.rolewright.testing;

import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A private certificate authority, made up on the spot, and certificates that it signed: good ones, and ones with exactly one
 * fault each. All keys are on P-256, but for the authority's own where it is to sign otherwise.
 */
public final class TestCertificates {

    private static final Duration DAY = Duration.ofDays(1);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final X500Name name = new X500Name("CN=Test CA " + Long.toHexString(RANDOM.nextLong()));
    private final KeyPair keys;
    private final String signature;
    private final Path folder;
    private final Issued own;

    private TestCertificates(Path folder, KeyPair keys, String signature) {
        this.folder = folder;
        this.keys = keys;
        this.signature = signature;
        this.own = issue(
                "ca", name, List.of(), Instant.now().minus(DAY), Instant.now().plus(DAY), keys, true);
    }

    /** A new authority whose files are deleted with {@code target/}. */
    public static TestCertificates create() {
        return in(newFolder());
    }

    /**
     * The same, signing otherwise.
     *
     * @param key of the authority: {@code EC}, {@code RSA} or {@code Ed25519}
     * @param signature such as {@code SHA384withECDSA}
     */
    public static TestCertificates signing(String key, String signature) {
        try {
            return new TestCertificates(
                    newFolder(),
                    key.equals("EC")
                            ? newKeys()
                            : KeyPairGenerator.getInstance(key).generateKeyPair(),
                    signature);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static TestCertificates in(Path folder) {
        return new TestCertificates(folder, newKeys(), "SHA256withECDSA");
    }

    private static Path newFolder() {
        try {
            return Files.createTempDirectory(Files.createDirectories(Path.of("target/test-certificates")), "ca-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The authority's own certificate in PEM: what a client puts in as {@code sslCertificate} or CA. */
    public String caPem() {
        return own.pem();
    }

    public Path caFile() {
        return own.certificate();
    }

    /** @param names DNS names and IP addresses that the server may be called by */
    public Issued server(String... names) {
        return server(Instant.now().minus(DAY), Instant.now().plus(DAY), names);
    }

    public Issued expired(String... names) {
        return server(Instant.now().minus(DAY.multipliedBy(2)), Instant.now().minus(DAY), names);
    }

    public Issued notYetValid(String... names) {
        return server(Instant.now().plus(DAY), Instant.now().plus(DAY.multipliedBy(2)), names);
    }

    /** A client certificate for {@code cert} authentication, which compares the common name with the role. */
    public Issued client(String role) {
        return issue(
                "client-" + role,
                new X500Name("CN=" + role),
                List.of(),
                Instant.now().minus(DAY),
                Instant.now().plus(DAY),
                newKeys(),
                false);
    }

    private Issued server(Instant from, Instant to, String... names) {
        List<GeneralName> alternatives = Arrays.stream(names)
                .map(one -> new GeneralName(
                        one.matches("[0-9.]+|.*:.*") ? GeneralName.iPAddress : GeneralName.dNSName, one))
                .toList();
        return issue("server", new X500Name("CN=test server"), alternatives, from, to, newKeys(), false);
    }

    private Issued issue(
            String file,
            X500Name subject,
            List<GeneralName> alternatives,
            Instant from,
            Instant to,
            KeyPair subjectKeys,
            boolean authority) {
        try {
            var builder = new JcaX509v3CertificateBuilder(
                    name,
                    new BigInteger(64, RANDOM).add(BigInteger.ONE),
                    Date.from(from),
                    Date.from(to),
                    subject,
                    subjectKeys.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
            if (authority) {
                builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
            }
            if (!alternatives.isEmpty()) {
                builder.addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(alternatives.toArray(new GeneralName[0])));
            }
            JcaContentSignerBuilder signer = new JcaContentSignerBuilder(signature);
            if (signature.endsWith("MGF1")) { // which Java's own provider knows by another name
                signer.setProvider(new BouncyCastleProvider());
            }
            byte[] certificate = builder.build(signer.build(keys.getPrivate())).getEncoded();
            String unique = file + "-" + Long.toHexString(RANDOM.nextLong());
            Path pem = Files.writeString(folder.resolve(unique + ".crt"), pem("CERTIFICATE", certificate));
            Path key = Files.writeString(
                    folder.resolve(unique + ".key"),
                    pem("PRIVATE KEY", subjectKeys.getPrivate().getEncoded()));
            Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
            return new Issued(pem.toAbsolutePath(), key.toAbsolutePath());
        } catch (CertIOException | OperatorCreationException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static KeyPair newKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String pem(String kind, byte[] der) {
        List<String> lines = new ArrayList<>();
        lines.add("-----BEGIN " + kind + "-----");
        lines.add(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der));
        lines.add("-----END " + kind + "-----");
        return String.join("\n", lines) + "\n";
    }

    /** A certificate and its key, both as PEM files. */
    public record Issued(Path certificate, Path key) {

        public String pem() {
            return read(certificate);
        }

        public String keyPem() {
            return read(key);
        }

        /** For a server that shows it, and trusts whoever it calls itself. */
        public SSLContext context() {
            try {
                KeyStore store = KeyStore.getInstance("PKCS12");
                store.load(null, null);
                byte[] encoded = Base64.getMimeDecoder().decode(keyPem().replaceAll("-----[A-Z ]+-----", ""));
                store.setKeyEntry(
                        "server",
                        KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(encoded)),
                        new char[0],
                        CertificateFactory.getInstance("X.509")
                                .generateCertificates(
                                        new ByteArrayInputStream(pem().getBytes(StandardCharsets.US_ASCII)))
                                .toArray(new Certificate[0]));
                KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
                managers.init(store, new char[0]);
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(managers.getKeyManagers(), InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
                return context;
            } catch (GeneralSecurityException | IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private static String read(Path file) {
            try {
                return Files.readString(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
