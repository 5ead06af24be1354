package io.rolewright.listener;

import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.rolewright.access.ClientAddresses;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The connections to one port. There is a bound on all of them, and one on those of each address; a new connection beyond it takes the
 * place of the one that has asked for nothing for the longest time (of the same address, if that is beyond its share), and is refused
 * if all are being answered.
 *
 * <p>Confined to the event loop that takes connections in, but for {@link #count} and what {@link Peer} reports.
 */
final class Peers {

    /** Looking for the longest idle means looking at all of them, so several are found at a time. */
    private static final int FOUND_AT_ONCE = 64;

    /** Beyond the bound for this machine itself, from where the process asks whether it is alive. */
    private static final int FOR_LOOPBACK = 16;

    private final int most;
    private final int mostOfOne;
    private final ClientAddresses addresses;
    private final MemoryBudget reading;
    private final MemoryBudget unread;
    private final LongSupplier clock;
    private final MeterRegistry metrics;
    private final Crowd all = new Crowd();
    private final Map<String, Crowd> byOrigin = new HashMap<>();
    private Runnable onClose = () -> {};

    private static final class Crowd {
        private final Set<Peer> peers = ConcurrentHashMap.newKeySet();
        private final Deque<Peer> longestIdle = new ArrayDeque<>();
    }

    /** @param clock {@link System#nanoTime}, by which connections become overdue */
    Peers(
            int most,
            int mostOfOne,
            ClientAddresses addresses,
            MemoryBudget reading,
            MemoryBudget unread,
            LongSupplier clock,
            MeterRegistry metrics) {
        this.most = most;
        this.mostOfOne = mostOfOne;
        this.addresses = addresses;
        this.reading = reading;
        this.unread = unread;
        this.clock = clock;
        this.metrics = metrics;
    }

    void onClose(Runnable action) {
        onClose = action;
    }

    void close() {
        onClose.run();
    }

    int count() {
        return all.peers.size();
    }

    MemoryBudget reading() {
        return reading;
    }

    MemoryBudget unread() {
        return unread;
    }

    ClientAddresses addresses() {
        return addresses;
    }

    /** @return false if there is no room for it */
    boolean admit(Channel channel) {
        InetAddress address = channel.remoteAddress() instanceof InetSocketAddress remote ? remote.getAddress() : null;
        if (address == null) {
            return false; // it has left already
        }
        String text = address.getHostAddress();
        boolean thisMachine = address.equals(InetAddress.getLoopbackAddress()) || text.equals("0:0:0:0:0:0:0:1");
        String origin = addresses.originOf(text);
        Crowd own = byOrigin.computeIfAbsent(origin, none -> new Crowd());
        boolean admitted = (thisMachine || addresses.isTrusted(text) || makeRoom(own, mostOfOne, "share"))
                && makeRoom(all, thisMachine ? most + FOR_LOOPBACK : most, "bound");
        if (!admitted) {
            forget(origin, own);
            return false;
        }
        Peer peer = new Peer(channel, origin, this);
        all.peers.add(peer);
        own.peers.add(peer);
        channel.closeFuture().addListener(closed -> {
            all.peers.remove(peer);
            own.peers.remove(peer);
        });
        return true;
    }

    private boolean makeRoom(Crowd crowd, int bound, String reason) {
        if (crowd.peers.size() < bound) {
            return true;
        }
        Peer peer = longestIdle(crowd);
        if (peer == null) {
            count("refused");
            return false;
        }
        crowd.peers.remove(peer); // it goes by itself, a moment later
        peer.end(reason);
        return true;
    }

    private static @Nullable Peer longestIdle(Crowd crowd) {
        for (int round = 0; round < 2; round++) {
            while (!crowd.longestIdle.isEmpty()) {
                Peer peer = crowd.longestIdle.poll();
                if (peer.isIdle() && crowd.peers.contains(peer)) {
                    return peer;
                }
            }
            PriorityQueue<Peer> found = new PriorityQueue<>(
                    Comparator.comparingLong(Peer::idleSince).reversed());
            for (Peer peer : crowd.peers) {
                if (peer.isIdle()) {
                    found.add(peer);
                    if (found.size() > FOUND_AT_ONCE) {
                        found.poll();
                    }
                }
            }
            while (!found.isEmpty()) {
                crowd.longestIdle.addFirst(found.poll());
            }
        }
        return null;
    }

    /** Once a second. */
    void sweep() {
        long now = clock.getAsLong();
        all.peers.forEach(peer -> peer.endIfOverdue(now));
        byOrigin.values().removeIf(crowd -> crowd.peers.isEmpty());
    }

    private void forget(String origin, Crowd own) {
        if (own.peers.isEmpty()) {
            byOrigin.remove(origin);
        }
    }

    /** @param reason why a connection was closed by us, one of a handful of words */
    void count(String reason) {
        metrics.counter("rolewright.listener.closed", "reason", reason).increment();
    }
}
