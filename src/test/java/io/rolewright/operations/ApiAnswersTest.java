package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.hasItem;

import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.Vertx;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.eclipse.microprofile.config.ConfigProvider;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.junit.jupiter.api.Test;

@QuarkusTest
class ApiAnswersTest {

    private static final Duration BOUND = ApiAnswers.LIMIT.plusSeconds(1);

    @Inject
    Vertx vertx;

    @Test
    void livenessAsksTheApi() {
        given().port(ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class))
                .get("/q/health/live")
                .then()
                .statusCode(200)
                .body("checks.name", hasItem("api"));
    }

    @Test
    void aPortThatNobodyListensOnIsDown() throws IOException {
        ServerSocket listener = listener();
        assertThat(ask(listener))
                .isEqualTo(HealthCheckResponse.Status.DOWN); // it takes the connection, and says nothing
        listener.close();
        assertThat(ask(listener)).isEqualTo(HealthCheckResponse.Status.DOWN);
    }

    @Test
    void somethingElseIsDown() throws Exception {
        try (ServerSocket listener = listener()) {
            Thread other = new Thread(() -> {
                try (var socket = listener.accept()) {
                    socket.getOutputStream().write("220 mail\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                } catch (IOException gone) {
                    // The test is over.
                }
            });
            other.start();
            assertThat(ask(listener)).isEqualTo(HealthCheckResponse.Status.DOWN);
            other.join();
        }
    }

    private HealthCheckResponse.Status ask(ServerSocket listener) {
        return new ApiAnswers(vertx, "127.0.0.1", true, listener::getLocalPort)
                .call()
                .await()
                .atMost(BOUND)
                .getStatus();
    }

    private static ServerSocket listener() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }
}
