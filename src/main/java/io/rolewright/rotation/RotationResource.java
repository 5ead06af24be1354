package io.rolewright.rotation;

import static io.rolewright.request.Words.flag;

import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.credential.CredentialStatus;
import io.rolewright.credential.History;
import io.rolewright.credential.HistoryWire.Attempts;
import io.rolewright.credential.HistoryWire.Versions;
import io.rolewright.credential.Strategy;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.PageQuery;
import io.rolewright.request.RequestContext;
import io.rolewright.request.SearchQuery;
import io.rolewright.request.Selection;
import io.rolewright.request.Words;
import io.rolewright.rotation.RotationAudit.Act;
import io.rolewright.rotation.RotationWire.ChangedRotation;
import io.rolewright.rotation.RotationWire.Deleted;
import io.rolewright.rotation.RotationWire.GeneratedCredentials;
import io.rolewright.rotation.RotationWire.Many;
import io.rolewright.rotation.RotationWire.NewRotation;
import io.rolewright.rotation.RotationWire.One;
import io.rolewright.rotation.RotationWire.PreflightRequest;
import io.rolewright.store.ReadsWithoutAudit;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
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
import java.time.ZoneId;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.logging.MDC;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/**
 * The wire of rotations: HTTP in, HTTP out. What is done stands in {@link Rotations}.
 *
 * <p>What changes or tries something is not cancellable: a client that hangs up must not leave it half done or unaudited.
 */
