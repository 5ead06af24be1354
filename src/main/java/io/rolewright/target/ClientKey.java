package io.rolewright.target;

import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * Shows the client certificate to every server that asks for one, as libpq does. Java's own key managers keep it back when no issuer in
 * it is on the server's list, and the user then learns nothing better than "no certificate".
 */
final class ClientKey extends X509ExtendedKeyManager {

    private static final String ALIAS = "client";

    private final X509Certificate[] chain;
    private final PrivateKey key;

    private ClientKey(X509Certificate[] chain, PrivateKey key) {
        this.chain = chain;
        this.key = key;
    }

    /** @throws Pem.Unreadable {@link TlsSettings#faults} would have told */
    static ClientKey of(TlsSettings tls) throws Pem.Unreadable {
        String certificate = tls.clientCertificatePem();
        String key = tls.clientKeyPem();
        if (certificate == null || key == null) {
            throw new Pem.Unreadable("A client certificate needs its key.");
        }
        return new ClientKey(Pem.certificates(certificate).toArray(new X509Certificate[0]), Pem.privateKey(key));
    }

    @Override
    public @Nullable String chooseEngineClientAlias(
            String[] keyTypes, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
        for (String type : keyTypes) {
            if (type.equals(key.getAlgorithm())
                    || type.equals(chain[0].getPublicKey().getAlgorithm())) {
                return ALIAS;
            }
        }
        return null;
    }

    @Override
    public String[] getClientAliases(String keyType, Principal @Nullable [] issuers) {
        return new String[] {ALIAS};
    }

    @Override
    public @Nullable String chooseClientAlias(
            String[] keyTypes, Principal @Nullable [] issuers, @Nullable Socket socket) {
        return chooseEngineClientAlias(keyTypes, issuers, null);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
        return chain.clone();
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
        return key;
    }

    @Override
    public @Nullable String[] getServerAliases(String keyType, Principal @Nullable [] issuers) {
        return new String[0];
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
        return null;
    }
}
