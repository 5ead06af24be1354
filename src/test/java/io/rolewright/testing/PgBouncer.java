package io.rolewright.testing;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.SslMode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/** A real PgBouncer before a real server. */
public final class PgBouncer implements AutoCloseable {

    private static final Duration IN_TIME = Duration.ofSeconds(15);

    private final Path folder;
    private final Process process;
    private final int port;
    private final Vertx vertx = Vertx.vertx(new VertxOptions()
            .setEventLoopPoolSize(1)
            .setWorkerPoolSize(1)
            .setInternalBlockingPoolSize(1)
            .setUseDaemonThread(true));

    private PgBouncer(Path folder, Process process, int port) {
        this.folder = folder;
        this.process = process;
        this.port = port;
    }

    /**
     * @param mode {@code session} or {@code transaction}
     * @param asks its {@code auth_type}: how it asks for passwords
     * @param users whose passwords it knows
     */
    public static PgBouncer before(TestPostgres server, String mode, String asks, TestPostgres.Login... users) {
        return before(server, mode, asks, null, users);
    }

    /** One that asks for SCRAM, and takes clients by TLS only. */
    public static PgBouncer withTls(TestPostgres server, TestCertificates.Issued shown, TestPostgres.Login... users) {
        return before(server, "session", "scram-sha-256", shown, users);
    }

    private static PgBouncer before(
            TestPostgres server, String mode, String asks, TestCertificates.Issued shown, TestPostgres.Login... users) {
        try {
            Path folder = Files.createTempDirectory("pgbouncer");
            int port = Ports.free();
            write(
                    folder.resolve("userlist.txt"),
                    Arrays.stream(users)
                            .map(user -> '"' + user.role() + "\" \"" + user.password() + '"')
                            .toList());
            List<String> settings = new ArrayList<>(List.of(
                    "[databases]",
                    "* = host=127.0.0.1 port=" + server.port(),
                    "[pgbouncer]",
                    "listen_addr = 127.0.0.1",
                    "listen_port = " + port,
                    "unix_socket_dir =",
                    "auth_type = " + asks,
                    "auth_file = " + folder.resolve("userlist.txt"),
                    "pool_mode = " + mode));
            if (shown != null) {
                write(folder.resolve("server.crt"), List.of(shown.pem()));
                write(folder.resolve("server.key"), List.of(shown.keyPem()));
                settings.add("client_tls_sslmode = require");
                settings.add("client_tls_cert_file = " + folder.resolve("server.crt"));
                settings.add("client_tls_key_file = " + folder.resolve("server.key"));
            }
            write(folder.resolve("pgbouncer.ini"), settings);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            List<String> command = new ArrayList<>(List.of(System.getProperty("pgbouncer")));
            if ("root".equals(System.getProperty("user.name"))) {
                command.addAll(List.of("-u", "nobody")); // it refuses to be root
            }
            command.add(folder.resolve("pgbouncer.ini").toString());
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile())
                    .start();
            PgBouncer pooler = new PgBouncer(folder, process, port);
            pooler.listens();
            return pooler;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, List<String> lines) throws IOException {
        Files.write(file, lines);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    }

    private void listens() {
        Awaitility.await().atMost(IN_TIME).until(() -> {
            if (!process.isAlive()) {
                throw new IllegalStateException("PgBouncer ended:\n" + log());
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

    /** Replaces its {@code userlist.txt} and has it read again, as {@code RELOAD} does; returns when that has happened. */
    public void users(String... lines) {
        try {
            long before = reloads();
            write(folder.resolve("userlist.txt"), List.of(lines));
            // It counts a file's age in whole seconds, and one of the same second and size is not read again.
            Files.setLastModifiedTime(
                    folder.resolve("userlist.txt"), FileTime.from(Instant.now().plusSeconds(2 * before + 2)));
            new ProcessBuilder("kill", "-HUP", Long.toString(process.pid())).start();
            Awaitility.await().atMost(IN_TIME).until(() -> reloads() > before);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private long reloads() {
        return log().lines().filter(line -> line.contains("SIGHUP")).count();
    }

    private String log() {
        try {
            return Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Logs in through it, soon: of a new {@code userlist.txt} it takes notice a moment after the signal. */
    public Consumer consumer(String username, String password) {
        PgConnectOptions options = new PgConnectOptions()
                .setHost("127.0.0.1")
                .setPort(port)
                .setUser(username)
                .setPassword(password)
                .setDatabase("postgres")
                .setSslMode(SslMode.DISABLE)
                .setProperties(Map.of("client_encoding", "utf8")) // it refuses what the driver sends by default
                .setReconnectAttempts(0);
        try {
            return Awaitility.await()
                    .atMost(IN_TIME)
                    .ignoreExceptions()
                    .until(() -> new Consumer(await(PgConnection.connect(vertx, options))), Objects::nonNull);
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(username + " does not get in:\n" + log(), e);
        }
    }

    private static <T> T await(Future<T> answer) {
        try {
            return answer.toCompletionStage().toCompletableFuture().get(IN_TIME.toSeconds(), TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** A session of somebody who uses the database. */
    public static final class Consumer implements AutoCloseable {
        private final PgConnection session;

        private Consumer(PgConnection session) {
            this.session = session;
        }

        public String currentUser() {
            return await(session.query("SELECT current_user::text").execute())
                    .iterator()
                    .next()
                    .getString(0);
        }

        @Override
        public void close() {
            await(session.close());
        }
    }

    @Override
    public void close() {
        process.destroy();
        vertx.close();
        try (var files = Files.walk(folder)) {
            files.sorted(java.util.Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
