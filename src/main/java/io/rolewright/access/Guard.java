package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.annotation.Priority;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.ext.Provider;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestFilter;

/**
 * The one guard: no REST endpoint runs without a valid access token unless it is {@link Public}. It sees every JAX-RS
 * endpoint because it is bound to none; routes that are not JAX-RS (OpenAPI, Swagger UI in dev mode, health and metrics on
 * the management port) hold nothing to guard.
 *
 * <p>Almost always it decides at once, by a signature and a look at the {@link TokenLedger}; only when the ledger has
 * grown old does the request wait for one query.
 */
@Provider
@Priority(Priorities.AUTHENTICATION)
class Guard implements ResteasyReactiveContainerRequestFilter {

    private final CurrentVertxRequest current;
    private final CurrentCaller currentCaller;
    private final ClientAddresses addresses;
    private final TokenLedger ledger;

    Guard(CurrentVertxRequest current, CurrentCaller currentCaller, ClientAddresses addresses, TokenLedger ledger) {
        this.current = current;
        this.currentCaller = currentCaller;
        this.addresses = addresses;
        this.ledger = ledger;
    }

    @Override
    public void filter(ResteasyReactiveContainerRequestContext context) {
        if (((ContainerRequestContext) context).getProperty(PublicMark.PROPERTY) != null) {
            return;
        }
        var request = current.getCurrent().request();
        var token = BearerToken.of(request).orElseThrow(TokenRefused::missing);
        var address = addresses.of(request);
        // The instance itself and not its proxy: when the request goes on after waiting, no request scope is active
        // yet.
        var caller = currentCaller.self();
        if (ledger.isFresh()) {
            caller.set(ledger.judge(token).caller(address));
            return;
        }
        context.suspend();
        var vertx = Vertx.currentContext();
        ledger.freshen()
                .emitOn(task -> vertx.runOnContext(ignored -> task.run()))
                .chain(() -> Uni.createFrom().item(() -> ledger.judge(token).caller(address)))
                .subscribe()
                .with(
                        known -> {
                            caller.set(known);
                            context.resume();
                        },
                        context::resume);
    }
}
