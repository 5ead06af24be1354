package io.rolewright.request;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.security.SecureRandom;
import java.util.HexFormat;
import org.jboss.logging.MDC;

/** Gives every request its id and its deadline before anything else looks at it. */
@ApplicationScoped
class RequestFilter {

    private static final int FIRST = 1000;

    private final SecureRandom random = new SecureRandom();

    void register(@Observes Filters filters) {
        filters.register(this::begin, FIRST);
    }

    private void begin(RoutingContext routing) {
        String id = newId();
        RequestContext.begin(routing, id);
        MDC.put("requestId", id);
        routing.response().putHeader("X-Request-Id", id);
        routing.next();
    }

    /** 80 random bits: unique enough to find one request in a log, and no count of requests to read from it. */
    private String newId() {
        byte[] bits = new byte[10];
        random.nextBytes(bits);
        return "req-" + HexFormat.of().formatHex(bits);
    }
}
