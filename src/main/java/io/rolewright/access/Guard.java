package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.vertx.core.Vertx;
import io.vertx.ext.web.RoutingContext;
import jakarta.annotation.Priority;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.ext.Provider;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestFilter;
import org.jspecify.annotations.Nullable;

/**
 * The one guard: no REST endpoint runs without a valid access token unless it is {@link Public}. It sees every JAX-RS
 * endpoint because it is bound to none; routes that are not JAX-RS (OpenAPI, Swagger UI in dev mode, health and metrics on
 * the management port) hold nothing to guard. What is refused, to whom ever, it
 * records if nobody else has: in the project of what was asked for, so that who is probed sees it.
 *
 * <p>Almost always it decides at once, by a signature and a look at what the replica knows ({@link Callers}); only when
 * that has grown old does the request wait for a query.
 */
@Provider
@Priority(Priorities.AUTHENTICATION)
class Guard implements ResteasyReactiveContainerRequestFilter {

    private static final Logger log = Logger.getLogger(Guard.class);

    /** Under which Quarkus has the path of the operation as the OpenAPI document has it. */
    private static final String PATH_TEMPLATE = "UrlPathTemplate";

    private final CurrentVertxRequest current;
    private final CurrentCaller currentCaller;
    private final RequestOrigins origins;
    private final Callers callers;
    private final AuditLog audit;

    Guard(
            CurrentVertxRequest current,
            CurrentCaller currentCaller,
            RequestOrigins origins,
            Callers callers,
            AuditLog audit) {
        this.current = current;
        this.currentCaller = currentCaller;
        this.origins = origins;
        this.callers = callers;
        this.audit = audit;
    }

    @Override
    public void filter(ResteasyReactiveContainerRequestContext context) {
        var routing = current.getCurrent();
        var origin = origins.ofCurrentRequest();
        // The instance itself and not its proxy: when the request goes on after waiting, no request scope is active
        // yet.
        var caller = currentCaller.self();
        String template = Vertx.currentContext().getLocal(PATH_TEMPLATE);
        routing.addEndHandler(ended -> record(routing, template, caller, origin));
        if (((ContainerRequestContext) context).getProperty(PublicMark.PROPERTY) != null) {
            return;
        }
        var token = BearerToken.of(routing.request()).orElseThrow(TokenRefused::missing);
        var live = new LiveCaller(callers, token, origin.address());
        var known = callers.known(token, origin.address());
        if (known != null) {
            caller.set(known, live);
            return;
        }
        context.suspend();
        callers.ask(token, origin.address())
                .subscribe()
                .with(
                        asked -> {
                            caller.set(asked, live);
                            context.resume();
                        },
                        context::resume);
    }

    /** Of a request that was answered. The row comes a moment after the answer, which does not wait for the store. */
    private void record(RoutingContext routing, @Nullable String template, CurrentCaller caller, RequestOrigin origin) {
        Problem problem = routing.get(Problem.OF_REQUEST);
        if (problem == null || problem.isRecorded() || !problem.isRefusal()) {
            return;
        }
        if (problem.status() == 401 && !(problem instanceof TokenRefused)) {
            return; // of a login, which has its own rows
        }
        Caller who = caller.ifKnown();
        // What a stranger has made up is not kept, and he may have put a token there.
        String path = who == null ? template : routing.request().path();
        var event = AuditEvent.ended(AuditType.ACCESS_REFUSED, problem)
                .by(who == null ? null : who.id(), who == null ? null : who.name())
                .from(origin.address(), origin.requestId())
                .with("method", routing.request().method().name())
                .with("path", path);
        var recorded = audit.record(event); // still with what this request's trace is
        OwnContext.run(
                routing.vertx().getOrCreateContext(),
                () -> recorded.subscribe()
                        .with(
                                done -> {},
                                failure -> StoreFault.warn(log, "A refusal is in no row of the audit", failure)));
    }
}
