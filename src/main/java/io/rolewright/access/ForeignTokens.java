package io.rolewright.access;

import java.time.Clock;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.ErrorCodes;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.lang.JoseException;
import org.jose4j.lang.UnresolvableKeyException;
import org.jspecify.annotations.Nullable;

/**
 * Judges tokens of other issuers under a {@link TokenRule}: OpenID Connect ID tokens and Kubernetes service-account tokens
 * (both RFC 7519).
 *
 * <p><b>What this protects against:</b> tokens that the issuer did not sign (only asymmetric algorithms, each with keys of
 * its own kind, RFC 8725 §3.1), that were made for somebody else ({@code aud}), are over or not yet begun, or speak of
 * another subject than the rule. <b>What it does not:</b> a stolen token until it expires, and an issuer that lies.
 */
final class ForeignTokens {

    /** The reason of a token whose time is up. */
    static final String EXPIRED = "token_expired";

    /** What else can be said of a token whose time is up. */
    enum Expired {
        /** The issuer signed it, and all but its time fits the rule. */
        GENUINE,
        /** The key that it names is none of the given. */
        UNKNOWN_KEY,
        /** Its signature or something beside its time is wrong. */
        FORGED
    }

    /** A service-account token has some 1,300 characters, an ID token with many groups a few thousand. */
    static final int LONGEST_TOKEN = 16_384;

    private static final int CLOCK_DIFFERENCE_SECONDS = 30;

    private static final String SERVICE_ACCOUNT = "system:serviceaccount:";

    private static final Set<String> RSA = Set.of(
            AlgorithmIdentifiers.RSA_USING_SHA256,
            AlgorithmIdentifiers.RSA_USING_SHA384,
            AlgorithmIdentifiers.RSA_USING_SHA512,
            AlgorithmIdentifiers.RSA_PSS_USING_SHA256,
            AlgorithmIdentifiers.RSA_PSS_USING_SHA384,
            AlgorithmIdentifiers.RSA_PSS_USING_SHA512);

    private static final Set<String> EC = Set.of(
            AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256,
            AlgorithmIdentifiers.ECDSA_USING_P384_CURVE_AND_SHA384,
            AlgorithmIdentifiers.ECDSA_USING_P521_CURVE_AND_SHA512);

    private static final Set<String> OKP = Set.of(AlgorithmIdentifiers.EDDSA);

    private static final AlgorithmConstraints ALGORITHMS = new AlgorithmConstraints(
            ConstraintType.PERMIT,
            Stream.of(RSA, EC, OKP).flatMap(Collection::stream).toArray(String[]::new));

    private final Clock clock;

    ForeignTokens(Clock clock) {
        this.clock = clock;
    }

    /**
     * Looks at all but the signature, so that for a token that would be refused anyway nobody is asked for keys.
     *
     * @return the key id
     * @throws Refused with the reason
     */
    String precheck(String token, TokenRule rule) {
        if (token.length() > LONGEST_TOKEN) {
            throw new Refused("token_too_long");
        }
        try {
            var signature = (JsonWebSignature) JsonWebSignature.fromCompactSerialization(token);
            if (keyType(signature.getAlgorithmHeaderValue()) == null) {
                throw new Refused("token_algorithm");
            }
            if (signature.getKeyIdHeaderValue() == null) {
                throw new Refused("token_without_key_id");
            }
            fits(
                    builder(rule, now())
                            .setSkipSignatureVerification()
                            .setDisableRequireSignature()
                            .build()
                            .processToClaims(token),
                    rule);
            return signature.getKeyIdHeaderValue();
        } catch (InvalidJwtException e) {
            throw new Refused(reason(e));
        } catch (JoseException | ClassCastException | MalformedClaimException e) {
            throw new Refused("token_malformed");
        }
    }

    /**
     * @param keys of the issuer
     * @return the subject
     * @throws Refused with the reason
     */
    String verify(String token, TokenRule rule, List<JsonWebKey> keys) {
        return verify(token, rule, keys, now());
    }

    private String verify(String token, TokenRule rule, List<JsonWebKey> keys, NumericDate at) {
        try {
            var claims = builder(rule, at)
                    .setJwsAlgorithmConstraints(ALGORITHMS)
                    .setVerificationKeyResolver((signature, nesting) -> keys.stream()
                            .filter(key -> signs(key, signature))
                            .findFirst()
                            .orElseThrow(() -> new UnresolvableKeyException("unknown key id"))
                            .getKey())
                    .build()
                    .processToClaims(token);
            return fits(claims, rule);
        } catch (InvalidJwtException e) {
            throw new Refused(reason(e));
        } catch (MalformedClaimException e) {
            throw new Refused("token_malformed");
        }
    }

