package io.rolewright.access;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import javax.crypto.SecretKey;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.lang.JoseException;
import org.jose4j.lang.UnresolvableKeyException;

/**
 * Access tokens on the wire: JWT (RFC 7519) signed with HMAC-SHA-256 (RFC 7515), the claims named as the reference names
 * them.
 *
 * <p><b>What this protects against:</b> tokens made or altered by others, whatever algorithm they claim (only HS256 is
 * accepted, RFC 8725 §3.1), tokens of another store, expired ones and ones issued in the future. <b>What it does not:</b>
 * theft; whoever holds a token is the caller until it expires or is revoked.
 */
final class TokenFormat {

    /** RFC 7518 §3.2: a key of the hash's size or larger. */
    static final int KEY_BYTES = 32;

    /** Ours have some 600 characters. */
    private static final int LONGEST_TOKEN = 4096;

    /** How far the clocks of two replicas may be apart for a token of one to be accepted at once by the other. */
    private static final int CLOCK_DIFFERENCE_SECONDS = 30;

    /** As many callers are remembered at once; each costs some 300 bytes. */
    private static final int MOST_REMEMBERED = 2000;

    private static final String TYPE = "identityAccessToken";

    /** Of what keeps a console signed in: where one is wanted, the other is refused. */
    private static final String SESSION_TYPE = "consoleSession";

    private final String issuer;
    private final Function<String, SecretKey> keys;
    private final Clock clock;

    /**
     * What good tokens say, by their SHA-256: callers show the same token again and again, and to read one anew costs ten
     * times as much. By the hash and not by the text, so that no comparison of texts tells by its duration how much of a
     * guess is right.
     */
    private final Map<ByteBuffer, AccessToken> remembered = new ConcurrentHashMap<>();

    /**
     * @param organisation of the store, so that one store's tokens are nothing to another
     * @param keys from key id to key, null for an unknown id
     */
    TokenFormat(UUID organisation, Function<String, SecretKey> keys, Clock clock) {
        issuer = "urn:rolewright:" + organisation;
        this.keys = keys;
        this.clock = clock;
    }

    /** A few objects, made anew because the time by which a token is judged is a part of it. */
    private JwtConsumer consumer() {
        return new JwtConsumerBuilder()
                .setJwsAlgorithmConstraints(
                        new AlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.HMAC_SHA256))
                .setVerificationKeyResolver((signature, nesting) -> {
                    var id = signature.getKeyIdHeaderValue();
                    var key = id == null ? null : keys.apply(id);
                    if (key == null) {
                        throw new UnresolvableKeyException("unknown key id");
                    }
                    return key;
                })
                .setExpectedIssuer(issuer)
                .setEvaluationTime(NumericDate.fromMilliseconds(clock.millis()))
                .setRequireSubject()
                .setRequireJwtId()
                .setRequireExpirationTime()
                .setRequireIssuedAt()
                .setIssuedAtRestrictions(CLOCK_DIFFERENCE_SECONDS, Integer.MAX_VALUE)
                .build();
    }

    String write(AccessToken token, String keyId, SecretKey key) {
        return write(token, TYPE, token.expiresAt(), keyId, key);
    }

    /** What names the login of a token until that can no longer be renewed, and is no access token. */
    String writeSession(AccessToken token, String keyId, SecretKey key) {
        return write(token, SESSION_TYPE, token.renewableUntil(), keyId, key);
    }

    private String write(AccessToken token, String type, Instant end, String keyId, SecretKey key) {
        var claims = new JwtClaims();
        claims.setIssuer(issuer);
        claims.setSubject(token.identityId().toString());
        claims.setJwtId(token.tokenId().toString());
        claims.setIssuedAt(date(token.issuedAt()));
        claims.setExpirationTime(date(end));
        claims.setClaim("loggedInAt", token.loggedInAt().getEpochSecond());
        claims.setClaim("renewableUntil", token.renewableUntil().getEpochSecond());
        claims.setStringClaim("authTokenType", type);
        claims.setStringClaim("identityId", token.identityId().toString());
        claims.setStringClaim("identityName", token.identityName());
        claims.setStringClaim("identityAccessTokenId", token.tokenId().toString());
        claims.setStringClaim("clientSecretId", token.credentialId().toString());
        var signed = new JsonWebSignature();
        signed.setAlgorithmHeaderValue(AlgorithmIdentifiers.HMAC_SHA256);
        signed.setHeader("typ", "JWT");
        signed.setKeyIdHeaderValue(keyId);
        signed.setKey(key);
        signed.setPayload(claims.toJson());
        try {
            return signed.getCompactSerialization();
        } catch (JoseException e) {
            throw new IllegalStateException("An access token could not be signed", e);
        }
    }

    /** @throws TokenRefused if it is not ours, is malformed or has expired; whether it was revoked is not asked here */
    AccessToken read(String text) {
        if (text.length() > LONGEST_TOKEN) {
            throw TokenRefused.invalid();
        }
        var hash = sha256(text);
        var token = remembered.get(hash);
        if (token == null) {
            token = verify(text, TYPE);
            if (remembered.size() >= MOST_REMEMBERED) {
                remembered.clear(); // The callers of the moment are back at once.
            }
            remembered.put(hash, token);
        } else if (!clock.instant().isBefore(token.expiresAt())) {
            remembered.remove(hash);
            throw TokenRefused.expired();
        }
        return token;
    }

    /**
     * @return the login it names; {@code expiresAt} is when that ends
     * @throws TokenRefused as {@link #read}, and for an access token
     */
    AccessToken readSession(String text) {
        if (text.length() > LONGEST_TOKEN) {
            throw TokenRefused.invalid();
        }
        return verify(text, SESSION_TYPE);
    }

    private AccessToken verify(String text, String type) {
        try {
            var claims = consumer().processToClaims(text);
            if (!type.equals(claims.getStringClaimValue("authTokenType"))) {
                throw TokenRefused.invalid();
            }
            return new AccessToken(
                    UUID.fromString(claims.getJwtId()),
                    UUID.fromString(claims.getSubject()),
                    claims.getStringClaimValue("identityName"),
                    UUID.fromString(claims.getStringClaimValue("clientSecretId")),
                    // The build before did not say it.
                    instant(
                            claims.hasClaim("loggedInAt")
                                    ? claims.getNumericDateClaimValue("loggedInAt")
                                    : claims.getIssuedAt()),
                    instant(claims.getIssuedAt()),
                    instant(claims.getExpirationTime()),
                    instant(claims.getNumericDateClaimValue("renewableUntil")));
        } catch (InvalidJwtException e) {
            throw e.hasExpired() ? TokenRefused.expired() : TokenRefused.invalid();
        } catch (MalformedClaimException | IllegalArgumentException | NullPointerException e) {
            // Signed by us, so by another version of us: a claim is missing or of another form.
            throw TokenRefused.invalid();
        }
    }

    private static ByteBuffer sha256(String text) {
        try {
            return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 does not work on this Java runtime", e);
        }
    }

    private static NumericDate date(Instant instant) {
        return NumericDate.fromSeconds(instant.getEpochSecond());
    }

    private static Instant instant(NumericDate date) {
        return Instant.ofEpochSecond(date.getValue());
    }
}
