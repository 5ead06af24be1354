package io.rolewright.listener;

import io.rolewright.problem.ApiError;
import io.rolewright.problem.ErrorCode;
import jakarta.ws.rs.HttpMethod;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.core.HttpHeaders;
import java.util.Set;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;

/**
 * {@code Allow} has exactly the methods that the path knows (RFC 9110, sections 9.3.7 and 10.2.1), and no answer 405 is without it (15.5.6). The
 * framework's own has those of all paths that begin alike, and some of its refusals have none; of a path that two of its resources could
 * serve it says 404 for a method that neither knows, which clients take for "deleted".
 */
class AllowedMethods {

    @ServerResponseFilter
    void tell(ContainerRequestContext request, ContainerResponseContext response) {
        int status = response.getStatus();
        boolean isNothing = status == ErrorCode.NOT_FOUND.status();
        if (!isNothing
                && status != ErrorCode.METHOD_NOT_ALLOWED.status()
                && !request.getMethod().equals(HttpMethod.OPTIONS)) {
            return;
        }
        Set<String> methods =
                Operations.methods(request.getUriInfo().getRequestUri().getPath());
        if (methods.isEmpty() || isNothing && methods.contains(request.getMethod())) {
            return;
        }
        if (isNothing) {
            if (!(response.getEntity() instanceof ApiError error)
                    || !error.code().equals(ErrorCode.NOT_FOUND.code())) {
                return;
            }
            response.setStatus(ErrorCode.METHOD_NOT_ALLOWED.status());
            response.setEntity(ApiError.notThisMethod(error.reqId()));
        }
        response.getHeaders().putSingle(HttpHeaders.ALLOW, String.join(", ", methods));
    }
}
