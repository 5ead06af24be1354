package io.rolewright.target;

/**
 * Everything that is needed to log in to a target. It holds the opened password: keep it for the length of one call.
 *
 * @param host a name, an IPv4 address, or an IPv6 address with or without brackets
 * @param port 1 to 65535
 * @param role the PostgreSQL role to log in as
 * @param password sent only as a SCRAM proof, unless the server asks otherwise over verified TLS
 */
public record Login(String host, int port, String database, String role, TlsSettings tls, String password) {

    /** The same place for another role. */
    public Login as(String otherRole, String otherPassword) {
        return new Login(host, port, database, otherRole, tls, otherPassword);
    }

    @Override
    public String toString() {
        return "Login[" + role + "@" + host + ":" + port + "/" + database + ", " + tls + "]";
    }
}
