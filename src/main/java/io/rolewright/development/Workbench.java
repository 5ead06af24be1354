package io.rolewright.development;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * The git-ignored folder that the development mode keeps everything in: a PostgreSQL with the store and the sample target, and
 * the secrets that were made up for them at the first start. Deleting the folder starts afresh.
 *
 * <pre>
 * .rolewright/postgresql/     the server, see {@link PostgresServer}
 * .rolewright/binaries/       its programs
 * .rolewright/root.keys       the root key of the store
 * .rolewright/secrets         bootstrap identity and passwords
 * .rolewright/lock            held by the process that uses the folder
 * </pre>
 */
final class Workbench {

    static final String STORE = "rolewright";
    static final String SAMPLE_DATABASE = "sample";
    static final String MANAGING_ROLE = "sample_manager";
    static final String FIRST_ROLE = "sample_app_1";
    static final String SECOND_ROLE = "sample_app_2";

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Path folder;
    private final Properties secrets;
    private final PostgresServer server;

    private Workbench(Path folder, Properties secrets, PostgresServer server) {
        this.folder = folder;
        this.secrets = secrets;
        this.server = server;
    }

    /**
     * Takes possession of the folder and starts the server in it; both last until this process ends. The first time takes some
     * seconds.
     *
     * @throws IllegalStateException another process uses the folder, or PostgreSQL cannot run here; the message says so
     */
    static Workbench open(Path folder) {
        try {
            Folders.createPrivate(folder);
            RunAs.find().letPass(folder);
            lock(folder);
            Properties secrets = secrets(folder);
            Path installation = PostgresBinaries.fromClassPath(folder.resolve("binaries"));
            PostgresServer server = PostgresServer.in(folder.resolve("postgresql"), installation)
                    .superuser("postgres", secrets.getProperty("superuser"))
                    .prepare("CREATE ROLE " + STORE + " LOGIN PASSWORD '" + secrets.getProperty("store") + "'")
                    .prepare("CREATE DATABASE " + STORE + " OWNER " + STORE)
                    .prepare("REVOKE CONNECT ON DATABASE " + STORE + " FROM PUBLIC")
                    .prepare("CREATE ROLE " + MANAGING_ROLE + " LOGIN CREATEROLE PASSWORD '"
                            + secrets.getProperty("manager") + "'")
                    .prepare("CREATE DATABASE " + SAMPLE_DATABASE)
                    .prepare("CREATE ROLE " + FIRST_ROLE + " LOGIN PASSWORD '" + secrets.getProperty("first") + "'")
                    .prepare("CREATE ROLE " + SECOND_ROLE + " LOGIN PASSWORD '" + secrets.getProperty("second") + "'")
                    // Enough to set their passwords, and no more: the manager neither inherits from them nor becomes
                    // them.
                    .prepare("GRANT " + FIRST_ROLE + ", " + SECOND_ROLE + " TO " + MANAGING_ROLE
                            + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
                    .start();
            return new Workbench(folder, secrets, server);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The workbench that this process has opened before, for code that was loaded anew since. */
    static Workbench reopen(Path folder) {
        try {
            return new Workbench(folder, load(folder), PostgresServer.open(folder.resolve("postgresql")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the service must be told to run here. */
    Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put(
                "quarkus.datasource.reactive.url", "postgresql://" + server.host() + ":" + server.port() + "/" + STORE);
        settings.put("rolewright.store.address-compared", "false"); // the port may be another one each time
        settings.put("quarkus.datasource.username", STORE);
        settings.put("quarkus.datasource.password", secrets.getProperty("store"));
        settings.put("rolewright.root-key-file", folder.resolve("root.keys").toString());
        settings.put("rolewright.bootstrap.client-id", clientId());
        settings.put("rolewright.bootstrap.client-secret", clientSecret());
        return settings;
    }

    Path folder() {
        return folder;
    }

    PostgresServer server() {
        return server;
    }

    String clientId() {
        return secrets.getProperty("client-id");
    }

    String clientSecret() {
        return secrets.getProperty("client-secret");
    }

    String managerPassword() {
        return secrets.getProperty("manager");
    }

    /** Waits a little for a process that is just ending, as Maven's is when it starts the development mode anew. */
    private static void lock(Path folder) throws IOException {
        Path file = folder.resolve("lock");
        if (!Files.exists(file)) {
            Folders.writePrivate(file, "");
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        for (int i = 0; lock == null && i < 50; i++) {
            pause();
            lock = channel.tryLock();
        }
        if (lock == null) {
            throw new IllegalStateException(
                    "Another process is running on " + folder + ": stop it, or start this one from another clone.");
        }
        FileLock held = lock;
        // Holds on to the lock until the very end, which a field of a class that is loaded anew would not.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                held.release();
            } catch (IOException gone) {
                // The lock ends with the process anyway.
            }
        }));
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(200);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Properties secrets(Path folder) throws IOException {
        Path file = folder.resolve("secrets");
        if (!Files.exists(file)) {
            Folders.writePrivate(folder.resolve("root.keys"), "development:" + base64(32) + "\n");
            Properties secrets = new Properties();
            secrets.setProperty("client-id", UUID.randomUUID().toString());
            for (String name : new String[] {"client-secret", "superuser", "store", "manager", "first", "second"}) {
                secrets.setProperty(name, hex(32));
            }
            StringWriter text = new StringWriter();
            secrets.store(text, "Made up at the first start of quarkus:dev in this folder.");
            Folders.writePrivate(file, text.toString());
        }
        return load(folder);
    }

    private static Properties load(Path folder) throws IOException {
        Properties secrets = new Properties();
        secrets.load(new StringReader(Files.readString(folder.resolve("secrets"))));
        return secrets;
    }

    private static String base64(int bytes) {
        byte[] random = new byte[bytes];
        RANDOM.nextBytes(random);
        return Base64.getEncoder().encodeToString(random);
    }

    /** Letters and digits only: it stands in SQL, JSON and shell commands without quoting. */
    private static String hex(int bytes) {
        StringBuilder text = new StringBuilder();
        byte[] random = new byte[bytes];
        RANDOM.nextBytes(random);
        for (byte one : random) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }
}
