package io.rolewright.target;

import io.rolewright.password.ScramSalt;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was seen while a session was opened.
 *
 * @param resolved every address of the host name, as text
 * @param dialled the one that answered
 * @param tls absent without TLS
 * @param serverVersion as the server reports it, e.g. {@code 16.15 (Debian 16.15-1)}; printable and at most 100 characters
 * @param serverVersionNumber e.g. 160015
 * @param rule how the server asked for the password
 * @param salt what its SCRAM challenge showed of the role's secret; absent without one
 */
public record SessionFacts(
        List<String> resolved,
        String dialled,
        int port,
        @Nullable Tls tls,
        String serverVersion,
        int serverVersionNumber,
        PasswordRule rule,
        @Nullable ScramSalt salt,
        PasswordProof proof) {

    /**
     * @param protocol e.g. {@code TLSv1.3}
     * @param verified whether the certificate was checked; all about it is only a claim when not
     * @param subject the server's certificate, like {@code issuer} in RFC 2253 form
     */
    public record Tls(
            String protocol,
            String cipher,
            boolean verified,
            String subject,
            String issuer,
            Instant notBefore,
            Instant notAfter) {}
}
