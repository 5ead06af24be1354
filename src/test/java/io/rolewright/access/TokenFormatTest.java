package io.rolewright.access;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.rolewright.testing.MutableClock;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Forgeries are made by hand here, not by the library that has to see through them. */
class TokenFormatTest {

    private static final UUID ORGANISATION = UUID.fromString("6d1c6a52-44ae-4f87-8f0c-0e3b6f6f0001");
    private static final String KEY_ID = "0b6c8f7e-2f0a-4a43-9a55-3f0d5d6e0002";
    private static final SecretKey KEY = key(1);
    private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

    private final MutableClock clock = MutableClock.at(NOW);
    private final TokenFormat format = new TokenFormat(ORGANISATION, Map.of(KEY_ID, KEY)::get, clock);
    private final AccessToken token = new AccessToken(
            UUID.randomUUID(),
            UUID.randomUUID(),
            "pipeline",
            UUID.randomUUID(),
            NOW,
            NOW,
            NOW.plusSeconds(3600),
            NOW.plusSeconds(86400));

    @Test
    void readsWhatItWrote() {
        assertThat(format.read(format.write(token, KEY_ID, KEY))).isEqualTo(token);
    }

    @Test
    void namesTheClaimsAsTheReferenceDoes() {
        var payload = format.write(token, KEY_ID, KEY).split("\\.")[1];

        assertThat(new String(Base64.getUrlDecoder().decode(payload), UTF_8))
                .contains("\"identityId\":\"" + token.identityId())
                .contains("\"clientSecretId\":\"" + token.credentialId())
                .contains("\"identityAccessTokenId\":\"" + token.tokenId())
                .contains("\"authTokenType\":\"identityAccessToken\"");
    }

    @Test
    void anExpiredTokenIsSaidToBeExpired() {
        var text = format.write(token, KEY_ID, KEY);

        clock.tick(Duration.ofSeconds(3599));
        assertThat(format.read(text)).isEqualTo(token);
        clock.tick(Duration.ofSeconds(1));
        assertThat(refusal(text)).isEqualTo("token_expired");
    }

    @Test
    void refusesATokenIssuedInTheFuture() {
        var text = format.write(token, KEY_ID, KEY);

        clock.tick(Duration.ofSeconds(-31));
        assertThat(refusal(text)).isEqualTo("token_invalid");
        clock.tick(Duration.ofSeconds(1));
        assertThat(format.read(text))
                .as("clocks of two replicas may differ a little")
                .isEqualTo(token);
    }

    @Test
    void remembersATokenAndNotOneLikeIt() {
        var text = format.write(token, KEY_ID, KEY);
        format.read(text);

        // Not the very last character: two of its six bits are padding.
        var middle = text.length() - 10;
        var other = text.charAt(middle) == 'A' ? 'B' : 'A';
        assertThat(refusal(text.substring(0, middle) + other + text.substring(middle + 1)))
                .isEqualTo("token_invalid");
        assertThat(refusal(text + "A")).isEqualTo("token_invalid");
        assertThat(format.read(text)).isEqualTo(token);
    }

    @Test
    void keepsOnReadingWhenItHasSeenManyTokens() {
        for (int i = 0; i < 2100; i++) {
            var other = new AccessToken(
                    UUID.randomUUID(),
                    token.identityId(),
                    token.identityName(),
                    token.credentialId(),
                    token.loggedInAt(),
                    token.issuedAt(),
                    token.expiresAt(),
                    token.renewableUntil());
            assertThat(format.read(format.write(other, KEY_ID, KEY))).isEqualTo(other);
        }
    }

    @Test
    void refusesAnotherKeyUnderOurKeyId() {
        assertThat(refusal(format.write(token, KEY_ID, key(2)))).isEqualTo("token_invalid");
    }

    @Test
    void refusesAnUnknownKeyId() {
        assertThat(refusal(format.write(token, UUID.randomUUID().toString(), KEY)))
                .isEqualTo("token_invalid");
    }

    @Test
    void refusesATokenOfAnotherStore() {
        var other = new TokenFormat(UUID.randomUUID(), Map.of(KEY_ID, KEY)::get, clock);

        assertThat(refusal(other.write(token, KEY_ID, KEY))).isEqualTo("token_invalid");
    }

