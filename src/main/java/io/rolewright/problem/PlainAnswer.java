package io.rolewright.problem;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;

/** Sends the one error shape where no exception mapper comes by: before a request reaches its resource, or beside it. */
@ApplicationScoped
public class PlainAnswer {

    private final ObjectMapper json;

    PlainAnswer(ObjectMapper json) {
        this.json = json;
    }

    /** Ends the request. To be called on its event loop, before anything was sent. */
    public void send(RoutingContext routing, ErrorCode code, String message, String header, String value) {
        ApiError error = ApiError.of(requestId(routing), code, message, Map.of());
        try {
            routing.response()
                    .setStatusCode(code.status())
                    .putHeader("Content-Type", "application/json")
                    .putHeader(header, value)
                    .end(json.writeValueAsString(error));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // a record of strings and numbers
        }
    }

    /** The id that {@code request.RequestFilter} gave the request stands in a header of the answer. */
    public static String requestId(RoutingContext routing) {
        return routing == null ? "none" : routing.response().headers().get("X-Request-Id");
    }
}
