package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.request.RequestContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;

/** The current request, as far as access looks at it. To be asked where the request scope is active. */
@ApplicationScoped
class RequestOrigins {

    private final CurrentVertxRequest current;
    private final RequestContext request;
    private final ClientAddresses addresses;

    RequestOrigins(CurrentVertxRequest current, RequestContext request, ClientAddresses addresses) {
        this.current = current;
        this.request = request;
        this.addresses = addresses;
    }

    RequestOrigin ofCurrentRequest() {
        return new RequestOrigin(addresses.of(current.getCurrent().request()), request.id());
    }

    Optional<String> bearerOfCurrentRequest() {
        return BearerToken.of(current.getCurrent().request());
    }
}