    /**
     * Tells one that was good once from one that never was.
     *
     * @param token that {@link #precheck} refused as {@link #EXPIRED}
     * @param keys of the issuer, as far as they are known
     */
    Expired expired(String token, TokenRule rule, List<JsonWebKey> keys) {
        try {
            var signature = (JsonWebSignature) JsonWebSignature.fromCompactSerialization(token);
            if (keys.stream().noneMatch(key -> signs(key, signature))) {
                return Expired.UNKNOWN_KEY;
            }
            var end = new JwtConsumerBuilder()
                    .setSkipAllValidators()
                    .setSkipSignatureVerification()
                    .setDisableRequireSignature()
                    .build()
                    .processToClaims(token)
                    .getExpirationTime();
            verify(token, rule, keys, end);
            return Expired.GENUINE;
        } catch (Refused | InvalidJwtException | JoseException | ClassCastException | MalformedClaimException e) {
            return Expired.FORGED;
        }
    }

    private JwtConsumerBuilder builder(TokenRule rule, NumericDate at) {
        return new JwtConsumerBuilder()
                .setExpectedIssuer(rule.issuer())
                .setExpectedAudience(true, rule.conditions().audiences().toArray(String[]::new))
                .setEvaluationTime(at)
                .setAllowedClockSkewInSeconds(CLOCK_DIFFERENCE_SECONDS)
                .setRequireSubject()
                .setRequireExpirationTime()
                .setRequireIssuedAt()
                .setIssuedAtRestrictions(0, Integer.MAX_VALUE);
    }

    private NumericDate now() {
        return NumericDate.fromMilliseconds(clock.millis());
    }

    private static boolean signs(JsonWebKey key, JsonWebSignature signature) {
        try {
            var algorithm = signature.getAlgorithmHeaderValue();
            return signature.getKeyIdHeaderValue() != null
                    && signature.getKeyIdHeaderValue().equals(key.getKeyId())
                    && key.getKeyType().equals(keyType(algorithm))
                    && (key.getUse() == null || key.getUse().equals("sig"))
                    && (key.getAlgorithm() == null || key.getAlgorithm().equals(algorithm));
        } catch (RuntimeException oddHeader) {
            return false;
        }
    }

    /** @return null for an algorithm that does not count */
    private static @Nullable String keyType(@Nullable String algorithm) {
        if (algorithm == null) {
            return null;
        }
        if (RSA.contains(algorithm)) {
            return "RSA";
        }
        return EC.contains(algorithm) ? "EC" : OKP.contains(algorithm) ? "OKP" : null;
    }

    private static String fits(JwtClaims claims, TokenRule rule) throws MalformedClaimException {
        var conditions = rule.conditions();
        var subject = claims.getSubject();
        if (conditions.subject() != null && !conditions.subject().equals(subject)) {
            throw new Refused("token_subject");
        }
        conditions.claims().forEach((name, allowed) -> {
            if (values(claims.getClaimValue(name)).noneMatch(allowed::contains)) {
                throw new Refused("token_claims");
            }
        });
        if (rule.method() == TokenRule.Method.KUBERNETES) {
            var account = subject.startsWith(SERVICE_ACCOUNT)
                    ? subject.substring(SERVICE_ACCOUNT.length()).split(":", -1)
                    : new String[0];
            if (account.length != 2
                    || !any(conditions.namespaces(), account[0])
                    || !any(conditions.names(), account[1])) {
                throw new Refused("token_service_account");
            }
        }
        return subject;
    }

    private static boolean any(List<String> allowed, String value) {
        return allowed.isEmpty() || allowed.contains(value);
    }

    private static Stream<String> values(Object claim) {
        if (claim instanceof Collection<?> several) {
            return several.stream().flatMap(ForeignTokens::values);
        }
        return claim instanceof String || claim instanceof Number || claim instanceof Boolean
                ? Stream.of(claim.toString())
                : Stream.empty();
    }

    private static String reason(InvalidJwtException e) {
        if (e.hasErrorCode(ErrorCodes.EXPIRED)) {
            return EXPIRED;
        }
        if (e.hasErrorCode(ErrorCodes.NOT_YET_VALID) || e.hasErrorCode(ErrorCodes.ISSUED_AT_INVALID_FUTURE)) {
            return "token_not_yet_valid";
        }
        if (e.hasErrorCode(ErrorCodes.ISSUER_INVALID) || e.hasErrorCode(ErrorCodes.ISSUER_MISSING)) {
            return "token_issuer";
        }
        if (e.hasErrorCode(ErrorCodes.AUDIENCE_INVALID) || e.hasErrorCode(ErrorCodes.AUDIENCE_MISSING)) {
            return "token_audience";
        }
        return e.hasErrorCode(ErrorCodes.SIGNATURE_INVALID) ? "token_signature" : "token_invalid";
    }

    /** The reason is for the audit: a caller learns only that the token will not do. */
    static final class Refused extends RuntimeException {
        final String reason;

        Refused(String reason) {
            super(reason, null, false, false);
            this.reason = reason;
        }
    }
}