@Path("/api/v2/secret-rotations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "PostgreSQL credentials rotations")
class RotationResource {

    private static final String IDEMPOTENCY =
            "A request repeated with the same key within 24 hours gets the first answer.";

    private static final String ACROSS =
            "In a project; with status, search, sort or offset also across all projects that the caller may read.";

    private static final String PROJECT = "Required without status, search, sort and offset.";

    private static final String STRATEGY =
            "Only rotations of this strategy: dual or single. Needs search, sort or offset.";

    private static final String SORT =
            SearchQuery.SORT + "name (the usual), project, connection (by its name), role (the first), status"
                    + " (the worst first), next (when it is rotated next).";

    private static final String STATUS =
            "Only rotations of these statuses, separated by commas: revoking, in_doubt, parked, failed, overdue, ok, manual."
                    + " A rotation has one, the first that is true of it.";

    private static final Strategy[] STRATEGIES = {Strategy.DUAL, Strategy.SINGLE};

    private final Rotations rotations;
    private final RotationSummaries summaries;
    private final ServedCredentials served;
    private final History history;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final Idempotency idempotency;

    RotationResource(
            Rotations rotations,
            RotationSummaries summaries,
            ServedCredentials served,
            History history,
            CurrentCaller caller,
            RequestContext request,
            Idempotency idempotency) {
        this.rotations = rotations;
        this.summaries = summaries;
        this.served = served;
        this.history = history;
        this.caller = caller;
        this.request = request;
        this.idempotency = idempotency;
    }

    @GET
    @Compressible
    @Path("/options")
    @Operation(operationId = "listSecretRotationOptions", summary = "List the types of rotations")
    public RotationOptions options() {
        return RotationOptions.ALL;
    }

    @GET
    @Compressible
    @Operation(operationId = "listSecretRotations", summary = "List rotations of every type", description = ACROSS)
    public Uni<Many> listAll(
            @QueryParam("projectId") @Parameter(description = PROJECT) @Nullable String projectId,
            @QueryParam("status") @Parameter(description = STATUS, example = "failed,overdue") @Nullable String status,
            @QueryParam("strategy")
                    @Parameter(
                            description = STRATEGY,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"dual", "single"}))
                    @Nullable
                    String strategy,
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {
                                                "name", "-name", "project", "-project", "connection", "-connection",
                                                "role", "-role", "status", "-status", "next", "-next"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        return list(projectId, status, strategy, sort, query);
    }

    @GET
    @Compressible
    @Path("/summary")
    @Operation(
            operationId = "summarizeSecretRotations",
            summary = "Summarize attempts by day and what there is",
            description =
                    "Of all rotations and connections that the caller may read, or of one project's: attempts by day,"
                            + " counts by status, and what is planned next.")
    public Uni<RotationSummary> summary(
            @QueryParam("projectId") @Parameter(description = "Absent: all projects that the caller may read.")
                    String projectId,
            @QueryParam("days")
                    @Parameter(
                            description = "Number of days, including today.",
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "1",
                                            maximum = "90",
                                            defaultValue = "30"))
                    String days,
            @QueryParam("timeZone")
                    @Parameter(
                            description = "Time zone of the days: a name of the IANA time zone database.",
                            schema = @Schema(type = SchemaType.STRING, defaultValue = "UTC"),
                            example = "Europe/Berlin")
                    String timeZone) {
        int wanted = RotationSummaries.days(days);
        ZoneId zone = RotationSummaries.zone(timeZone);
        Caller who = caller.get();
        Reach connections = Rights.reachIfAny(who, Right.CONNECTION_READ);
        return rotations
                .reach(who, projectId)
                .chain(reach -> summaries.of(
                        reach,
                        projectId == null
                                ? connections
                                : connections.within(reach.projects().iterator().next()),
                        wanted,
                        zone));
    }

    @GET
    @Compressible
    @Path("/postgres-credentials")
    @Operation(
            operationId = "listPostgresCredentialsRotations",
            summary = "List PostgreSQL credentials rotations",
            description = ACROSS)
    public Uni<Many> list(
            @QueryParam("projectId") @Parameter(description = PROJECT) @Nullable String projectId,
            @QueryParam("status") @Parameter(description = STATUS, example = "failed,overdue") @Nullable String status,
            @QueryParam("strategy")
                    @Parameter(
                            description = STRATEGY,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"dual", "single"}))
                    @Nullable
                    String strategy,
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {
                                                "name", "-name", "project", "-project", "connection", "-connection",
                                                "role", "-role", "status", "-status", "next", "-next"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        Page page = query.page();
        Selection selection = query.selection(sort, RotationSearch.COLUMNS);
        if (projectId == null && status == null && selection == null) {
            throw ValidationProblem.at(List.of("projectId"), "invalid_type", "Required");
        }
        Set<CredentialStatus> wanted = status == null ? Set.of() : CredentialStatus.parse(status);
        Strategy only = strategy == null ? null : Words.one("strategy", strategy, STRATEGIES, Strategy::wireName);
        if (selection == null) {
            if (only != null) {
                throw ValidationProblem.at(List.of("strategy"), "custom", "Needs search, sort or offset");
            }
            return rotations
                    .list(caller.get(), projectId, wanted, page)
                    .map(slice -> new Many(slice.map(RotationView::of).rows(), slice.nextCursor(), null));
        }
        return rotations
                .search(caller.get(), projectId, wanted, only, selection)
                .map(found ->
                        new Many(found.rows().stream().map(RotationView::of).toList(), null, found.count()));
    }

    @GET
    @Compressible
    @Path("/postgres-credentials/{rotationId}")
    @Operation(operationId = "getPostgresCredentialsRotation", summary = "Read a rotation")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers =
                    @Header(
                            name = "ETag",
                            description = "Of its settings; not of passwords or of how it is. For If-Match.",
                            schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    public Uni<RestResponse<One>> get(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId) {
        return rotations.get(caller.get(), id(rotationId)).map(RotationResource::tagged);
    }

    @GET
    @Compressible
    @Path("/postgres-credentials/rotation-name/{rotationName}")
    @Operation(
            operationId = "getPostgresCredentialsRotationByName",
            summary = "Read a rotation by name, environment and path")
    public Uni<One> getByName(
            @PathParam("rotationName") String rotationName,
            @QueryParam("projectId") @NotNull(message = "Required") String projectId,
            @QueryParam("environment") @NotNull(message = "Required") String environment,
            @QueryParam("secretPath") @NotNull(message = "Required") String secretPath) {
        return rotations
                .getByName(caller.get(), projectId, environment.strip(), secretPath, rotationName.strip())
                .map(RotationResource::one);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres-credentials")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createPostgresCredentialsRotation",
            summary = "Create a rotation",
            description = "The role username1 gets a password immediately, which a login proves before it is served;"
                    + " username2 is not touched before the first rotation. The state in_doubt or parked means that"
                    + " the change is not proven yet: the rotation exists, and the service retries by itself. If the"
                    + " answer is lost (the caller hung up, a 5xx, a crash), the same identity can send the same"
                    + " request again within an hour and gets it, once, as long as the rotation is unchanged;"
                    + " otherwise the answer is name_taken with the id in details.id.")
    public Uni<One> create(
            @HeaderParam("Idempotency-Key") @Parameter(description = IDEMPOTENCY) String idempotencyKey,
            @NotNull(message = "Required") @Valid NewRotation body) {
        return rotations.create(
                act(),
                body,
                idempotencyKey,
                idempotency.canonical(body),
                request.answer(),
                One.class,
                RotationResource::one,
                deadline());
    }

    @PATCH
    @Cancellable(false)
    @Path("/postgres-credentials/{rotationId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updatePostgresCredentialsRotation",
            summary = "Update a rotation",
            description = "Connection, roles, strategy, environment and path may be repeated in the request but not"
                    + " changed.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers =
                    @Header(
                            name = "ETag",
                            description = "Of its settings; not of passwords or of how it is. For If-Match.",
                            schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    public Uni<RestResponse<One>> change(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull(message = "Required") @Valid ChangedRotation body) {
        return rotations
                .change(act(), id(rotationId), body, new IfMatch(ifMatch))
                .map(RotationResource::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("/postgres-credentials/{rotationId}")
    @Operation(
            operationId = "deletePostgresCredentialsRotation",
            summary = "Delete a rotation",
            description = "Without revokeGeneratedCredentials the passwords remain valid; while a new password was sent"
                    + " that no login has proven, the answer is 400 rotation_in_progress or rotation_unfinished, and"
                    + " nothing is changed. With it, every role gets a password that nobody is given; while the server"
                    + " does not answer, the rotation remains with state revoking and the service retries. Deleting a"
                    + " revoking rotation without the flag stops the retries. usage says who read it.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            content =
                    @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = Deleted.class)))
    @APIResponse(
            responseCode = "504",
            description =
                    "rotation_in_doubt: a new password was sent and the server's answer is missing, so the role may"
                            + " have a password that only the service knows. Nothing was deleted, and the service retries."
                            + " Repeat the request once the state is ok.",
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(ref = "ApiError")))
    public Uni<Deleted> delete(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @QueryParam("deleteSecrets")
                    @Parameter(
                            description =
                                    "Accepted for compatibility. The secrets are views of the rotation and always end with it.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String deleteSecrets,
            @QueryParam("revokeGeneratedCredentials")
                    @Parameter(schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String revokeGeneratedCredentials,
            @QueryParam("abandon")
                    @Parameter(
                            description =
                                    "Also while a change is unfinished or the rotation is revoking, for a server that is gone for"
                                            + " good. If it does come back, a role may have a password that nobody has.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String abandon) {
        return rotations
                .delete(
                        act(),
                        id(rotationId),
                        flag("revokeGeneratedCredentials", revokeGeneratedCredentials),
                        flag("deleteSecrets", deleteSecrets),
                        flag("abandon", abandon),
                        deadline())
                .map(deleted -> new Deleted(RotationView.of(deleted.shown()), deleted.usage()));
    }

    @GET
    @Path("/postgres-credentials/{rotationId}/usage")
    @Operation(
            operationId = "getPostgresCredentialsRotationUsage",
            summary = "List who reads a rotation",
            description = "The identities that were given its credentials since the last rotation, at least in the last"
                    + " day: they would get nothing once it is deleted. Whoever takes the passwords from Vault does not"
                    + " appear. For callers that may delete it.")
    public Uni<Used> usage(@PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId) {
        return rotations.usage(caller.get(), id(rotationId)).map(Used::new);
    }

    @GET
    @Path("/postgres-credentials/{rotationId}/generated-credentials")
    @Operation(
            operationId = "getPostgresGeneratedCredentials",
            summary = "Read generated credentials",
            description =
                    "Every read is audited, and answers are not cacheable; If-None-Match with the last ETag gets 304"
                            + " while nothing has changed.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Of this version of the credentials.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = GeneratedCredentials.class)))
    @APIResponse(responseCode = "304", description = "The caller already has this version.")
    public Uni<RestResponse<GeneratedCredentials>> generatedCredentials(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        return served.read(act(), id(rotationId), ifNoneMatch).map(answer -> {
            RestResponse.ResponseBuilder<GeneratedCredentials> response = answer.credentials() == null
                    ? RestResponse.ResponseBuilder.notModified()
                    : RestResponse.ResponseBuilder.ok(answer.credentials());
            if (!answer.audited()) {
                response.header(ReadsWithoutAudit.HEADER, ReadsWithoutAudit.LOG_ONLY);
            }
            return response.header("ETag", answer.etag())
                    .header("Cache-Control", "no-store")
                    .build();
        });
    }

    @POST
    @Cancellable(false)
    @Path("/postgres-credentials/{rotationId}/rotate-secrets")
    @Operation(
            operationId = "rotatePostgresCredentials",
            summary = "Rotate now",
            description = "Answers once the new password is proven and served. After 400 rotation_in_progress,"
                    + " overlap_not_over or rotation_failed (with the reason) what is served is unchanged.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    @APIResponse(
            responseCode = "504",
            description = "rotation_in_doubt: a new password was sent and the server's answer is missing. The service"
                    + " resolves the attempt in details.attemptId by itself.",
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(ref = "ApiError")))
    public Uni<One> rotate(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @QueryParam("force")
                    @Parameter(
                            description = "Rotate although the minimum overlap of the replaced credential is not over.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String force,
            @HeaderParam("Idempotency-Key") @Parameter(description = IDEMPOTENCY) String idempotencyKey) {
        UUID id = id(rotationId);
        return rotations.rotate(
                act(), id, flag("force", force), idempotencyKey, One.class, RotationResource::one, deadline());
    }

    @POST
    @Cancellable(false)
    @Path("/postgres-credentials/{rotationId}/verify")
    @Operation(
            operationId = "verifyPostgresCredentialsRotation",
            summary = "Verify that the passwords are valid",
            description =
                    "Looks at every role on its server now. If the server went back in time (a restore, a failover),"
                            + " the current password is put back; a change that waits is tried again. The answer is the rotation"
                            + " as it is then: state and stateReason say what stands in the way, verifiedAt when the served password"
                            + " was last seen to be valid.")
    public Uni<One> verify(@PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId) {
        return rotations.verify(act(), id(rotationId), deadline()).map(RotationResource::one);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres-credentials/preflight")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "preflightPostgresCredentialsRotation",
            summary = "Check whether a rotation could be created",
            description =
                    "Lists what blocks it. The change of each role is rehearsed and rolled back; nothing is changed.")
    public Uni<Preflighted> preflight(@NotNull(message = "Required") @Valid PreflightRequest body) {
        return rotations.preflight(act(), body, deadline()).map(Preflighted::new);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres-credentials/{rotationId}/preflight")
    @Operation(
            operationId = "preflightStoredPostgresCredentialsRotation",
            summary = "Check whether a rotation could rotate now",
            description =
                    "Lists what blocks it. The change of each role is rehearsed and rolled back; nothing is changed.")
    public Uni<Preflighted> preflightStored(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId) {
        return rotations.preflight(act(), id(rotationId), deadline()).map(Preflighted::new);
    }

    @GET
    @Compressible
    @Path("/postgres-credentials/{rotationId}/attempts")
    @Operation(operationId = "listPostgresCredentialsRotationAttempts", summary = "List attempts, newest first")
    public Uni<Attempts> attempts(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @BeanParam PageQuery query) {
        Page page = query.page();
        return rotations
                .existing(caller.get(), id(rotationId), Right.ROTATION_READ)
                .chain(row -> history.attempts(row.id, page))
                .map(Attempts::of);
    }

    @GET
    @Compressible
    @Path("/postgres-credentials/{rotationId}/versions")
    @Operation(
            operationId = "listPostgresCredentialsRotationVersions",
            summary = "List password versions, without the passwords, newest first")
    public Uni<Versions> versions(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @BeanParam PageQuery query) {
        Page page = query.page();
        return rotations
                .existing(caller.get(), id(rotationId), Right.ROTATION_READ)
                .chain(row -> history.versions(row.id, page))
                .map(Versions::of);
    }

    @Schema(
            name = "PostgresCredentialsRotationUsageResponse",
            requiredProperties = {"usage"})
    record Used(RotationUsage usage) {}

    @Schema(name = "RotationPreflightResponse")
    record Preflighted(RotationPreflight preflight) {}

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Act act() {
        return new Act(caller.get(), caller.live(), request.id());
    }

    private static RestResponse<One> tagged(Rotations.Shown shown) {
        return IfMatch.tagged(one(shown), RotationView.etag(shown.row(), shown.vault()));
    }

    private static One one(Rotations.Shown shown) {
        return new One(RotationView.of(shown));
    }

    private Deadline deadline() {
        return Deadline.in(request.timeLeft()).by(caller.get().id());
    }

    private static UUID id(String rotationId) {
        UUID id = Ids.parse("rotationId", rotationId);
        MDC.put("rotationId", id.toString()); // every log line of this request says which rotation it is about
        return id;
    }
}
