package io.rolewright.connection;

import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Organisation;
import io.rolewright.access.Right;
import io.rolewright.connection.ConnectionStore.Scope;
import io.rolewright.connection.ConnectionWire.AppConnection;
import io.rolewright.connection.ConnectionWire.Available;
import io.rolewright.connection.ConnectionWire.ChangedConnection;
import io.rolewright.connection.ConnectionWire.ConnectionTest;
import io.rolewright.connection.ConnectionWire.CredentialsTest;
import io.rolewright.connection.ConnectionWire.Many;
import io.rolewright.connection.ConnectionWire.ManyAvailable;
import io.rolewright.connection.ConnectionWire.NewConnection;
import io.rolewright.connection.ConnectionWire.One;
import io.rolewright.connection.ConnectionWire.Option;
import io.rolewright.connection.ConnectionWire.Options;
import io.rolewright.connection.ConnectionWire.ReleasedCredentials;
import io.rolewright.connection.ConnectionWire.ReleasedOne;
import io.rolewright.connection.ConnectionWire.Report;
import io.rolewright.connection.ConnectionWire.RotationForm;
import io.rolewright.connection.ConnectionWire.Usage;
import io.rolewright.connection.ManagedCredentials.Wanted;
import io.rolewright.credential.History;
import io.rolewright.credential.HistoryWire.Attempts;
import io.rolewright.credential.HistoryWire.Versions;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
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
import io.rolewright.target.Deadline;
import io.rolewright.target.SslMode;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
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
 * The wire of App Connections: HTTP in, HTTP out. What is done stands in {@link Connections}.
 *
 * <p>What changes or tests something is not cancellable: a client that hangs up must not leave it half done or unaudited.
 */
@Path("/api/v1/app-connections")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "PostgreSQL connections")
class ConnectionResource {

    private static final String PROJECT = "Only this project's connections.";

    private static final String ORGANISATION = "organisation";

    private static final String OF_PROJECT =
            PROJECT + " With search, sort or offset also organisation: those of no project.";

    private static final String NOT_ALONE = "Needs search, sort or offset.";

    private static final String SORT = SearchQuery.SORT + "name (the usual), project, place (host, port and database),"
            + " status (the worst first), tested (how and when the last test went).";

    private static final String STATUS =
            "Only connections of these statuses, separated by commas: in_doubt, parked, failed, overdue (of managed ones),"
                    + " test_failed, ok. A connection has one, the first that is true of it.";

    private static final String MANAGED =
            "true: only connections whose password is managed; false: only others. " + NOT_ALONE;

    private static final String SSL_MODE =
            "Only connections of this mode: disable, require, verify-ca, verify-full. " + NOT_ALONE;

    private final Connections connections;
    private final History history;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final Organisation organisation;
    private final Idempotency idempotency;

    ConnectionResource(
            Connections connections,
            History history,
            CurrentCaller caller,
            RequestContext request,
            Organisation organisation,
            Idempotency idempotency) {
        this.connections = connections;
        this.history = history;
        this.caller = caller;
        this.request = request;
        this.organisation = organisation;
        this.idempotency = idempotency;
    }

    @GET
    @Compressible
    @Path("/options")
    @Operation(operationId = "listAppConnectionOptions", summary = "List the types of connections")
    public Options options() {
        return new Options(List.of(new Option("PostgreSQL", ConnectionWire.APP, List.of(ConnectionWire.METHOD), true)));
    }

