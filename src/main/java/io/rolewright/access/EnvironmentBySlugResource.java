package io.rolewright.access;

import io.rolewright.access.WorkspaceResource.EnvironmentView;
import io.rolewright.request.Ids;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** An environment by its slug; a class of its own, since a path goes to the class that has most of its beginning. */
@Path("/api/v1/projects/{projectId}/environments/slug/{slug}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class EnvironmentBySlugResource {

    private final Places places;
    private final CurrentCaller caller;

    EnvironmentBySlugResource(Places places, CurrentCaller caller) {
        this.places = places;
        this.caller = caller;
    }

    /** Without an envelope, as in the reference. */
    @GET
    @Operation(operationId = "getEnvironmentBySlug", summary = "Read an environment by its slug")
    public Uni<EnvironmentView> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("slug") String slug) {
        return places.environment(caller.get(), Ids.parse("projectId", projectId), slug)
                .map(EnvironmentView::of);
    }
}
