package io.rolewright.target;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Checks a server's certificate by Java's PKIX rules and remembers what was wrong with it: what the driver reports of a failed handshake
 * has lost its reason. One object per session.
 */
final class TlsTrust extends X509ExtendedTrustManager {

    /** Of a certificate's alternative names (RFC 5280 §4.2.1.6). */
    private static final Integer DNS_NAME = 2;

    private final @Nullable X509ExtendedTrustManager pkix;
    private final @Nullable String name;
    private volatile @Nullable Unreachability fault;

    private TlsTrust(@Nullable X509ExtendedTrustManager pkix, @Nullable String name) {
        this.pkix = pkix;
        this.name = name;
    }

    /** Names with an underscore are none to Java, which then finds no certificate made out to them. Containers have such names. */
    static boolean comparesItself(String name) {
        return name.indexOf('_') >= 0;
    }

    /**
     * @param name which the certificate must be made out to with verify-full; null where the engine sees to that
     * @throws Pem.Unreadable the CA cannot be read
     */
    static TlsTrust of(TlsSettings settings, @Nullable String name) throws Pem.Unreadable {
        return new TlsTrust(
                settings.mode().verifies() ? pkix(settings.caPem()) : null,
                settings.mode() == SslMode.VERIFY_FULL ? name : null);
    }

    private static X509ExtendedTrustManager pkix(@Nullable String caPem) throws Pem.Unreadable {
        try {
            KeyStore anchors = null;
            if (caPem != null) {
                anchors = KeyStore.getInstance("PKCS12");
                anchors.load(null, null);
                for (X509Certificate certificate : Pem.certificates(caPem)) {
                    anchors.setCertificateEntry("ca" + anchors.size(), certificate);
                }
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(anchors);
            for (TrustManager manager : factory.getTrustManagers()) {
                if (manager instanceof X509ExtendedTrustManager extended) {
                    return extended;
                }
            }
            throw new IllegalStateException("Java's PKIX has no trust manager for certificates");
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Why the certificate was refused; null when it was not. */
    @Nullable
    Unreachability fault() {
        return fault;
    }

    /** The engine knows whether the name counts (verify-full), and against which one. */
    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        if (pkix == null) {
            return;
        }
        try {
            pkix.checkServerTrusted(chain, authType, engine);
        } catch (CertificateException refused) {
            fault = reason(pkix, chain, authType, refused);
            throw refused;
        }
        if (name != null && !madeOutTo(name, chain[0])) {
            fault = Unreachability.TLS_NAME_MISMATCH;
            throw new CertificateException("made out to another name");
        }
    }

    /** As libpq has it: the alternative names count, and the common name only where there is none. */
    private static boolean madeOutTo(String name, X509Certificate certificate) throws CertificateException {
        boolean alternatives = false;
        Collection<List<?>> names = certificate.getSubjectAlternativeNames();
        for (List<?> each : names == null ? List.<List<?>>of() : names) {
            if (each.get(0).equals(DNS_NAME)) {
                alternatives = true;
                if (matches(name, (String) each.get(1))) {
                    return true;
                }
            }
        }
        return !alternatives && matches(name, commonName(certificate));
    }

    /** @param pattern a name, or one whose first label is {@code *} and stands for exactly one */
    private static boolean matches(String name, String pattern) {
        int dot = name.indexOf('.');
        return pattern.equalsIgnoreCase(name)
                || pattern.startsWith("*.")
                        && pattern.indexOf('.', 2) > 0
                        && dot > 0
                        && pattern.substring(1).equalsIgnoreCase(name.substring(dot));
    }

    private static String commonName(X509Certificate certificate) {
        try {
            return new LdapName(certificate.getSubjectX500Principal().getName())
                    .getRdns().stream()
                            .filter(part -> part.getType().equalsIgnoreCase("CN"))
                            .map(part -> String.valueOf(part.getValue()))
                            .findFirst()
                            .orElse("");
        } catch (InvalidNameException unreadable) {
            return "";
        }
    }

    private static Unreachability reason(
            X509ExtendedTrustManager pkix, X509Certificate[] chain, String authType, CertificateException refused) {
        for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateExpiredException) {
                return Unreachability.TLS_CERTIFICATE_EXPIRED;
            }
            if (cause instanceof CertificateNotYetValidException) {
                return Unreachability.TLS_CERTIFICATE_NOT_YET_VALID;
            }
            if (cause instanceof CertPathValidatorException path
                    && path.getReason() == CertPathValidatorException.BasicReason.ALGORITHM_CONSTRAINED) {
                return Unreachability.TLS_HANDSHAKE_FAILED;
            }
        }
        try {
            // Without the engine the name does not count: if this passes, it was the name.
            pkix.checkServerTrusted(chain, authType);
            return Unreachability.TLS_NAME_MISMATCH;
        } catch (CertificateException path) {
            return Unreachability.TLS_UNKNOWN_AUTHORITY;
        }
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        throw new CertificateException("only sessions with an engine are checked here");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        throw new CertificateException("only sessions with an engine are checked here");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        throw new CertificateException("this is a client");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        throw new CertificateException("this is a client");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        throw new CertificateException("this is a client");
    }
}