    @GET
    @Compressible
    @Operation(operationId = "listAppConnections", summary = "List connections of every type")
    public Uni<Many> listAll(
            @QueryParam("projectId") @Parameter(description = OF_PROJECT) @Nullable String projectId,
            @QueryParam("status") @Parameter(description = STATUS, example = "failed,overdue") @Nullable String status,
            @QueryParam("managed")
                    @Parameter(description = MANAGED, schema = @Schema(type = SchemaType.BOOLEAN))
                    @Nullable
                    String managed,
            @QueryParam("sslMode")
                    @Parameter(
                            description = SSL_MODE,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"disable", "require", "verify-ca", "verify-full"}))
                    @Nullable
                    String sslMode,
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {
                                                "name",
                                                "-name",
                                                "project",
                                                "-project",
                                                "place",
                                                "-place",
                                                "status",
                                                "-status",
                                                "tested",
                                                "-tested"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        return list(projectId, status, managed, sslMode, sort, query);
    }

    @GET
    @Compressible
    @Path("/postgres")
    @Operation(operationId = "listPostgresAppConnections", summary = "List PostgreSQL connections")
    public Uni<Many> list(
            @QueryParam("projectId") @Parameter(description = OF_PROJECT) @Nullable String projectId,
            @QueryParam("status") @Parameter(description = STATUS, example = "failed,overdue") @Nullable String status,
            @QueryParam("managed")
                    @Parameter(description = MANAGED, schema = @Schema(type = SchemaType.BOOLEAN))
                    @Nullable
                    String managed,
            @QueryParam("sslMode")
                    @Parameter(
                            description = SSL_MODE,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"disable", "require", "verify-ca", "verify-full"}))
                    @Nullable
                    String sslMode,
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {
                                                "name",
                                                "-name",
                                                "project",
                                                "-project",
                                                "place",
                                                "-place",
                                                "status",
                                                "-status",
                                                "tested",
                                                "-tested"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        Page page = query.page();
        Selection selection = query.selection(sort, ConnectionSearch.COLUMNS);
        Set<ConnectionStatus> wanted = status == null ? Set.of() : ConnectionStatus.parse(status);
        Boolean onlyManaged = managed == null ? null : Boolean.valueOf(Words.flag("managed", managed));
        SslMode mode = sslMode == null ? null : Words.one("sslMode", sslMode, SslMode.values(), SslMode::wireName);
        boolean organisations = ORGANISATION.equals(projectId);
        if (selection == null && (organisations || onlyManaged != null || mode != null)) {
            String alone = organisations ? "projectId" : onlyManaged != null ? "managed" : "sslMode";
            throw ValidationProblem.at(List.of(alone), "custom", NOT_ALONE);
        }
        var act = act();
        return connections
                .projectId(act.caller(), organisations ? null : projectId, Right.CONNECTION_READ)
                .chain(project -> {
                    Scope scope = organisations ? Scope.ORGANISATION : project == null ? Scope.ALL : Scope.PROJECT;
                    return selection == null
                            ? connections
                                    .list(act, scope, project, wanted, page)
                                    .map(slice ->
                                            new Many(slice.map(this::shown).rows(), slice.nextCursor(), null))
                            : connections
                                    .search(act, scope, project, wanted, onlyManaged, mode, selection)
                                    .map(found -> new Many(
                                            found.rows().stream()
                                                    .map(this::shown)
                                                    .toList(),
                                            null,
                                            found.count()));
                });
    }

    @GET
    @Compressible
    @Path("/postgres/available")
    @Operation(
            operationId = "listAvailablePostgresAppConnections",
            summary = "List connections that the caller may use in a rotation")
    public Uni<ManyAvailable> available(
            @QueryParam("projectId") @Parameter(description = "This project's connections beside the organisation's.")
                    String projectId,
            @QueryParam("sort")
                    @Parameter(
                            description = SearchQuery.SORT + "name (the usual), project.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"name", "-name", "project", "-project"}))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        Page page = query.page();
        Selection selection = query.selection(sort, List.of("name", "project"));
        var act = act();
        return connections
                .projectId(act.caller(), projectId, Right.CONNECTION_CONNECT)
                .chain(project -> {
                    Scope scope = project == null ? Scope.ORGANISATION : Scope.USABLE;
                    return selection == null
                            ? connections
                                    .available(act, scope, project, page)
                                    .map(slice -> new ManyAvailable(available(slice.rows()), slice.nextCursor(), null))
                            : connections
                                    .available(act, scope, project, selection)
                                    .map(found -> new ManyAvailable(available(found.rows()), null, found.count()));
                });
    }

    private List<Available> available(List<Connections.Usable> rows) {
        return rows.stream().map(row -> Available.of(row, organisation.id())).toList();
    }

    @GET
    @Compressible
    @Path("/postgres/{connectionId}")
    @Operation(operationId = "getPostgresAppConnection", summary = "Read a connection")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers =
                    @Header(
                            name = "ETag",
                            description = "Of its settings. For If-Match.",
                            schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    public Uni<RestResponse<One>> get(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId) {
        return connections.get(act(), id(connectionId)).map(this::tagged);
    }

    @GET
    @Compressible
    @Path("/postgres/connection-name/{connectionName}")
    @Operation(operationId = "getPostgresAppConnectionByName", summary = "Read a connection by its name")
    public Uni<One> getByName(
            @PathParam("connectionName") String connectionName,
            @QueryParam("projectId") @Parameter(description = "Absent: one of the organisation's own.")
                    String projectId) {
        var act = act();
        return connections
                .projectId(act.caller(), projectId, Right.CONNECTION_READ)
                .chain(project -> connections.getByName(act, connectionName.strip(), project))
                .map(this::one);
    }

    @GET
    @Compressible
    @Path("/postgres/{connectionId}/usage")
    @Operation(operationId = "getPostgresAppConnectionUsage", summary = "List the rotations that use a connection")
    public Uni<Usage> usage(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId) {
        return connections.usage(caller.get(), id(connectionId)).map(Usage::new);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createPostgresAppConnection",
            summary = "Create a connection",
            description =
                    "The service logs in to the server first and stores nothing if that fails. Once the connection"
                            + " exists, the answer is the connection with its state. If that answer is lost (the caller hung"
                            + " up, a 5xx, a crash), the same identity can send the same request again within an hour and gets"
                            + " it, once, as long as the connection is unchanged; otherwise the answer is name_taken with the"
                            + " id in details.id.")
    public Uni<One> create(
            @HeaderParam("Idempotency-Key")
                    @Parameter(
                            description = "A request repeated with the same key within 24 hours gets the first answer.")
                    String idempotencyKey,
            @NotNull(message = "Required") @Valid NewConnection body) {
        refuseGateway(body.gatewayId(), body.gatewayPoolId());
        boolean managed = Boolean.TRUE.equals(body.isPlatformManagedCredentials());
        Wanted schedule = schedule(body.isAutoRotationEnabled(), body.rotation(), body.lookIntervalMinutes());
        if (managed) {
            needSchedule(schedule);
        } else {
            Connections.refuseSchedule(schedule);
        }
        var wanted = new Connections.New(
                body.name(),
                body.description(),
                body.projectId(),
                body.credentials(),
                managed,
                Boolean.TRUE.equals(body.allowPrivileged()),
                schedule);
        return connections.create(
                act(),
                wanted,
                idempotencyKey,
                idempotency.canonical(body),
                request.answer(),
                One.class,
                this::one,
                deadline());
    }

    @PATCH
    @Cancellable(false)
    @Path("/postgres/{connectionId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updatePostgresAppConnection",
            summary = "Change a connection",
            description = "New credentials are tested first; nothing is changed if the test fails. Changing the host,"
                    + " port, database or TLS of a connection that rotations use requires the right to read the"
                    + " generated credentials of all of them, because they would be sent there.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers =
                    @Header(
                            name = "ETag",
                            description = "Of its settings. For If-Match.",
                            schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    public Uni<RestResponse<One>> change(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull(message = "Required") @Valid ChangedConnection body) {
        UUID id = id(connectionId);
        refuseGateway(body.gatewayId(), body.gatewayPoolId());
        var change = new Connections.Change(
                body.name(),
                body.description(),
                body.credentials(),
                body.isPlatformManagedCredentials(),
                Boolean.TRUE.equals(body.allowPrivileged()),
                Boolean.TRUE.equals(body.confirmAnotherServer()),
                schedule(body.isAutoRotationEnabled(), body.rotation(), body.lookIntervalMinutes()),
                new IfMatch(ifMatch));
        return connections.change(act(), id, change, deadline()).map(this::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("/postgres/{connectionId}")
    @Operation(operationId = "deletePostgresAppConnection", summary = "Delete an unused connection")
    public Uni<One> delete(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @QueryParam("discardManagedPassword")
                    @Parameter(description = "Also delete the managed password, of which no other copy exists.")
                    @DefaultValue("false")
                    boolean discardManagedPassword) {
        return connections
                .delete(act(), id(connectionId), discardManagedPassword)
                .map(this::one);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres/{connectionId}/rotate")
    @Operation(
            operationId = "rotatePostgresAppConnection",
            summary = "Rotate the password of a managed connection",
            description = "Answers once the new password is proven. After 400 rotation_in_progress or rotation_failed"
                    + " (with the reason) the previous password remains current.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    @APIResponse(
            responseCode = "504",
            description =
                    "rotation_in_doubt: a new password was sent and the server's answer is missing. Both passwords"
                            + " are kept, and the service resolves the attempt in details.attemptId by itself.",
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(ref = "ApiError")))
    public Uni<One> rotate(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @HeaderParam("Idempotency-Key")
                    @Parameter(
                            description = "A request repeated with the same key within 24 hours gets the first answer.")
                    String idempotencyKey) {
        UUID id = id(connectionId);
        return connections.rotate(act(), id, idempotencyKey, One.class, this::one, deadline());
    }

    @POST
    @Cancellable(false)
    @Path("/postgres/{connectionId}/verify")
    @Operation(
            operationId = "verifyPostgresAppConnection",
            summary = "Verify that a managed password is valid",
            description =
                    "Looks at the role on its server now. If the server went back in time (a restore, a failover), the"
                            + " current password is put back; a change that waits is tried again. state and stateReason of the"
                            + " answer say what stands in the way, rotation.verifiedAt when the password was last seen to be valid."
                            + " For a connection that is not managed, test it instead.")
    public Uni<One> verify(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId) {
        return connections.verify(act(), id(connectionId), deadline()).map(this::one);
    }

    @POST
    @Cancellable(false)
    @Path("/postgres/{connectionId}/release")
    @Operation(
            operationId = "releasePostgresAppConnection",
            summary = "Release a managed password",
            description = "Returns the password and stops managing it. The connection remains, as an ordinary one with"
                    + " that password. A login with it is tried before; where the server does not take it, or cannot be asked,"
                    + " it is given out all the same, and proven is false. The request can be repeated until the credentials"
                    + " change.")
    public Uni<RestResponse<ReleasedOne>> release(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId) {
        return connections
                .release(act(), id(connectionId), deadline())
                .map(released -> RestResponse.ResponseBuilder.ok(new ReleasedOne(
                                shown(released.connection()),
                                new ReleasedCredentials(
                                        released.connection().credentials().username(),
                                        released.password(),
                                        released.proof().proven(),
                                        released.proof().reason(),
                                        released.proof().message())))
                        .header("Cache-Control", "no-store")
                        .build());
    }

    @POST
    @Cancellable(false)
    @Path("/postgres/test")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "testPostgresCredentials",
            summary = "Test credentials without storing them",
            description = "A refused login is a report with ok: false, not an error.")
    public Uni<Report> test(@NotNull(message = "Required") @Valid CredentialsTest body) {
        return connections
                .test(act(), body.credentials(), roles(body.roles()), body.projectId(), deadline())
                .map(report ->
                        new Report(TestReport.of(report, body.credentials().password())));
    }

    @POST
    @Cancellable(false)
    @Path("/postgres/{connectionId}/test")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "testPostgresAppConnection",
            summary = "Test a stored connection",
            description = "A refused login is a report with ok: false, not an error. The body may be absent.")
    public Uni<Report> testStored(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @Valid ConnectionTest body) {
        return connections
                .testStored(act(), id(connectionId), body == null ? List.of() : roles(body.roles()), deadline())
                .map(report -> new Report(TestReport.of(report)));
    }

    @GET
    @Path("/postgres/{connectionId}/attempts")
    @Operation(
            operationId = "listPostgresAppConnectionAttempts",
            summary = "List attempts to change a managed password, newest first")
    public Uni<Attempts> attempts(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @BeanParam PageQuery query) {
        Page page = query.page();
        return connections
                .readable(caller.get(), id(connectionId))
                .chain(id -> history.attempts(id, page))
                .map(Attempts::of);
    }

    @GET
    @Path("/postgres/{connectionId}/versions")
    @Operation(
            operationId = "listPostgresAppConnectionVersions",
            summary = "List password versions of a managed connection, without the passwords, newest first")
    public Uni<Versions> versions(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @BeanParam PageQuery query) {
        Page page = query.page();
        return connections
                .readable(caller.get(), id(connectionId))
                .chain(id -> history.versions(id, page))
                .map(Versions::of);
    }

    // ---- What is not offered ----------------------------------------------------------------------------------------

    private static void refuseGateway(String gatewayId, String gatewayPoolId) {
        if (gatewayId != null || gatewayPoolId != null) {
            throw Problem.of(
                    ErrorCode.GATEWAY_NOT_SUPPORTED,
                    "Gateways are not offered. Leave gatewayId and gatewayPoolId out, and let the service reach the"
                            + " server directly.");
        }
    }

    private static Wanted schedule(Boolean enabled, RotationForm rotation, @Nullable Integer lookMinutes) {
        return new Wanted(enabled, rotation == null ? null : rotation.schedule(), lookMinutes);
    }

    private static void needSchedule(Wanted schedule) {
        if (Boolean.TRUE.equals(schedule.auto()) && schedule.schedule() == null) {
            throw ValidationProblem.at(
                    List.of("rotation"), "invalid_type", "Required when isAutoRotationEnabled is true");
        }
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private ConnectionAudit.Act act() {
        return new ConnectionAudit.Act(caller.get(), caller.live(), request.id());
    }

    private AppConnection shown(Connections.Opened opened) {
        return AppConnection.of(opened, organisation.id());
    }

    private RestResponse<One> tagged(Connections.Opened opened) {
        return IfMatch.tagged(one(opened), Connections.etag(opened.row()));
    }

    private One one(Connections.Opened opened) {
        return new One(shown(opened));
    }

    private Deadline deadline() {
        return Deadline.in(request.timeLeft()).by(caller.get().id());
    }

    private static UUID id(String connectionId) {
        UUID id = Ids.parse("connectionId", connectionId);
        MDC.put("connectionId", id.toString()); // every log line of this request says which connection it is about
        return id;
    }

    private static List<String> roles(List<String> sent) {
        return sent == null ? List.of() : sent;
    }
}
