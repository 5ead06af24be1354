package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.ConfigurationException;
import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service's own password in the store is changed while it runs. */
class StoreLoginTest {

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final TestPostgres.Login role = postgres.role("LOGIN");

    @Test
    void anotherPasswordInTheFileIsTakenByTheNextSession(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("password"), role.password() + "\n");
        try (var process = new StoreUnderTest(
                StoreUnderTest.at(postgres, "postgres", new TestPostgres.Login(role.role(), "not this one")),
                Map.of("rolewright.store.password-file", file.toString()))) {
            assertThat(asked(process)).isEqualTo(role.role());

            postgres.sql("ALTER ROLE " + role.role() + " PASSWORD 'another one'");
            Files.writeString(file, "another one");
            postgres.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role.role() + "'");

            Awaitility.await()
                    .atMost(Duration.ofSeconds(10))
                    .ignoreExceptions()
                    .until(() -> asked(process).equals(role.role()));
            Files.delete(file);
            postgres.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role.role() + "'");
            Awaitility.await()
                    .atMost(Duration.ofSeconds(10))
                    .ignoreExceptions()
                    .until(() -> asked(process).equals(role.role()));
        }
    }

    @Test
    void aFileThatIsNotThereAtTheStartIsNamed(@TempDir Path folder) {
        assertThatThrownBy(() -> new StoreUnderTest(
                        StoreUnderTest.at(postgres, "postgres", role),
                        Map.of(
                                "rolewright.store.password-file",
                                folder.resolve("absent").toString())))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("rolewright.store.password-file: cannot read the file");
    }

    private static String asked(StoreUnderTest process) {
        return process.pool()
                .query("SELECT current_user::text")
                .execute()
                .await()
                .atMost(Duration.ofSeconds(10))
                .iterator()
                .next()
                .getString(0);
    }
}
