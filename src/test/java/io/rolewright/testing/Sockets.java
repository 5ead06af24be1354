package io.rolewright.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The sockets of one process, as Linux shows them under {@code /proc} (proc(5)): which are open, and with whom. A mere
 * count says little about one part of a process, for every pool in it opens and closes sessions when it pleases.
 */
public final class Sockets {

    /** The kernel's lists of sockets, and the column of the inode in each. */
    private static final Map<String, Integer> TABLES =
            Map.of("tcp", 9, "tcp6", 9, "udp", 9, "udp6", 9, "raw", 9, "raw6", 9, "unix", 6, "netlink", 9, "packet", 8);

    private final Path process;

    public Sockets(long pid) {
        this.process = Path.of("/proc", Long.toString(pid));
    }

    /** Of this very process. */
    public static Sockets own() {
        return new Sockets(ProcessHandle.current().pid());
    }

    /** How many are open, of every kind. */
    public int open() {
        return inodes().size();
    }

    /** The open TCP connections to any of these ports, one line each, as the kernel lists them. */
    public List<String> to(Set<Integer> ports) {
        Set<String> own = inodes();
        return Stream.of("tcp", "tcp6")
                .flatMap(this::table)
                .filter(fields -> own.contains(fields[TABLES.get("tcp")]))
                .filter(fields -> ports.contains(port(fields[2])))
                .map(fields -> String.join(" ", fields))
                .toList();
    }

    /** Those that the kernel lists nowhere: made, and never bound, connected or closed. */
    public Set<String> unused() {
        Set<String> own = inodes();
        // Read after the descriptors: what is connected meanwhile is listed, what is closed meanwhile is asked again.
        TABLES.forEach((name, inode) -> table(name).forEach(fields -> own.remove(fields[inode])));
        own.retainAll(inodes());
        return own;
    }

    private Stream<String[]> table(String name) {
        try {
            Path table = process.resolve("net").resolve(name);
            return Files.exists(table)
                    ? Files.readAllLines(table).stream()
                            .skip(1)
                            .map(line -> line.strip().split("\\s+"))
                    : Stream.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.indexOf(':') + 1), 16);
    }

    private Set<String> inodes() {
        try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
            return descriptors
                    .map(Sockets::target)
                    .filter(target -> target.startsWith("socket:["))
                    .map(target -> target.substring("socket:[".length(), target.length() - 1))
                    .collect(Collectors.toCollection(HashSet::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (IOException goneMeanwhile) {
            return "";
        }
    }
}
