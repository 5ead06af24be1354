package io.rolewright.delivery.webhook;

import io.rolewright.store.CallersContext;
import io.rolewright.target.TargetConfig;
import io.rolewright.target.address.AddressGuard;
import io.rolewright.target.address.Checked;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.SocketAddress;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Sends one message to one receiver.
 *
 * <p><strong>What this protects against.</strong> A receiver's address that leads inside: it is reached like a target, every address
 * of its host is checked and a checked one dialled; a redirect is an answer like any other. A receiver that holds us up or floods us:
 * one time limit holds for all of it, and no more than the head of the answer is read, so there is nothing of its body to show.
 *
 * <p><strong>What it does not.</strong> A receiver that tells others what it was told.
 */
@ApplicationScoped
class Sender {

    private static final int LOOKUPS = 4;
    private static final String USER_AGENT = "Rolewright";

    private final Vertx vertx;
    private final WebhookConfig config;
    private final Clock clock;
    private final AddressGuard guard;

    Sender(
            Vertx vertx,
            WebhookConfig config,
            TargetConfig targets,
            Clock clock,
            @ConfigProperty(name = "quarkus.datasource.reactive.url") Optional<String> storeUrl) {
        this.vertx = vertx;
        this.config = config;
        this.clock = clock;
        this.guard = AddressGuard.of(
                targets.allowedNetworks().orElse(List.of()),
                targets.allowInternalIpConnections(),
                storeUrl.orElse(""),
                LOOKUPS);
    }

    /**
     * What came of it.
     *
     * @param failure stable code; null if the receiver has taken it
     * @param status null without an answer
     */
    record Answer(@Nullable String failure, @Nullable Integer status) {

        static final String REFUSED_BY_RECEIVER = "refused_by_receiver";

        boolean taken() {
            return failure == null;
        }

        /** Whether it is the receiver that has trouble, and not this one message that it does not like. */
        boolean troubled() {
            return failure != null && (status == null || status >= 500 || status == 429 || status == 408);
        }
    }

    /** @return what is wrong with the receiver's address, as far as that can be known before anything is sent; empty if nothing */
    Uni<Optional<String>> objection(URI url) {
        return checked(url, config.timeout())
                .map(checked -> checked instanceof Checked.Closed closed
                                && (closed.reason() == Checked.Reason.REFUSED
                                        || closed.reason() == Checked.Reason.MALFORMED)
                        ? Optional.of(reason(closed))
                        : Optional.empty());
    }

    /** As the receiver takes it. Never fails; answers on the context that subscribes. */
    Uni<Answer> send(Receiver receiver, Message message, Duration atMost) {
        return send(receiver, () -> letter(receiver, message), atMost);
    }

    private Letter letter(Receiver receiver, Message message) {
        String id = message.id().toString();
        if (receiver.place() == null) {
            return letter(receiver, id, message.body());
        }
        long now = clock.instant().toEpochMilli();
        byte[] body = message.plainBody(now);
        // The id is ours: a message that comes twice is another one each time, but for this.
        Map<String, String> headers =
                new HashMap<>(Map.of("Content-Type", Message.PLAIN_CONTENT_TYPE, "webhook-id", id));
        String key = receiver.place().secretKey();
        if (key != null) {
            headers.put("x-infisical-signature", Signature.plain(key, now, body));
        }
        return new Letter(body, headers);
    }

    private Letter letter(Receiver receiver, String id, byte[] body) {
        Instant now = clock.instant();
        return new Letter(
                body,
                Map.of(
                        "Content-Type",
                        Message.CONTENT_TYPE,
                        "webhook-id",
                        id,
                        "webhook-timestamp",
                        Long.toString(now.getEpochSecond()),
                        "webhook-signature",
                        receiver.signatures(id, now, body)));
    }

    /** What is sent, signed. */
    private record Letter(byte[] body, Map<String, String> headers) {}

    /** Never fails; answers on the context that subscribes. */
    Uni<Answer> send(Receiver receiver, String id, byte[] body, Duration atMost) {
        return send(receiver, () -> letter(receiver, id, body), atMost);
    }

