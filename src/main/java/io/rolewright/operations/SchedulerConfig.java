package io.rolewright.operations;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** The clock inside this process. */
@ConfigMapping(prefix = "rolewright.scheduler")
interface SchedulerConfig {

    /** Whether this process looks for due work by itself. Without it something outside calls {@code run-due}. */
    @WithDefault("true")
    boolean enabled();

    /** How often it looks at the least; sooner when it knows that something is due before. */
    @WithDefault("30s")
    Duration pollInterval();
}
