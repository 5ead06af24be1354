package io.rolewright.listener;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.rolewright.access.ClientAddresses;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.PlainAnswer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.List;

/**
 * Looks at the head of each request before anybody reads its body: whom it is for, of what type and how large the body may be. What does
 * not fit is answered in the one error shape, and no byte of it is kept.
 */
@ApplicationScoped
class RequestGate {

    /** After {@code request.RequestFilter}, which gives the answer its id, and before everything else of ours. */
    private static final int SECOND = 950;

    private final ClientAddresses addresses;
    private final PlainAnswer answer;

    RequestGate(ClientAddresses addresses, PlainAnswer answer) {
        this.addresses = addresses;
        this.answer = answer;
    }

    void register(@Observes Filters filters) {
        filters.register(this::check, SECOND);
    }

    private void check(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        // Answers are data, whatever a browser would like to see in them.
        routing.response().putHeader("X-Content-Type-Options", "nosniff");
        BodySize size = Operations.sizeOf(request.method().name(), routing.normalizedPath());
        int most = size.bytes();
        expect(routing, size);
        String length = request.getHeader("Content-Length");
        boolean chunked = request.getHeader("Transfer-Encoding") != null;
        if (length != null && !chunked && bytes(length) > most) {
            tooLarge(routing, most);
            return;
        }
        if ((chunked || length != null && !length.equals("0")) && isOfNoType(request)) {
            answer(routing, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.");
            return;
        }
        routing.next();
    }

    /** @param length digits, which Netty has seen to; any number of them, also of zeros in front (RFC 9110, section 8.6) */
    private static long bytes(String length) {
        String digits = length.replaceFirst("^0+", "");
        return digits.isEmpty() ? 0 : digits.length() >= 10 ? Long.MAX_VALUE : Long.parseLong(digits);
    }

    private void expect(RoutingContext routing, BodySize size) {
        int most = size.bytes();
        HttpServerRequest request = routing.request();
        Peer peer = Peer.of(request);
        if (peer == null) {
            return;
        }
        // A long poll of somebody who has a token waits for a minute, and nothing of its head is needed any more.
        boolean light = request.getHeader("Authorization") != null
                && request.getHeader("Content-Length") == null
                && request.getHeader("Transfer-Encoding") == null;
        peer.expect(most, ClientAddresses.origin(addresses.of(request)), light, new Peer.Refusal() {
            @Override
            public void tooLarge() {
                if (size != BodySize.NONE) { // else nobody waits for it, and the answer is on its way
                    RequestGate.this.tooLarge(routing, most);
                }
            }

            @Override
            public void noMemory() {
                answer(
                        routing,
                        ErrorCode.TOO_MANY_BODIES,
                        "Too many request bodies are arriving from this address at once. Send the body without pauses,"
                                + " or try again.");
            }
        });
    }

    private void tooLarge(RoutingContext routing, int most) {
        answer(routing, ErrorCode.BODY_TOO_LARGE, "The body is larger than " + most + " bytes.");
    }

    private void answer(RoutingContext routing, ErrorCode code, String message) {
        if (routing.response().headWritten() || routing.response().closed()) {
            return;
        }
        if (code.status() == 503) {
            routing.response().putHeader("Retry-After", "2");
        }
        // What follows is a body that nobody reads.
        answer.send(routing, code, message, "Connection", "close");
    }

    /** Empty, or a pattern, which says nothing. (A type that is another one, or none at all, is the framework's to judge.) */
    private static boolean isOfNoType(HttpServerRequest request) {
        List<String> types = request.headers().getAll("Content-Type");
        return types.stream().anyMatch(type -> type.isBlank() || type.contains("*"));
    }
}
