package io.rolewright.request;

import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.rolewright.problem.PlainAnswer;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Answers a request whose body is announced as too large in the one error shape, before Quarkus would close the
 * connection without a word.
 */
@ApplicationScoped
class BodyLimit {

    /** After {@link RequestFilter}, which gives the answer its id. */
    private static final int SECOND = 900;

    private final long mostBytes;
    private final PlainAnswer answer;

    BodyLimit(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize limit, PlainAnswer answer) {
        this.mostBytes = limit.asLongValue();
        this.answer = answer;
    }

    void register(@Observes Filters filters) {
        filters.register(this::check, SECOND);
    }

    private void check(RoutingContext routing) {
        String announced = routing.request().getHeader("Content-Length");
        if (announced == null || announced.length() < 18 && Long.parseLong(announced) <= mostBytes) {
            routing.next();
            return;
        }
        // What follows is a body that nobody reads.
        answer.send(
                routing,
                413,
                "body_too_large",
                "The body is larger than " + mostBytes + " bytes.",
                "Connection",
                "close");
    }
}
