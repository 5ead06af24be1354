package io.rolewright.delivery;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of delivery. */
@ConfigMapping(prefix = "rolewright.delivery")
interface DeliveryConfig {

    /**
     * How many requests may wait for a new version at once in this process. One more is a 429, unless another identity has more of them than
     * the one that asks: then the oldest request of whoever has the most is answered as if its time were up.
     */
    @WithDefault("5000")
    int waiters();

    /** How often the store is asked for the versions that somebody waits for: one query for all of them. */
    @WithDefault("500ms")
    Duration pollInterval();
}
