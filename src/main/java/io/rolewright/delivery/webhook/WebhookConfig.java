package io.rolewright.delivery.webhook;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of webhooks. */
@ConfigMapping(prefix = "rolewright.webhook")
interface WebhookConfig {

    /** Whether receivers may be called by http, so that whoever is on the way can read what is told, and to whom. */
    @WithDefault("false")
    boolean allowHttp();

    /** How long a receiver has to answer, the way there included. At most 30 s: a claim lasts for a minute. */
    @WithDefault("10s")
    Duration timeout();

    /** Until a failed delivery is tried again; each further pause is four times as long. */
    @WithDefault("10s")
    Duration firstPause();

    /** The longest pause between two tries of a delivery. */
    @WithDefault("6h")
    Duration longestPause();

    /** How long a receiver may be down before what it was to be told becomes dead letters. */
    @WithDefault("24h")
    Duration patience();

    /** How long it can be seen what was delivered. */
    @WithDefault("7d")
    Duration keepDelivered();

    /** How long dead letters can be seen and replayed. */
    @WithDefault("30d")
    Duration keepDead();
}
