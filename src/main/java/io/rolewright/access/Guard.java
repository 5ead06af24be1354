package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.RefusedRows;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.vertx.ext.web.RoutingContext;
import jakarta.annotation.Priority;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.ext.Provider;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestFilter;
import org.jspecify.annotations.Nullable;

/**
 * The one guard: no REST endpoint runs without a valid access token unless it is {@link Public}. It sees every JAX-RS
 * endpoint because it is bound to none; routes that are not JAX-RS (OpenAPI, Swagger UI in dev mode, health and metrics on
 * the management port) hold nothing to guard. What is refused to somebody who was let in it records, if nobody else has.
 *
 * <p>Almost always it decides at once, by a signature and a look at what the replica knows ({@link Callers}); only when
 * that has grown old does the request wait for a query.
 */
@Provider
@Priority(Priorities.AUTHENTICATION)
class Guard implements ResteasyReactiveContainerRequestFilter {

    private final CurrentVertxRequest current;
    private final CurrentCaller currentCaller;
    private final RequestOrigins origins;
    private final Callers callers;
    private final AuditLog audit;
    private final RefusedRows refused;

    Guard(
            CurrentVertxRequest current,
            CurrentCaller currentCaller,
            RequestOrigins origins,
            Callers callers,
            AuditLog audit,
            RefusedRows refused) {
        this.current = current;
        this.currentCaller = currentCaller;
        this.origins = origins;
        this.callers = callers;
        this.audit = audit;
        this.refused = refused;
    }

    @Override
    public void filter(ResteasyReactiveContainerRequestContext context) {
        if (((ContainerRequestContext) context).getProperty(PublicMark.PROPERTY) != null) {
            return;
        }
        var request = current.getCurrent().request();
        var token = BearerToken.of(request).orElseThrow(TokenRefused::missing);
        var origin = origins.ofCurrentRequest();
        // The instance itself and not its proxy: when the request goes on after waiting, no request scope is active
        // yet.
        var caller = currentCaller.self();
        var live = new LiveCaller(callers, token, origin.address());
        var known = known(token, origin);
        var routing = current.getCurrent();
        if (known != null) {
            caller.set(known, live);
            watch(routing, known, origin);
            return;
        }
        context.suspend();
        callers.ask(token, origin.address())
                .onFailure(TokenRefused.class)
                .invoke(refused -> note((TokenRefused) refused, origin))
                .subscribe()
                .with(
                        asked -> {
                            caller.set(asked, live);
                            watch(routing, asked, origin);
                            context.resume();
                        },
                        context::resume);
    }

    private @Nullable Caller known(String token, RequestOrigin origin) {
        try {
            return callers.known(token, origin.address());
        } catch (TokenRefused refused) {
            note(refused, origin);
            throw refused;
        }
    }

    /**
     * What is refused to somebody who is known leaves a row, whether its endpoint thought of one or not; and so does, in the project that was
     * probed, what he asked for of a project that he does not see.
     */
    private void watch(RoutingContext routing, Caller who, RequestOrigin origin) {
        audit.watch(origin.requestId());
        routing.addEndHandler(ended -> {
            boolean recorded = audit.unwatch(origin.requestId());
            Problem problem = routing.get(Problem.OF_REQUEST);
            if (problem == null || problem.hidden() == null && (recorded || problem.status() != 403)) {
                return;
            }
            var event = AuditEvent.refused(AuditType.ACCESS_REFUSED, problem.code())
                    .by(who.id(), who.name())
                    .from(origin.address(), origin.requestId())
                    .in(problem.hidden())
                    .with("method", routing.request().method().name())
                    .with("path", routing.request().path());
            OwnContext.run(
                    routing.vertx().getOrCreateContext(),
                    () -> refused.record(who.id(), event).subscribe().with(done -> {}));
        });
    }

    private void note(TokenRefused refused, RequestOrigin origin) {
        audit.note(AuditEvent.refused(AuditType.ACCESS_REFUSED, refused.code())
                .from(origin.address(), origin.requestId()));
    }
}
