package io.rolewright.access;

import io.rolewright.access.ProjectIdentityResource.ProjectIdentityResponse;
import io.rolewright.access.ProjectIdentityResource.ProjectIdentityRoles;
import io.rolewright.request.IfMatch;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** What {@link ProjectIdentityResource} does, at the path by which the reference's clients ask for an identity that belongs to a project. */
@Path("/api/v1/projects/{projectId}/memberships/identities/{identityId}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class ScopedMembershipResource {

    private final ProjectIdentityResource memberships;

    ScopedMembershipResource(ProjectIdentityResource memberships) {
        this.memberships = memberships;
    }

    @GET
    @Operation(
            operationId = "getProjectScopedIdentityRoles",
            summary = "Read the roles of an identity in a project, as getProjectIdentity")
    public Uni<RestResponse<ProjectIdentityResponse>> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return memberships.get(projectId, identityId);
    }

    @PATCH
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateProjectScopedIdentityRoles",
            summary = "Change the roles of an identity in a project, as updateProjectIdentity")
    public Uni<RestResponse<ProjectIdentityResponse>> change(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ProjectIdentityRoles body) {
        return memberships.change(projectId, identityId, ifMatch, body);
    }
}
