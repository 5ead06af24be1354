package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The field {@code caCert} of requests: whom to trust instead of the usual authorities. */
public final class CaCert {

    private CaCert() {}

    /**
     * @param pem certificates in PEM (RFC 7468); empty, as the reference's clients send it, means none
     * @return the same, or null for none
     * @throws ValidationProblem 422, if there is no certificate in it
     */
    public static @Nullable String checked(@Nullable String pem) {
        if (pem == null || pem.isBlank()) {
            return null;
        }
        try {
            if (!CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))
                    .isEmpty()) {
                return pem;
            }
        } catch (CertificateException notOne) {
            // Said below.
        }
        throw ValidationProblem.at(List.of("caCert"), "invalid_string", "Must be a certificate in PEM");
    }
}
