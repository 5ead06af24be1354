package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Ports;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Tls;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The programs of which {@code docs/consuming.md} shows parts: each gets a credential, logs in, and changes over when it is rotated, though the
 * service was away and the token had ended meanwhile.
 */
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
        boolean follows = POOLS.contains(command);
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST, tls);
        Rotating roles = tls == Tls.OFF ? Rotating.on(target) : Rotating.verifying(target);
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        if (follows) {
            body.put("parameters", parameters(roles));
        }
        String id = Rotating.created(body);
        TcpProxy service = TcpProxy.toAnything(RestAssured.port);
        String origin = "http://127.0.0.1:" + service.port();
        Identities.Somebody consumer = Identities.in(Rotating.project(), "consumer");
        Path said = Files.createTempFile(CLIENTS, "consume-", ".log");
        ProcessBuilder builder = new ProcessBuilder(List.of(command.split(" ")))
                .directory(CLIENTS.toFile())
                .redirectError(said.toFile());
        Map<String, String> environment = builder.environment();
        environment.put("LOGIN", origin + "/api/v1/auth/universal-auth/login");
        environment.put("CLIENT_ID", consumer.clientId());
        environment.put("CLIENT_SECRET", consumer.clientSecret());
        environment.put("TOKEN", consumer.token());
        environment.put("ACTIVE", origin + Rotating.BASE + "/" + id + "/active");
        environment.put("ROLE1", roles.first.role());
        environment.put("ROLE2", roles.second.role());
        environment.put("SSLMODE", tls == Tls.OFF ? "disable" : "verify-full");
        environment.put(
                "OTHER_CA", TestCertificates.create().caFile().toAbsolutePath().toString());
        environment.put("PG_PORT", Integer.toString(roles.target.port()));
        environment.put("PORT", Integer.toString(Ports.free()));

        Process program = builder.start();
        try (BufferedReader output = program.inputReader();
                PrintWriter input = new PrintWriter(program.outputWriter(), true)) {
            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("rotate");
            if (follows) {
                input.println("rotated"); // it asks for the next one, and will wait
                service.refuse();
                await(said, ".+");
                Identities.endTokens();
                service.accept(true);
                if (!command.equals("bash consume.sh")) { // which has logged in anew whatever the reason was
                    await(said, ".*40[13].*");
                }
                Rotating.rotateAtOnce(id).then().statusCode(200);
            } else {
                Rotating.rotateAtOnce(id).then().statusCode(200);
                input.println("rotated");
            }

            assertThat(output.readLine()).as(() -> text(said)).isEqualTo("done");
            assertThat(program.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(program.exitValue()).as(() -> text(said)).isZero();
        } finally {
            program.destroy(); // by a signal that a script can clean up after
            if (!program.waitFor(5, TimeUnit.SECONDS)) {
                program.destroyForcibly();
            }
            service.close();
        }
    }

    /** With what quotes and escapes in the languages of the programs. */
    private static Map<String, Object> parameters(Rotating roles) {
        return Map.of(
                "username1",
                roles.first.role(),
                "username2",
                roles.second.role(),
                "passwordRequirements",
                Map.of(
                        "length",
                        48,
                        "required",
                        Map.of("lowercase", 1, "uppercase", 1, "digits", 1, "symbols", 20),
                        "allowedSymbols",
                        "'\\\"%@:/?&=#$`"));
    }

    private static void await(Path said, String what) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> text(said).strip().matches("(?s)" + what));
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            return unreadable.toString();
        }
    }
}
