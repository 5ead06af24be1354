package io.rolewright.target;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** How targets are reached. */
@ConfigMapping(prefix = "rolewright.target")
public interface TargetConfig {

    /**
     * Networks in CIDR form that may be reached although their kind is refused: private ones, loopback, even the store's own
     * address. Everything listed here can be reached by whoever may create a connection.
     */
    Optional<List<String>> allowedNetworks();

    /**
     * Opens loopback, RFC 1918, ULA and CGNAT at once, under the name the reference gives it. Not: link-local, cloud metadata,
     * the store.
     */
    @WithDefault("${ALLOW_INTERNAL_IP_CONNECTIONS:false}")
    boolean allowInternalIpConnections();

    /** Concurrent sessions to one address and port; one of them is kept for due work. More costs the target's slots. */
    @WithDefault("2")
    @Min(2)
    @Max(32)
    int sessionsPerTarget();

    /** Concurrent sessions to all targets. */
    @WithDefault("32")
    @Min(2)
    @Max(1024)
    int sessions();

    /** How many callers may wait for a session before the next is told that all are in use. */
    @WithDefault("256")
    @Min(1)
    @Max(100000)
    int waiting();

    /** How long due work waits for a session at most. A request waits once for all its sessions, within its deadline. */
    @WithDefault("3s")
    Duration maximumWait();

    /** How long one address has to accept a TCP connection; a host with several addresses is tried in turn. */
    @WithDefault("3s")
    Duration connectTimeout();

    /** How long the name servers have to answer. */
    @WithDefault("3s")
    Duration lookupTimeout();

    /** Names looked up at once. Each is a thread that a silent name server can hold. */
    @WithDefault("16")
    @Min(1)
    @Max(256)
    int lookups();

    /** Event loops that sessions to targets run on, apart from those of HTTP and store. */
    @WithDefault("2")
    @Min(1)
    @Max(32)
    int loops();
}
