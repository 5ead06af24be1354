package io.rolewright.development;

import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * One PostgreSQL server on this machine, in a folder of its own. It outlives a {@code kill -9} of this process at most by
 * the moment that its keeper needs: a small shell process that waits for our end, however it comes, and then stops the
 * server. Should the keeper be killed as well, the next {@link Builder#start} on the folder stops the orphan first.
 *
 * <p>It listens on 127.0.0.1 only, has no Unix socket, and asks everyone for a password unless told otherwise. Methods block;
 * they may be called from any thread, but not from two at once.
 *
 * <pre>
 * folder/server.properties   the port, the superuser and its password (0600)
 * folder/data                PostgreSQL's data, whose postgresql.conf and pg_hba.conf are written anew at every start
 * folder/server.log          what the server said
 * </pre>
 */
public final class PostgresServer implements AutoCloseable {

    private static final String HOST = "127.0.0.1";
    private static final int START_SECONDS = 60;

    private final Path folder;
    private final Path installation;
    private final String superuser;
    private final String superuserPassword;
    private final int port;
    private final boolean temporary;
    private final RunAs runAs = RunAs.find();

    /** Open for as long as this process lives; its end tells the keeper to stop the server. Null if opened, not started. */
    private Process keeper;

    private PostgresServer(
            Path folder, Path installation, String superuser, String superuserPassword, int port, boolean temporary) {
        this.folder = folder.toAbsolutePath();
        this.installation = installation;
        this.superuser = superuser;
        this.superuserPassword = superuserPassword;
        this.port = port;
        this.temporary = temporary;
    }

    /**
     * @param folder where the server's data and log are; made if it is missing
     * @param installation an unpacked version, see {@link PostgresBinaries}
     */
    public static Builder in(Path folder, Path installation) {
        return new Builder(folder.toAbsolutePath(), installation.toAbsolutePath());
    }

    /** The server that a {@link Builder} has started in the folder, in this process or another; for another class loader. */
    public static PostgresServer open(Path folder) {
        Properties known = load(folder.resolve("server.properties"))
                .orElseThrow(() -> new IllegalStateException("No server was ever started in " + folder));
        return new PostgresServer(
                folder,
                Path.of(known.getProperty("installation")),
                known.getProperty("superuser"),
                known.getProperty("password"),
                Integer.parseInt(known.getProperty("port")),
                Boolean.parseBoolean(known.getProperty("temporary")));
    }

    public String host() {
        return HOST;
    }

    public int port() {
        return port;
    }

    public String superuser() {
        return superuser;
    }

    public String superuserPassword() {
        return superuserPassword;
    }

    /** @return the first part of the version, e.g. 18 */
    public int major() {
        return major(folder.resolve("data"));
    }

    /** @return the unpacked version that it runs */
    public Path installation() {
        return installation;
    }

    /** @return where the server's files are */
    public Path dataFolder() {
        return folder.resolve("data");
    }

    /** @return all that the server has said since the folder was made */
    public String log() {
        return readLog(folder);
    }

    /** @return the process id of the postmaster, empty if none runs */
    public Optional<Long> pid() {
        return pid(folder.resolve("data"));
    }

    /** Starts the server again after {@link #stop} or {@link #kill}, on the same port and with the same settings. */
    public void start() {
        launch();
        try {
            keep();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends all sessions and stops the server; what was committed stays. */
    public void stop() {
        stop(runAs, installation, folder.resolve("data"), "fast");
    }

    public void restart() {
        stop();
        start();
    }

    /** Ends the server as a power cut would: {@code kill -9}, no checkpoint, no farewell to the clients. */
    public void kill() {
        pid().flatMap(ProcessHandle::of).ifPresent(postmaster -> {
            postmaster.destroyForcibly();
            await("the killed server to be gone", () -> pid().isEmpty());
        });
    }

    /** Stops the postmaster in its tracks: new sessions are accepted by the kernel and then meet silence. */
    public void freeze() {
        signal("STOP");
    }

    /** Lets a frozen server go on. */
    public void thaw() {
        signal("CONT");
    }

    /**
     * Replaces the lines of {@code pg_hba.conf} and makes the server read them; it does within a moment, for sessions that
     * begin after that.
     */
    public void authentication(String... lines) {
        try {
            writeAuthentication(folder.resolve("data"), List.of(lines), runAs);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        signal("HUP");
    }

    /** Stops the server for good; a server whose folder was to be deleted takes it along. */
    @Override
    public void close() {
        stop();
        try {
            dismissKeeper();
            if (temporary) {
                Folders.delete(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void signal(String name) {
        long pid = pid().orElseThrow(() -> new IllegalStateException("The server in " + folder + " does not run."));
        // Ours is the user that it runs as, or root: no need to become someone else.
        execute(List.of("kill", "-" + name, Long.toString(pid)));
    }

    private void launch() {
        Path data = folder.resolve("data");
        try {
            if (pid().isEmpty()) {
                // PostgreSQL takes a dead server that nobody has waited for, as in many a container, for a living one.
                Files.deleteIfExists(data.resolve("postmaster.pid"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Result result = execute(runAs.command(
                installation.resolve("bin/pg_ctl").toString(),
                "start",
                "-w",
                "-t",
                Integer.toString(START_SECONDS),
                "-D",
                data.toString(),
                "-l",
                folder.resolve("server.log").toString()));
        if (result.exitCode != 0) {
            throw new StartFailed("PostgreSQL did not start in " + folder + ":\n" + tail(log()));
        }
    }

    /** Replaces the keeper of the former postmaster, if there was one, with one for the present. */
    private void keep() throws IOException {
        dismissKeeper();
        // Ctrl-C reaches the whole process group, this shell included, which must stay until we are gone. Only our own
        // postmaster is stopped: by then another process may have started the next one on the same data.
        List<String> command = new ArrayList<>(List.of(
                "sh",
                "-c",
                "trap '' INT TERM HUP QUIT; cat >/dev/null; "
                        + "[ \"$(head -n 1 \"$FOLDER/data/postmaster.pid\")\" != \"$POSTMASTER\" ] || \"$@\"; "
                        + (temporary ? "rm -rf \"$FOLDER\"" : ":"),
                "keeper"));
        command.addAll(stopCommand(runAs, installation, folder.resolve("data"), "fast"));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(Path.of("/").toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("FOLDER", folder.toString());
        builder.environment().put("POSTMASTER", Long.toString(pid().orElse(0L)));
        keeper = builder.start();
    }

    private void dismissKeeper() throws IOException {
        if (keeper != null) {
            keeper.destroyForcibly();
            keeper.getOutputStream().close();
            keeper = null;
        }
    }

    // ---- shared with the builder, which works before there is a server

    private static List<String> stopCommand(RunAs runAs, Path installation, Path data, String mode) {
        return runAs.command(
                installation.resolve("bin/pg_ctl").toString(), "stop", "-w", "-m", mode, "-D", data.toString());
    }

    private static void stop(RunAs runAs, Path installation, Path data, String mode) {
        if (pid(data).isEmpty()) {
            return;
        }
        Result result = execute(stopCommand(runAs, installation, data, mode));
        if (result.exitCode != 0 && pid(data).isPresent()) {
            throw new IllegalStateException("PostgreSQL in " + data + " did not stop: " + result.output);
        }
    }

    private static Optional<Long> pid(Path data) {
        Path file = data.resolve("postmaster.pid");
        try (Stream<String> lines = Files.lines(file)) {
            long pid = Long.parseLong(lines.findFirst().orElse("0").strip());
            boolean alive = ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent() && isPostgres(pid);
            return alive ? Optional.of(pid) : Optional.empty();
        } catch (IOException | UncheckedIOException | NumberFormatException none) {
            return Optional.empty();
        }
    }

    /** Whether the process is what it was: process ids come round again, and a dead process may await its parent. */
    private static boolean isPostgres(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.contains("(postgres)") && !stat.contains("(postgres) Z");
        } catch (IOException noProc) {
            return !Files.isDirectory(Path.of("/proc/self")); // macOS has no /proc, and its launchd leaves no dead
        }
    }

    private static int major(Path data) {
        try {
            return Integer.parseInt(Files.readString(data.resolve("PG_VERSION")).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String readLog(Path folder) {
        try {
            return Files.readString(folder.resolve("server.log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void writeAuthentication(Path data, List<String> lines, RunAs runAs) throws IOException {
        Path file = data.resolve("pg_hba.conf");
        Folders.writePrivate(file, String.join("\n", lines) + "\n");
        runAs.handOver(file);
    }

    private static Optional<Properties> load(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (Reader reader = Files.newBufferedReader(file)) {
            Properties properties = new Properties();
            properties.load(reader);
            return Optional.of(properties);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Result execute(List<String> command) {
        return execute(command, "");
    }

    private static Result execute(List<String> command, String input) {
        try {
            // A server that is started inherits what it is given: a file, since nobody would ever see a pipe's end.
            Path output = Files.createTempFile("rolewright-", ".out");
            try {
                Process process = new ProcessBuilder(command)
                        .directory(Path.of("/").toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
                try (var stdin = process.getOutputStream()) {
                    stdin.write(input.getBytes(StandardCharsets.UTF_8));
                } catch (IOException ended) {
                    // It ended before it read all; its output says why.
                }
                if (!process.waitFor(2 * START_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    throw new IllegalStateException(command + " did not end within " + 2 * START_SECONDS + " s.");
                }
                return new Result(process.exitValue(), Files.readString(output));
            } finally {
                Files.deleteIfExists(output);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void await(String what, java.util.function.BooleanSupplier done) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("Waited in vain for " + what + ".");
            }
            CompletableFuture.runAsync(() -> {}, CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS))
                    .join();
        }
    }

    private static String tail(String text) {
        List<String> lines = text.lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 10), lines.size()));
    }

    private record Result(int exitCode, String output) {}

    private static final class StartFailed extends IllegalStateException {
        StartFailed(String message) {
            super(message);
        }
    }

    /** What the server is to be. Everything has a default: durable, password authentication, a free port, no TLS. */
    public static final class Builder {

        private final Path folder;
        private final Path installation;
        private final Map<String, String> settings = new LinkedHashMap<>();
        private final List<String> preparation = new ArrayList<>();
        private List<String> authentication =
                List.of("host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256");
        private String superuser = "postgres";
        private String superuserPassword;
        private String locale = "C";
        private boolean temporary;
        private int port;
        private Path certificate;
        private Path key;

        private Builder(Path folder, Path installation) {
            this.folder = folder;
            this.installation = installation;
            settings.put("listen_addresses", HOST);
            settings.put("unix_socket_directories", "");
            settings.put("fsync", "on");
            settings.put("synchronous_commit", "on");
            settings.put("password_encryption", "scram-sha-256");
            settings.put("max_connections", "100");
            settings.put("shared_buffers", "32MB");
            settings.put("dynamic_shared_memory_type", "posix");
            settings.put("timezone", "UTC");
            settings.put("log_timezone", "UTC");
            settings.put("lc_messages", "C");
        }

        /** The first role and its password; counts when the folder is new, and must be given then. */
        public Builder superuser(String name, String password) {
            superuser = name;
            superuserPassword = password;
            return this;
        }

        /** A line of {@code postgresql.conf}. */
        public Builder setting(String name, String value) {
            settings.put(name, value);
            return this;
        }

        /** For tests: quick. What was committed survives a kill of the server, but not a power cut of the machine. */
        public Builder volatileData() {
            settings.put("fsync", "off");
            settings.put("full_page_writes", "off");
            return this;
        }

        /** The lines of {@code pg_hba.conf}, instead of "everyone from 127.0.0.1 with a SCRAM password". */
        public Builder authentication(String... lines) {
            authentication = List.of(lines);
            return this;
        }

        /** Where it listens if the folder is new, or its port taken; by default one that the kernel chooses. */
        public Builder port(int port) {
            this.port = port;
            return this;
        }

        /** Offers TLS; whether it is demanded is {@link #authentication}'s matter ({@code hostssl}). Both files in PEM. */
        public Builder tls(Path certificate, Path key) {
            this.certificate = certificate;
            this.key = key;
            return this;
        }

        /** Collation of the databases, one that the machine knows; {@code C} by default. */
        public Builder locale(String locale) {
            this.locale = locale;
            return this;
        }

        /** Deletes the folder when this process ends, however it ends. */
        public Builder temporary() {
            temporary = true;
            return this;
        }

        /** One statement that is run as the superuser when the folder is new, before anyone can connect. */
        public Builder prepare(String statement) {
            preparation.add(statement);
            return this;
        }

        /**
         * Starts the server and waits until it accepts sessions. A server that is still running in the folder, because its
         * process was killed, is stopped first. The last port is used again if it is free.
         *
         * @throws IllegalStateException it cannot be started; the message is fit to be shown
         */
        public PostgresServer start() {
            RunAs runAs = RunAs.find();
            try {
                Folders.createPrivate(folder);
                runAs.letPass(folder);
                runAs.checkReachable(folder);
                runAs.checkReachable(installation.resolve("bin"));
                Path data = folder.resolve("data");
                Path known = folder.resolve("server.properties");
                PostgresServer.stop(runAs, installation, data, "fast");
                if (!Files.exists(data)) {
                    initialise(runAs, data, known);
                }
                return launch(runAs, data, known);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void initialise(RunAs runAs, Path data, Path known) throws IOException {
            // Beside the real place and then renamed, so that a crash in between leaves nothing half made.
            Path unfinished = folder.resolve("data.unfinished");
            Folders.delete(unfinished);
            Folders.createPrivate(unfinished);
            runAs.handOver(unfinished);
            Path password = folder.resolve("password");
            Folders.writePrivate(password, superuserPassword + "\n");
            runAs.handOver(password);
            Result result = execute(runAs.command(
                    installation.resolve("bin/initdb").toString(),
                    "-D",
                    unfinished.toString(),
                    "-U",
                    superuser,
                    "-A",
                    "scram-sha-256",
                    "--pwfile=" + password,
                    "-E",
                    "UTF8",
                    "--locale=" + locale,
                    "--no-sync"));
            Files.delete(password);
            if (result.exitCode != 0) {
                throw new IllegalStateException("initdb failed: " + tail(result.output));
            }
            if (!preparation.isEmpty()) {
                prepare(runAs, unfinished);
            }
            save(known, superuserPassword, 0);
            Files.move(unfinished, data);
        }

        /** The single-user mode needs no password, no port and no client. One statement per line. */
        private void prepare(RunAs runAs, Path data) {
            String statements = preparation.stream()
                    .map(statement -> statement.replaceAll("\\s*\\n\\s*", " ") + ";\n")
                    .reduce("", String::concat);
            Result result = execute(
                    runAs.command(
                            installation.resolve("bin/postgres").toString(),
                            "--single",
                            "-D",
                            data.toString(),
                            "-c",
                            "exit_on_error=on",
                            // Statements hold passwords: no echo of a failing one.
                            "-c",
                            "log_min_error_statement=panic",
                            "postgres"),
                    statements);
            if (result.exitCode != 0) {
                throw new IllegalStateException("Preparing the database failed: " + tail(result.output));
            }
        }

        private PostgresServer launch(RunAs runAs, Path data, Path known) throws IOException {
            Properties properties = load(known)
                    .orElseThrow(() -> new IllegalStateException(known + " is gone, but " + data
                            + " is there: delete the folder to start with an empty database."));
            int lastPort = Integer.parseInt(properties.getProperty("port"));
            for (int attempt = 1; ; attempt++) {
                int port = port(lastPort, attempt);
                configure(runAs, data, port);
                PostgresServer server = new PostgresServer(
                        folder,
                        installation,
                        properties.getProperty("superuser"),
                        properties.getProperty("password"),
                        port,
                        temporary);
                try {
                    server.launch();
                } catch (StartFailed e) {
                    if (attempt < 3 && !isFree(port)) {
                        continue; // somebody took the port between our look and the server's
                    }
                    throw e;
                }
                superuser = server.superuser;
                save(known, server.superuserPassword, port);
                server.keep();
                return server;
            }
        }

        private void configure(RunAs runAs, Path data, int port) throws IOException {
            settings.put("port", Integer.toString(port));
            if (certificate != null) {
                settings.put("ssl", "on");
                settings.put("ssl_cert_file", take(runAs, certificate, "server.crt"));
                settings.put("ssl_key_file", take(runAs, key, "server.key"));
            }
            StringBuilder lines = new StringBuilder();
            settings.forEach((name, value) -> lines.append(name)
                    .append(" = '")
                    .append(value.replace("'", "''"))
                    .append("'\n"));
            Path file = data.resolve("postgresql.conf");
            Folders.writePrivate(file, lines.toString());
            runAs.handOver(file);
            writeAuthentication(data, authentication, runAs);
            Path log = folder.resolve("server.log");
            if (!Files.exists(log)) {
                Folders.writePrivate(log, "");
                runAs.handOver(log);
            }
        }

        /** A copy with the owner and mode that the server insists on. */
        private String take(RunAs runAs, Path file, String name) throws IOException {
            Path copy = folder.resolve(name);
            Folders.writePrivate(copy, "");
            Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
            Files.setPosixFilePermissions(copy, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
            runAs.handOver(copy);
            return copy.toString();
        }

        private void save(Path known, String password, int port) throws IOException {
            Properties properties = new Properties();
            properties.setProperty("installation", installation.toString());
            properties.setProperty("superuser", superuser);
            properties.setProperty("password", password);
            properties.setProperty("port", Integer.toString(port));
            properties.setProperty("temporary", Boolean.toString(temporary));
            StringWriter text = new StringWriter();
            properties.store(text, null);
            Folders.writePrivate(known, text.toString());
        }

        private int port(int last, int attempt) throws IOException {
            if (attempt == 1 && isFree(last)) {
                return last;
            }
            return attempt == 1 && isFree(port) ? port : freePort();
        }

        private static boolean isFree(int port) {
            if (port == 0) {
                return false;
            }
            try (ServerSocket socket = new ServerSocket()) {
                socket.setReuseAddress(true);
                socket.bind(new java.net.InetSocketAddress(InetAddress.getByName(HOST), port));
                return true;
            } catch (IOException taken) {
                return false;
            }
        }

        private static int freePort() throws IOException {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(HOST))) {
                return socket.getLocalPort();
            }
        }
    }
}
