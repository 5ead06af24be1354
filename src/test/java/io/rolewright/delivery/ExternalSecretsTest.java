package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.TestPostgres;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The provider {@code infisical} of External Secrets 0.16.2 reads a rotation before and after it rotates:
 * {@code .ci/external-secrets}, built by the step of that name.
 */
@QuarkusTest
@Tag("suite-external-secrets")
class ExternalSecretsTest {

    private static final Path PROGRAM = Path.of("target/external-secrets/external-secrets");

    @Test
    void readsTheServedPairAtEachReconcile() throws Exception {
        assertThat(PROGRAM).as("built by .ci/steps/external-secrets").isExecutable();
        InfisicalSdkTest.follow(
                PROGRAM.getParent(),
                TestPostgres.NEWEST,
                PROGRAM.toAbsolutePath().toString());
    }
}
