package io.rolewright.request;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;

/**
 * The id and the deadline of the request in progress.
 *
 * <p>Read it at the start of a request, on the thread that the framework calls the resource on, and hand the values on.
 */
@ApplicationScoped
public class RequestContext {

    /**
     * One deadline covers a whole request and is split over its steps. Real clients give up after 10 s
     * ({@code @infisical/sdk}), so the answer has to be on its way before.
     */
    static final Duration BUDGET = Duration.ofSeconds(9);

    private static final String ID = "rolewright.request.id";
    private static final String DEADLINE = "rolewright.request.deadline";

    private final CurrentVertxRequest current;

    RequestContext(CurrentVertxRequest current) {
        this.current = current;
    }

    /** @return the id that the response carries as {@code X-Request-Id} and errors carry as {@code reqId} */
    public String id() {
        return idOf(current.getCurrent());
    }

    /** @return for work that nobody has asked for: as a request's id, and told from one by its beginning */
    public static String ofDueWork() {
        return "due-" + TraceContext.hex(10);
    }

    /** @return what is left until this request must be answered; never negative */
    public Duration timeLeft() {
        RoutingContext routing = current.getCurrent();
        Long deadline = routing == null ? null : routing.get(DEADLINE);
        return deadline == null ? BUDGET : Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }

    /** @return of the request in progress, for work that outlives it */
    public Answer answer() {
        return new Answer(current.getCurrent());
    }

    static void begin(RoutingContext routing, String id) {
        routing.put(ID, id);
        routing.put(DEADLINE, System.nanoTime() + BUDGET.toNanos());
    }

    static String idOf(RoutingContext routing) {
        String id = routing == null ? null : routing.get(ID);
        return id != null ? id : "none";
    }
}
