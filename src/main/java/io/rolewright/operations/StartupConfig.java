package io.rolewright.operations;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How long starting waits, and how often it tries again. */
@ConfigMapping(prefix = "rolewright.startup")
interface StartupConfig {

    /** How long the ports stay closed for the first attempt. After that the process answers and says why it is not ready. */
    @WithDefault("5s")
    Duration patience();

    /** The pause after the first failed attempt; it doubles up to {@link #maxPause}, each time with jitter. */
    @WithDefault("250ms")
    Duration minPause();

    /** The longest pause, and so about how long the service stays down after the store is back. */
    @WithDefault("10s")
    Duration maxPause();
}
