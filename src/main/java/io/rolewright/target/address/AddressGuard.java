package io.rolewright.target.address;

import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides which addresses of a host may be dialled for a caller.
 *
 * <p><strong>What this protects against.</strong> A caller who makes this service talk to what only this service can reach: its own
 * machine, its network, the cloud's metadata service, its own store; also by a name that answers differently the second time, since
 * the checked address itself is dialled.
 *
 * <p><strong>What it does not.</strong> Public addresses that are protected by nothing but their secrecy, and whatever the operator opened.
 */
public final class AddressGuard implements AutoCloseable {

    private final List<Network> allowed;
    private final boolean internalOpen;
    private final List<OwnServer> own;
    private final NameLookup lookup;

    AddressGuard(List<Network> allowed, boolean internalOpen, List<OwnServer> own, NameLookup lookup) {
        this.allowed = allowed;
        this.internalOpen = internalOpen;
        this.own = own;
        this.lookup = lookup;
    }

    /**
     * @param allowedNetworks CIDRs that are open whatever their kind
     * @param internalOpen opens loopback, RFC 1918, ULA and CGNAT
     * @param storeUrl where our own store is; may be empty
     * @param lookups names looked up at once
     * @throws IllegalArgumentException with a readable sentence when a CIDR is malformed
     */
    public static AddressGuard of(List<String> allowedNetworks, boolean internalOpen, String storeUrl, int lookups) {
        return new AddressGuard(
                allowedNetworks.stream().map(String::trim).map(Network::parse).toList(),
                internalOpen,
                OwnServer.ofUrls(storeUrl),
                new NameLookup(lookups, InetAddress::getAllByName));
    }

    /**
     * @param host as the caller wrote it
     * @param atMost for the name servers; addresses written as such need none
     * @return never fails
     */
    public Uni<Checked> check(String host, int port, Duration atMost) {
        Host parsed = Host.parse(host).orElse(null);
        if (parsed == null) {
            return closed(Checked.Reason.MALFORMED);
        }
        if (parsed.namesMetadata()) {
            return closed(Checked.Reason.REFUSED);
        }
        if (parsed.literal().isPresent()) {
            byte[] bytes = parsed.literal().get();
            // Java makes an IPv4 address of a v4-mapped one: judge the bytes that were written.
            return judge(parsed.name(), List.of(bytes), port, atMost);
        }
        return lookup.allByName(parsed.lookup(), atMost)
                .chain(addresses -> judge(
                        parsed.name(),
                        addresses.stream().map(InetAddress::getAddress).toList(),
                        port,
                        atMost))
                .onFailure(UnknownHostException.class)
                .recoverWithUni(() -> closed(Checked.Reason.NOT_FOUND))
                .onFailure(TimeoutException.class)
                .recoverWithUni(() -> closed(Checked.Reason.LOOKUP_TIMED_OUT))
                .onFailure()
                .recoverWithUni(() -> closed(Checked.Reason.NOT_FOUND));
    }

    private static Uni<Checked> closed(Checked.Reason reason) {
        return Uni.createFrom().item(new Checked.Closed(reason, List.of()));
    }

    private Uni<Checked> judge(String name, List<byte[]> addresses, int port, Duration atMost) {
        List<OwnServer> samePort =
                own.stream().filter(server -> server.listensOn(port)).toList();
        Uni<Void> known = Uni.createFrom().voidItem();
        for (OwnServer server : samePort) {
            known = known.chain(() -> server.refresh(lookup, atMost));
        }
        return known.map(ignored -> decide(name, addresses, samePort))
                // The store's own host cannot be found: better not to dial its port at all.
                .onFailure()
                .recoverWithItem(() -> new Checked.Closed(Checked.Reason.LOOKUP_TIMED_OUT, List.of()));
    }

    private Checked decide(String name, List<byte[]> addresses, List<OwnServer> samePort) {
        List<String> resolved = new ArrayList<>();
        List<InetAddress> dial = new ArrayList<>();
        for (byte[] bytes : addresses) {
            InetAddress address = address(name, bytes);
            resolved.add(address.getHostAddress());
            if (open(bytes, address, samePort)) {
                dial.add(address);
            }
        }
        return dial.isEmpty()
                ? new Checked.Closed(Checked.Reason.REFUSED, resolved)
                : new Checked.Open(name, resolved, dial);
    }

    private boolean open(byte[] bytes, InetAddress address, List<OwnServer> samePort) {
        if (allowed.stream().anyMatch(network -> network.contains(bytes))) {
            return true;
        }
        if (samePort.stream().anyMatch(server -> server.is(address))) {
            return false;
        }
        AddressKind kind = AddressKind.of(bytes);
        return kind == AddressKind.PUBLIC || (internalOpen && kind.internal());
    }

    static InetAddress address(String name, byte[] bytes) {
        try {
            return InetAddress.getByAddress(name, bytes);
        } catch (UnknownHostException impossible) {
            throw new IllegalArgumentException("an address has 4 or 16 bytes", impossible);
        }
    }

    @Override
    public void close() {
        lookup.close();
    }
}
