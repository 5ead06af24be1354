package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.TestPostgres;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Infisical's Go SDK 0.8.0 reads a rotation, and pools of pgx and lib/pq follow it: {@code .ci/go-clients}, built by the step of that name. */
@QuarkusTest
@Tag("suite-go-clients")
class GoClientsTest {

    private static final Path PROGRAM = Path.of("target/go-clients/go-clients");

    @Test
    void readARotationAndItsEarlierVersionsWhilePoolsFollowIt() throws Exception {
        assertThat(PROGRAM).as("built by .ci/steps/go-clients").isExecutable();
        InfisicalSdkTest.follow(
                PROGRAM.getParent(),
                TestPostgres.NEWEST,
                PROGRAM.toAbsolutePath().toString());
    }
}
