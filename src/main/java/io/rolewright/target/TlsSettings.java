package io.rolewright.target;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How TLS is spoken with a target.
 *
 * @param caPem one or more CA certificates; absent means those that this process's Java trusts
 * @param clientCertificatePem the client's certificate, leaf first, with what stands between it and the server's CA
 * @param clientKeyPem its private key, not encrypted: PKCS#8, PKCS#1 (RSA) or SEC1 (EC)
 */
public record TlsSettings(
        SslMode mode,
        @Nullable String caPem,
        @Nullable String clientCertificatePem,
        @Nullable String clientKeyPem) {

    public static final TlsSettings DISABLED = new TlsSettings(SslMode.DISABLE, null, null, null);

    public static TlsSettings of(SslMode mode) {
        return new TlsSettings(mode, null, null, null);
    }

    /** Which of the three PEM fields a fault is about. */
    public enum Field {
        CA,
        CLIENT_CERTIFICATE,
        CLIENT_KEY
    }

    /** @param message one readable sentence, which never quotes the content */
    public record Fault(Field field, String message) {}

    /**
     * What is wrong with the PEM fields, found without any network; empty when they can be used. A few milliseconds of
     * parsing: fine on an event loop for a single request.
     */
    public List<Fault> faults() {
        return Pem.faults(this);
    }

    /**
     * The CA certificates alone, written anew: without whatever else stands in what a caller has sent. Fine on an event loop, as {@link
     * #faults}.
     *
     * @return PEM, as RFC 7468 wants it written; null when no CA certificates were given
     * @throws IllegalStateException if they cannot be read, which {@link #faults} says before they are stored
     */
    public @Nullable String writtenCa() {
        return caPem == null ? null : Pem.written(caPem);
    }

    @Override
    public String toString() {
        return "TlsSettings[" + mode.wireName() + (caPem == null ? "" : ", own CA")
                + (clientCertificatePem == null ? "" : ", client certificate") + "]";
    }
}
