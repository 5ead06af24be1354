package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AccessSettingsTest {

    private static final String SECRET = "thirty-two characters, or a bit more";

    @TempDir
    Path folder;

    @Test
    void nothingSetIsFine() {
        assertThat(complaint(Map.of())).isEmpty();
        assertThat(AccessSettings.bootstrap(bootstrap(Map.of()))).isEmpty();
    }

    @Test
    void theSettingsHaveTheNamesOfTheDesign() {
        var set = bootstrap(
                Map.of("ROLEWRIGHT_BOOTSTRAP_CLIENT_ID", "pipeline", "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET", SECRET));

        assertThat(AccessSettings.bootstrap(set).orElseThrow().clientId()).isEqualTo("pipeline");
        assertThat(AccessSettings.bootstrap(set).orElseThrow().clientSecret()).isEqualTo(SECRET);
    }

    @Test
    void theSecretMayStandInAFile() throws IOException {
        var file = Files.writeString(folder.resolve("secret"), SECRET + "\n");
        var set = bootstrap(Map.of(
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_ID",
                "pipeline",
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE",
                file.toString()));

        assertThat(AccessSettings.bootstrap(set).orElseThrow().clientSecret()).isEqualTo(SECRET);
    }

    /** As in a pod whose Secret was deleted when it had been applied: the id is gone with it, the path is not. */
    @Test
    void withoutAnIdAFileThatIsNotThereIsNone() throws IOException {
        var path = folder.resolve("gone").toString();
        assertThat(complaint(Map.of("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE", path)))
                .isEmpty();

        Files.writeString(folder.resolve("gone"), SECRET);
        assertThat(complaint(Map.of("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE", path)))
                .hasValueSatisfying(said -> assertThat(said).contains("set without an id"));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            id alone          | pipeline  |                                  |           | set without a secret
            secret alone      |           | 32 characters or more of secret. |           | set without an id
            both secrets      | pipeline  | 32 characters or more of secret. | /nowhere  | not both
            short secret      | pipeline  | 31 characters are not enough...  |           | CLIENT_SECRET must be 32 to
            space in the id   | pipe line | 32 characters or more of secret. |           | printable ASCII
            other letters     | pipéline  | 32 characters or more of secret. |           | printable ASCII
            no such file      | pipeline  |                                  | /nowhere  | cannot be read: /nowhere
            a folder          | pipeline  |                                  | /         | cannot be read: /
            an empty file     | pipeline  |                                  | /dev/null | must hold 32 to
            an endless file   | pipeline  |                                  | /dev/zero | must hold 32 to
            """)
    void saysInOneSentenceWhatIsWrong(String situation, String id, String secret, String file, String sentence) {
        var set = new HashMap<String, String>();
        if (id != null) {
            set.put("ROLEWRIGHT_BOOTSTRAP_CLIENT_ID", id);
        }
        if (secret != null) {
            set.put("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET", secret);
        }
        if (file != null) {
            set.put("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE", file);
        }

        var complaint = complaint(set);

        assertThat(complaint)
                .hasValueSatisfying(said -> assertThat(said)
                        .contains(sentence)
                        .doesNotContain("characters or more of secret")
                        .endsWith("."));
    }

    @Test
    void hasTheDefaultsOfTheDesign() {
        var access = access(Map.of());

        assertThat(access.tokenTtl()).isEqualTo(Duration.ofHours(1));
        assertThat(access.tokenMaxTtl()).isEqualTo(Duration.ofDays(30));
        assertThat(access.revocationDelay()).isEqualTo(Duration.ofSeconds(5));
        assertThat(access.lockout().failures()).isEqualTo(3);
        assertThat(access.lockout().window()).isEqualTo(Duration.ofSeconds(30));
        assertThat(access.lockout().duration()).isEqualTo(Duration.ofSeconds(300));
        assertThat(access.trustedProxies()).isEmpty();
    }

    @Test
    void readsEverySetting() {
        var access = access(Map.of(
                "ROLEWRIGHT_ACCESS_TOKEN_TTL", "10m",
                "ROLEWRIGHT_ACCESS_TOKEN_MAX_TTL", "2h",
                "ROLEWRIGHT_ACCESS_REVOCATION_DELAY", "2s",
                "ROLEWRIGHT_ACCESS_LOCKOUT_FAILURES", "5",
                "ROLEWRIGHT_ACCESS_LOCKOUT_WINDOW", "60s",
                "ROLEWRIGHT_ACCESS_LOCKOUT_DURATION", "10m",
                "ROLEWRIGHT_ACCESS_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"));

        assertThat(access.tokenTtl()).isEqualTo(Duration.ofMinutes(10));
        assertThat(access.tokenMaxTtl()).isEqualTo(Duration.ofHours(2));
        assertThat(access.revocationDelay()).isEqualTo(Duration.ofSeconds(2));
        assertThat(access.lockout().failures()).isEqualTo(5);
        assertThat(access.lockout().window()).isEqualTo(Duration.ofSeconds(60));
        assertThat(access.lockout().duration()).isEqualTo(Duration.ofMinutes(10));
        assertThat(access.trustedProxies()).contains(List.of("10.0.0.0/8", "fd00::/8"));
    }

    @ParameterizedTest
    @CsvSource({
        "ROLEWRIGHT_ACCESS_TOKEN_TTL,           1s,        ROLEWRIGHT_ACCESS_TOKEN_TTL must be 30 to",
        "ROLEWRIGHT_ACCESS_TOKEN_MAX_TTL,       30m,       ROLEWRIGHT_ACCESS_TOKEN_MAX_TTL must be 3600 to",
        "ROLEWRIGHT_ACCESS_REVOCATION_DELAY,    5m,        ROLEWRIGHT_ACCESS_REVOCATION_DELAY must be 1 to 60",
        "ROLEWRIGHT_ACCESS_LOCKOUT_FAILURES,    0,         ROLEWRIGHT_ACCESS_LOCKOUT_FAILURES must be 1 to 30",
        "ROLEWRIGHT_ACCESS_LOCKOUT_WINDOW,      2h,        ROLEWRIGHT_ACCESS_LOCKOUT_WINDOW must be 5 to 3600",
        "ROLEWRIGHT_ACCESS_LOCKOUT_DURATION,    1s,        ROLEWRIGHT_ACCESS_LOCKOUT_DURATION must be 30 to",
        "ROLEWRIGHT_ACCESS_TRUSTED_PROXIES,     nginx,     no network such as 10.0.0.0/8: nginx"
    })
    void refusesValuesOutOfRange(String setting, String value, String sentence) {
        assertThat(complaint(Map.of(setting, value)))
                .hasValueSatisfying(said -> assertThat(said).contains(sentence));
    }

    private static Optional<String> complaint(Map<String, String> environment) {
        return AccessSettings.complaint(access(environment), bootstrap(environment));
    }

    private static AccessConfig access(Map<String, String> environment) {
        return mapping(AccessConfig.class, environment);
    }

    private static BootstrapConfig bootstrap(Map<String, String> environment) {
        return mapping(BootstrapConfig.class, environment);
    }

    private static <T> T mapping(Class<T> type, Map<String, String> environment) {
        return new SmallRyeConfigBuilder()
                .addDiscoveredConverters() // Quarkus reads durations in its own way
                .withMapping(type)
                .withSources(new io.smallrye.config.EnvConfigSource(environment, 300))
                .build()
                .getConfigMapping(type);
    }
}
