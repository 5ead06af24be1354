package io.rolewright.operations;

import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.function.IntSupplier;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Liveness;

/**
 * Alive means that the API's port answers, asked as any client asks: health is answered by another port, which can go on when the API's
 * listener or one of its event loops is gone. The store and everything else that a restart does not mend is {@link ReadyCheck}'s.
 */
@Liveness
@ApplicationScoped
class ApiAnswers implements AsyncHealthCheck {

    /** Below the time-out of a probe, which is 3 s in kubernetes/base. */
    static final Duration LIMIT = Duration.ofSeconds(2);

    private static final String QUESTION = "GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    private final Vertx vertx;
    private final String host;
    private final boolean isPlain;
    private final IntSupplier port;
    private final NetClient client;

    @Inject
    ApiAnswers(Vertx vertx, Config config) {
        this(
                vertx,
                host(config.getOptionalValue("quarkus.http.host", String.class).orElse("0.0.0.0")),
                // Without plain HTTP the port of TLS has to take the connection; what it says is for who can verify it.
                !config.getOptionalValue("quarkus.http.insecure-requests", String.class)
                        .orElse("enabled")
                        .equalsIgnoreCase("disabled"),
                () -> port(config));
    }

    ApiAnswers(Vertx vertx, String host, boolean isPlain, IntSupplier port) {
        this.vertx = vertx;
        this.host = host;
        this.isPlain = isPlain;
        this.port = port;
        this.client = vertx.createNetClient(new NetClientOptions().setConnectTimeout((int) LIMIT.toMillis()));
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        return Uni.createFrom()
                .completionStage(() -> ask().toCompletionStage())
                .map(answers -> HealthCheckResponse.named("api").status(answers).build());
    }

    /** @return whether an answer has begun in time; never fails */
    private Future<Boolean> ask() {
        Promise<Boolean> answer = Promise.promise();
        long timer = vertx.setTimer(LIMIT.toMillis(), late -> answer.tryComplete(false));
        client.connect(port.getAsInt(), host)
                .onFailure(refused -> answer.tryComplete(false))
                .onSuccess(socket -> listen(socket, answer));
        return answer.future().onComplete(done -> vertx.cancelTimer(timer));
    }

    private void listen(NetSocket socket, Promise<Boolean> answer) {
        answer.future().onComplete(done -> socket.close());
        if (!isPlain) {
            answer.tryComplete(true);
            return;
        }
        socket.handler(begun -> answer.tryComplete(begun.toString().startsWith("HTTP/1.1 ")));
        socket.closeHandler(closed -> answer.tryComplete(false));
        socket.exceptionHandler(broken -> answer.tryComplete(false));
        socket.write(QUESTION);
    }

    /** Where all addresses are listened on, this machine's own. */
    private static String host(String configured) {
        return switch (configured) {
            case "0.0.0.0" -> "127.0.0.1";
            case "::", "0:0:0:0:0:0:0:0" -> "::1";
            default -> configured;
        };
    }

    private static int port(Config config) {
        boolean isPlain = !config.getOptionalValue("quarkus.http.insecure-requests", String.class)
                .orElse("enabled")
                .equalsIgnoreCase("disabled");
        String profile = io.quarkus.runtime.LaunchMode.current() == io.quarkus.runtime.LaunchMode.TEST ? "test-" : "";
        return config.getValue("quarkus.http." + profile + (isPlain ? "port" : "ssl-port"), Integer.class);
    }
}
