package io.rolewright.delivery.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import com.standardwebhooks.Webhook;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SignatureTest {

    /** Example of the Standard Webhooks specification. */
    private static final byte[] KEY = Base64.getDecoder().decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    private static final byte[] OTHER_KEY = Base64.getDecoder().decode("plJ3nmyCDGBKInavdOK15jsl");
    private static final String BODY = "{\"test\": 2432232314}";

    @Test
    void isTheOneOfTheSpecification() {
        assertThat(Signature.of(
                        KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, BODY.getBytes(StandardCharsets.UTF_8)))
                .isEqualTo("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assertThat(Signature.secret(KEY)).isEqualTo("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    @Test
    void theLibraryOfReceiversTakesEitherKeyUntilTheOldOneIsOver() throws Exception {
        Instant now = Instant.now();
        Receiver before = new Receiver(URI.create("https://a.example"), null, OTHER_KEY, null, null);
        Receiver receiver =
                Receiver.decode(before.withKey(KEY, now.plusSeconds(60)).encode());
        byte[] body = "{\"ä\":1}".getBytes(StandardCharsets.UTF_8);

        verify(Signature.secret(KEY), receiver, now, body);
        verify(Signature.secret(OTHER_KEY), receiver, now, body);

        assertThat(receiver.signatures("id", now, body).split(" ")).hasSize(2);
        assertThat(receiver.signatures("id", now.plusSeconds(61), body))
                .isEqualTo(Signature.of(KEY, "id", now.plusSeconds(61).getEpochSecond(), body));
        assertThat(receiver.toString()).doesNotContain(Base64.getEncoder().encodeToString(KEY));
    }

    private static void verify(String secret, Receiver receiver, Instant now, byte[] body) throws Exception {
        new Webhook(secret)
                .verify(
                        new String(body, StandardCharsets.UTF_8),
                        java.net.http.HttpHeaders.of(
                                Map.of(
                                        "webhook-id", List.of("id"),
                                        "webhook-timestamp", List.of(Long.toString(now.getEpochSecond())),
                                        "webhook-signature", List.of(receiver.signatures("id", now, body))),
                                (name, value) -> true));
    }
}
