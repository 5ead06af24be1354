package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.RequestContext;
import io.rolewright.sealing.KeyCommand;
import io.rolewright.sealing.KeyCommands;
import io.rolewright.sealing.KeyRun;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Which keys seal the store, and the commands that change them. Of the organisation only; shows no key. */
@Path("/api/v1/keys")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Keys")
class KeyResource {

    private static final List<String> COMMANDS = List.of("new-data-key", "re-encrypt", "rewrap", "retire", "seal-rows");

    private final KeyCommands keys;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final AuditLog audit;

    KeyResource(KeyCommands keys, CurrentCaller caller, RequestContext request, AuditLog audit) {
        this.keys = keys;
        this.caller = caller;
        this.request = request;
        this.audit = audit;
    }

    @GET
    @Operation(
            operationId = "getKeys",
            summary = "Show the keys that seal the store",
            description = "Counts the records that need each data key, which reads every table with sealed values.")
    public Uni<OneStatus> status() {
        allowed();
        return keys.status()
                .map(status -> new OneStatus(new Status(
                        status.rootKeySource(),
                        status.processes(),
                        status.dataKeys().stream()
                                .map(key -> new DataKey(
                                        key.id(),
                                        key.active(),
                                        key.rootKeySource(),
                                        key.rootKeyId(),
                                        key.createdAt(),
                                        key.records()))
                                .toList())));
    }

    @POST
    @Cancellable(false)
    @Path("/runs")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "runKeyCommand",
            summary = "Run a key command",
            description =
                    "The command runs in the background and continues in another process if this one ends. While it"
                            + " runs, the same command returns that run; another command gets 400 `key_command_running`.")
    public Uni<OneRun> begin(@NotNull(message = "Required") @Valid NewRun body) {
        var who = allowed();
        var requestId = request.id();
        var command = KeyCommand.of(body.command())
                .orElseThrow(() -> ValidationProblem.at(
                        List.of("command"), "invalid_enum_value", "Must be one of " + String.join(", ", COMMANDS)));
        var event = AuditEvent.success(AuditType.RUN_KEY_COMMAND)
                .by(who.id(), who.name())
                .from(who.address(), requestId)
                .with("command", command.word());
        // Before the act: nothing happens to keys unseen.
        return audit.record(event).chain(() -> keys.begin(command)).map(run -> new OneRun(view(run, List.of())));
    }

    @GET
    @Path("/runs")
    @Operation(
            operationId = "listKeyRuns",
            summary = "List recent runs of key commands",
            description = "Newest first, at most 50.")
    public Uni<Runs> latest() {
        allowed();
        return keys.latest()
                .map(runs ->
                        new Runs(runs.stream().map(run -> view(run, List.of())).toList()));
    }

    @GET
    @Path("/runs/{runId}")
    @Operation(
            operationId = "getKeyRun",
            summary = "Read a run of a key command, with the records that it could not open")
    public Uni<OneRun> byId(@PathParam("runId") @Parameter(schema = @Schema(format = "uuid")) String runId) {
        allowed();
        UUID id = Ids.parse("runId", runId);
        return keys.run(id)
                .chain(run -> run.isEmpty()
                        ? Uni.createFrom().failure(Problem.of(ErrorCode.NOT_FOUND, "The run does not exist."))
                        : keys.unreadable(id).map(records -> new OneRun(view(run.get(), records))));
    }

    private Caller allowed() {
        var who = caller.get();
        Rights.require(who, Right.KEYS_MANAGE);
        return who;
    }

    private static Run view(KeyRun run, List<KeyRun.Unreadable> unreadable) {
        return new Run(
                run.id(),
                run.command().word(),
                run.state().name().toLowerCase(Locale.ROOT),
                run.reason(),
                run.total(),
                run.done(),
                run.unreadable(),
                unreadable.stream()
                        .map(each -> new UnreadableRecord(each.field(), each.record(), each.reason()))
                        .toList(),
                run.startedAt(),
                run.finishedAt());
    }

    @Schema(name = "NewKeyRun")
    record NewRun(
            @NotNull(message = "Required")
            @Schema(
                    required = true,
                    enumeration = {"new-data-key", "re-encrypt", "rewrap", "retire", "seal-rows"})
            String command) {}

    @Schema(name = "DataKey")
    record DataKey(
            @Schema(required = true) int id,

            @Schema(required = true, description = "Whether it seals new records; the others only open old ones.")
            boolean active,

            @Schema(
                    required = true,
                    enumeration = {"file", "vault-transit"})
            String rootKeySource,

            @Schema(
                    required = true,
                    description = "The root key that wraps it: an id in the root key file, or name and"
                            + " version of Vault's key.")
            String rootKeyId,

            @Schema(required = true) Instant createdAt,

            @Schema(required = true, description = "How many records need it, by kind of field.")
            Map<String, Long> records) {}

    @Schema(name = "KeyStatus")
    record Status(
            @Schema(required = true, description = "The source whose root key wraps new data keys.")
            String rootKeySource,

            @Schema(required = true, description = "Processes that hold keys in memory now.")
            int processes,

            @Schema(required = true) List<DataKey> dataKeys) {}

    @Schema(name = "KeyStatusResponse")
    record OneStatus(@Schema(required = true) Status keys) {}

    @Schema(name = "UnreadableRecord")
    record UnreadableRecord(
            @Schema(required = true) String field,
            @Schema(required = true) UUID recordId,
            @Schema(required = true) String reason) {}

    @Schema(name = "KeyRun")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Run(
            @Schema(required = true) UUID id,
            @Schema(required = true) String command,

            @Schema(
                    required = true,
                    enumeration = {"running", "done", "failed"})
            String state,

            @Schema(description = "What it waits for, what it found, or why it failed.") @Nullable
            String reason,

            @Schema(required = true, description = "Records or keys to process; 0 until they are counted.")
            long total,

            @Schema(required = true) long done,

            @Schema(required = true, description = "Records that could not be opened and were left as they were.")
            long unreadable,

            @Schema(required = true, description = "Those records, at most 1000; only when a single run is read.")
            List<UnreadableRecord> unreadableRecords,

            @Schema(required = true) Instant startedAt,

            @Schema(description = "Absent while it is running.") @Nullable
            Instant finishedAt) {}

    @Schema(name = "KeyRunResponse")
    record OneRun(@Schema(required = true) Run run) {}

    @Schema(name = "KeyRunListResponse")
    record Runs(@Schema(required = true) List<Run> runs) {}
}
