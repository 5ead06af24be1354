package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.idempotency.UnansweredCreations;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PlainText;
import io.rolewright.request.RequestContext;
import io.rolewright.request.SearchQuery;
import io.rolewright.request.Selection;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
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
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Projects over HTTP. */
@Path("/api/v1/projects")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class ProjectResource {

    private static final String SORT = SearchQuery.SORT + "name, slug, created.";

    private final Projects projects;
    private final CurrentCaller caller;
    private final Organisation organisation;
    private final RequestOrigins origins;
    private final RequestContext request;
    private final Idempotency idempotency;
    private final UnansweredCreations creations;
    private final AuditLog audit;

    ProjectResource(
            Projects projects,
            CurrentCaller caller,
            Organisation organisation,
            RequestOrigins origins,
            RequestContext request,
            Idempotency idempotency,
            UnansweredCreations creations,
            AuditLog audit) {
        this.projects = projects;
        this.caller = caller;
        this.organisation = organisation;
        this.origins = origins;
        this.request = request;
        this.idempotency = idempotency;
        this.creations = creations;
        this.audit = audit;
    }

    @GET
    @Compressible
    @Operation(
            operationId = "listProjects",
            summary = "List projects",
            description = "The projects that the caller may see, by name.")
    public Uni<ProjectList> list(
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"name", "-name", "slug", "-slug", "created", "-created"}))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        var reach = Rights.reach(caller.get(), Right.PROJECT_READ);
        Selection selection = query.selection(sort, Projects.COLUMNS);
        if (selection == null) {
            return projects.list(reach, query.page())
                    .map(slice -> new ProjectList(slice.map(this::view).rows(), slice.nextCursor(), null));
        }
        return projects.search(reach, selection)
                .map(chosen ->
                        new ProjectList(chosen.rows().stream().map(this::view).toList(), null, chosen.count()));
    }

    @GET
    @Compressible
    @Path("{projectId}")
    @Operation(operationId = "getProject", summary = "Read a project")
    public Uni<RestResponse<OneProject>> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId) {
        return projects.existing(caller.get(), Right.PROJECT_READ, Ids.parse("projectId", projectId))
                .map(this::tagged);
    }

    /** Without an envelope, as the clients that look a project up by its slug read it. */
    @GET
    @Compressible
    @Path("slug/{slug}")
    @Operation(operationId = "getProjectBySlug", summary = "Read a project by its slug")
    public Uni<ProjectView> getBySlug(@PathParam("slug") String slug) {
        return projects.bySlug(caller.get(), slug).map(this::view);
    }

    @PATCH
    @Cancellable(false)
    @Path("{projectId}")
    @Operation(
            operationId = "updateProject",
            summary = "Update a project",
            description =
                    "A name or slug that another project has gets 400 `project_name_taken` or `project_slug_taken`.")
    public Uni<RestResponse<OneProject>> change(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedProject body) {
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        var id = Ids.parse("projectId", projectId);
        return act.recorded(
                        audit,
                        AuditType.UPDATE_PROJECT,
                        Projects.KIND,
                        id,
                        () -> projects.change(
                                act,
                                id,
                                new IfMatch(ifMatch),
                                new Projects.Wanted(
                                        body.name == null ? null : body.name.strip(),
                                        body.slug,
                                        body.description,
                                        body.hasDeleteProtection)))
                .map(this::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("{projectId}")
    @Operation(
            operationId = "deleteProject",
            summary = "Delete an empty project",
            description = "A project with connections or rotations gets 400 `project_not_empty`.")
    public Uni<OneProject> delete(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId) {
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        var id = Ids.parse("projectId", projectId);
        return act.recorded(audit, AuditType.DELETE_PROJECT, Projects.KIND, id, () -> projects.delete(act, id))
                .map(project -> new OneProject(view(project)));
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "createProject",
            summary = "Create a project",
            description =
                    "A name or slug that another project has gets 400 `project_name_taken` or `project_slug_taken`."
                            + " If the answer of a creation is lost (the caller hung up, a 5xx, a crash), the same request"
                            + " sent again within an hour gets it, once, unless the project has been changed.")
    public Uni<OneProject> create(
            @HeaderParam("Idempotency-Key")
                    @Parameter(
                            description = "A request repeated with the same key within 24 hours gets the first answer.")
                    @Nullable
                    String idempotencyKey,
            @NotNull @Valid NewProject body) {
        var who = caller.get();
        var from = origins.ofCurrentRequest();
        var right = Rights.require(who, Right.PROJECT_CREATE);
        byte[] sent = idempotency.canonical(body);
        var asking = new Projects.Asking(
                who,
                caller.live(),
                from,
                creations.creation(right, "create-project", sent, request.answer()),
                System.nanoTime() + request.timeLeft().toNanos());
        return idempotency.once(
                right,
                idempotencyKey,
                "create-project",
                sent,
                OneProject.class,
                completion -> projects.create(
                                new Projects.Wanted(body.projectName.strip(), body.slug, null, null),
                                asking,
                                project -> completion.store(new OneProject(view(project))))
                        .map(project -> new OneProject(view(project))));
    }

    private RestResponse<OneProject> tagged(Project project) {
        return IfMatch.tagged(new OneProject(view(project)), Projects.settings(project));
    }

    private ProjectView view(Project project) {
        return new ProjectView(
                project.id,
                project.name,
                project.slug,
                project.type,
                organisation.id(),
                project.createdAt,
                project.updatedAt,
                project.description,
                project.deleteProtected);
    }

    @RegisterForReflection
    @Schema(name = "NewProject")
    record NewProject(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(required = true, examples = "Payments")
            String projectName,

            @Size(min = 1, max = 64)
            @Pattern(
                    regexp = "[a-z0-9]+(-[a-z0-9]+)*",
                    message = "must be lower-case letters and digits, with single hyphens between them")
            @Schema(description = "Made from the name if absent.", examples = "payments")
            @Nullable
            String slug) {}

    @Schema(name = "UpdateProject", description = "Fields that are absent remain unchanged.")
    record ChangedProject(
            @Size(min = 1, max = 64)
            @Pattern(regexp = PlainText.SOME, message = "must not be blank or contain control characters")
            @Schema(examples = "Payments")
            @Nullable
            String name,

            @Size(min = 1, max = 64)
            @Pattern(
                    regexp = "[a-z0-9]+(-[a-z0-9]+)*",
                    message = "must be lower-case letters and digits, with single hyphens between them")
            @Schema(examples = "payments")
            @Nullable
            String slug,

            @Size(max = 256) @Pattern(regexp = PlainText.ANY, message = PlainText.RULE) @Nullable
            String description,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection) {}

    @RegisterForReflection
    @Schema(name = "Project")
    record ProjectView(
            @Schema(required = true) UUID id,
            @Schema(required = true, examples = "Payments") String name,
            @Schema(required = true, examples = "payments") String slug,

            @Schema(required = true, examples = Project.TYPE)
            String type,

            @Schema(required = true) UUID orgId,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt,
            @Schema(required = true) String description,

            @Schema(required = true, description = "Whether it is kept from being deleted.")
            boolean hasDeleteProtection) {}

    /** Read back from JSON when an idempotent reply is served again. */
    @RegisterForReflection
    @Schema(name = "ProjectResponse")
    record OneProject(@Schema(required = true) ProjectView project) {}

    @Schema(name = "ProjectListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record ProjectList(
            @Schema(required = true) List<ProjectView> projects,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor,

            @Schema(description = "Number of rows that match, on this page or not; only with search, sort or offset.")
            @Nullable
            Long totalCount) {}
}
