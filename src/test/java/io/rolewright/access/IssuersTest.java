package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.DurationConverter;
import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.problem.Problem;
import io.rolewright.target.TargetConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jose4j.jwk.JsonWebKey;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IssuersTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final Vertx vertx = Vertx.vertx();
    private final TestIssuer issuer = new TestIssuer();

    @AfterEach
    void close() {
        issuer.close();
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void findsTheKeysOnceForManyLogins() {
        var issuers = open(Map.of());

        for (int i = 0; i < 20; i++) {
            assertThat(keys(issuers, "first")).hasSize(1);
        }

        assertThat(issuer.discoveries).hasValue(1);
        assertThat(issuer.keySets).hasValue(1);
    }

    @Test
    void manyLoginsAtOnceShareOneFetch() {
        var issuers = open(Map.of());

        var all = IntStream.range(0, 50)
                .mapToObj(i -> issuers.keys(rule(issuer.url()), "first").subscribeAsCompletionStage())
                .toList();
        all.forEach(each -> assertThat(each.join()).hasSize(1));

        assertThat(issuer.keySets).hasValue(1);
    }

    @Test
    void picksUpAKeyThatIsNew() {
        var issuers = open(Map.of());
        keys(issuers, "first");
        issuer.addKey("second");

        issuers.age(Duration.ofSeconds(61));

        assertThat(keys(issuers, "second")).extracting(JsonWebKey::getKeyId).containsExactly("first", "second");
    }

    @Test
    void unknownKeyIdsAreNoFloodOfRequests() {
        var issuers = open(Map.of());

        for (int i = 0; i < 200; i++) {
            keys(issuers, "made up " + i);
        }
        assertThat(issuer.keySets).hasValue(1);

        issuers.age(Duration.ofSeconds(61));
        for (int i = 0; i < 200; i++) {
            keys(issuers, "made up " + i);
        }
        assertThat(issuer.keySets).hasValue(2);
    }

    @Test
    void aKeyThatIsNoLongerPublishedStopsCounting() {
        var issuers = open(Map.of());
        assertThat(keys(issuers, "first")).hasSize(1);
        issuer.instead.put("/keys", "{\"keys\":[]}");

        issuers.age(Duration.ofMinutes(11));

        assertThat(keys(issuers, "first")).isEmpty();
    }

    @Test
    void anIssuerThatIsDownShutsNobodyOutForAnHour() {
        var issuers = open(Map.of());
        keys(issuers, "first");
        issuer.stop();

        issuers.age(Duration.ofMinutes(11));
        assertThat(keys(issuers, "first")).hasSize(1);

        issuers.age(Duration.ofHours(1));
        assertUnavailable(issuers);
    }

    @Test
    void anIssuerThatIsDownIsNotAskedByEveryLogin() {
        var issuers = open(Map.of());
        issuer.instead.put("/.well-known/openid-configuration", issuer.url() + "/elsewhere");
        assertUnavailable(issuers);
        issuer.instead.clear();

        assertUnavailable(issuers);
        assertThat(issuer.discoveries).hasValue(0);

        issuers.age(Duration.ofSeconds(11));
        assertThat(keys(issuers, "first")).hasSize(1);
    }

    @Test
    void aRedirectIsNotFollowed() {
        var issuers = open(Map.of());
        issuer.instead.put("/.well-known/openid-configuration", issuer.url() + "/elsewhere");

        assertUnavailable(issuers);

        assertThat(issuer.others).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "not json",
                "[]",
                "{}",
                "{\"issuer\":\"https://other.example\",\"jwks_uri\":\"https://127.0.0.1/keys\"}",
                "{\"issuer\":7}"
            })
    void aDocumentThatDoesNotFitIsRefused(String document) {
        var issuers = open(Map.of());
        issuer.instead.put("/.well-known/openid-configuration", document);

        assertUnavailable(issuers);
    }

    @Test
    void keysAreFetchedByHttpsOnly() {
        var issuers = open(Map.of());
        issuer.instead.put(
                "/.well-known/openid-configuration",
                "{\"issuer\":\"" + issuer.url() + "\",\"jwks_uri\":\""
                        + issuer.url().replace("https", "http") + "/keys\"}");

        assertUnavailable(issuers);
    }

    @Test
    void aDocumentWithoutEndIsCutOff() {
        var issuers = open(Map.of());
        issuer.instead.put("/keys", "{\"keys\":[\"" + "x".repeat(IssuerClient.LARGEST_DOCUMENT) + "\"]}");

        assertUnavailable(issuers);
    }

    @Test
    void theCertificateIsChecked() {
        var issuers = open(Map.of());
        var withoutItsAuthority = new TokenRule(UUID.randomUUID(), Method.OIDC, issuer.url(), null, conditions());

        assertThatThrownBy(
                        () -> issuers.keys(withoutItsAuthority, "first").await().atMost(SOON))
                .isInstanceOf(Problem.class);
        assertThat(issuer.discoveries).hasValue(0);
    }

    /** Production opens nothing: an issuer that somebody made over the API is reached like a target. */
    @Test
    void anInternalAddressIsClosedToIssuersOfTheApi() {
        var issuers = issuers(Map.of(), Map.of());

        assertUnavailable(issuers);

        assertThat(issuer.discoveries).hasValue(0);
    }

    /** The document of an open issuer must not lead inside. */
    @Test
    void theAddressOfTheKeysIsCheckedToo() {
        var issuers = open(Map.of());
        issuer.instead.put(
                "/.well-known/openid-configuration",
                "{\"issuer\":\"" + issuer.url() + "\",\"jwks_uri\":\"https://169.254.169.254/keys\"}");

        assertUnavailable(issuers);
    }

    @Test
    void anIssuerOfTheOperatorIsReachedWhereverItIs(@TempDir Path folder) throws Exception {
        var token = Files.writeString(folder.resolve("token"), "a-service-account-token\n");
        var issuers = issuers(
                Map.of(),
                Map.of(
                        "rolewright.access.issuers.cluster.issuer", issuer.url(),
                        "rolewright.access.issuers.cluster.ca-file",
                                issuer.authority.caFile().toString(),
                        "rolewright.access.issuers.cluster.token-file", token.toString()));
        var rule = new TokenRule(UUID.randomUUID(), Method.KUBERNETES, issuer.url(), null, conditions());

        assertThat(issuers.keys(rule, "first").await().atMost(SOON)).hasSize(1);
        assertThat(issuer.bearers)
                .containsEntry("/keys", "Bearer a-service-account-token")
                .containsEntry("/.well-known/openid-configuration", "Bearer a-service-account-token");
        assertThat(issuers.isSet(issuer.url())).isTrue();
        assertThat(issuers.isSet("https://other.example")).isFalse();
    }

    private void assertUnavailable(Issuers issuers) {
        assertThatThrownBy(() -> keys(issuers, "first")).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.status()).isEqualTo(503);
            assertThat(problem.code()).isEqualTo("issuer_unavailable");
        });
    }

    private List<JsonWebKey> keys(Issuers issuers, String keyId) {
        return issuers.keys(rule(issuer.url()), keyId).await().atMost(SOON);
    }

    private TokenRule rule(String url) {
        return new TokenRule(UUID.randomUUID(), Method.OIDC, url, issuer.authority.caPem(), conditions());
    }

    private static Conditions conditions() {
        return new Conditions(List.of("rolewright"), "x", Map.of(), List.of(), List.of());
    }

    private Issuers open(Map<String, String> access) {
        return issuers(Map.of("rolewright.target.allowed-networks", "127.0.0.0/8"), access);
    }

    private Issuers issuers(Map<String, String> target, Map<String, String> access) {
        var values = new HashMap<>(target);
        values.putAll(access);
        values.put("ALLOW_INTERNAL_IP_CONNECTIONS", "false");
        var config = new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(AccessConfig.class)
                .withMapping(TargetConfig.class)
                .withDefaultValues(values)
                .build();
        return new Issuers(
                vertx,
                config.getConfigMapping(AccessConfig.class),
                config.getConfigMapping(TargetConfig.class),
                Optional.empty());
    }
}
