package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.rolewright.testing.RawHttp;
import io.rolewright.testing.ReverseProxy;
import io.rolewright.testing.TestStore;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HAProxy and nginx before the service, which share their connections to it: what one client sends is nobody else's request. */
@Tag("suite-proxies")
@QuarkusTest
@TestProfile(ProxiesTest.Behind.class)
class ProxiesTest {

    private static final Logger log = Logger.getLogger(ProxiesTest.class);

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final String LOGIN = "/api/v1/auth/universal-auth/login";

    public static class Behind implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("rolewright.access.trusted-proxies", "127.0.0.1/32");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"haproxy", "nginx"})
    void oneRequestOfAClientIsOneOfTheService(String kind) throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        Map<String, Sent> sent = new HashMap<>();
        try (ReverseProxy proxy = ReverseProxy.before(RestAssured.port, kind)) {
            for (Framings.Request request : Framings.all()) {
                String id = "smuggled-" + UUID.randomUUID();
                RawHttp client = RawHttp.to(proxy.port(), "127.0.0.1");
                sent.put(
                        id,
                        new Sent(
                                request.name(),
                                client,
                                client.send(request.with(id)).readToTheEnd(Framings.IN_TIME, Framings.QUIET)));
                // Whoever comes next is told what he asked for, and not what was left of another one's request.
                String mine = "mine-" + UUID.randomUUID();
                try (RawHttp other = RawHttp.to(proxy.port(), "127.0.0.1")) {
                    String answer = other.send(
                                    "GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: " + mine
                                            + "\r\n\r\n")
                            .readAll(SOON);
                    if (!answer.startsWith("HTTP/1.1 200") || !answer.contains(mine)) {
                        wrong.put(request.name(), "the next client was answered: " + answer);
                    }
                }
            }
            String marker = "marker-" + UUID.randomUUID();
            try (RawHttp client = RawHttp.to(proxy.port(), "127.0.0.1")) {
                client.send(Framings.probe(marker)).readUntil("}", SOON);
            }
            await().until(() -> requests(marker) == 1);
            for (Map.Entry<String, Sent> each : sent.entrySet()) {
                Sent one = each.getValue();
                String answer = one.answer;
                // The first answer is to the request that carried it; one that was read as a request of its own is
                // answered too.
                if (requests(each.getKey()) > 0 && Framings.answers(answer) < 2) {
                    answer += one.client.readToTheEnd(SOON, Framings.QUIET);
                }
                if (requests(each.getKey()) > Math.max(0, Framings.answers(answer) - 1)) {
                    wrong.put(one.name, "it got in, and the client was answered: " + answer);
                }
                one.client.close();
            }
        }

        log.infof(
                "%s: %d malformed requests, %d reached the service",
                kind,
                sent.size(),
                sent.values().stream()
                        .filter(one -> one.answer.toLowerCase(Locale.ROOT).contains("x-request-id"))
                        .count());
        assertThat(wrong).isEmpty();
    }

    private record Sent(String name, RawHttp client, String answer) {}

    private static int requests(String id) {
        return TestStore.sql("select from audit_event where request_id = '" + id + "'")
                .size();
    }

    /** What the client says of itself stands to the left of what the proxy says of it. */
    @ParameterizedTest
    @CsvSource({
        "haproxy, X-Forwarded-For: 203.0.113.77",
        "haproxy, X-Forwarded-For: 127.0.0.1",
        "haproxy, Forwarded: for=203.0.113.77",
        "haproxy, X-Real-IP: 203.0.113.77",
        "nginx, X-Forwarded-For: 203.0.113.77",
        "nginx, X-Forwarded-For: 127.0.0.1",
        "nginx, Forwarded: for=203.0.113.77",
        "nginx, X-Real-IP: 203.0.113.77"
    })
    void nobodyChoosesHisAddress(String kind, String header) throws IOException {
        String id = "nobody-" + UUID.randomUUID();
        String body = "{\"clientId\":\"" + id + "\",\"clientSecret\":\"x\"}";
        try (ReverseProxy proxy = ReverseProxy.before(RestAssured.port, kind);
                RawHttp client = RawHttp.to(proxy.port(), "127.0.0.2")) {
            client.send("POST " + LOGIN + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + "\r\n" + header
                            + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n"
                            + body)
                    .readAll(SOON);
        }

        assertThat(TestStore.sql("select address from audit_event where actor_name = '" + id + "'")
                        .get(0)
                        .getString(0))
                .isEqualTo("127.0.0.2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"haproxy", "nginx"})
    void noTunnelIsOpened(String kind) throws IOException {
        try (ReverseProxy proxy = ReverseProxy.before(RestAssured.port, kind)) {
            for (String head : new String[] {
                "CONNECT 127.0.0.1:9000 HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n",
                "GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                "GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                        + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            }) {
                try (RawHttp client = RawHttp.to(proxy.port(), "127.0.0.1")) {
                    assertThat(client.send(head).readToTheEnd(Framings.IN_TIME, Framings.QUIET))
                            .as(head)
                            .doesNotContain("101 ")
                            .satisfies(answer ->
                                    assertThat(Framings.answers(answer)).isEqualTo(1));
                }
            }
        }
    }

    /** It is not spoken: neither a client nor a proxy names an address by it. */
    @ParameterizedTest
    @ValueSource(strings = {"haproxy", "haproxy-proxy-protocol", "nginx"})
    void theProxyProtocolNamesNobody(String kind) throws IOException {
        String line = kind.equals("haproxy-proxy-protocol") ? "" : "PROXY TCP4 203.0.113.77 127.0.0.1 1 2\r\n";
        try (ReverseProxy proxy = ReverseProxy.before(RestAssured.port, kind);
                RawHttp client = RawHttp.to(proxy.port(), "127.0.0.1")) {
            assertThat(client.send(line + "GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                            .readAll(Duration.ofSeconds(15)))
                    .doesNotContain("HTTP/1.1 200");
        }
    }
}
