package io.rolewright.access;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of logins and tokens. */
@ConfigMapping(prefix = "rolewright.access")
public interface AccessConfig {

    /** How long an access token is valid after a login or a renewal. Longer means fewer logins and a longer-lived loot. */
    @WithDefault("1h")
    Duration tokenTtl();

    /** How long after its login a token can be renewed at most; at least {@link #tokenTtl}. */
    @WithDefault("1d")
    Duration tokenMaxTtl();

    /**
     * How late at most a revocation that another replica took takes effect here: 1 to 60 s. While requests come in, the
     * store is asked twice per delay; without requests it is left alone.
     */
    @WithDefault("5s")
    Duration revocationDelay();

    Lockout lockout();

    /**
     * Networks of the proxies in front of us, in CIDR form. Only a request that comes from one of them may say in
     * {@code X-Forwarded-For} whom it forwards. Without any, the address of the connection counts, so that behind an
     * ingress all callers share one lockout per client id.
     */
    Optional<List<String>> trustedProxies();

    /** When logins that fail are no longer heard, per client id and address. */
    interface Lockout {

        /** Failures in a row that lock: 1 to 30. */
        @WithDefault("3")
        int failures();

        /** Failures further apart than this are not counted together: 5 s to 1 h. */
        @WithDefault("30s")
        Duration window();

        /** How long it is locked then: 30 s to 1 d. */
        @WithDefault("300s")
        Duration duration();
    }
}
