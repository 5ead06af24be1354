package io.rolewright.target;

/** Why a server refused a login, decided by SQLSTATE, routine and the point of the exchange; never by message text. */
public enum Refusal {
    PASSWORD_REFUSED(
            "The server refused the password of the role: it is wrong, or the role does not exist, has no password, or its VALID UNTIL has passed.",
            "Check role and password, and VALID UNTIL of the role."),
    CLIENT_CERTIFICATE_NAME_REFUSED(
            "The server accepted the password and refused the login for its client certificate, which is made out to another role"
                    + " (clientcert=verify-full in pg_hba.conf).",
            "Whoever logs in as the role needs a certificate made out to it."),
    CHANNEL_BINDING_REFUSED(
            "The server refused the login because the TLS session that we have does not end at it: the certificate that was shown here is not"
                    + " its own. A proxy that ends TLS stands in between, or somebody who listens in. The password was not given away.",
            "Lead the connection to the server itself, or let the proxy pass TLS through, or let it speak to the server without TLS. If there"
                    + " should be no proxy, look for who answers at this address."),
    ROLE_CANNOT_LOGIN("The role may not log in, or does not exist.", "ALTER ROLE … LOGIN, or name another role."),
    NO_MATCHING_RULE(
            "No rule in the server's pg_hba.conf lets this role in to this database from here, or the rule demands a client certificate.",
            "Ask for a pg_hba.conf rule for this service's address, or give a client certificate."),
    TLS_DEMANDED("The server lets this role in only over TLS.", "Set sslMode to verify-full (or verify-ca, require)."),
    NO_SUCH_DATABASE("The database does not exist.", "Check the database name."),
    DATABASE_CLOSED("The database does not accept connections.", "Name another database."),
    NO_CONNECT_PRIVILEGE("The role may not connect to this database.", "GRANT CONNECT ON DATABASE … TO the role."),
    ROLE_FULL("The role's CONNECTION LIMIT is used up.", "Raise the limit or close sessions of the role."),
    DATABASE_FULL("The database's CONNECTION LIMIT is used up.", "Raise the limit or close sessions."),
    SLOTS_RESERVED(
            "The server's remaining session slots are reserved for privileged roles.",
            "Raise max_connections or close sessions."),
    SERVER_FULL("The server has no free session slot.", "Raise max_connections or close sessions."),
    NOT_READY("The server is starting up, shutting down or recovering.", "Try again later."),
    EXAMINATION_REFUSED(
            "The server let the role in and then refused a question about itself or its roles.",
            "Look up the SQLSTATE. With 42501 a function or view of pg_catalog is revoked from the role: GRANT EXECUTE or SELECT on it;"
                    + " with 57014 its statement_timeout is too short: ALTER ROLE … SET statement_timeout."),
    OTHER(
            "The server refused the login.",
            "Look up the SQLSTATE in PostgreSQL's manual, appendix A, and in the server's log.");

    private final String message;
    private final String wayOut;

    Refusal(String message, String wayOut) {
        this.message = message;
        this.wayOut = wayOut;
    }

    public String message() {
        return message;
    }

    public String wayOut() {
        return wayOut;
    }
}
