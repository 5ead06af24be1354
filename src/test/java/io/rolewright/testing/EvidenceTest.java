package io.rolewright.testing;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.sun.net.httpserver.HttpServer;
import io.restassured.response.Response;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.Logger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.engine.JupiterTestEngine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary.Failure;

/** A test that fails says what was asked, what was answered and what the service's log said, and no secret of it. */
class EvidenceTest {

    private static final String SECRET = "hunter2-" + Long.toHexString(System.nanoTime());
    private static final String JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0." + SECRET;

    /** The log of a process that the failing test has begun. */
    private static Path said;

    /** Run by {@link #failure} only: surefire passes nested classes by. */
    static class Failing {

        @Test
        void expectsAnotherAnswer() {
            Logger.getLogger("io.rolewright.Example").info("the pool is full, Bearer " + JWT);
            answer().then().statusCode(200);
        }
    }

    static class FailingBefore {

        @BeforeEach
        void prepare() {
            answer().then().statusCode(200);
        }

        @Test
        void neverRuns() {}
    }

    static class Passing {

        @Test
        void passes() {}
    }

    @ParameterizedTest
    @ValueSource(classes = {Failing.class, FailingBefore.class})
    void aFailureShowsCallsAndLogsWithoutTheirSecrets(Class<?> test) throws IOException {
        Path log = Files.createTempFile(Path.of("target"), "evidence-", ".log");
        Evidence.process(log);
        said = log;

        Throwable failure = failure(test).getException();

        assertThat(failure).hasMessageContaining("503");
        assertThat(failure.getSuppressed()).hasSize(1);
        assertThat(failure.getSuppressed()[0].toString())
                .contains("POST", "/api/things?token=…", "503 after", "store_unavailable", "try again", "Retry-After 2")
                .contains("\"password\":\"…\"", "\"clientSecret\":\"…\"", "\"port\":5432")
                .contains("the last lines of " + log.getFileName(), "ready", "given up")
                .doesNotContain(SECRET, JWT);
        if (test == Failing.class) {
            assertThat(failure.getSuppressed()[0].toString()).contains("the pool is full, Bearer …");
        }
        Files.delete(log);
    }

    @Test
    void aTestThatPassesShowsNothing() {
        assertThat(run(Passing.class).getSummary().getTestsSucceededCount()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Authorization: Bearer %s",
                "postgresql://app:%s@db:5432/x",
                "SCRAM-SHA-256$4096:%s$x:y",
                "{\"clientSecret\": \"%s\"}",
                "PGPASSWORD=%s",
                "X-Vault-Token: %s",
                "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----",
                "-----BEGIN EC PRIVATE KEY-----\n%s"
            })
    void whatTheLogMustNotHoldIsMaskedAllTheSame(String line) {
        assertThat(Evidence.mask("before " + line.formatted(SECRET) + " after"))
                .startsWith("before ")
                .doesNotContain(SECRET);
    }

    private static Response answer() {
        try {
            Files.writeString(
                    said, "ready\nALTER ROLE app PASSWORD '" + SECRET + "'\npassword=" + SECRET + " given up\n");
            HttpServer server =
                    HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), Ports.free()), 0);
            server.createContext("/", exchange -> {
                byte[] body =
                        ("{\"statusCode\":503,\"code\":\"store_unavailable\",\"message\":\"try again\",\"clientSecret\":\""
                                        + SECRET + "\"}")
                                .getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().add("Content-Type", "application/json");
                exchange.getResponseHeaders().add("Retry-After", "2");
                exchange.sendResponseHeaders(503, body.length);
                exchange.getResponseBody().write(body);
                exchange.close();
            });
            server.start();
            try {
                return given().filter(new Evidence())
                        .header("Authorization", "Bearer " + SECRET)
                        .contentType("application/json")
                        .body("{\"password\":\"" + SECRET + "\",\"port\":5432}")
                        .post("http://127.0.0.1:" + server.getAddress().getPort() + "/api/things?token=" + SECRET);
            } finally {
                server.stop(0);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Failure failure(Class<?> test) {
        var failures = run(test).getSummary().getFailures();
        assertThat(failures).hasSize(1);
        return failures.get(0);
    }

    private static SummaryGeneratingListener run(Class<?> test) {
        var listener = new SummaryGeneratingListener();
        var config = LauncherConfig.builder()
                .enableLauncherSessionListenerAutoRegistration(false)
                .enableLauncherDiscoveryListenerAutoRegistration(false)
                .enableTestExecutionListenerAutoRegistration(false)
                .enablePostDiscoveryFilterAutoRegistration(false)
                .enableTestEngineAutoRegistration(false)
                .addTestEngines(new JupiterTestEngine())
                .build();
        LauncherFactory.create(config)
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(selectClass(test))
                                .build(),
                        listener);
        return listener;
    }
}
