package io.rolewright.request;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.rolewright.problem.ApiError;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Map;
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
    private final ObjectMapper json;

    BodyLimit(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize limit, ObjectMapper json) {
        this.mostBytes = limit.asLongValue();
        this.json = json;
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
        ApiError error = ApiError.of(
                RequestContext.idOf(routing),
                413,
                "body_too_large",
                "The body is larger than " + mostBytes + " bytes.",
                Map.of());
        try {
            routing.response()
                    .setStatusCode(413)
                    .putHeader("Content-Type", "application/json")
                    .putHeader("Connection", "close") // what follows is a body that nobody reads
                    .end(json.writeValueAsString(error));
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
