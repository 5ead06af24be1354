package io.rolewright.delivery.webhook;

import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import io.rolewright.testing.TestCertificates;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PemKeyCertOptions;
import java.net.http.HttpHeaders;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Receivers on 127.0.0.1 that listen by HTTPS; the path says how they behave. They verify as the world's receivers do. */
public final class TestReceiver implements AutoCloseable {

    public static final TestCertificates AUTHORITY = TestCertificates.create();

    /** What {@code /switched} answers. */
    volatile int status = 204;

    /** How long {@code /slow} takes. */
    volatile long slowMillis = 500;

    public final List<Got> got = new CopyOnWriteArrayList<>();
    final AtomicInteger openRequests = new AtomicInteger();
    final AtomicInteger mostOpenRequests = new AtomicInteger();

    private final Vertx vertx = Vertx.vertx();
    private final HttpServer server;

    /** One request that has come in. */
    public record Got(String path, Map<String, List<String>> headers, String body) {

        public JsonObject event() {
            return new JsonObject(body);
        }

        public String header(String name) {
            return headers.getOrDefault(name, List.of("")).get(0);
        }

        boolean isSignedWith(String secret) {
            try {
                new Webhook(secret).verify(body, HttpHeaders.of(headers, (name, value) -> true));
                return true;
            } catch (WebhookVerificationException | com.standardwebhooks.exceptions.EmptyWebhookSecretException no) {
                return false;
            }
        }
    }

    public TestReceiver() {
        this("127.0.0.1");
    }

    /** @param address of this machine; the certificate is for 127.0.0.1 and localhost */
    TestReceiver(String address) {
        TestCertificates.Issued certificate = AUTHORITY.server("127.0.0.1", "localhost");
        server = vertx.createHttpServer(new HttpServerOptions()
                        .setSsl(true)
                        .setKeyCertOptions(new PemKeyCertOptions()
                                .addCertPath(certificate.certificate().toString())
                                .addKeyPath(certificate.key().toString())))
                .requestHandler(this::handle);
        server.listen(0, address).toCompletionStage().toCompletableFuture().join();
    }

    private void handle(HttpServerRequest request) {
        mostOpenRequests.accumulateAndGet(openRequests.incrementAndGet(), Math::max);
        AtomicBoolean over = new AtomicBoolean();
        Handler<Void> ended = ignored -> {
            if (over.compareAndSet(false, true)) {
                openRequests.decrementAndGet();
            }
        };
        request.response().closeHandler(ended).endHandler(ended);
        request.bodyHandler(body -> {
            Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            request.headers()
                    .names()
                    .forEach(name -> headers.put(name, request.headers().getAll(name)));
            got.add(new Got(request.path(), headers, body.toString()));
            answer(request);
        });
    }

    private void answer(HttpServerRequest request) {
        switch (request.path()) {
            case "/switched" -> request.response().setStatusCode(status).end("the receiver's own words");
            case "/redirect" ->
                request.response()
                        .setStatusCode(307)
                        .putHeader("Location", url("/elsewhere"))
                        .end();
            case "/slow" ->
                vertx.setTimer(slowMillis, ignored -> request.response().end());
            case "/silent" -> {}
            case "/flood" -> {
                request.response().setChunked(true);
                flood(request);
            }
            default -> request.response().end();
        }
    }

    private void flood(HttpServerRequest request) {
        if (!request.response().closed()) {
            request.response()
                    .write(Buffer.buffer(new byte[65536]))
                    .onComplete(written -> vertx.setTimer(1, ignored -> flood(request)));
        }
    }

    public String url(String path) {
        return "https://127.0.0.1:" + port() + path;
    }

    int port() {
        return server.actualPort();
    }

    List<Got> at(String path) {
        return got.stream().filter(each -> each.path().equals(path)).toList();
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
