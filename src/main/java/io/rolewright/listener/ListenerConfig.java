package io.rolewright.listener;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

/** Settings of the ports. What they may cost in memory together is in docs/SECURITY.md, and held by {@code HeapTableTest}. */
@ConfigMapping(prefix = "rolewright.listener")
public interface ListenerConfig {

    /** Bytes: a quarter of it, which one address may hold, is more than the largest body costs. */
    long LEAST_MEMORY = 4 << 20;

    /**
     * Connections to one port at a time, 100 to 1,000,000. The process takes fewer if it may not open so many files. Those of 5000
     * consumers that wait for a version, of their proxies and of everybody else, twice.
     */
    @WithDefault("12000")
    @Min(100)
    @Max(1_000_000)
    int connections();

    /**
     * Connections of one address (IPv6: one /64) at a time. A quarter, so that no single address can have the others closed. The
     * addresses of {@code rolewright.access.trusted-proxies} and loopback have no share, since they stand for many.
     */
    @WithDefault("3000")
    @Min(1)
    int connectionsPerAddress();

    /**
     * What requests that are being read may occupy together, heads and bodies, 4 MiB or more. Sized for the heap of kubernetes/base.
     */
    @WithDefault("12M")
    MemorySize readingMemory();

    /**
     * What answers that are not read yet may occupy together, 4 MiB or more: beyond, the connection of the longest unread one is closed.
     * Sized for the heap of kubernetes/base.
     */
    @WithDefault("16M")
    MemorySize unreadMemory();
}
