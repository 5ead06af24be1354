package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StartFailureTest {

    @ConfigMapping(prefix = "rolewright.store")
    interface Store {
        String sslmode();
    }

    /** As in the executable, where files are read when nobody of ours has looked at them. */
    @Test
    void namesASettingThatNoMappingTakes() {
        SmallRyeConfig before = new SmallRyeConfigBuilder().build();
        var written = new PropertiesConfigSource(
                Map.of("rolewright.store.sslmode", "require", "rolewright.store.sslmod", "hunter2"), "file", 300);
        Throwable failure = catchThrowable(() -> new SmallRyeConfigBuilder()
                .withMapping(Store.class)
                .withSources(written)
                .build());

        assertThat(StartFailure.sentence(new RuntimeException(failure), before))
                .contains("There is no setting rolewright.store.sslmod; did you mean rolewright.store.sslmode?");
        assertThat(StartFailure.exitCode(new RuntimeException(failure), before)).isEqualTo(2);
    }
}
