package io.rolewright.testing;

import io.rolewright.development.PostgresBinaries;
import io.rolewright.development.PostgresServer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.SslMode;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A real PostgreSQL server for tests: of a wanted version, with TLS or without. The shared ones are started once per
 * process and stopped with it; a test that changes the server itself (stops it, freezes it, edits its rules) takes one of its
 * {@linkplain #own own}.
 *
 * <pre>
 * TestPostgres postgres = TestPostgres.shared(18);
 * TestPostgres.Login app = postgres.role("LOGIN");
 * postgres.sql("GRANT … TO " + app.role());
 * assertThat(postgres.login(app.role(), app.password())).isEqualTo("ok");
 *
 * {@literal @}ParameterizedTest
 * {@literal @}MethodSource("io.rolewright.testing.TestPostgres#versions")
 * void worksOnEveryVersion(int major) { … TestPostgres.shared(major) … }
 * </pre>
 */
public final class TestPostgres implements AutoCloseable {

    /** Whether a server offers TLS, and whether it takes anything else. Its certificate is for localhost and 127.0.0.1. */
    public enum Tls {
        OFF,
        OPTIONAL,
        REQUIRED
    }

    /** A role that can log in. */
    public record Login(String role, String password) {}

    public static final int NEWEST = 18;
    public static final String SUPERUSER = "postgres";
    private static final String PASSWORD = "only for tests";
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final String SHARED = "io.rolewright.testing.postgres.";
    private static final AtomicInteger NAMES = new AtomicInteger();

    private final Path folder;
    private final PostgresServer server;
    private final Tls tls;

    private TestPostgres(Path folder, PostgresServer server, Tls tls) {
        this.folder = folder;
        this.server = server;
        this.tls = tls;
    }

    /** The versions this build tests on: 14 and 18, all from 14 to 18 with {@code -Dpostgres.all}. */
    public static Stream<Integer> versions() {
        return Arrays.stream(System.getProperty("postgres.tested", "14,18").split(","))
                .map(Integer::valueOf);
    }

    /** The server of the version that all tests of this process share; no TLS. */
    public static TestPostgres shared(int major) {
        return shared(major, Tls.OFF);
    }

    public static TestPostgres shared(int major, Tls tls) {
        // Quarkus loads test classes several times over; a system property is what they have in common.
        String property = SHARED + major + "." + tls;
        synchronized (System.class) {
            String known = System.getProperty(property);
            if (known == null) {
                TestPostgres started = own(major, tls, builder -> builder);
                System.setProperty(property, started.folder.toString());
                return started;
            }
            return new TestPostgres(Path.of(known), PostgresServer.open(Path.of(known)), tls);
        }
    }

    /** A server for one test, with TLS off. The test closes it. */
    public static TestPostgres own(int major) {
        return own(major, Tls.OFF, builder -> builder);
    }

    /**
     * A server for one test. The test closes it.
     *
     * @param changes what is to be different, e.g. {@code b -> b.setting("max_connections", "5")}, or another certificate
     */
    public static TestPostgres own(int major, Tls tls, UnaryOperator<PostgresServer.Builder> changes) {
        return own(installation(major), tls, changes);
    }

    /** A server for one test, of a PostgreSQL that the machine has, such as {@code /usr/lib/postgresql/15}. The test closes it. */
    public static TestPostgres own(Path installation, Tls tls, UnaryOperator<PostgresServer.Builder> changes) {
        try {
            Path servers = Files.createDirectories(Path.of("target/test-postgres"));
            Path folder = Files.createTempDirectory(servers, "own-").toAbsolutePath();
            PostgresServer.Builder builder = PostgresServer.in(folder, installation)
                    .superuser(SUPERUSER, PASSWORD)
                    .volatileData()
                    .temporary()
                    .port(Ports.free())
                    .authentication(rules(tls));
            if (tls != Tls.OFF) {
                TestCertificates authority = TestCertificates.in(folder);
                TestCertificates.Issued certificate = authority.server("localhost", "127.0.0.1", "::1");
                Files.copy(authority.caFile(), folder.resolve("ca.pem"));
                builder.tls(certificate.certificate(), certificate.key());
            }
            return new TestPostgres(folder, changes.apply(builder).start(), tls);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A running copy of this server as it is now, on another port: what a restore of a backup gives. This server is stopped for the
     * moment of the copy. The test closes it.
     */
    public TestPostgres copy() {
        return copy(false);
    }

    /** A standby that follows this server, until it is promoted. The test closes it. */
    public TestPostgres standby() {
        return copy(true);
    }

    private TestPostgres copy(boolean standby) {
        try {
            Path other = Files.createTempDirectory(folder.getParent(), "copy-").toAbsolutePath();
            server.stop();
            try {
                run(
                        "cp",
                        "-a",
                        folder.resolve("data").toString(),
                        folder.resolve("server.properties").toString(),
                        other.toString());
            } finally {
                server.start();
            }
            PostgresServer.Builder builder = PostgresServer.in(other, server.installation())
                    .volatileData()
                    .temporary()
                    .port(Ports.free())
                    .authentication(rules(tls));
            if (standby) {
                Files.createFile(other.resolve("data/standby.signal"));
                builder.setting(
                        "primary_conninfo",
                        "host=" + host() + " port=" + port() + " user=" + SUPERUSER + " password='" + PASSWORD + "'");
            }
            return new TestPostgres(other, builder.start(), tls);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A server for one test, with TLS off, that keeps all of its WAL: for {@link #baseBackup}. The test closes it. */
    public static TestPostgres archiving(int major) {
        TestPostgres server = own(
                major,
                Tls.OFF,
                builder -> builder.setting("archive_mode", "on").setting("archive_command", "cp %p ../archive/%f"));
        try {
            Path archive = Files.createDirectory(server.folder.resolve("archive"));
            Files.setPosixFilePermissions(archive, PosixFilePermissions.fromString("rwxrwxrwx"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return server;
    }

    /** Taken while the server runs, by the machine's {@code pg_basebackup}; one for each server. */
    public void baseBackup() {
        run(
                "pg_basebackup",
                "--host=" + host(),
                "--port=" + port(),
                "--username=" + SUPERUSER,
                "--pgdata=" + folder.resolve("base"),
                "--wal-method=none",
                "--checkpoint=fast");
    }

    /**
     * Stops the server, and starts it as it was at a moment after its {@link #baseBackup}, by the WAL since.
     *
     * @param moment a timestamp as the server writes it
     */
    public void goBackTo(String moment) {
        server.stop();
        Path data = server.dataFolder();
        Path before = folder.resolve("data.before");
        try {
            Files.move(data, before);
            Files.move(folder.resolve("base"), data);
            Files.writeString(
                    data.resolve("postgresql.auto.conf"),
                    "restore_command = 'cp ../archive/%f %p'\nrecovery_target_time = '" + moment
                            + "'\nrecovery_target_action = 'promote'\n",
                    StandardOpenOption.APPEND);
            Files.createFile(data.resolve("recovery.signal"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        run("chown", "-R", "--reference=" + before, data.toString());
        server.start();
        for (int i = 0; sql("SELECT pg_is_in_recovery()").get(0).getBoolean(0); i++) {
            if (i == 1000) {
                throw new IllegalStateException("The server does not end its recovery:\n" + server.log());
            }
        }
    }

    private static void run(String... command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().put("PGPASSWORD", PASSWORD);
            Process process = builder.start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException(command[0] + " failed: " + said);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static Path installation(int major) {
        Path cache = Path.of("target/postgres-binaries");
        Path jar = cache.resolve(major + ".jar");
        if (major == NEWEST) {
            return PostgresBinaries.fromClassPath(cache);
        }
        if (!Files.exists(jar)) {
            throw new IllegalStateException("No PostgreSQL " + major + " in " + jar
                    + ": run ./mvnw process-test-resources," + " with -Dpostgres.all for versions other than 14.");
        }
        return PostgresBinaries.fromJar(jar, cache);
    }

    private static String[] rules(Tls tls, String... own) {
        String kind = tls == Tls.REQUIRED ? "hostssl" : "host";
        List<String> rules = new ArrayList<>();
        rules.add(kind + " all " + SUPERUSER + " 127.0.0.1/32 scram-sha-256");
        rules.add(kind + " replication " + SUPERUSER + " 127.0.0.1/32 scram-sha-256");
        if (own.length == 0) {
            rules.add(kind + " all all 127.0.0.1/32 scram-sha-256");
        }
        rules.addAll(List.of(own));
        return rules.toArray(new String[0]);
    }

    public String host() {
        return server.host();
    }

    public int port() {
        return server.port();
    }

    /** The superuser's password; its name is {@link #SUPERUSER}. */
    public String superuserPassword() {
        return server.superuserPassword();
    }

    /** The server as such: stop, start, kill, freeze, log. Only for servers of one's own. */
    public PostgresServer server() {
        return server;
    }

    /** The certificate of the authority that signed the server's, in PEM; not for servers without TLS. */
    public String caPem() {
        try {
            return Files.readString(caFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Path caFile() {
        return folder.resolve("ca.pem");
    }

    /** @return a name that no other test of this process uses, fit to stand in SQL without quotes */
    public static String uniqueName(String start) {
        return start + "_" + ProcessHandle.current().pid() + "_" + Integer.toHexString(System.identityHashCode(NAMES))
                + "_" + NAMES.incrementAndGet();
    }

    /** A new database that nobody else uses; owned by the superuser. */
    public String database() {
        String name = uniqueName("db");
        sql("CREATE DATABASE " + name);
        return name;
    }

    /** A new role with a generated password and, for example, {@code "LOGIN CREATEROLE"}. */
    public Login role(String attributes) {
        Login login = new Login(uniqueName("role"), uniqueName("password"));
        sql("CREATE ROLE " + login.role() + " PASSWORD '" + login.password() + "' " + attributes);
        return login;
    }

    /** Runs one or more statements as the superuser in the database {@code postgres}. @return the rows of the first */
    public List<Row> sql(String statements) {
        return sqlIn("postgres", statements);
    }

    public List<Row> sqlIn(String database, String statements) {
        return sqlIn(database, statements, TIMEOUT);
    }

    public List<Row> sqlIn(String database, String statements, Duration timeout) {
        return as(SUPERUSER, server.superuserPassword(), database, statements, timeout);
    }

    /** Runs statements as any role. @throws PgException the server refused the login or a statement */
    public List<Row> as(String role, String password, String database, String statements) {
        return as(role, password, database, statements, TIMEOUT);
    }

    /** Runs statements. */
    public interface Sql {
        /** @return the rows of the first */
        List<Row> run(String statements);
    }

    /** @param work is given what runs statements as the superuser, all in one transaction */
    public void inTransaction(String database, Consumer<Sql> work) {
        PgConnection session = answer(connect(SUPERUSER, server.superuserPassword(), database), TIMEOUT);
        try {
            Sql sql = statements -> rows(answer(session.query(statements).execute(), TIMEOUT));
            sql.run("BEGIN");
            work.accept(sql);
            sql.run("COMMIT");
        } finally {
            answer(session.close(), TIMEOUT);
        }
    }

    private List<Row> as(String role, String password, String database, String statements, Duration timeout) {
        return rows(answer(
                connect(role, password, database)
                        .compose(session -> session.query(statements).execute().eventually(() -> session.close())),
                timeout));
    }

    private Future<PgConnection> connect(String role, String password, String database) {
        PgConnectOptions options = new PgConnectOptions()
                .setHost(host())
                .setPort(port())
                .setUser(role)
                .setPassword(password)
                .setDatabase(database)
                .setSslMode(tls == Tls.REQUIRED ? SslMode.REQUIRE : SslMode.DISABLE)
                .setTrustAll(tls == Tls.REQUIRED)
                .setReconnectAttempts(0);
        return PgConnection.connect(Client.VERTX, options);
    }

    private static List<Row> rows(RowSet<Row> answer) {
        List<Row> rows = new ArrayList<>();
        answer.forEach(rows::add);
        return rows;
    }

    private static <T> T answer(Future<T> future, Duration timeout) {
        try {
            return future.toCompletionStage().toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof PgException refusal) {
                throw refusal;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException("PostgreSQL did not answer within " + timeout.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** @return {@code ok}, or the SQLSTATE of the refusal; a fresh session every time */
    public String login(String role, String password) {
        try {
            as(role, password, "postgres", "SELECT 1");
            return "ok";
        } catch (PgException refusal) {
            return refusal.getSqlState();
        }
    }

    /**
     * Replaces the rules by which the server lets roles in, and returns when they are in force. The superuser keeps its own
     * rule, which stands first.
     */
    public void authentication(String... lines) {
        String before = loaded();
        server.authentication(rules(tls, lines));
        for (int i = 0; loaded().equals(before); i++) {
            if (i == 1000) {
                throw new IllegalStateException("The server did not take the new rules:\n" + server.log());
            }
        }
    }

    private String loaded() {
        return sql("SELECT pg_conf_load_time()::text").get(0).getString(0);
    }

    /**
     * Makes the server stand still, as one whose machine lost power: nothing answers and nothing is closed. Its sessions' processes too, which
     * go on by themselves when the postmaster does not; it comes first, so that no other is begun.
     */
    public void freeze() {
        signal("STOP");
    }

    /** Undoes {@link #freeze}. */
    public void thaw() {
        signal("CONT");
    }

    private void signal(String name) {
        ProcessHandle postmaster = ProcessHandle.of(server.pid().orElseThrow()).orElseThrow();
        signal(name, postmaster);
        postmaster.children().forEach(child -> signal(name, child));
    }

    private static void signal(String name, ProcessHandle process) {
        try {
            int code = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .start()
                    .waitFor();
            // One that has ended since it was listed needs no signal.
            if (code != 0 && process.isAlive()) {
                throw new IllegalStateException("The process " + process.pid() + " took no " + name);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stops the server and deletes its folder; not for the shared ones. */
    @Override
    public void close() {
        server.close();
    }

    /** Made when first needed, one per class loader; its threads do not keep the process alive. */
    private static final class Client {
        static final Vertx VERTX = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                .setUseDaemonThread(true));
    }
}
