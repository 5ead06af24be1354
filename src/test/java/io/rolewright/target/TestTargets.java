package io.rolewright.target;

import io.rolewright.target.address.TestGuard;
import io.rolewright.testing.TestPostgres;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The client under test, with this machine's servers opened. */
final class TestTargets {

    static final String TWO = "two.test";

    private TestTargets() {}

    static TargetConfig config(Map<String, String> changes) {
        Map<String, String> settings = new HashMap<>();
        changes.forEach((name, value) -> settings.put("rolewright.target." + name, value));
        return new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 300, new io.quarkus.runtime.configuration.DurationConverter())
                .withMapping(TargetConfig.class)
                .withSources(new PropertiesConfigSource(settings, "test", 100))
                .build()
                .getConfigMapping(TargetConfig.class);
    }

    static Targets local() {
        return local(Map.of());
    }

    static Targets local(Map<String, String> changes) {
        Map<String, String> settings = new HashMap<>(changes);
        settings.putIfAbsent("allowed-networks", "127.0.0.0/8,::1/128");
        return new Targets(config(settings), Optional.empty());
    }

    /** The name {@code two.test} has these addresses, in this order. */
    static Targets named(Map<String, String> changes, String... addresses) {
        return named(changes, Map.of(TWO, List.of(addresses)));
    }

    /** @param names and their addresses */
    static Targets named(Map<String, String> changes, Map<String, List<String>> names) {
        return new Targets(config(changes), TestGuard.of("127.0.0.0/8", names));
    }

    static Login login(TestPostgres server, TestPostgres.Login role) {
        return new Login(server.host(), server.port(), "postgres", role.role(), TlsSettings.DISABLED, role.password());
    }
}
