package io.rolewright.target;

/** Why there was no login that the server could have judged. */
public enum Unreachability {
    HOST_MALFORMED(
            Step.RESOLVE,
            "The host is neither a name nor a plain IP address.",
            "Give a host name, a dotted IPv4 address or an IPv6 address."),
    NAME_NOT_FOUND(Step.RESOLVE, "The host name has no address.", "Check the host name."),
    NAME_LOOKUP_TIMED_OUT(
            Step.RESOLVE, "The name servers did not answer in time.", "Try again, or give an IP address."),
    ADDRESS_REFUSED(
            Step.RESOLVE,
            "The host's address is in a network that this service may not reach, or is that of the service's own store.",
            "Use another host, or ask an operator to open the address (ROLEWRIGHT_TARGET_ALLOWED_NETWORKS)."),
    TOO_MANY_SESSIONS(
            Step.CONNECT,
            "All sessions to this server, or of this service, are in use.",
            "Try again in a few seconds."),
    CONNECTION_REFUSED(
            Step.CONNECT,
            "Nothing listens at this address and port, or a firewall rejects us.",
            "Check port and firewall."),
    NETWORK_UNREACHABLE(Step.CONNECT, "There is no route to the address.", "Check network and firewall."),
    CONNECT_TIMED_OUT(Step.CONNECT, "The address did not answer in time.", "Check address, port and firewall."),
    TLS_NOT_OFFERED(
            Step.TLS, "The server does not speak TLS.", "Turn TLS on at the server, or set sslMode to disable."),
    TLS_UNKNOWN_AUTHORITY(
            Step.TLS,
            "The server's certificate does not come from a CA that is trusted here.",
            "Give the server's CA certificate."),
    TLS_NAME_MISMATCH(
            Step.TLS,
            "The server's certificate is made out to another name.",
            "Use the name in the certificate, or sslMode verify-ca."),
    TLS_CERTIFICATE_EXPIRED(Step.TLS, "The server's certificate has expired.", "Renew the server's certificate."),
    TLS_CERTIFICATE_NOT_YET_VALID(Step.TLS, "The server's certificate is not valid yet.", "Check the clocks, or wait."),
    TLS_HANDSHAKE_FAILED(
            Step.TLS,
            "The TLS handshake failed.",
            "Check the server's TLS versions and ciphers, and whether it demands a client certificate."),
    CLEARTEXT_PASSWORD_DEMANDED(
            Step.LOGIN,
            "The server asked for the password in clear. It was not sent: that needs verified TLS, and is never done with a password that"
                    + " the service has chosen, nor with one that was asked for by SCRAM before.",
            "Let pg_hba.conf ask this role for scram-sha-256; or, unless the password is managed, set sslMode to verify-full and send the"
                    + " credentials again."),
    MD5_PASSWORD_DEMANDED(
            Step.LOGIN,
            "The server asked for an MD5 answer. It was not sent: that needs verified TLS, and is never done with a password that"
                    + " the service has chosen, nor with one that was asked for by SCRAM before.",
            "Store the role's password as scram-sha-256; or, unless it is managed, set sslMode to verify-full and send the credentials"
                    + " again."),
    TOO_MANY_ITERATIONS(
            Step.LOGIN,
            "The server asked for more than 100,000 SCRAM iterations.",
            "Set scram_iterations of the server lower and set the password again."),
    SERVER_NOT_AUTHENTIC(
            Step.LOGIN,
            "The server did not prove that it knows the role's SCRAM secret.",
            "This may be a false server: check address and TLS."),
    CHANNEL_BINDING_IMPOSSIBLE(
            Step.LOGIN,
            "The server offers to bind the login to its certificate, and nothing can be bound to the certificate that was shown (Ed25519);"
                    + " nor was it verified. Nothing was sent, as it may be somebody else's.",
            "Set sslMode to verify-full (or verify-ca) with the server's CA, or give the server a certificate signed with RSA or ECDSA."),
    AUTHENTICATION_NOT_SUPPORTED(
            Step.LOGIN,
            "The server asked for an authentication that is not supported (GSSAPI, SSPI, OAuth).",
            "Let the server use scram-sha-256 for this role."),
    NOT_POSTGRESQL(Step.LOGIN, "What answered does not speak PostgreSQL's protocol.", "Check host and port."),
    TOO_MUCH_DATA(Step.LOGIN, "The server sent more than a login or an answer can need.", "Check what listens there."),
    CLOSED_BY_SERVER(Step.LOGIN, "The server closed the connection.", "Look into the server's log."),
    TIMED_OUT(
            Step.LOGIN,
            "The server accepted the connection and did not answer in time.",
            "Look into the server's log; something may stand between that swallows data.");

    /** The step of a login at which it went wrong. */
    public enum Step {
        RESOLVE,
        CONNECT,
        TLS,
        LOGIN
    }

    private final Step step;
    private final String message;
    private final String wayOut;

    Unreachability(Step step, String message, String wayOut) {
        this.step = step;
        this.message = message;
        this.wayOut = wayOut;
    }

    /** The usual step; {@link LoginOutcome.Unreachable#step()} knows the real one. */
    Step step() {
        return step;
    }

    public String message() {
        return message;
    }

    public String wayOut() {
        return wayOut;
    }
}
