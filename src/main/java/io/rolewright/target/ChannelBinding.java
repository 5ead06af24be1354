package io.rolewright.target;

import java.io.IOException;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.security.spec.PSSParameterSpec;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a SCRAM exchange is bound to: {@code tls-server-end-point} (RFC 5929 §4), the only kind that PostgreSQL knows. A server takes the
 * proof only if the certificate that we were shown is its own, so whoever stands between with another one learns nothing and passes
 * nothing on, even where we did not verify the certificate.
 */
final class ChannelBinding {

    /** Java's names, such as {@code SHA256withRSA} and {@code SHA3-256withECDSA}. */
    private static final Pattern SIGNATURE = Pattern.compile("(MD5|SHA[0-9/-]+)with.+", Pattern.CASE_INSENSITIVE);

    private ChannelBinding() {}

    /**
     * The certificate's hash by the function that it is signed with, and by SHA-256 in place of MD5 and SHA-1. Null where the signature has
     * no such function of its own (Ed25519): there RFC 5929 defines none, and a PostgreSQL server can't compute one either.
     */
    static byte @Nullable [] endPoint(X509Certificate certificate) {
        try {
            String function = function(certificate);
            return function == null ? null : MessageDigest.getInstance(function).digest(certificate.getEncoded());
        } catch (GeneralSecurityException | IOException unknown) {
            return null;
        }
    }

    private static @Nullable String function(X509Certificate certificate) throws GeneralSecurityException, IOException {
        String algorithm = certificate.getSigAlgName();
        if (algorithm.equalsIgnoreCase("RSASSA-PSS")) {
            byte[] encoded = certificate.getSigAlgParams();
            if (encoded == null) {
                return null;
            }
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("RSASSA-PSS");
            parameters.init(encoded);
            return atLeast256(
                    parameters.getParameterSpec(PSSParameterSpec.class).getDigestAlgorithm());
        }
        Matcher parts = SIGNATURE.matcher(algorithm);
        return parts.matches() ? atLeast256(parts.group(1)) : null;
    }

    /** @param name as in a signature's name, without the hyphen that Java's name of the function has */
    private static String atLeast256(String name) {
        String function = name.toUpperCase(Locale.ROOT).replaceFirst("^SHA(?=[0-9])", "SHA-");
        return function.equals("MD5") || function.equals("SHA-1") ? "SHA-256" : function;
    }
}
