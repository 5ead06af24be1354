package io.rolewright.delivery;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of delivery. */
@ConfigMapping(prefix = "rolewright.delivery")
interface DeliveryConfig {

    /** How many requests may wait for a new version at once in this process; one more is a 429. */
    @WithDefault("5000")
    int waiters();

    /** How often the store is asked for the versions that somebody waits for: one query for all of them. */
    @WithDefault("500ms")
    Duration pollInterval();
}
