package io.rolewright.access;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import java.security.Signature;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Forgeries are made by hand here, not by the library that has to see through them. */
class ForeignTokensTest {

    private static TestIssuer issuer;

    private final ForeignTokens tokens = new ForeignTokens(Clock.systemUTC());

    @BeforeAll
    static void start() {
        issuer = new TestIssuer();
    }

    @AfterAll
    static void stop() {
        issuer.close();
    }

    @Test
    void aGoodTokenIsLetIn() {
        assertThat(judge(issuer.token("first", Map.of()), oidc())).isEqualTo("repo:acme/shop");
    }

    @Test
    void oneOfSeveralAudiencesIsEnough() {
        assertThat(judge(issuer.token("first", Map.of("aud", List.of("other", "rolewright"))), oidc()))
                .isNotNull();
    }

    @ParameterizedTest
    @CsvSource({
        "iss, https://evil.example, token_issuer",
        "iss, absent, token_issuer",
        "aud, somebody-else, token_audience",
        "aud, absent, token_audience",
        "sub, repo:evil/shop, token_subject",
        "sub, absent, token_invalid",
        "exp, absent, token_invalid",
        "iat, absent, token_invalid"
    })
    void aClaimThatDoesNotFitIsRefused(String claim, String value, String reason) {
        assertThat(refusal(issuer.token("first", Map.of(claim, value)), oidc())).isEqualTo(reason);
    }

