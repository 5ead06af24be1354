package io.rolewright.target;

import java.util.Optional;

/**
 * How a session is protected, in libpq's words, the weakest first. There is no {@code prefer} and no {@code allow}: nothing falls back to
 * plaintext silently.
 */
public enum SslMode {
    DISABLE("disable"),
    /** Encrypted, the certificate is not checked at all, not even when a CA is given. */
    REQUIRE("require"),
    /** The certificate must chain to a known CA. */
    VERIFY_CA("verify-ca"),
    /** The certificate must chain to a known CA and be made out to the host name (or IP address) of the login. */
    VERIFY_FULL("verify-full");

    private final String wireName;

    SslMode(String wireName) {
        this.wireName = wireName;
    }

    /** libpq's spelling, e.g. {@code verify-full}. */
    public String wireName() {
        return wireName;
    }

    public static Optional<SslMode> ofWireName(String name) {
        for (SslMode mode : values()) {
            if (mode.wireName.equals(name)) {
                return Optional.of(mode);
            }
        }
        return Optional.empty();
    }

    /** Whether the server's certificate is checked, so that a password may be shown to it. */
    boolean verifies() {
        return this == VERIFY_CA || this == VERIFY_FULL;
    }
}
