package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
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
 * the management port) hold nothing to guard.
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
        if (known != null) {
            caller.set(known, live);
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

    private void note(TokenRefused refused, RequestOrigin origin) {
        audit.note(AuditEvent.refused(AuditType.ACCESS_REFUSED, refused.code())
                .from(origin.address(), origin.requestId()));
    }
}
