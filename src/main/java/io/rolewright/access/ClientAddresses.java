package io.rolewright.access;

import io.rolewright.audit.Origins;
import io.rolewright.target.address.Network;
import io.vertx.core.http.HttpServerRequest;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.List;

/**
 * Where a request comes from: for the lockout, the audit and, later, limits.
 *
 * <p>Not {@code quarkus.http.proxy.*}: that takes the <em>first</em> entry of {@code X-Forwarded-For}, which is whatever
 * the caller wrote there when the proxy appends, as most do. Here the entries are read from the right, and the first
 * that is not one of our proxies is the caller.
 */
@ApplicationScoped
public class ClientAddresses implements Origins {

    private final List<Network> proxies;

    @Inject
    ClientAddresses(AccessConfig config) {
        this(config.trustedProxies().orElse(List.of()));
    }

    /** @param proxies networks in CIDR form */
    public ClientAddresses(List<String> proxies) {
        this.proxies = proxies.stream()
                .map(network -> Network.ofCallers(network).orElseThrow())
                .toList();
    }

    /** @return a numeric IPv4 or IPv6 address, without brackets, port or zone */
    public String of(HttpServerRequest request) {
        // The connection's and not the request's, which a proxy handler may have replaced.
        var address = request.connection().remoteAddress().hostAddress();
        var peer = address == null ? "unknown" : withoutZone(address);
        return proxies.isEmpty() ? peer : behindProxies(peer, request.headers().getAll("X-Forwarded-For"));
    }

    String behindProxies(String peer, List<String> forwardedFor) {
        var hops = String.join(",", forwardedFor).split(",");
        var caller = peer;
        for (int i = hops.length - 1; i >= 0 && isProxy(caller); i--) {
            var hop = withoutPort(hops[i].strip());
            if (Network.caller(hop) == null) {
                break; // What a trusted proxy did not write cannot be trusted, nor anything left of it.
            }
            caller = hop;
        }
        return caller;
    }

    /**
     * By what failures are counted. Whoever has one IPv6 address has at least the 2⁶⁴ of its network, so the network
     * counts.
     */
    public static String origin(String address) {
        byte[] bytes = Network.caller(address);
        if (bytes == null || bytes.length != 16) {
            return address;
        }
        var network = new StringBuilder();
        for (int i = 0; i < 8; i += 2) {
            network.append("%02x%02x:".formatted(bytes[i], bytes[i + 1]));
        }
        return network.append(":/64").toString();
    }

    /** @return {@link #origin} of an address that a socket has, which may have a zone */
    @Override
    public String originOf(String address) {
        return origin(withoutZone(address));
    }

    /** @return whether it is one of our proxies, as which many callers come */
    public boolean isTrusted(String address) {
        return isProxy(withoutZone(address));
    }

    private boolean isProxy(String address) {
        byte[] bytes = Network.caller(address);
        return bytes != null && proxies.stream().anyMatch(network -> network.contains(bytes));
    }

    private static String withoutZone(String address) {
        var zone = address.indexOf('%');
        return zone < 0 ? address : address.substring(0, zone);
    }

    /** Some proxies write {@code 192.0.2.1:4711} and {@code [2001:db8::1]:4711}. */
    private static String withoutPort(String hop) {
        if (hop.startsWith("[")) {
            var end = hop.indexOf(']');
            return end < 0 ? hop : hop.substring(1, end);
        }
        var colon = hop.indexOf(':');
        return colon > 0 && colon == hop.lastIndexOf(':') ? hop.substring(0, colon) : hop;
    }
}
