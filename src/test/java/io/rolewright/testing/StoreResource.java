package io.rolewright.testing;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.TestResourceScope;
import io.quarkus.test.common.WithTestResource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Gives every {@code @QuarkusTest} and {@code @QuarkusIntegrationTest} a store: a new database on PostgreSQL 18, a root key,
 * a bootstrap identity, and leave to reach targets on 127.0.0.0/8. What it made up is found in {@link TestStore}.
 */
@WithTestResource(value = StoreResource.class, scope = TestResourceScope.GLOBAL)
public class StoreResource implements QuarkusTestResourceLifecycleManager {

    @Override
    public Map<String, String> start() {
        TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login owner = postgres.role("LOGIN");
        String database = postgres.database();
        postgres.sql("ALTER DATABASE " + database + " OWNER TO " + owner.role());
        TestStore.remember(database);

        Map<String, String> settings = new HashMap<>();
        settings.put(
                "quarkus.datasource.reactive.url",
                "postgresql://" + postgres.host() + ":" + postgres.port() + "/" + database);
        settings.put("quarkus.datasource.username", owner.role());
        settings.put("quarkus.datasource.password", owner.password());
        settings.put("rolewright.root-key-file", rootKeyFile().toString());
        settings.put("rolewright.bootstrap.client-id", TestStore.CLIENT_ID);
        settings.put("rolewright.bootstrap.client-secret", TestStore.CLIENT_SECRET);
        // For what is shipped, which would listen on 8080 and 9000. Both are real numbers because Micrometer does not
        // take one
        // server with a port among its tags and one (port 0) without.
        settings.put("quarkus.http.port", Integer.toString(Ports.free()));
        settings.put("quarkus.management.port", Integer.toString(Ports.free()));
        settings.put("rolewright.target.allowed-networks", "127.0.0.0/8");
        // A store on a machine that builds other things is no store that is down: what is answered with 503 after 3 s
        // in production
        // would be a failure by chance here.
        settings.put("rolewright.store.connect-timeout", "6s");
        settings.put("rolewright.store.acquire-timeout", "8s");
        // Tests say when due work is done; operations.TickerTest switches it on.
        settings.put("rolewright.scheduler.enabled", "false");
        // Receivers of webhooks fail on purpose, and are tried again before the test is over.
        settings.put("rolewright.webhook.timeout", "2s");
        settings.put("rolewright.webhook.first-pause", "10ms");
        settings.put("rolewright.webhook.longest-pause", "20ms");
        // All tests come from one address and most as one identity; RateLimitsTest has limits of its own.
        for (String limited : List.of("logins", "tests", "rotates")) {
            settings.put("rolewright.access.limits." + limited + "-per-address", "0");
            settings.put("rolewright.access.limits." + limited + "-per-identity", "0");
        }
        return settings;
    }

    @Override
    public void stop() {
        // The server ends with this process, and the database with it.
    }

    private static Path rootKeyFile() {
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
