package io.rolewright.delivery;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.EntityTags;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** The CA certificates of a connection as a file, for clients that verify the server with them. */
final class CaFile {

    /** RFC 8555 §9.1: certificates in PEM, and nothing else. */
    static final String PEM = "application/pem-certificate-chain";

    private CaFile() {}

    /**
     * @param caCert in PEM; null when the connection has none of its own
     * @throws Problem 404 {@code ca_cert_not_set} for none
     */
    static RestResponse<String> answer(@Nullable String caCert, @Nullable String ifNoneMatch) {
        if (caCert == null) {
            throw Problem.of(
                    ErrorCode.CA_CERT_NOT_SET,
                    "This connection has no CA certificate of its own: it trusts the authorities of the operating system.");
        }
        String etag = '"' + digest(caCert) + '"';
        ResponseBuilder<String> response = EntityTags.isKnown(ifNoneMatch, etag)
                ? ResponseBuilder.notModified()
                : ResponseBuilder.ok(caCert).type(PEM);
        return response.header("ETag", etag)
                .header("Cache-Control", "private, no-cache")
                .build();
    }

    private static String digest(String text) {
        try {
            byte[] whole = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(whole, 0, 16);
        } catch (NoSuchAlgorithmException impossible) { // every Java has it
            throw new IllegalStateException(impossible);
        }
    }
}
