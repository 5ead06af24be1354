package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Identities;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Infisical's SDK for Node, as npm has it, reads a rotation and logs in to PostgreSQL with what it got: {@code .ci/clients}. */
@QuarkusTest
@Tag("suite-clients")
class InfisicalSdkTest {

    private static final Path CLIENTS = Path.of("target/clients");

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void readsARotationBeforeAndAfterItRotates(int major) throws Exception {
        assertThat(CLIENTS.resolve("node_modules/@infisical/sdk"))
                .as("installed by .ci/steps/clients")
                .isDirectory();
        follow(CLIENTS, major, "node", "sdk.mjs");
    }

    /**
     * Runs a program that reads a rotation, says "rotate", reads it again once a line has answered that, and says "done".
     *
     * @param directory where it is, and where its errors are written
     */
    static void follow(Path directory, int major, String... program) throws Exception {
        Rotating roles = Rotating.on(major);
        String name = Rotating.name("sdk");
        String id = Rotating.created(roles.body(name));
        Identities.Somebody consumer = Identities.in(Rotating.project(), "consumer");
        Path said = Files.createTempFile(directory, "sdk-", ".log");
        ProcessBuilder builder =
                new ProcessBuilder(program).directory(directory.toFile()).redirectError(said.toFile());
        builder.environment()
                .putAll(Map.of(
                        "SITE_URL", "http://127.0.0.1:" + RestAssured.port,
                        "CLIENT_ID", consumer.clientId(),
                        "CLIENT_SECRET", consumer.clientSecret(),
                        "PROJECT_ID", Rotating.project(),
                        "PROJECT_SLUG", "default",
                        "SECRET_PATH", "/" + name,
                        "PG_PORT", Integer.toString(roles.target.port())));

        Process running = builder.start();
        try (BufferedReader output = running.inputReader();
                PrintWriter input = new PrintWriter(running.outputWriter(), true)) {
            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("rotate");
            Rotating.rotateAtOnce(id).then().statusCode(200);
            input.println("rotated");

            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("done");
            assertThat(running.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(running.exitValue()).as(() -> text(said)).isZero();
        } finally {
            running.destroyForcibly();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            return unreadable.toString();
        }
    }
}
