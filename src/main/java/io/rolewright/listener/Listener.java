package io.rolewright.listener;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.arc.Unremovable;
import io.rolewright.access.ClientAddresses;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;

/** What the ports of this process share. */
@Singleton
@Unremovable // Doorkeeper is no bean
class Listener {

    /** For the store, for targets, webhooks, Vault, issuers, and the files of the process itself. */
    private static final int OTHER_FILES = 1000;

    private static final Pattern OPEN_FILES = Pattern.compile("Max open files +(\\d+|unlimited) .*");

    private static final Logger log = Logger.getLogger(Listener.class);

    private final ListenerConfig config;
    private final ClientAddresses addresses;
    private final MeterRegistry metrics;
    private final MemoryBudget reading;
    private final MemoryBudget unread;
    private final List<Peers> ports = new CopyOnWriteArrayList<>();

    Listener(ListenerConfig config, ClientAddresses addresses, MeterRegistry metrics) {
        this.config = config;
        this.addresses = addresses;
        this.metrics = metrics;
        this.reading = new MemoryBudget(config.readingMemory().asLongValue());
        this.unread = new MemoryBudget(config.unreadMemory().asLongValue());
        Gauge.builder(
                        "rolewright.listener.connections",
                        ports,
                        all -> all.stream().mapToInt(Peers::count).sum())
                .description("Connections of clients")
                .register(metrics);
        Gauge.builder("rolewright.listener.reading", reading, MemoryBudget::used)
                .description("Memory that requests occupy while they are read")
                .baseUnit("bytes")
                .register(metrics);
        Gauge.builder("rolewright.listener.unread", unread, MemoryBudget::used)
                .description("Memory that answers occupy until their clients have read them")
                .baseUnit("bytes")
                .register(metrics);
    }

    /** Called on the event loop that takes in the connections of this port, and so are the methods of what it returns. */
    Peers open(InetSocketAddress port) {
        int most = within(config.connections(), openFiles());
        if (most < config.connections()) {
            log.warnf(
                    "Port %d takes %d connections at a time and not %d (ROLEWRIGHT_LISTENER_CONNECTIONS): the process may"
                            + " open too few files. Raise that limit (ulimit -n, LimitNOFILE).",
                    port.getPort(), most, config.connections());
        }
        Peers peers = new Peers(
                most,
                Math.min(most, config.connectionsPerAddress()),
                addresses,
                reading,
                unread,
                System::nanoTime,
                metrics);
        ports.add(peers);
        peers.onClose(() -> ports.remove(peers));
        return peers;
    }

    /** @return how many connections leave enough files for everything else */
    static int within(int wanted, long files) {
        return (int) Math.min(wanted, Math.max(files / 2, files - OTHER_FILES));
    }

    /** As Linux says it; elsewhere there is no bound that is known. */
    private static long openFiles() {
        try {
            Optional<String> soft = Files.readAllLines(Path.of("/proc/self/limits")).stream()
                    .map(OPEN_FILES::matcher)
                    .filter(Matcher::matches)
                    .map(line -> line.group(1))
                    .findFirst();
            return soft.filter(text -> !text.equals("unlimited"))
                    .map(Long::parseLong)
                    .orElse(Long.MAX_VALUE);
        } catch (IOException notLinux) {
            return Long.MAX_VALUE;
        }
    }
}
