package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Ports;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Tls;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The programs of which {@code docs/consuming.md} shows parts: each gets a credential, logs in, and changes over when it is rotated. */
@QuarkusTest
@Tag("suite-clients")
class ConsumingTest {

    private static final Path CLIENTS = Path.of("target/clients");

    private static final List<String> POOLS =
            List.of("bash consume.sh", "/usr/bin/python3 consume.py", "node consume.mjs", "./consume-go");

    static Stream<Arguments> programs() {
        return Stream.concat(
                POOLS.stream()
                        .flatMap(program ->
                                Stream.of(Arguments.of(program, Tls.OFF), Arguments.of(program, Tls.REQUIRED))),
                Stream.of(Arguments.of("bash pgbouncer.sh", Tls.OFF)));
    }

    /** Over TLS with the CA that the connection trusts, which the programs are given; with another one they refuse the server. */
    @ParameterizedTest
    @MethodSource("programs")
    void followsARotation(String command, Tls tls) throws Exception {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST, tls);
        Rotating roles = tls == Tls.OFF ? Rotating.on(target) : Rotating.verifying(target);
        String id = roles.created();
        String active = "http://127.0.0.1:" + RestAssured.port + Rotating.BASE + "/" + id + "/active";
        Path said = Files.createTempFile(CLIENTS, "consume-", ".log");
        ProcessBuilder builder = new ProcessBuilder(List.of(command.split(" ")))
                .directory(CLIENTS.toFile())
                .redirectError(said.toFile());
        builder.environment()
                .putAll(Map.of(
                        "ACTIVE", active,
                        "TOKEN", Identities.in(Rotating.project(), "consumer").token(),
                        "ROLE1", roles.first.role(),
                        "ROLE2", roles.second.role(),
                        "SSLMODE", tls == Tls.OFF ? "disable" : "verify-full",
                        "OTHER_CA",
                                TestCertificates.create()
                                        .caFile()
                                        .toAbsolutePath()
                                        .toString(),
                        "PG_PORT", Integer.toString(roles.target.port()),
                        "PORT", Integer.toString(Ports.free())));

        Process program = builder.start();
        try (BufferedReader output = program.inputReader();
                PrintWriter input = new PrintWriter(program.outputWriter(), true)) {
            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("rotate");
            Rotating.rotateAtOnce(id).then().statusCode(200);
            input.println("rotated");

            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("done");
            assertThat(program.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(program.exitValue()).as(() -> text(said)).isZero();
        } finally {
            program.destroy(); // by a signal that a script can clean up after
            if (!program.waitFor(5, TimeUnit.SECONDS)) {
                program.destroyForcibly();
            }
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
