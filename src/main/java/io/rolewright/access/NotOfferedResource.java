package io.rolewright.access;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.container.ContainerRequestContext;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Answers for the paths of {@link NotOffered}. They are led here before a method is looked for, so that the guard asks for a token as
 * everywhere, and no path of ours is hidden by one of theirs.
 */
@Path("/api/not-offered")
class NotOfferedResource {

    private static final String ROW = NotOffered.class.getName();

    private final CurrentVertxRequest current;

    NotOfferedResource(CurrentVertxRequest current) {
        this.current = current;
    }

    @ServerRequestFilter(preMatching = true)
    void lead(ContainerRequestContext request) {
        var sent = current.getCurrent().request();
        var row = NotOffered.find(sent.method().name(), sent.path());
        if (row != null) {
            current.getCurrent().put(ROW, row);
            request.setMethod("GET");
            request.setRequestUri(request.getUriInfo()
                    .getRequestUriBuilder()
                    .replacePath(row.isLogin() ? "/api/not-offered/login" : "/api/not-offered")
                    .build());
        }
    }

    @GET
    @Operation(hidden = true)
    public String any() {
        throw answer();
    }

    @GET
    @Path("login")
    @Public
    @Operation(hidden = true)
    public String login() {
        throw answer();
    }

    /** Who asks for this path itself is told that there is nothing. */
    private RuntimeException answer() {
        NotOffered.Row row = current.getCurrent().get(ROW);
        return row == null ? new NotFoundException() : row.problem();
    }
}
