package io.rolewright.operations;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.rolewright.delivery.ActiveResource;
import io.rolewright.listener.RequestBodies;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.PlainAnswer;
import io.vertx.core.Vertx;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.jboss.logging.Logger;

/**
 * The last resort of the one deadline of a request. Every step has its own bound; but the client of the store has none for
 * a statement on its way to a store that vanished, so a request could wait for an answer that never comes. Real clients
 * give up after 10 s, and an answer that says what is the matter has to reach them before.
 */
@ApplicationScoped
class DeadlineGuard {

    /** After the 9 s of {@code request.RequestContext}: whoever keeps that deadline himself is never cut short. */
    private static final long MILLIS = 9_500;

    /** run-due has a budget of its own, of at most 300 s, and answers by itself when that is over. */
    private static final long RUN_DUE_MILLIS = 310_000;

    private static final int AFTER_REQUEST_IDS = 900;

    private static final Logger log = Logger.getLogger(DeadlineGuard.class);

    private final Vertx vertx;
    private final PlainAnswer plainAnswer;

    DeadlineGuard(Vertx vertx, PlainAnswer plainAnswer) {
        this.vertx = vertx;
        this.plainAnswer = plainAnswer;
    }

    void register(@Observes Filters filters) {
        filters.register(this::guard, AFTER_REQUEST_IDS);
    }

    private void guard(RoutingContext routing) {
        if (routing.normalizedPath().startsWith("/api/")) {
            long millis = millis(routing);
            long timer = vertx.setTimer(millis, ignored -> answer(routing));
            routing.addEndHandler(ended -> vertx.cancelTimer(timer));
        }
        routing.next();
    }

    private static long millis(RoutingContext routing) {
        if (routing.normalizedPath().equals(DueWorkResource.PATH)) {
            return RUN_DUE_MILLIS;
        }
        return ActiveResource.isLongPoll(
                        routing.normalizedPath(), routing.queryParams().get(ActiveResource.WAIT))
                ? ActiveResource.LONGEST_WAIT.toMillis() + MILLIS
                : MILLIS;
    }

    private void answer(RoutingContext routing) {
        if (routing.response().headWritten() || routing.response().closed()) {
            return;
        }
        if (!RequestBodies.hasArrived(routing.request())) { // whoever sends halves writes no log
            send(routing, "The body of the request did not arrive in time. Send it without pauses.");
            return;
        }
        log.warnf("Request %s reached its deadline without an answer", PlainAnswer.requestId(routing));
        send(
                routing,
                "The request reached its deadline. It may or may not have been carried out: read the present"
                        + " state before you try again.");
    }

    private void send(RoutingContext routing, String message) {
        plainAnswer.send(routing, ErrorCode.NOT_IN_TIME, message, "Retry-After", "2");
    }
}
