package io.rolewright.credential;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of schedules. */
@ConfigMapping(prefix = "rolewright.rotation")
public interface ScheduleConfig {

    /**
     * The shortest time between two rotations with two roles: so long a credential stays valid at least after it was replaced. It must
     * be longer than what consumers take to fetch the new one.
     */
    @WithDefault("60s")
    Duration minimumOverlap();

    /** How long before a planned change it is told that a password ends with it. */
    @WithDefault("24h")
    Duration expiryNotice();
}
