package io.rolewright.target.address;

import java.util.Arrays;
import java.util.List;

/**
 * What an address is for, from the IANA special-purpose address registries (RFC 6890 and its updates) and what cloud providers
 * document about their metadata services. The first kind whose network contains the address counts.
 */
public enum AddressKind {
    /**
     * Hands out the machine's own cloud credentials. AWS 169.254.169.254, 169.254.170.2 and fd00:ec2::/32; Google fd20:ce::254; Azure's
     * public-looking 168.63.129.16; Alibaba 100.100.100.200; Oracle 192.0.0.192.
     */
    CLOUD_METADATA(
            false,
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::/32",
            "fd20:ce::254"),
    LOOPBACK(true, "127.0.0.0/8", "::1"),
    PRIVATE(true, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    CARRIER_GRADE_NAT(true, "100.64.0.0/10"),
    UNIQUE_LOCAL(true, "fc00::/7"),
    LINK_LOCAL(false, "169.254.0.0/16", "fe80::/10"),
    SITE_LOCAL(false, "fec0::/10"),
    MULTICAST(false, "224.0.0.0/4", "ff00::/8"),
    /** An IPv4 address in IPv6 clothes: it would pass a check of IPv6 networks and reach an IPv4 host. */
    V4_MAPPED(false, "::ffff:0:0/96"),
    NAT64(false, "64:ff9b::/96", "64:ff9b:1::/48"),
    SIX_TO_FOUR(false, "2002::/16", "192.88.99.0/24"),
    TEREDO(false, "2001::/32"),
    DOCUMENTATION(false, "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
    /** "This network", IETF protocol assignments, benchmarking, future use; broadcast is in the last. */
    RESERVED(false, "0.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "2001::/23"),
    /** Only 2000::/3 is given out as global unicast (RFC 4291 §2.4); all IPv4 that is left. */
    PUBLIC(false, "0.0.0.0/0", "2000::/3"),
    /** IPv6 outside of what is given out: unspecified, v4-compatible, discard-only and all that has no use yet. */
    UNASSIGNED(false, "::/0");

    private final boolean internal;
    private final List<Network> networks;

    AddressKind(boolean internal, String... networks) {
        this.internal = internal;
        this.networks = Arrays.stream(networks).map(Network::parse).toList();
    }

    static AddressKind of(byte[] address) {
        for (AddressKind kind : values()) {
            for (Network network : kind.networks) {
                if (network.contains(address)) {
                    return kind;
                }
            }
        }
        throw new IllegalArgumentException("not an IP address");
    }

    /** Whether {@code ALLOW_INTERNAL_IP_CONNECTIONS} opens it. */
    boolean internal() {
        return internal;
    }
}
