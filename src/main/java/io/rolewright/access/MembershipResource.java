package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PageQuery;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Which identities have which roles in a project, over HTTP; its administrators only. */
@Path("/api/v1/projects/{projectId}/identity-memberships")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class MembershipResource {

    /** {@code scheduler} is not one of them: it is for the service as a whole. */
    private static final String PROJECT_ROLE = "admin|operator|reader|consumer";

    private final Memberships memberships;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    MembershipResource(Memberships memberships, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.memberships = memberships;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Compressible
    @Operation(
            operationId = "listProjectMemberships",
            summary = "List role assignments in a project",
            description = "By name. Roles in the organisation are not listed.")
    public Uni<MembershipList> list(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @BeanParam PageQuery page) {
        return memberships
                .list(caller.get(), Ids.parse("projectId", projectId), page.page())
                .map(slice ->
                        new MembershipList(slice.map(MembershipResource::view).rows(), slice.nextCursor()));
    }

    @PUT
    @Cancellable(false)
    @Path("{identityId}")
    @Operation(
            operationId = "setProjectMembership",
            summary = "Set the roles of an identity in a project",
            description =
                    "Replaces its roles in the project. They apply to tokens that were already issued: immediately"
                            + " in this replica, within five seconds in the others.")
    public Uni<RestResponse<OneMembership>> set(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid NewRoles body) {
        var project = Ids.parse("projectId", projectId);
        var identity = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.UPDATE_PROJECT_MEMBERSHIP,
                        Projects.KIND,
                        project,
                        () -> memberships.set(
                                act, project, identity, new IfMatch(ifMatch), IdentityResource.roles(body.roles)))
                .map(membership -> IfMatch.tagged(new OneMembership(view(membership)), membership.settings()));
    }

    @DELETE
    @Cancellable(false)
    @Path("{identityId}")
    @Operation(operationId = "removeProjectMembership", summary = "Remove the roles of an identity in a project")
    public Uni<OneMembership> remove(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var project = Ids.parse("projectId", projectId);
        var identity = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.UPDATE_PROJECT_MEMBERSHIP,
                        Projects.KIND,
                        project,
                        () -> memberships.remove(act, project, identity))
                .map(membership -> new OneMembership(view(membership)));
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private static MembershipView view(Memberships.Membership membership) {
        return new MembershipView(
                membership.identityId(), membership.identityName(), Identities.names(membership.roles()));
    }

    @Schema(name = "ProjectMembershipRoles")
    record NewRoles(
            @NotEmpty @Size(max = 4) @Schema(required = true, description = "admin, operator, reader, consumer")
            List<@NotNull @Pattern(regexp = PROJECT_ROLE, message = "must be one of " + PROJECT_ROLE) String> roles) {}

    @Schema(name = "ProjectMembership")
    record MembershipView(
            @Schema(required = true) UUID identityId,
            @Schema(required = true) String identityName,
            @Schema(required = true) List<String> roles) {}

    @Schema(name = "ProjectMembershipResponse")
    record OneMembership(@Schema(required = true) MembershipView identityMembership) {}

    @Schema(name = "ProjectMembershipListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record MembershipList(
            @Schema(required = true) List<MembershipView> identityMemberships,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor) {}
}
