package io.rolewright.store;

import io.quarkus.runtime.configuration.ConfigurationException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.TrustOptions;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * TLS to the store in libpq's words. {@code allow} and {@code prefer} are refused: both fall back to plaintext in silence.
 *
 * @param mode one of the four that we keep
 * @param trusted PEM certificates to check against, or empty for those of the JDK
 */
record StoreTls(SslMode mode, Optional<Buffer> trusted) {

    /**
     * Where nothing says how, TLS is required, but to a store on this machine: what is sent there crosses no network.
     *
     * @param fromUrl the mode that stood in the store's URL (or in Quarkus' own setting); empty if none did
     * @param host of the store, as it was given: a name, an address or the directory of a socket
     * @throws ConfigurationException with one sentence, for a setting that is malformed or contradicts another
     */
    static StoreTls of(Optional<String> sslmode, Optional<String> sslrootcert, Optional<SslMode> fromUrl, String host) {
        SslMode mode = sslmode.map(StoreTls::parse)
                .or(() -> fromUrl)
                .orElseGet(() -> sslrootcert.isPresent()
                        ? SslMode.VERIFY_FULL
                        : onThisMachine(host) ? SslMode.DISABLE : SslMode.REQUIRE);
        if (mode == SslMode.ALLOW || mode == SslMode.PREFER) {
            throw refused(mode.name().toLowerCase());
        }
        if (mode == SslMode.DISABLE && sslrootcert.isPresent()) {
            throw new ConfigurationException(
                    "rolewright.store.sslrootcert is set but rolewright.store.sslmode is disable: one of them is wrong");
        }
        return new StoreTls(mode, sslrootcert.map(StoreTls::read));
    }

    /** By the text alone: a name that leads here by way of DNS is one that may lead elsewhere tomorrow. */
    private static boolean onThisMachine(String host) {
        return host.startsWith("/")
                || host.equalsIgnoreCase("localhost")
                || host.startsWith("127.")
                || host.equals("::1")
                || host.equals("[::1]");
    }

    /** What an operator is to know of the way to a store at {@code host}; empty if there is nothing. */
    Optional<String> warning(String host) {
        if (onThisMachine(host)) {
            return Optional.empty();
        }
        return switch (mode) {
            case DISABLE ->
                Optional.of(
                        "ROLEWRIGHT_STORE_SSLMODE is disable: what is kept in the store, and the login to it, cross the"
                                + " network in clear. Set it to verify-full");
            case REQUIRE ->
                trusted.isPresent()
                        ? Optional.empty()
                        : Optional.of(
                                "The certificate of the store is not checked: whoever stands in between can take its place. Set"
                                        + " ROLEWRIGHT_STORE_SSLMODE=verify-full, and ROLEWRIGHT_STORE_SSLROOTCERT if its authority is your own");
            default -> Optional.empty();
        };
    }

    private static SslMode parse(String word) {
        return switch (word.strip()) {
            case "disable" -> SslMode.DISABLE;
            case "require" -> SslMode.REQUIRE;
            case "verify-ca" -> SslMode.VERIFY_CA;
            case "verify-full" -> SslMode.VERIFY_FULL;
            default -> throw refused(word);
        };
    }

    private static ConfigurationException refused(String word) {
        return new ConfigurationException(
                "rolewright.store.sslmode must be disable, require, verify-ca or verify-full, not '" + word + "'");
    }

    private static Buffer read(String file) {
        try {
            byte[] pem = Files.readAllBytes(Path.of(file));
            if (CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem))
                    .isEmpty()) {
                throw new CertificateException("empty");
            }
            return Buffer.buffer(pem);
        } catch (IOException | RuntimeException unreadable) {
            throw new ConfigurationException("rolewright.store.sslrootcert: cannot read the file " + file);
        } catch (CertificateException malformed) {
            throw new ConfigurationException(
                    "rolewright.store.sslrootcert: " + file + " holds no PEM certificates that can be read");
        }
    }

    /** Makes these options mean exactly this mode, whatever they said before. */
    void applyTo(PgConnectOptions options) {
        options.setSslMode(mode);
        options.setHostnameVerificationAlgorithm(mode == SslMode.VERIFY_FULL ? "HTTPS" : "");
        options.setTrustAll(mode == SslMode.REQUIRE && trusted.isEmpty());
        // As with libpq, a root certificate makes `require` check the certificate too: the client does so by itself.
        if (trusted.isPresent()) {
            options.setTrustOptions(new PemTrustOptions().addCertValue(trusted.get()));
        } else if (mode == SslMode.VERIFY_CA || mode == SslMode.VERIFY_FULL) {
            options.setTrustOptions(TrustOptions.wrap(authoritiesOfTheJdk()));
        }
    }

    /** The client wants to be told about them. */
    private static TrustManager authoritiesOfTheJdk() {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init((KeyStore) null);
            return factory.getTrustManagers()[0];
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // every Java platform has them
        }
    }
}
