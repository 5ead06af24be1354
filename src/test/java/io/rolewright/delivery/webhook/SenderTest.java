package io.rolewright.delivery.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.runtime.configuration.DurationConverter;
import io.rolewright.target.TargetConfig;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What counts is the check when something is sent: production opens nothing. */
class SenderTest {

    private static final Duration SOON = Duration.ofSeconds(5);

    private final Vertx vertx = Vertx.vertx();
    private final TestReceiver receiver = new TestReceiver();

    @AfterEach
    void close() {
        receiver.close();
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "localhost"})
    void reachesNoAddressThatIsClosed(String host) {
        Sender.Answer answer = send(sender("192.0.2.0/24"), "https://" + host + ":" + receiver.port() + "/hook");

        assertThat(answer.failure()).isEqualTo("address_refused");
        assertThat(receiver.got).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "localhost"})
    void reachesOneThatTheOperatorHasOpened(String host) {
        Sender.Answer answer = send(sender("127.0.0.0/8"), "https://" + host + ":" + receiver.port() + "/hook");

        assertThat(answer.failure()).isNull();
        assertThat(answer.status()).isEqualTo(200);
        assertThat(receiver.got.get(0).header("Host")).isEqualTo(host + ":" + receiver.port());
    }

    @Test
    void checksTheNameInTheCertificate() {
        try (TestReceiver other = new TestReceiver("127.0.0.2")) {
            Sender.Answer answer = send(sender("127.0.0.0/8"), "https://127.0.0.2:" + other.port() + "/hook");

            assertThat(answer.failure()).isEqualTo("tls_failed");
            assertThat(other.got).isEmpty();
        }
    }

    private Sender.Answer send(Sender sender, String url) {
        Receiver to = new Receiver(URI.create(url), TestReceiver.AUTHORITY.caPem(), new byte[32], null, null);
        return sender.send(to, "id", new byte[] {'{', '}'}, SOON).await().atMost(SOON.multipliedBy(2));
    }

    private Sender sender(String allowed) {
        SmallRyeConfig config = new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(WebhookConfig.class)
                .withMapping(TargetConfig.class)
                .withDefaultValues(
                        Map.of("rolewright.target.allowed-networks", allowed, "ALLOW_INTERNAL_IP_CONNECTIONS", "false"))
                .build();
        return new Sender(
                vertx,
                config.getConfigMapping(WebhookConfig.class),
                config.getConfigMapping(TargetConfig.class),
                Clock.systemUTC(),
                Optional.empty());
    }
}
