package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Numbers;
import io.rolewright.request.PlainText;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/**
 * Machine identities that belong to one project, by the reference's paths; the project's administrators only. What they log in with is for
 * administrators of the organisation, as of every identity.
 */
@Path("/api/v1/projects/{projectId}/identities")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class ScopedIdentityResource {

    /** The word under which it begins: it is in its project from the first moment, and may do nothing there. */
    private static final List<String> NO_ROLES = List.of("no-access");

    private static final int MOST = 1000;
    private static final int MOST_BEFORE = 1_000_000;

    private final Identities identities;
    private final Projects projects;
    private final Organisation organisation;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    ScopedIdentityResource(
            Identities identities,
            Projects projects,
            Organisation organisation,
            CurrentCaller caller,
            RequestOrigins origins,
            AuditLog audit) {
        this.identities = identities;
        this.projects = projects;
        this.organisation = organisation;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(
            operationId = "listProjectScopedIdentities",
            summary = "List the identities that belong to a project",
            description = "By name. They are not in the list of the organisation's identities.")
    public Uni<ScopedList> list(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @QueryParam("search") @Parameter(description = "Only those with this in their name.") @Nullable
                    String search,
            @QueryParam("limit")
                    @Parameter(
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "1",
                                            maximum = "1000",
                                            defaultValue = "1000"))
                    @Nullable
                    String limit,
            @QueryParam("offset")
                    @Parameter(
                            description = "Number of identities to leave out.",
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "0",
                                            maximum = "1000000",
                                            defaultValue = "0"))
                    @Nullable
                    String offset) {
        var project = Ids.parse("projectId", projectId);
        int most = limit == null ? MOST : Numbers.upTo(MOST, "limit", limit);
        int after = offset == null || offset.equals("0") ? 0 : Numbers.upTo(MOST_BEFORE, "offset", offset);
        if (search != null && search.indexOf('\0') >= 0) {
            throw ValidationProblem.at(List.of("search"), "invalid_string", "Must not contain a NUL character");
        }
        return projects.existing(caller.get(), Right.MEMBERSHIP_READ, project)
                .chain(() -> identities.ofProject(project, search, most, after))
                .map(found ->
                        new ScopedList(found.some().stream().map(this::view).toList(), found.all()));
    }

    @POST
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createProjectScopedIdentity",
            summary = "Create an identity that belongs to a project",
            description =
                    "It may do nothing before it gets roles, which it can have in this project only. What it logs in"
                            + " with is set by administrators of the organisation.")
    public Uni<ScopedResponse> create(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @NotNull @Valid NewScopedIdentity body) {
        var project = Ids.parse("projectId", projectId);
        var wanted = new Identities.Wanted(body.name.strip(), null, null, body.hasDeleteProtection, body.metadata);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.CREATE_IDENTITY,
                        Projects.KIND,
                        project,
                        () -> projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, project)
                                .chain(() -> identities.create(
                                        act,
                                        project,
                                        wanted,
                                        made -> Panache.getSession()
                                                .chain(session ->
                                                        Memberships.keep(session, project, made.id(), NO_ROLES)))))
                .map(this::one);
    }

    @GET
    @Path("{identityId}")
    @Operation(operationId = "getProjectScopedIdentity", summary = "Read an identity that belongs to a project")
    public Uni<RestResponse<ScopedResponse>> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var project = Ids.parse("projectId", projectId);
        var id = Ids.parse("identityId", identityId);
        return projects.existing(caller.get(), Right.MEMBERSHIP_READ, project)
                .chain(() -> identities.get(project, id))
                .map(this::tagged);
    }

    @PATCH
    @Cancellable(false)
    @Path("{identityId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(operationId = "updateProjectScopedIdentity", summary = "Update an identity that belongs to a project")
    public Uni<RestResponse<ScopedResponse>> change(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedScopedIdentity body) {
        var project = Ids.parse("projectId", projectId);
        var id = Ids.parse("identityId", identityId);
        var wanted = new Identities.Wanted(
                body.name == null ? null : body.name.strip(), null, null, body.hasDeleteProtection, body.metadata);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.UPDATE_IDENTITY,
                        Identities.KIND,
                        id,
                        () -> projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, project)
                                .chain(() -> identities.get(project, id))
                                .chain(() -> identities.change(act, id, new IfMatch(ifMatch), wanted)))
                .map(this::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("{identityId}")
    @Operation(
            operationId = "deleteProjectScopedIdentity",
            summary = "Delete an identity that belongs to a project",
            description = "Ends its tokens too.")
    public Uni<ScopedResponse> delete(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var project = Ids.parse("projectId", projectId);
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.DELETE_IDENTITY,
                        Identities.KIND,
                        id,
                        () -> projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, project)
                                .chain(() -> identities.get(project, id))
                                .chain(() -> identities.delete(act, id)))
                .map(this::one);
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private RestResponse<ScopedResponse> tagged(Identities.Described identity) {
        return IfMatch.tagged(one(identity), Identities.settings(identity));
    }

    private ScopedResponse one(Identities.Described identity) {
        return new ScopedResponse(view(identity));
    }

    private ScopedView view(Identities.Described identity) {
        return new ScopedView(
                identity.id(),
                identity.name(),
                Objects.requireNonNull(identity.projectId()),
                organisation.id(),
                identity.authMethods(),
                identity.deleteProtected(),
                identity.metadata(),
                identity.createdAt(),
                identity.updatedAt());
    }

    @Schema(name = "NewProjectScopedIdentity")
    record NewScopedIdentity(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(required = true, examples = "orders-service")
            String name,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection,

            @Size(max = IdentityMetadata.MOST)
            @Schema(description = "Notes, of which the service makes nothing.")
            @Nullable
            List<@NotNull @Valid IdentityMetadata> metadata) {}

    @Schema(name = "UpdateProjectScopedIdentity", description = "Fields that are absent remain unchanged.")
    record ChangedScopedIdentity(
            @Size(min = 1, max = 64)
            @Pattern(regexp = PlainText.SOME, message = "must not be blank or contain control characters")
            @Nullable
            String name,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection,

            @Size(max = IdentityMetadata.MOST)
            @Schema(description = "Notes, of which the service makes nothing.")
            @Nullable
            List<@NotNull @Valid IdentityMetadata> metadata) {}

    @Schema(name = "ProjectScopedIdentity")
    record ScopedView(
            @Schema(required = true) UUID id,

            @Schema(required = true, examples = "orders-service")
            String name,

            @Schema(required = true) UUID projectId,

            @Schema(required = true) UUID orgId,
            @Schema(required = true) List<String> authMethods,
            @Schema(required = true) boolean hasDeleteProtection,
            @Schema(required = true) List<IdentityMetadata> metadata,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt) {}

    @Schema(name = "ProjectScopedIdentityResponse")
    record ScopedResponse(@Schema(required = true) ScopedView identity) {}

    @Schema(name = "ProjectScopedIdentityListResponse")
    record ScopedList(
            @Schema(required = true) List<ScopedView> identities,

            @Schema(required = true, description = "Number of identities that the search finds, on this page or not.")
            long totalCount) {}
}
