package io.rolewright.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.awaitility.Awaitility;

/** A real pgpool-II before a real server. {@code -Dpgpool} names its executable. */
public final class PgPool implements AutoCloseable {

    private final Path folder;
    private final Process process;
    private final int port;

    private PgPool(Path folder, Process process, int port) {
        this.folder = folder;
        this.process = process;
        this.port = port;
    }

    /**
     * @param rule the method by which it asks for passwords itself
     * @param users whose passwords it knows
     */
    public static PgPool before(TestPostgres server, String rule, TestPostgres.Login... users) {
        return before(server, rule, null, users);
    }

    /** One that asks for SCRAM, over TLS too. */
    public static PgPool withTls(TestPostgres server, TestCertificates.Issued shown, TestPostgres.Login... users) {
        return before(server, "scram-sha-256", shown, users);
    }

    private static PgPool before(
            TestPostgres server, String rule, TestCertificates.Issued shown, TestPostgres.Login... users) {
        try {
            Path folder = Files.createTempDirectory("pgpool");
            int port = Ports.free();
            Files.write(
                    folder.resolve("pool_passwd"),
                    Arrays.stream(users)
                            .map(user -> user.role() + ":TEXT" + user.password())
                            .toList());
            Files.writeString(folder.resolve("pool_hba.conf"), "host all all 127.0.0.1/32 " + rule + "\n");
            Files.writeString(folder.resolve("pcp.conf"), "");
            List<String> settings = new ArrayList<>(List.of(
                    "listen_addresses = '127.0.0.1'",
                    "port = " + port,
                    "pcp_port = " + Ports.free(),
                    "socket_dir = '" + folder + "'",
                    "pcp_socket_dir = '" + folder + "'",
                    "pid_file_name = '" + folder.resolve("pid") + "'",
                    "logdir = '" + folder + "'",
                    "backend_clustering_mode = 'raw'",
                    "backend_hostname0 = '127.0.0.1'",
                    "backend_port0 = " + server.port(),
                    "backend_weight0 = 1",
                    "backend_flag0 = 'DISALLOW_TO_FAILOVER'",
                    "enable_pool_hba = on",
                    "pool_passwd = '" + folder.resolve("pool_passwd") + "'",
                    "num_init_children = 4",
                    "max_pool = 1",
                    "sr_check_period = 0",
                    "health_check_period = 0"));
            if (shown != null) {
                settings.add("ssl = on");
                settings.add("ssl_cert = '" + shown.certificate() + "'");
                settings.add("ssl_key = '" + shown.key() + "'");
            }
            Files.write(folder.resolve("pgpool.conf"), settings);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
            List<String> command = new ArrayList<>(List.of(
                    System.getProperty("pgpool"),
                    "-n",
                    "-f",
                    folder.resolve("pgpool.conf").toString(),
                    "-a",
                    folder.resolve("pool_hba.conf").toString(),
                    "-F",
                    folder.resolve("pcp.conf").toString()));
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile())
                    .start();
            PgPool pooler = new PgPool(folder, process, port);
            pooler.listens();
            return pooler;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void listens() {
        Awaitility.await().atMost(Duration.ofSeconds(15)).until(() -> {
            if (!process.isAlive()) {
                throw new IllegalStateException("pgpool-II ended:\n" + Files.readString(folder.resolve("log")));
            }
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return socket.isConnected();
            } catch (IOException notYet) {
                return false;
            }
        });
    }

    public int port() {
        return port;
    }

    @Override
    public void close() {
        process.destroy();
        try {
            process.waitFor(); // its children with it
            try (var files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
