package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.idempotency.UnansweredCreations;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PlainText;
import io.rolewright.request.RequestContext;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
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
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Projects and their environments by the reference's older paths and words, over HTTP. */
@Path("/api")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class WorkspaceResource {

    static final String SLUG = "[a-z0-9]+(-[a-z0-9]+)*";
    static final String SLUG_RULE = "must be lower-case letters and digits, with single hyphens between them";
    private static final String TEXT = PlainText.ANY;
    private static final String TEXT_RULE = PlainText.RULE;

    /** What the reference makes with a project: slug and name. */
    private static final List<List<String>> USUAL =
            List.of(List.of("dev", "Development"), List.of("staging", "Staging"), List.of("prod", "Production"));

    private final Projects projects;
    private final Places places;
    private final CurrentCaller caller;
    private final Organisation organisation;
    private final RequestOrigins origins;
    private final RequestContext request;
    private final Idempotency idempotency;
    private final UnansweredCreations creations;
    private final AuditLog audit;

    WorkspaceResource(
            Projects projects,
            Places places,
            CurrentCaller caller,
            Organisation organisation,
            RequestOrigins origins,
            RequestContext request,
            Idempotency idempotency,
            UnansweredCreations creations,
            AuditLog audit) {
        this.projects = projects;
        this.places = places;
        this.caller = caller;
        this.organisation = organisation;
        this.origins = origins;
        this.request = request;
        this.idempotency = idempotency;
        this.creations = creations;
        this.audit = audit;
    }

    @POST
    @Cancellable(false)
    @Path("v2/workspace")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createWorkspace",
            summary = "Create a project, by the reference's older path",
            description =
                    "With shouldCreateDefaultEnvs it has the environments dev, staging and prod. A lost answer is given"
                            + " to the same request once more, as by POST /api/v1/projects.")
    public Uni<WorkspaceCreatedResponse> create(@NotNull @Valid NewWorkspace body) {
        refuse("type", body.type, Project.TYPE);
        refuse("template", body.template, "default");
        refuse("kmsKeyId", body.kmsKeyId, "");
        var who = caller.get();
        var right = Rights.require(who, Right.PROJECT_CREATE);
        var asking = new Projects.Asking(
                who,
                caller.live(),
                origins.ofCurrentRequest(),
                creations.creation(right, "create-workspace", idempotency.canonical(body), request.answer()),
                System.nanoTime() + request.timeLeft().toNanos());
        return projects.create(
                        new Projects.Wanted(
                                body.projectName.strip(), body.slug, body.projectDescription, body.hasDeleteProtection),
                        asking,
                        project -> Boolean.TRUE.equals(body.shouldCreateDefaultEnvs)
                                ? addUsual(project.id)
                                : Uni.createFrom().voidItem())
                .chain(this::view)
                .map(WorkspaceCreatedResponse::new);
    }

    private static Uni<Void> addUsual(UUID project) {
        Uni<Mutiny.Session> all = Panache.getSession();
        for (var each : USUAL) {
            all = all.call(session -> Places.insert(session, project, each.get(0), each.get(1), 0));
        }
        return all.replaceWithVoid();
    }

    /** Absent and empty mean what there is. */
    private static void refuse(String field, @Nullable String sent, String only) {
        if (sent != null && !sent.isEmpty() && !sent.equals(only)) {
            throw ValidationProblem.at(
                    List.of(field),
                    "custom",
                    only.isEmpty() ? "Is not offered here: leave it out" : "Must be " + only + ", the only one here");
        }
    }

    /** Without an envelope, as in the reference. */
    @GET
    @Path("v2/workspace/{slug}")
    @Operation(operationId = "getWorkspaceBySlug", summary = "Read a project by its slug, with its environments")
    public Uni<WorkspaceView> getBySlug(@PathParam("slug") String slug) {
        return projects.bySlug(caller.get(), slug).chain(this::view);
    }

    @DELETE
    @Cancellable(false)
    @Path("v2/workspace/{slug}")
    @Operation(
            operationId = "deleteWorkspace",
            summary = "Delete an empty project by its slug",
            description = "One that holds connections or rotations is a 400 `project_not_empty`, one with"
                    + " hasDeleteProtection a 400 `delete_protected`.")
    public Uni<WorkspaceView> delete(@PathParam("slug") String slug) {
        var act = act();
        return act.recorded(
                audit,
                AuditType.DELETE_PROJECT,
                Projects.KIND,
                null,
                () -> projects.bySlug(act.caller(), Right.PROJECT_DELETE, slug)
                        .chain(project -> view(project).call(() -> projects.delete(act, project.id))));
    }

    @GET
    @Path("v1/workspace/{projectId}")
    @Operation(operationId = "getWorkspace", summary = "Read a project, by the reference's older path")
    public Uni<WorkspaceResponse> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId) {
        return projects.existing(caller.get(), Right.PROJECT_READ, Ids.parse("projectId", projectId))
                .chain(this::view)
                .map(WorkspaceResponse::new);
    }

    private Uni<WorkspaceView> view(Project project) {
        return places.environments(project.id)
                .map(environments -> new WorkspaceView(
                        project.id,
                        project.name,
                        project.slug,
                        project.type,
                        organisation.id(),
                        project.createdAt,
                        project.updatedAt,
                        project.description,
                        project.deleteProtected,
                        null,
                        null,
                        environments.stream().map(EnvironmentView::of).toList()));
    }

    // ---- Environments ---------------------------------------------------------------------------------------------

    @POST
    @Cancellable(false)
    @Path("v1/workspace/{projectId}/environments")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createEnvironment",
            summary = "Make an environment of a project",
            description = "None is needed for a rotation, which makes its own.")
    public Uni<EnvironmentResponse> addEnvironment(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @NotNull @Valid NewEnvironment body) {
        var project = Ids.parse("projectId", projectId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.CREATE_ENVIRONMENT,
                        Projects.KIND,
                        project,
                        () -> places.addEnvironment(
                                act, project, body.slug, body.name.strip(), body.position == null ? 0 : body.position))
                .map(EnvironmentResponse::of);
    }

    @GET
    @Path("v1/workspace/environments/{environmentId}")
    @Operation(operationId = "getEnvironment", summary = "Read an environment")
    public Uni<RestResponse<EnvironmentResponse>> getEnvironment(
            @PathParam("environmentId") @Parameter(schema = @Schema(format = "uuid")) String environmentId) {
        return places.environment(caller.get(), Right.PROJECT_READ, Ids.parse("environmentId", environmentId))
                .map(WorkspaceResource::tagged);
    }

    @PATCH
    @Cancellable(false)
    @Path("v1/workspace/{projectId}/environments/{environmentId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateEnvironment",
            summary = "Change an environment",
            description = "The slug of one with rotations stays: 400 `place_in_use`.")
    public Uni<RestResponse<EnvironmentResponse>> changeEnvironment(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("environmentId") @Parameter(schema = @Schema(format = "uuid")) String environmentId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedEnvironment body) {
        var project = Ids.parse("projectId", projectId);
        var id = Ids.parse("environmentId", environmentId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.UPDATE_ENVIRONMENT,
                        Projects.KIND,
                        project,
                        () -> places.changeEnvironment(
                                act,
                                project,
                                id,
                                new IfMatch(ifMatch),
                                body.slug,
                                body.name == null ? null : body.name.strip(),
                                body.position))
                .map(WorkspaceResource::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("v1/workspace/{projectId}/environments/{environmentId}")
    @Operation(
            operationId = "deleteEnvironment",
            summary = "Delete an environment with its folders",
            description = "One with rotations is a 400 `place_in_use`.")
    public Uni<EnvironmentResponse> deleteEnvironment(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("environmentId") @Parameter(schema = @Schema(format = "uuid")) String environmentId) {
        var project = Ids.parse("projectId", projectId);
        var id = Ids.parse("environmentId", environmentId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.DELETE_ENVIRONMENT,
                        Projects.KIND,
                        project,
                        () -> places.deleteEnvironment(act, project, id))
                .map(EnvironmentResponse::of);
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private static RestResponse<EnvironmentResponse> tagged(Places.Environment environment) {
        return IfMatch.tagged(EnvironmentResponse.of(environment), environment.settings());
    }

    // ---- Shapes ---------------------------------------------------------------------------------------------------

    @RegisterForReflection
    @Schema(name = "NewWorkspace")
    record NewWorkspace(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = TEXT, message = TEXT_RULE)
            @Schema(required = true, examples = "Payments")
            String projectName,

            @Size(max = 256) @Pattern(regexp = TEXT, message = TEXT_RULE) @Nullable
            String projectDescription,

            @Size(min = 1, max = 64)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(description = "Made from the name if absent.", examples = "payments")
            @Nullable
            String slug,

            @Size(max = 64) @Schema(description = "Must be secret-manager.", examples = Project.TYPE) @Nullable
            String type,

            @Size(max = 64) @Schema(description = "Must be default; templates are not offered.") @Nullable
            String template,

            @Size(max = 64) @Schema(description = "Must be empty; such keys are not offered.") @Nullable
            String kmsKeyId,

            @Nullable Boolean shouldCreateDefaultEnvs,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection) {}

    @Schema(name = "NewEnvironment")
    record NewEnvironment(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = TEXT, message = TEXT_RULE)
            @Schema(required = true, examples = "Production")
            String name,

            @NotNull
            @Size(min = 1, max = 64)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(required = true, examples = "production")
            String slug,

            @Min(0) @Max(1_000_000) @Schema(description = "Absent or 0: the last.") @Nullable
            Integer position) {}

    @Schema(name = "UpdateEnvironment", description = "Fields that are absent remain unchanged.")
    record ChangedEnvironment(
            @Size(min = 1, max = 64)
            @Pattern(regexp = TEXT, message = TEXT_RULE)
            @Schema(examples = "Production")
            @Nullable
            String name,

            @Size(min = 1, max = 64)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(examples = "production")
            @Nullable
            String slug,

            @Min(1) @Max(1_000_000) @Nullable Integer position) {}

    @Schema(name = "Environment")
    record EnvironmentView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) String slug,
            @Schema(required = true) int position,
            @Schema(required = true) UUID projectId) {

        static EnvironmentView of(Places.Environment environment) {
            return new EnvironmentView(
                    environment.id(),
                    environment.name(),
                    environment.slug(),
                    environment.position(),
                    environment.projectId());
        }
    }

    @Schema(name = "EnvironmentResponse")
    record EnvironmentResponse(@Schema(required = true) EnvironmentView environment) {

        static EnvironmentResponse of(Places.Environment environment) {
            return new EnvironmentResponse(EnvironmentView.of(environment));
        }
    }

    @Schema(name = "Workspace")
    @JsonInclude(JsonInclude.Include.ALWAYS)
    record WorkspaceView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) String slug,

            @Schema(required = true, examples = Project.TYPE)
            String type,

            @Schema(required = true) UUID orgId,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt,
            @Schema(required = true) String description,
            @Schema(required = true) boolean hasDeleteProtection,

            @Schema(required = true, nullable = true, description = "null: the operator's.") @Nullable
            Integer auditLogsRetentionDays,

            @Schema(required = true, nullable = true, description = "null: there are none.") @Nullable
            String kmsSecretManagerKeyId,

            @Schema(required = true) List<EnvironmentView> environments) {}

    @Schema(name = "WorkspaceResponse")
    record WorkspaceResponse(@Schema(required = true) WorkspaceView workspace) {}

    @Schema(name = "WorkspaceCreatedResponse")
    record WorkspaceCreatedResponse(@Schema(required = true) WorkspaceView project) {}
}