    @Test
    void timesAreLookedAt() {
        long now = Instant.now().getEpochSecond();

        assertThat(refusal(issuer.token("first", Map.of("exp", now - 31)), oidc()))
                .isEqualTo("token_expired");
        assertThat(refusal(issuer.token("first", Map.of("iat", now + 60)), oidc()))
                .isEqualTo("token_not_yet_valid");
        assertThat(refusal(issuer.token("first", Map.of("nbf", now + 60)), oidc()))
                .isEqualTo("token_not_yet_valid");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "None", "NONE", "nOnE", ""})
    void anUnsignedTokenIsRefused(String algorithm) {
        var text = TestIssuer.part(Map.of("alg", algorithm, "kid", "first")) + "."
                + TestIssuer.part(issuer.claims(Map.of())) + ".";

        assertThat(refusal(text, oidc())).isEqualTo("token_algorithm");
        assertThat(refusalOfVerify(text)).isNotNull();
    }

    /** The public key is no secret: a token "signed" with it as an HMAC key must not count. */
    @ParameterizedTest
    @ValueSource(strings = {"HS256", "HS384", "HS512"})
    void theIssuersPublicKeyIsNoSharedSecret(String algorithm) throws Exception {
        var text = TestIssuer.part(Map.of("alg", algorithm, "kid", "first")) + "."
                + TestIssuer.part(issuer.claims(Map.of()));
        var mac = Mac.getInstance("HmacSHA" + algorithm.substring(2));
        mac.init(new SecretKeySpec(issuer.key("first").getPublic().getEncoded(), "RAW"));
        var forged = text + "." + TestIssuer.base64(mac.doFinal(text.getBytes(UTF_8)));

        assertThat(refusal(forged, oidc())).isEqualTo("token_algorithm");
        assertThat(refusalOfVerify(forged)).isNotNull();
    }

    @Test
    void anotherKeyUnderTheIssuersKeyIdIsRefused() {
        var forged =
                TestIssuer.signed(Map.of("alg", "RS256", "kid", "first"), issuer.claims(Map.of()), TestIssuer.rsa());

        assertThat(refusal(forged, oidc())).isEqualTo("token_signature");
    }

    @Test
    void aKeyThatComesWithTheTokenIsNotUsed() throws Exception {
        var mine = TestIssuer.rsa();
        var jwk = org.jose4j.jwk.JsonWebKey.Factory.newJwk(mine.getPublic());
        jwk.setKeyId("first");
        var forged = TestIssuer.signed(
                Map.of(
                        "alg", "RS256",
                        "kid", "first",
                        "jwk", jwk.toParams(org.jose4j.jwk.JsonWebKey.OutputControlLevel.PUBLIC_ONLY),
                        "jku", "https://evil.example/keys"),
                issuer.claims(Map.of()),
                mine);

        assertThat(refusal(forged, oidc())).isEqualTo("token_signature");
    }

    @Test
    void unknownAndMissingKeyIdsAreRefused() {
        var key = issuer.key("first");

        assertThat(refusal(
                        TestIssuer.signed(Map.of("alg", "RS256", "kid", "other"), issuer.claims(Map.of()), key),
                        oidc()))
                .isEqualTo("token_invalid");
        assertThat(refusal(TestIssuer.signed(Map.of("alg", "RS256"), issuer.claims(Map.of()), key), oidc()))
                .isEqualTo("token_without_key_id");
    }

    @Test
    void anAlgorithmOfAnotherKindOfKeyIsRefused() {
        var forged =
                TestIssuer.signed(Map.of("alg", "ES256", "kid", "first"), issuer.claims(Map.of()), issuer.key("first"));

        assertThat(refusal(forged, oidc())).isNotNull();
    }

    @Test
    void changedClaimsAreRefused() {
        var parts = issuer.token("first", Map.of()).split("\\.");
        var changed = parts[0] + "."
                + TestIssuer.part(issuer.claims(Map.of("exp", Instant.now().getEpochSecond() + 86400))) + "."
                + parts[2];

        assertThat(refusal(changed, oidc())).isEqualTo("token_signature");
    }

    @Test
    void aWeakKeyIsRefused() throws Exception {
        var generator = java.security.KeyPairGenerator.getInstance("RSA");
        generator.initialize(1024);
        var weak = generator.generateKeyPair();
        var jwk = org.jose4j.jwk.JsonWebKey.Factory.newJwk(weak.getPublic());
        jwk.setKeyId("weak");
        var token = TestIssuer.signed(Map.of("alg", "RS256", "kid", "weak"), issuer.claims(Map.of()), weak);

        assertThat(catchThrowableOfType(ForeignTokens.Refused.class, () -> tokens.verify(token, oidc(), List.of(jwk))))
                .isNotNull();
    }

    @Test
    void anEllipticCurveKeyWorksToo() throws Exception {
        var generator = java.security.KeyPairGenerator.getInstance("EC");
        generator.initialize(256);
        var pair = generator.generateKeyPair();
        var jwk = org.jose4j.jwk.JsonWebKey.Factory.newJwk(pair.getPublic());
        jwk.setKeyId("curve");
        var text = TestIssuer.part(Map.of("alg", "ES256", "kid", "curve")) + "."
                + TestIssuer.part(issuer.claims(Map.of()));
        var signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initSign(pair.getPrivate());
        signature.update(text.getBytes(UTF_8));
        var token = text + "." + TestIssuer.base64(signature.sign());

        assertThat(tokens.verify(token, oidc(), List.of(jwk))).isEqualTo("repo:acme/shop");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "a.b.c", "a.b", "....", "e30.e30.e30", "eyJhbGciOiJSUzI1NiJ9..", "a.b.c.d.e"})
    void whatIsNoTokenIsRefused(String text) {
        assertThat(refusal(text, oidc())).isNotNull();
    }

    @Test
    void aTokenWithoutEndIsRefused() {
        assertThat(refusal("x".repeat(ForeignTokens.LONGEST_TOKEN + 1), oidc())).isEqualTo("token_too_long");
    }

    @Nested
    class WithClaims {

        private final TokenRule rule = rule(new Conditions(
                List.of("rolewright"),
                null,
                Map.of("environment", List.of("production", "staging"), "admin", List.of("true")),
                List.of(),
                List.of()));

        @Test
        void allMustFit() {
            assertThat(judge(issuer.token("first", Map.of("environment", "staging", "admin", true)), rule))
                    .isNotNull();
            assertThat(judge(
                            issuer.token("first", Map.of("environment", List.of("x", "production"), "admin", "true")),
                            rule))
                    .isNotNull();
            assertThat(refusal(issuer.token("first", Map.of("environment", "staging")), rule))
                    .isEqualTo("token_claims");
            assertThat(refusal(issuer.token("first", Map.of("environment", "production2", "admin", true)), rule))
                    .isEqualTo("token_claims");
            assertThat(refusal(
                            issuer.token("first", Map.of("environment", Map.of("production", 1), "admin", true)), rule))
                    .isEqualTo("token_claims");
        }
    }

    @Nested
    class OfAServiceAccount {

        private final TokenRule rule = new TokenRule(
                UUID.randomUUID(),
                Method.KUBERNETES,
                issuer.url(),
                null,
                new Conditions(
                        List.of("rolewright"), null, Map.of(), List.of("payments"), List.of("rotator", "other")));

        @Test
        void namespaceAndNameMustFit() {
            assertThat(judge(issuer.token("first", Map.of("sub", "system:serviceaccount:payments:rotator")), rule))
                    .isNotNull();
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "system:serviceaccount:payments:stranger",
                    "system:serviceaccount:elsewhere:rotator",
                    "system:serviceaccount:payments:rotator:x",
                    "system:serviceaccount:payments",
                    "system:serviceaccount::rotator",
                    "system:serviceaccount:payments:",
                    "payments:rotator",
                    "system:node:payments:rotator"
                })
        void elseItIsRefused(String subject) {
            assertThat(refusal(issuer.token("first", Map.of("sub", subject)), rule))
                    .isEqualTo("token_service_account");
        }
    }

    private static TokenRule oidc() {
        return rule(new Conditions(List.of("rolewright"), "repo:acme/shop", Map.of(), List.of(), List.of()));
    }

    private static TokenRule rule(Conditions conditions) {
        return new TokenRule(UUID.randomUUID(), Method.OIDC, issuer.url(), null, conditions);
    }

    /** As a login does it. */
    private String judge(String token, TokenRule rule) {
        tokens.precheck(token, rule);
        return tokens.verify(token, rule, issuer.publicKeys());
    }

    private String refusal(String token, TokenRule rule) {
        return catchThrowableOfType(ForeignTokens.Refused.class, () -> judge(token, rule)).reason;
    }

    /** Even if the first look were left out. */
    private String refusalOfVerify(String token) {
        return catchThrowableOfType(
                        ForeignTokens.Refused.class, () -> tokens.verify(token, oidc(), issuer.publicKeys()))
                .reason;
    }
}
