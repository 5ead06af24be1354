package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Fetches one small document by HTTPS. A redirect is an answer like any other that is not 200: a failure. */
final class IssuerClient {

    /** The keys of a large provider take a few kilobytes. */
    static final int LARGEST_DOCUMENT = 256 * 1024;

    private static final Duration CONNECT = Duration.ofSeconds(3);
    private static final Duration LONGEST = Duration.ofSeconds(5);

    private final Vertx vertx;

    IssuerClient(Vertx vertx) {
        this.vertx = vertx;
    }

    /**
     * @param to dialled instead of what the host's name resolves to now; the certificate is checked for the name
     * @param caCert PEM; null for the usual authorities
     * @param bearer null for none
     * @return fails with what was wrong, without anything of the answer
     */
    Uni<String> get(URI uri, int port, Optional<InetAddress> to, @Nullable String caCert, @Nullable String bearer) {
        return Uni.createFrom().deferred(() -> {
            var options = new HttpClientOptions()
                    .setSsl(true)
                    .setVerifyHost(true)
                    .setKeepAlive(false)
                    .setConnectTimeout((int) CONNECT.toMillis())
                    .setIdleTimeout((int) LONGEST.toSeconds());
            if (caCert != null) {
                options.setTrustOptions(new PemTrustOptions().addCertValue(Buffer.buffer(caCert)));
            }
            // One for each document: there are few, and each may have another authority.
            var client = vertx.createHttpClient(options);
            return document(client, request(uri, port, to, bearer))
                    .ifNoItem()
                    .after(LONGEST)
                    .fail()
                    .onTermination()
                    .invoke(() -> client.close());
        });
    }

    private static RequestOptions request(URI uri, int port, Optional<InetAddress> to, @Nullable String bearer) {
        var host = uri.getHost().replaceAll("^\\[|]$", "");
        var path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        var request = new RequestOptions()
                .setMethod(HttpMethod.GET)
                .setSsl(true)
                .setHost(host)
                .setPort(port)
                .setURI(uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery())
                .setFollowRedirects(false)
                .putHeader("Accept", "application/json");
        to.ifPresent(address -> request.setServer(SocketAddress.inetSocketAddress(port, address.getHostAddress())));
        if (bearer != null) {
            request.putHeader("Authorization", "Bearer " + bearer);
        }
        return request;
    }

    private static Uni<String> document(HttpClient client, RequestOptions request) {
        return Uni.createFrom()
                .completionStage(() -> client.request(request)
                        .compose(sent -> sent.send())
                        .compose(IssuerClient::body)
                        .toCompletionStage());
    }

    private static Future<String> body(HttpClientResponse response) {
        if (response.statusCode() != 200) {
            return Future.failedFuture(new IOException("status " + response.statusCode()));
        }
        var done = Promise.<String>promise();
        var body = Buffer.buffer();
        response.handler(part -> {
            if (body.length() + part.length() > LARGEST_DOCUMENT) {
                response.request().reset();
                done.tryFail(new IOException("an answer of more than " + LARGEST_DOCUMENT + " bytes"));
            } else {
                body.appendBuffer(part);
            }
        });
        response.exceptionHandler(done::tryFail);
        response.endHandler(ended -> done.tryComplete(body.toString()));
        return done.future();
    }
}
