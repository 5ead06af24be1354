package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs that were written against clients generated from {@code docs/openapi.yaml}; {@code .ci/steps/generated} makes them. They meet
 * every documented class of errors but 500 and 503, which this service would have to be broken for.
 */
@QuarkusTest
@TestProfile(GeneratedClientsTest.FewRotates.class)
@Tag("suite-generated")
class GeneratedClientsTest {

    /** So that a program gets beyond it soon, and not by what all of them do. */
    public static final class FewRotates implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of(
                    "rolewright.access.limits.rotates-per-identity", "20",
                    "rolewright.access.limits.rotates-per-address", "0");
        }
    }

    private static final Path WORK = Path.of("target/generated-clients");

    static Stream<Arguments> programs() {
        String java = ProcessHandle.current().info().command().orElse("java");
        return Stream.of(
                Arguments.of("java", List.of(java, "-cp", "target/classes:target/libraries/*", "Program")),
                Arguments.of("typescript-fetch", List.of("node", "run/fetch.js")),
                Arguments.of("openapi-typescript", List.of("node", "run/typed.js")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("programs")
    void logsInCreatesTestsRotatesReadsDeletesAndUnderstandsErrors(String name, List<String> command) throws Exception {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login managing = target.role("LOGIN CREATEROLE");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        Rotating.grant(target, managing, first);
        Rotating.grant(target, managing, second);
        Somebody admin = Identities.with("admin"); // whose limit no other program uses up
        Somebody reader = Identities.with("reader");
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(WORK.toFile()).redirectErrorStream(true);
        builder.environment()
                .putAll(Map.ofEntries(
                        Map.entry("SITE_URL", "http://127.0.0.1:" + RestAssured.port),
                        Map.entry("CLIENT_ID", admin.clientId()),
                        Map.entry("CLIENT_SECRET", admin.clientSecret()),
                        Map.entry("READER_ID", reader.clientId()),
                        Map.entry("READER_SECRET", reader.clientSecret()),
                        Map.entry("PROJECT_ID", Rotating.project()),
                        Map.entry("NAME", Rotating.name("generated")),
                        Map.entry("PG_PORT", Integer.toString(target.port())),
                        Map.entry("PG_USER", managing.role()),
                        Map.entry("PG_PASSWORD", managing.password()),
                        Map.entry("ROLE1", first.role()),
                        Map.entry("ROLE2", second.role())));

        String said;
        int exit;
        try (TcpProxy proxy = TcpProxy.to(target)) {
            builder.environment().put("LOSING_CONNECTION", losing(target, proxy));
            Process program = builder.start();
            try {
                said = new String(program.getInputStream().readAllBytes());
                assertThat(program.waitFor(60, TimeUnit.SECONDS)).as(said).isTrue();
                exit = program.exitValue();
            } finally {
                program.destroyForcibly();
            }
        }

        assertThat(exit).as(said).isZero();
        List<String> lines = said.lines().toList();
        assertThat(lines.get(lines.size() - 1)).as(said).isEqualTo("done");
        String[] login = lines.stream()
                .filter(line -> line.startsWith("login "))
                .findFirst()
                .orElseThrow(() -> new AssertionError(said))
                .split(" ", 3);
        assertThat(target.login(login[1], login[2])).isEqualTo("ok");
    }

    /** @return a connection that manages its password, and whose server goes away when it is told the next one */
    private static String losing(TestPostgres target, TcpProxy proxy) {
        Login login = target.role("LOGIN");
        String id = Api.as()
                .body(Map.of(
                        "name",
                        Rotating.name("losing"),
                        "method",
                        "username-and-password",
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                proxy.port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                login.password(),
                                "sslEnabled",
                                false)))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
        proxy.before(TcpProxy.reply("COMMIT"), () -> {
            proxy.refuse();
            return Fate.CUT;
        });
        return id;
    }
}
