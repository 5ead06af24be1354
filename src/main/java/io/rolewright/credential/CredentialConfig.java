package io.rolewright.credential;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How roles are worked on. */
@ConfigMapping(prefix = "rolewright.credential")
public interface CredentialConfig {

    /**
     * How long one claim is good for, by the store's clock; a crashed process is noticed after it. Must be well above {@link
     * #longestRun}, since nothing extends it.
     */
    @WithDefault("30s")
    Duration lease();

    /** After that a run of due work ends, wherever it stands; the next claim goes on. */
    @WithDefault("20s")
    Duration longestRun();

    /** First wait of an attempt that was parked; each further one is three times as long. */
    @WithDefault("5s")
    Duration firstRetry();

    /** Longest wait of a parked attempt. */
    @WithDefault("2h")
    Duration longestRetry();

    /**
     * How often the current password of every role is tried, to notice what others did to it. What that costs is one login, which fails
     * only where the password was changed. Some servers lock roles out after failed logins: give them an hour or more.
     */
    @WithDefault("15m")
    Duration probeInterval();

    /** How long replaced passwords and those of deleted roles are kept: at least the horizon of a restore of the target. */
    @WithDefault("30d")
    Duration retention();

    /** So many versions of a role are kept however old they are. */
    @WithDefault("10")
    int versionsKept();
}
