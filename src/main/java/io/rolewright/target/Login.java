package io.rolewright.target;

import io.rolewright.password.ScramKeys;
import org.jspecify.annotations.Nullable;

/**
 * Everything that is needed to log in to a target. It holds the opened password: keep it for the length of one call.
 *
 * @param host a name, an IPv4 address, or an IPv6 address with or without brackets
 * @param port 1 to 65535
 * @param role the PostgreSQL role to log in as
 * @param password sent only as a SCRAM proof, unless the server asks otherwise over verified TLS and {@code scramOnly} is false
 * @param scramOnly whether no server gets it in any other form, over verified TLS neither: a password of ours, or one that its server has
 *     asked for by SCRAM before
 * @param keys of the password, where they were derived already, which spares the login their cost; absent for none
 */
public record Login(
        String host,
        int port,
        String database,
        String role,
        TlsSettings tls,
        String password,
        boolean scramOnly,
        @Nullable ScramKeys keys) {

    /** With a password that a person chose. */
    public Login(String host, int port, String database, String role, TlsSettings tls, String password) {
        this(host, port, database, role, tls, password, false, null);
    }

    /** The same, proven by SCRAM or not at all. */
    public Login byScram() {
        return new Login(host, port, database, role, tls, password, true, keys);
    }

    /** The same place for a role whose password is ours. */
    public Login as(String otherRole, String otherPassword) {
        return as(otherRole, otherPassword, null);
    }

    /** The same, whose keys were just derived. */
    public Login as(String otherRole, String otherPassword, @Nullable ScramKeys keys) {
        return new Login(host, port, database, otherRole, tls, otherPassword, true, keys);
    }

    /** The same place and role with another password that a person chose. */
    public Login with(String chosen) {
        return new Login(host, port, database, role, tls, chosen, false, null);
    }

    @Override
    public String toString() {
        return "Login[" + role + "@" + host + ":" + port + "/" + database + ", " + tls + "]";
    }
}
