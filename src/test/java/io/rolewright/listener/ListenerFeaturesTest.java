package io.rolewright.listener;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.RawHttp;
import io.rolewright.testing.TestStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.UUID;
import java.util.zip.GZIPOutputStream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the ports could do and nobody needs is off: docs/threat-model.md, "The listener". */
@QuarkusTest
class ListenerFeaturesTest {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final String LOGIN = "/api/v1/auth/universal-auth/login";
    private static final String STATUS = " /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

    @Test
    void aCompressedBodyIsNotUnpacked() throws IOException {
        var zipped = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(zipped)) {
            gzip.write(("{\"clientId\":\"" + TestStore.CLIENT_ID + "\",\"clientSecret\":\"" + TestStore.CLIENT_SECRET
                            + "\"}")
                    .getBytes(StandardCharsets.UTF_8));
        }
        int status = given().contentType("application/json")
                .header("Content-Encoding", "gzip")
                .body(zipped.toByteArray())
                .post(LOGIN)
                .statusCode();
        assertThat(status).isIn(400, 415, 422);
    }

    @Test
    void nobodyIsAskedToGoOn() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            String answer = client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            + "Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
                    .readAll(SOON);
            assertThat(answer).startsWith("HTTP/1.1 4").doesNotContain("100 Continue");
        }
    }

    @Test
    void noOtherOriginIsLetIn() {
        var answer = given().header("Origin", "https://elsewhere.example")
                .header("Access-Control-Request-Method", "POST")
                .options(LOGIN);
        assertThat(answer.header("Access-Control-Allow-Origin")).isNull();
        assertThat(given().header("Origin", "https://elsewhere.example")
                        .get("/api/status")
                        .header("Access-Control-Allow-Origin"))
                .isNull();
    }

    /** Without a proxy that is trusted, the address that a caller names is nobody's. */
    @ParameterizedTest
    @ValueSource(strings = {"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"})
    void nobodyChoosesHisAddress(String header) {
        String id = "nobody-" + UUID.randomUUID();
        given().contentType("application/json")
                .header(header, header.equals("Forwarded") ? "for=203.0.113.77" : "203.0.113.77")
                .body("{\"clientId\":\"" + id + "\",\"clientSecret\":\"x\"}")
                .post(LOGIN)
                .then()
                .statusCode(401);

        assertThat(TestStore.sql("select address from audit_event where actor_name = '" + id + "'")
                        .get(0)
                        .getString(0))
                .isEqualTo("127.0.0.1");
    }

    @Test
    void theProxyProtocolIsNotSpoken() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            assertThat(client.send("PROXY TCP4 203.0.113.77 127.0.0.1 1 2\r\nGET" + STATUS + "\r\n")
                            .readAll(SOON))
                    .doesNotContain("HTTP/1.1 200");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"CONNECT", "TRACE", "TRACK", "DEBUG", "PROPFIND", "MADEUP", "get"})
    void noOtherMethodDoesAnything(String method) throws IOException {
        String secret = "x-" + UUID.randomUUID();
        for (String target : new String[] {"/api/status", "example.com:443", "*"}) {
            try (RawHttp client = RawHttp.open()) {
                assertThat(client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Mine: "
                                        + secret + "\r\n\r\n")
                                .readAll(SOON))
                        .as(method + " " + target)
                        .matches("(?s)|HTTP/1\\.[01] [45].*")
                        .doesNotContain(secret);
            }
        }
    }

    @Test
    void aWebsocketIsNotOpened() throws IOException {
        for (String path : new String[] {"/api/status", "/", "/console/", "/nothing"}) {
            try (RawHttp client = RawHttp.open()) {
                assertThat(client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n"
                                        + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                                .readUntil("\r\n\r\n", SOON))
                        .startsWith("HTTP/1.1 ")
                        .doesNotContain("101 ");
            }
        }
    }

    @Test
    void aLongHeadIsRefused() throws IOException {
        try (RawHttp client = RawHttp.open()) {
            assertThat(client.send("GET /" + "x".repeat(5000) + " HTTP/1.1\r\nHost: x\r\n\r\n")
                            .readAll(SOON))
                    .matches("(?s)HTTP/1\\.[01] 414 .*");
        }
        try (RawHttp client = RawHttp.open()) {
            assertThat(client.send("GET" + STATUS + "X: " + "x".repeat(9000) + "\r\n\r\n")
                            .readAll(SOON))
                    .matches("(?s)HTTP/1\\.[01] 431 .*");
        }
    }

    @Test
    void whatIsForTheManagementPortIsNotOnTheOther() {
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        for (String path : new String[] {"/q/metrics", "/q/health", "/q/health/ready", "/q/openapi", "/q/swagger-ui"}) {
            given().get(path).then().statusCode(404);
            Api.as().get(path).then().statusCode(404);
        }
        for (String path : new String[] {"/api/status", "/api/v1/projects", "/console/", "/api/openapi"}) {
            Api.as().port(port).get(path).then().statusCode(404);
        }
        given().port(port).get("/q/health/live").then().statusCode(200);
    }
}
