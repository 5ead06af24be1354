package io.rolewright.listener;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.LoggedErrors;
import io.rolewright.testing.RawHttp;
import jakarta.inject.Inject;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The ports, by what strangers send to them. */
@QuarkusTest
class ListenerTest {

    @Inject
    MeterRegistry metrics;

    private static final Duration SOON = Duration.ofSeconds(5);

    private static final String LOGIN = "/api/v1/auth/universal-auth/login";

    // ---- HTTP/2

    private static final String UPGRADE = "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
            + "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    private static final String PRIOR_KNOWLEDGE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

    @Test
    void answersAnUpgradeToHttp2AsHttp1() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            assertThat(client.send(UPGRADE.formatted("/api/status")).readUntil("}", SOON))
                    .startsWith("HTTP/1.1 200 ");
        }
    }

    @Test
    void refusesHttp2WithoutAnUpgrade() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            // A server that speaks it sends its SETTINGS, a frame that begins with a length of three bytes.
            assertThat(client.send(PRIOR_KNOWLEDGE).readAll(SOON)).matches("(?s)|HTTP/1\\.[01] [45].*");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"upgrade", "prior knowledge"})
    void theManagementPortSpeaksNoHttp2Either(String how) throws IOException {
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        String sent = how.equals("upgrade") ? UPGRADE.formatted("/q/health/live") : PRIOR_KNOWLEDGE;
        try (RawHttp client = RawHttp.to(port, "127.0.0.1")) {
            assertThat(client.send(sent).readAll(SOON))
                    .matches("(?s)|HTTP/1\\.[01] (200|4).*")
                    .doesNotContain("101");
        }
    }

    // ---- bodies

    @ParameterizedTest
    @CsvSource({
        "POST, /api/v1/auth/universal-auth/login, 4096",
        "POST, /api/v1/auth/token/renew, 4096",
        "POST, /api/v1/auth/token/revoke, 4096",
        "POST, /api/v1/auth/kubernetes-auth/login, 20480",
        "POST, /api/v1/auth/oidc-auth/login, 20480",
        "POST, /api/v1/auth/jwt-auth/login, 20480",
        "POST, /api/v1/app-connections/postgres, 327680",
        "PATCH, /api/v1/app-connections/postgres/a6b6b2b0-0000-4000-8000-000000000000, 327680",
        "PUT, /api/v1/auth/oidc-auth/identities/a6b6b2b0-0000-4000-8000-000000000000, 327680",
        "POST, /api/v1/projects, 16384",
        "DELETE, /api/v1/projects/a6b6b2b0-0000-4000-8000-000000000000, 4096",
        "POST, /nothing/here, 4096"
    })
    void takesNoLargerBodyThanTheOperationNeeds(String method, String path, int most) throws IOException {
        String head = method + " " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Authorization: Bearer " + Api.token() + "\r\n";
        try (RawHttp client = RawHttp.open()) { // not a byte of it is sent
            assertThat(client.send(head + "Content-Length: " + (most + 1) + "\r\n\r\n")
                            .readAll(SOON))
                    .startsWith("HTTP/1.1 413 ")
                    .containsIgnoringCase("\r\nConnection: close\r\n")
                    .contains("\"code\":\"body_too_large\"")
                    .contains("larger than " + most + " bytes");
        }
        try (RawHttp client = RawHttp.open()) { // it never ends
            String answer = client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
                    .send(Integer.toHexString(most + 1) + "\r\n" + "x".repeat(most + 1) + "\r\n")
                    .readAll(SOON);
            if (path.startsWith("/api/") && !method.equals("DELETE")) {
                assertThat(answer).startsWith("HTTP/1.1 413 ").contains("\"code\":\"body_too_large\"");
            } else {
                assertThat(answer).startsWith("HTTP/1.1 4"); // nobody wanted it
            }
        }
    }

    @Test
    void takesABodyOfExactlyTheLimitInOneChunkOrMany() throws IOException {
        String body = "{\"clientId\":\"nobody\",\"clientSecret\":\"no secret\",\"x\":\"";
        body += "x".repeat(4096 - body.length() - 2) + "\"}";
        given().contentType("application/json").body(body).post(LOGIN).then().statusCode(401);
        try (RawHttp client = RawHttp.open()) {
            client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
            for (int at = 0; at < 4096; at += 512) {
                client.send("200\r\n" + body.substring(at, at + 512) + "\r\n");
            }
            assertThat(client.send("0\r\n\r\n").readAll(SOON)).startsWith("HTTP/1.1 401 ");
        }
    }

    @Test
    void whatIsStillSentAfterARefusalLeavesNoErrorInTheLog() throws IOException {
        try (LoggedErrors errors = new LoggedErrors()) {
            for (String how : List.of("Content-Length: 300000", "Transfer-Encoding: chunked")) {
                try (RawHttp client = RawHttp.open()) {
                    client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + how
                            + "\r\n\r\n");
                    String rest =
                            how.startsWith("C") ? "x".repeat(300_000) : "1388\r\n" + "x".repeat(5000) + "\r\n0\r\n\r\n";
                    assertThat(client.send(rest).readAll(SOON)).startsWith("HTTP/1.1 413 ");
                }
            }
            given().get("/api/status").then().statusCode(200);
            assertThat(errors.lines()).isEmpty();
        }
    }

    // ---- heads

    @Test
    void wantsExactlyOneHost() throws IOException {
        try (LoggedErrors errors = new LoggedErrors()) {
            for (String hosts : List.of("", "Host: a\r\nHost: b\r\n", "Host: a b\r\n")) {
                try (RawHttp client = RawHttp.open()) {
                    assertThat(client.send("GET /api/status HTTP/1.1\r\n" + hosts + "\r\n")
                                    .readAll(SOON))
                            .as(hosts)
                            .startsWith("HTTP/1.1 400 ")
                            .contains("\"code\":\"bad_request\"");
                }
            }
            try (RawHttp client = RawHttp.open()) {
                assertThat(client.send("GET /api/status HTTP/1.0\r\n\r\n").readAll(SOON))
                        .startsWith("HTTP/1.1 400 ");
            }
            assertThat(errors.lines()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "*/*", "application/*"})
    void aTypeThatSaysNothingIsNotJson(String type) throws IOException {
        String body = "{\"clientId\":\"nobody\",\"clientSecret\":\"no secret\"}";
        try (RawHttp client = RawHttp.open()) {
            assertThat(client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
                                    + type + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                            .readAll(SOON))
                    .startsWith("HTTP/1.1 415 ")
                    .contains("\"code\":\"unsupported_media_type\"");
        }
    }

    @Test
    void noAnswerIsGuessedToBeAnythingElse() {
        given().get("/api/status").then().statusCode(200).header("X-Content-Type-Options", equalTo("nosniff"));
        given().get("/api/v1/projects").then().statusCode(401).header("X-Content-Type-Options", equalTo("nosniff"));
        given().get("/api/openapi").then().statusCode(200).header("X-Content-Type-Options", equalTo("nosniff"));
    }

    // ---- time

    @Test
    void whatIsSentByHalvesIsClosedInTime() throws IOException {
        List<RawHttp> heads = new ArrayList<>();
        List<RawHttp> bodies = new ArrayList<>();
        try (RawHttp slow = RawHttp.open()) {
            for (int i = 0; i < 20; i++) {
                heads.add(RawHttp.open().send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Ty"));
                bodies.add(RawHttp.open()
                        .send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                + "Content-Length: 100\r\n\r\n{\"clientId\":"));
            }
            slow.send("GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n").readUntil("}", SOON);
            for (RawHttp body : bodies) {
                assertThat(body.readAll(Duration.ofSeconds(15)))
                        .startsWith("HTTP/1.1 503 ")
                        .contains(
                                "not_in_time",
                                "The body of the request did not arrive in time. Send it without pauses.");
            }
            for (RawHttp head : heads) {
                assertThat(head.readAll(Duration.ofSeconds(15))).isEmpty();
            }
            // Idle for as long as they were, and still there.
            assertThat(slow.send("GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n").readUntil("}", SOON))
                    .startsWith("HTTP/1.1 200 ");
        } finally {
            for (RawHttp each : heads) {
                each.close();
            }
            for (RawHttp each : bodies) {
                each.close();
            }
        }
    }

    /** Whoever has no token could fill the log with stack traces else. */
    @Test
    void whoLeavesWhileHeIsAnsweredWritesNoErrors() throws IOException {
        String body = "{\"clientId\":\"nobody\",\"clientSecret\":\"nothing\"}";
        double before = connections();
        try (LoggedErrors errors = new LoggedErrors()) {
            for (int i = 0; i < 200; i++) {
                try (RawHttp client = RawHttp.open()) {
                    client.send("POST " + LOGIN
                            + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                            + body.length() + "\r\n\r\n" + body);
                    LockSupport.parkNanos(i * 20_000L); // each at another moment
                }
            }
            await().until(() -> connections() <= before);
            assertThat(errors.lines()).isEmpty();
        }
    }

    private double connections() {
        return metrics.get("rolewright.listener.connections").gauge().value();
    }

    @Test
    void aLengthMayBeginWithZeros() throws IOException {
        for (String length : List.of("2", "0000000000000000002")) {
            try (RawHttp client = RawHttp.open()) {
                assertThat(client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                        + "Connection: close\r\nContent-Length: " + length + "\r\n\r\n{}")
                                .readAll(SOON))
                        .startsWith("HTTP/1.1 422 ");
            }
        }
    }

    // ---- more than one request at a time

    @Test
    void answersRequestsThatWereSentTogetherOneAfterTheOther() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            String one = "POST " + LOGIN
                    + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
            String two = "GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n";
            String three = "GET /api/v1/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            assertThat(client.send(one + two + one + three).readAll(SOON).split("HTTP/1.1 "))
                    .extracting(answer -> answer.isEmpty() ? "" : answer.substring(0, 3))
                    .containsExactly("", "422", "200", "422", "401");
        }
    }

    @Test
    void keepsFewRequestsThatWaitBehindAnother() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            String login = "POST " + LOGIN
                    + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n"
                    + "{\"clientId\":\"none\",\"clientSecret\":\"nothing\"} ";
            String answers = client.send(login + "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200))
                    .readAll(SOON);
            assertThat(answers.split("HTTP/1.1 ")).hasSizeLessThan(200);
        }
    }
}
