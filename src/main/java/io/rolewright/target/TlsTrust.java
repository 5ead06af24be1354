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

    private final @Nullable X509ExtendedTrustManager pkix;
    private volatile @Nullable Unreachability fault;

    private TlsTrust(@Nullable X509ExtendedTrustManager pkix) {
        this.pkix = pkix;
    }

    /** @throws Pem.Unreadable the CA cannot be read */
    static TlsTrust of(TlsSettings settings) throws Pem.Unreadable {
        return new TlsTrust(settings.mode().verifies() ? pkix(settings.caPem()) : null);
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