    @Test
    void anExpiredForgeryIsInvalidAndNotExpired() {
        var text = format.write(token, KEY_ID, key(2));

        clock.tick(Duration.ofDays(2));

        assertThat(refusal(text)).isEqualTo("token_invalid");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "None", "nOnE", ""})
    void refusesTokensWithoutSignature(String algorithm) {
        var payload = format.write(token, KEY_ID, KEY).split("\\.")[1];

        assertThat(refusal(header(algorithm, KEY_ID) + "." + payload + ".")).isEqualTo("token_invalid");
    }

    @Test
    void refusesOurSignatureUnderTheNameOfNone() throws Exception {
        var parts = format.write(token, KEY_ID, KEY).split("\\.");

        assertThat(refusal(header("none", KEY_ID) + "." + parts[1] + "." + parts[2]))
                .isEqualTo("token_invalid");
    }

    @Test
    void refusesStrongerAlgorithmsWithOurOwnKey() throws Exception {
        var payload = format.write(token, KEY_ID, KEY).split("\\.")[1];
        var signed = header("HS512", KEY_ID) + "." + payload;

        assertThat(refusal(signed + "." + mac("HmacSHA512", KEY.getEncoded(), signed)))
                .isEqualTo("token_invalid");
    }

    /** The confusion of RS256 and HS256: a public key, which everybody knows, used as a shared secret, or the reverse. */
    @Test
    void refusesAsymmetricSignaturesAndPublicKeysAsSecrets() throws Exception {
        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        var pair = generator.generateKeyPair();
        var payload = format.write(token, KEY_ID, KEY).split("\\.")[1];

        var rsa = header("RS256", KEY_ID) + "." + payload;
        var signer = Signature.getInstance("SHA256withRSA");
        signer.initSign(pair.getPrivate());
        signer.update(rsa.getBytes(US_ASCII));
        assertThat(refusal(rsa + "." + base64(signer.sign()))).isEqualTo("token_invalid");

        var hmac = header("HS256", KEY_ID) + "." + payload;
        assertThat(refusal(hmac + "." + mac("HmacSHA256", pair.getPublic().getEncoded(), hmac)))
                .isEqualTo("token_invalid");
    }

    /** Keys that a token brings along itself (RFC 7515 §4.1.2 to 4.1.6) count for nothing. */
    @Test
    void refusesAKeyThatComesWithTheToken() throws Exception {
        var payload = format.write(token, KEY_ID, KEY).split("\\.")[1];
        var mine = key(3);
        var signed = base64(("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\",\"k\":\""
                                + base64(mine.getEncoded()) + "\"}}")
                        .getBytes(UTF_8))
                + "." + payload;

        assertThat(refusal(signed + "." + mac("HmacSHA256", mine.getEncoded(), signed)))
                .isEqualTo("token_invalid");
    }

    @Test
    void refusesChangedClaims() {
        var parts = format.write(token, KEY_ID, KEY).split("\\.");
        var changed = new String(Base64.getUrlDecoder().decode(parts[1]), UTF_8).replace("pipeline", "operator");

        assertThat(refusal(parts[0] + "." + base64(changed.getBytes(UTF_8)) + "." + parts[2]))
                .isEqualTo("token_invalid");
    }

    /** Well signed, by a build before or after this one. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "{\"iss\":\"urn:rolewright:6d1c6a52-44ae-4f87-8f0c-0e3b6f6f0001\",\"sub\":\"x\",\"jti\":\"y\","
                        + "\"iat\":1795348800,\"exp\":1795352400,\"authTokenType\":\"identityAccessToken\"}",
                "{\"iss\":\"urn:rolewright:6d1c6a52-44ae-4f87-8f0c-0e3b6f6f0001\",\"sub\":\"x\",\"jti\":\"y\","
                        + "\"iat\":1795348800,\"authTokenType\":\"identityAccessToken\"}",
                "{\"iss\":\"urn:rolewright:6d1c6a52-44ae-4f87-8f0c-0e3b6f6f0001\",\"sub\":\"x\",\"jti\":\"y\","
                        + "\"iat\":\"soon\",\"exp\":\"later\"}"
            })
    void refusesOtherClaimsUnderAGoodSignature(String claims) throws Exception {
        var signed = header("HS256", KEY_ID) + "." + base64(claims.getBytes(UTF_8));

        assertThat(refusal(signed + "." + mac("HmacSHA256", KEY.getEncoded(), signed)))
                .isEqualTo("token_invalid");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", " ", ".", "..", "...", "a.b.c", "x", "eyJhbGciOiJIUzI1NiJ9..", "\u0000", "ä.ö.ü", "a.b.c.d.e"
            })
    void refusesWhatIsNoToken(String text) {
        assertThat(refusal(text)).isEqualTo("token_invalid");
    }

    @Test
    void refusesWhatIsTooLongToBeOne() {
        assertThat(refusal("x".repeat(5000))).isEqualTo("token_invalid");
    }

    private String refusal(String text) {
        return catchThrowableOfType(TokenRefused.class, () -> format.read(text)).code();
    }

    private static SecretKey key(int fill) {
        byte[] key = new byte[TokenFormat.KEY_BYTES];
        Arrays.fill(key, (byte) fill);
        return new SecretKeySpec(key, "HmacSHA256");
    }

    private static String header(String algorithm, String keyId) {
        return base64(("{\"alg\":\"" + algorithm + "\",\"typ\":\"JWT\",\"kid\":\"" + keyId + "\"}").getBytes(UTF_8));
    }

    private static String mac(String algorithm, byte[] key, String signed) throws Exception {
        var mac = Mac.getInstance(algorithm);
        mac.init(new SecretKeySpec(key, algorithm));
        return base64(mac.doFinal(signed.getBytes(US_ASCII)));
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
