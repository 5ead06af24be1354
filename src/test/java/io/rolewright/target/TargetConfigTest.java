package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class TargetConfigTest {

    @Test
    void opensNothingByDefault() {
        TargetConfig config = TestTargets.config(Map.of());

        assertThat(config.allowedNetworks()).isEmpty();
        assertThat(config.allowInternalIpConnections()).isFalse();
        assertThat(config.sessionsPerTarget()).isEqualTo(2);
        assertThat(config.sessions()).isEqualTo(32);
        assertThat(config.waiting()).isEqualTo(256);
        assertThat(config.maximumWait()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.connectTimeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.lookupTimeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.lookups()).isEqualTo(16);
        assertThat(config.loops()).isEqualTo(2);
    }

    @Test
    void readsEverySetting() {
        TargetConfig config = TestTargets.config(Map.of(
                "allowed-networks", "10.0.0.0/8,fd00::/8",
                "sessions-per-target", "3",
                "sessions", "33",
                "waiting", "5",
                "maximum-wait", "1s",
                "connect-timeout", "2s",
                "lookup-timeout", "4s",
                "lookups", "6",
                "loops", "7",
                "allow-internal-ip-connections", "true"));

        assertThat(config.allowedNetworks()).contains(List.of("10.0.0.0/8", "fd00::/8"));
        assertThat(config.allowInternalIpConnections()).isTrue();
        assertThat(config.sessionsPerTarget()).isEqualTo(3);
        assertThat(config.sessions()).isEqualTo(33);
        assertThat(config.waiting()).isEqualTo(5);
        assertThat(config.maximumWait()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.connectTimeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(config.lookupTimeout()).isEqualTo(Duration.ofSeconds(4));
        assertThat(config.lookups()).isEqualTo(6);
        assertThat(config.loops()).isEqualTo(7);
    }

    @Test
    void refusesAMalformedNetworkInOneSentence() {
        TargetConfig config = TestTargets.config(Map.of("allowed-networks", "10.0.0.0/8,10.0.0.1/8"));

        assertThatThrownBy(() -> new Targets(config, Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'10.0.0.1/8' has bits set after its prefix.");
    }

    /** Development and tests talk to this machine; production must not. */
    @Test
    void opensThisMachineInDevelopmentAndTestsOnly() throws IOException {
        Properties properties = new Properties();
        try (InputStream file = getClass().getResourceAsStream("/application.properties")) {
            properties.load(file);
        }

        assertThat(properties.stringPropertyNames())
                .filteredOn(name -> name.contains("rolewright.target"))
                .as("only under the profiles of development and tests")
                .isNotEmpty()
                .allMatch(name -> name.matches("%[{]?(dev|test)(,(dev|test))*[}]?\\.rolewright\\.target\\..*"));
    }
}
