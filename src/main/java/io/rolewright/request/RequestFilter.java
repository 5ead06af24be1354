package io.rolewright.request;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.jboss.logging.MDC;

/** Gives every request its id, which may be the caller's, and its deadline before anything else looks at it. */
@ApplicationScoped
class RequestFilter {

    private static final int FIRST = 1000;

    private static final String ID = "X-Request-Id";

    void register(@Observes Filters filters) {
        filters.register(this::begin, FIRST);
    }

    private void begin(RoutingContext routing) {
        TraceContext ids = TraceContext.of(
                routing.request().headers().getAll(ID),
                routing.request().headers().getAll("traceparent"));
        RequestContext.begin(routing, ids.id());
        MDC.put("requestId", ids.id());
        routing.response().putHeader(ID, ids.id());
        if (ids.traceId() != null) {
            MDC.put("traceId", ids.traceId());
            MDC.put("spanId", ids.spanId());
            // Level 2 of W3C's Trace Context has it; of spans this service keeps none, so none is sampled.
            routing.response().putHeader("traceresponse", "00-" + ids.traceId() + "-" + ids.spanId() + "-00");
        }
        routing.next();
    }
}
