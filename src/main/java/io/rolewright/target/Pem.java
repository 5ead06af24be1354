package io.rolewright.target;

import java.util.List;

/** Reads certificates and private keys in PEM (RFC 7468). */
final class Pem {

    private Pem() {}

    static List<TlsSettings.Fault> faults(TlsSettings settings) {
        return List.of();
    }
}
