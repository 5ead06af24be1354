package io.rolewright.target.address;

import io.smallrye.mutiny.Uni;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where our own store listens. Its host is looked up again for every check, and all addresses it ever had count, so that a
 * failover does not open it.
 */
final class OwnServer {

    private static final Pattern URL =
            Pattern.compile("(?:vertx-reactive:)?postgres(?:ql)?://(?:[^@/?]*@)?(\\[[^]]*]|[^:/?,]+)(?::(\\d+))?.*");

    private final Host host;
    private final int port;
    private final Set<InetAddress> seen = ConcurrentHashMap.newKeySet();

    private OwnServer(Host host, int port) {
        this.host = host;
        this.port = port;
    }

    /** @param url as in {@code quarkus.datasource.reactive.url}; several, separated by commas, give several servers */
    static List<OwnServer> ofUrls(String url) {
        return Pattern.compile(",(?=(?:vertx-reactive:)?postgres)")
                .splitAsStream(url)
                .map(String::trim)
                .map(URL::matcher)
                .filter(Matcher::matches)
                .flatMap(match -> Host.parse(match.group(1)).stream()
                        .map(host ->
                                new OwnServer(host, match.group(2) == null ? 5432 : Integer.parseInt(match.group(2)))))
                .toList();
    }

    boolean listensOn(int otherPort) {
        return port == otherPort;
    }

    /** Brings {@link #is} up to date. Fails when the store's host was never found: then nothing at its port is open. */
    Uni<Void> refresh(NameLookup lookup, Duration atMost) {
        if (host.literal().isPresent()) {
            seen.add(AddressGuard.address(host.name(), host.literal().get()));
            return Uni.createFrom().voidItem();
        }
        return lookup.allByName(host.lookup(), atMost)
                .invoke(seen::addAll)
                .replaceWithVoid()
                .onFailure(failure -> !seen.isEmpty())
                .recoverWithNull();
    }

    /** Whether the address is one of the store's, or another name of the machine that the store and we share. */
    boolean is(InetAddress address) {
        return seen.contains(address) || (isLocal(address) && seen.stream().anyMatch(OwnServer::isLocal));
    }

    private static boolean isLocal(InetAddress address) {
        try {
            return address.isLoopbackAddress()
                    || address.isAnyLocalAddress()
                    || NetworkInterface.getByInetAddress(address) != null;
        } catch (SocketException unknown) {
            return true;
        }
    }
}
