package io.rolewright.testing;

import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One store, its root key and its first identity, and as many replicas of the service on it as a test starts: what is shipped, as
 * processes of their own. A replica that is started again is another process on the same store.
 *
 * <pre>
 * try (Installation installation = Installation.on(TestPostgres.shared(18))) {
 *     ServiceProcess one = installation.start();
 *     ServiceProcess two = installation.start();
 *     one.kill();
 *     two.get("/api/v1/app-connections/postgres").expect(200);
 * }
 * </pre>
 */
public final class Installation implements AutoCloseable {

    public static final String CLIENT_ID = "proof";
    public static final String CLIENT_SECRET = "bootstrap secret of the proofs, 32 characters or more";

    private final TestPostgres postgres;
    private final TestPostgres.Login owner;
    private final String database;
    private final Map<String, String> settings = new HashMap<>();
    private final List<ServiceProcess> replicas = new ArrayList<>();
    private String token;
    private boolean asShipped;

    private Installation(TestPostgres postgres, int storePort) {
        this.postgres = postgres;
        owner = postgres.role("LOGIN");
        database = postgres.database();
        postgres.sql("ALTER DATABASE " + database + " OWNER TO " + owner.role());
        settings.put("QUARKUS_DATASOURCE_REACTIVE_URL", "postgresql://127.0.0.1:" + storePort + "/" + database);
        settings.put("QUARKUS_DATASOURCE_USERNAME", owner.role());
        settings.put("QUARKUS_DATASOURCE_PASSWORD", owner.password());
        settings.put("ROLEWRIGHT_ROOT_KEY_FILE", newRootKeyFile().toString());
        settings.put("ROLEWRIGHT_BOOTSTRAP_CLIENT_ID", CLIENT_ID);
        settings.put("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET);
        settings.put("ROLEWRIGHT_TARGET_ALLOWED_NETWORKS", "127.0.0.0/8");
        settings.put("QUARKUS_HTTP_HOST", "127.0.0.1");
        // All calls of a proof come from one address and one identity.
        settings.put("ROLEWRIGHT_ACCESS_LIMITS_TESTS_PER_ADDRESS", "0");
        settings.put("ROLEWRIGHT_ACCESS_LIMITS_TESTS_PER_IDENTITY", "0");
        settings.put("ROLEWRIGHT_ACCESS_LIMITS_ROTATES_PER_ADDRESS", "0");
        settings.put("ROLEWRIGHT_ACCESS_LIMITS_ROTATES_PER_IDENTITY", "0");
    }

    public static Installation on(TestPostgres postgres) {
        return new Installation(postgres, postgres.port());
    }

    /** A new store on {@code postgres}, reached through a proxy in front of it. */
    public static Installation on(TestPostgres postgres, TcpProxy proxy) {
        return new Installation(postgres, proxy.port());
    }

    /** The same keys and identities on another database: what whoever restores a dump of this store elsewhere starts. */
    public Installation restoredTo(TestPostgres server, String name) {
        return new Installation(this, server, name);
    }

    private Installation(Installation original, TestPostgres postgres, String database) {
        this.postgres = postgres;
        this.owner = original.owner;
        this.database = database;
        settings.putAll(original.settings);
        settings.put("QUARKUS_DATASOURCE_REACTIVE_URL", "postgresql://127.0.0.1:" + postgres.port() + "/" + database);
    }

    /** Whom the replicas log in to the store as. */
    public TestPostgres.Login owner() {
        return owner;
    }

    /** An environment variable of all replicas that are started from now on. */
    public Installation setting(String name, String value) {
        settings.put(name, value);
        return this;
    }

    /** Replicas are given the heap that is shipped, and no help to start sooner. */
    public Installation asShipped() {
        asShipped = true;
        return this;
    }

    boolean isAsShipped() {
        return asShipped;
    }

    /** A further replica, ready to serve. */
    public ServiceProcess start() {
        ServiceProcess replica = launch();
        replica.awaitReady();
        return replica;
    }

    /** A further replica, which may still be starting. */
    public ServiceProcess launch() {
        ServiceProcess replica = new ServiceProcess(this, settings);
        replicas.add(replica);
        return replica;
    }

    /** The root keys that every process of this installation is started with. */
    public Path rootKeyFile() {
        return Path.of(settings.get("ROLEWRIGHT_ROOT_KEY_FILE"));
    }

    /** The same settings for a command line of one's own. */
    public ProcessBuilder process(List<String> line) {
        ProcessBuilder command = new ProcessBuilder(line).redirectErrorStream(true);
        ServiceProcess.own(command.environment(), settings);
        return command;
    }

    /** What is shipped, to be run once with these arguments and the settings of the replicas: a command, not a replica. */
    public ProcessBuilder command(String... arguments) {
        List<String> line = new ArrayList<>(ServiceProcess.command("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        line.addAll(List.of(arguments));
        return process(line);
    }

    public String database() {
        return database;
    }

    /** Runs statements in the store as the superuser. @return the rows of the first */
    public List<Row> sql(String statements) {
        return postgres.sqlIn(database, statements);
    }

    /** What takes longer than tests usually wait. */
    public List<Row> sql(String statements, Duration timeout) {
        return postgres.sqlIn(database, statements, timeout);
    }

    /** An access token of the first identity; each replica takes it. */
    public synchronized String token(ServiceProcess replica) {
        if (token == null) {
            token = replica.login(CLIENT_ID, CLIENT_SECRET);
        }
        return token;
    }

    /** Kills what still runs. */
    @Override
    public void close() {
        replicas.forEach(ServiceProcess::close);
    }

    private static Path newRootKeyFile() {
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        try {
            Path file = Files.createTempFile(
                    Files.createDirectories(Path.of("target/test-keys")),
                    "root-",
                    ".keys",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(file, "test:" + Base64.getEncoder().encodeToString(key) + "\n");
            return file.toAbsolutePath();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
