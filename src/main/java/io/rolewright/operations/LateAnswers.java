package io.rolewright.operations;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.problem.ApiError;
import io.rolewright.problem.PlainAnswer;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.spi.ServerRestHandler;

/** What a request comes to after its deadline has answered it goes to the log, once, and no further. */
class LateAnswers {

    private static final ServerRestHandler[] NOTHING_MORE = {};

    private static final Logger log = Logger.getLogger(LateAnswers.class);

    private final CurrentVertxRequest current;

    LateAnswers(CurrentVertxRequest current) {
        this.current = current;
    }

    @ServerResponseFilter
    void drop(ContainerResponseContext late) {
        RoutingContext routing = current.getCurrent();
        if (routing == null || !routing.response().ended()) {
            return;
        }
        log.infof(
                "Request %s had been answered at its deadline; its work has now ended with status %d%s",
                PlainAnswer.requestId(routing),
                late.getStatus(),
                late.getEntity() instanceof ApiError error ? " " + error.code() : "");
        // Writing it would be an error, since there is an answer.
        CurrentRequestManager.get().restart(NOTHING_MORE);
    }
}
