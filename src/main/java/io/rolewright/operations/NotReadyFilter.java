package io.rolewright.operations;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.inject.Singleton;
import jakarta.ws.rs.container.ContainerRequestContext;
import java.util.Map;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/** Refuses API calls until the service is ready, before anybody looks at the token: there may be no keys to check it with. */
@Singleton
class NotReadyFilter {

    private final Startup startup;

    NotReadyFilter(Startup startup) {
        this.startup = startup;
    }

    // After matching, so that metrics know the request by its path template and not by the ids in it.
    @ServerRequestFilter(priority = 0)
    void refuse(ContainerRequestContext request) {
        if (startup.state().ready()) {
            return;
        }
        String path = request.getUriInfo().getPath();
        if (path.startsWith("/api/") && !path.equals("/api/status")) {
            throw new NotReadyYet();
        }
    }

    /** The reason is for the operator, on the management port; callers only learn that it is worth trying again. */
    static final class NotReadyYet extends Problem {
        NotReadyYet() {
            super(
                    ErrorCode.NOT_READY,
                    "The service is starting. Try again in a few seconds.",
                    Map.of(),
                    Map.of("Retry-After", "2"));
        }
    }
}