    /** @param letter written when the way is known, so that it says when it is sent */
    private Uni<Answer> send(Receiver receiver, Supplier<Letter> letter, Duration atMost) {
        return CallersContext.answer(() -> checked(receiver.url(), atMost)
                .chain(checked -> checked instanceof Checked.Open open
                        ? post(receiver, one(open.dial()), letter.get())
                        : Uni.createFrom().item(new Answer(reason((Checked.Closed) checked), null)))
                .ifNoItem()
                .after(atMost)
                .fail()
                .onFailure()
                .recoverWithItem(failure -> new Answer(code(failure), null)));
    }

    private Uni<Checked> checked(URI url, Duration atMost) {
        return guard.check(url.getHost(), port(url), atMost);
    }

    /** With several, one that is down does not stand in the way of the next try. */
    private static InetAddress one(List<InetAddress> addresses) {
        return addresses.get(ThreadLocalRandom.current().nextInt(addresses.size()));
    }

    private Uni<Answer> post(Receiver receiver, InetAddress to, Letter letter) {
        // One for each message: receivers may each have another authority, and nothing stays open between messages.
        HttpClient client = vertx.createHttpClient(options(receiver));
        return Uni.createFrom()
                .completionStage(() -> client.request(request(receiver.url(), to, letter))
                        .compose(request -> request.send(Buffer.buffer(letter.body())))
                        .toCompletionStage())
                .map(Sender::answer)
                .onTermination()
                .invoke(() -> client.close());
    }

    private HttpClientOptions options(Receiver receiver) {
        HttpClientOptions options = new HttpClientOptions()
                .setSsl(isHttps(receiver.url()))
                .setVerifyHost(true)
                .setKeepAlive(false)
                .setConnectTimeout((int) config.timeout().toMillis());
        if (receiver.caCert() != null) {
            options.setTrustOptions(new PemTrustOptions().addCertValue(Buffer.buffer(receiver.caCert())));
        }
        return options;
    }

    private static RequestOptions request(URI url, InetAddress to, Letter letter) {
        String path = url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath();
        RequestOptions request = new RequestOptions()
                .setMethod(HttpMethod.POST)
                .setSsl(isHttps(url))
                .setServer(SocketAddress.inetSocketAddress(port(url), to.getHostAddress()))
                .setHost(url.getHost().replaceAll("^\\[|]$", ""))
                .setPort(port(url))
                .setURI(url.getRawQuery() == null ? path : path + "?" + url.getRawQuery())
                .setFollowRedirects(false)
                .putHeader("User-Agent", USER_AGENT);
        letter.headers().forEach(request::putHeader);
        return request;
    }

    private static Answer answer(HttpClientResponse response) {
        response.exceptionHandler(bodyIsCutOff -> {}); // it would be logged as an error
        int status = response.statusCode();
        return new Answer(status >= 200 && status < 300 ? null : Answer.REFUSED_BY_RECEIVER, status);
    }

    static boolean isHttps(URI url) {
        return "https".equalsIgnoreCase(url.getScheme());
    }

    private static int port(URI url) {
        return url.getPort() >= 0 ? url.getPort() : isHttps(url) ? 443 : 80;
    }

    private static String reason(Checked.Closed closed) {
        return switch (closed.reason()) {
            case MALFORMED -> "host_malformed";
            case NOT_FOUND -> "name_not_found";
            case LOOKUP_TIMED_OUT -> "name_lookup_timed_out";
            case REFUSED -> "address_refused";
        };
    }

    private static String code(Throwable failure) {
        if (failure instanceof TimeoutException) {
            return "timed_out";
        }
        if (failure instanceof SSLException || failure.getCause() instanceof SSLException) {
            return "tls_failed";
        }
        // Netty's connect time-out is a ConnectException too.
        return failure instanceof ConnectException
                ? (failure.getClass().getSimpleName().toLowerCase(Locale.ROOT).contains("timeout")
                        ? "timed_out"
                        : "connection_refused")
                : "connection_lost";
    }

    @PreDestroy
    void close() {
        guard.close();
    }
}
