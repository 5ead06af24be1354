package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditSearch;
import io.rolewright.audit.AuditSearch.Found;
import io.rolewright.audit.AuditSearch.Position;
import io.rolewright.audit.AuditSearch.Wanted;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Outcome;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Answer;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.Moments;
import io.rolewright.request.Numbers;
import io.rolewright.request.PlainText;
import io.rolewright.request.RequestContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestMulti;
import org.jspecify.annotations.Nullable;

/** Search in the audit over HTTP: an administrator sees what happened in the organisation or in his projects. */
@Path("/api/v1/audit-events")
@Tag(name = "Audit")
class AuditResource {

    private static final String CSV = "text/csv;charset=UTF-8";
    private static final String JSON_LINES = "application/x-ndjson";

    private static final String COLUMNS =
            "id,at,type,outcome,actorId,actorName,address,requestId,projectId,subjectKind,subjectId,reason,facts\r\n";

    private static final int USUAL_PAGE = 100;
    private static final int LARGEST_PAGE = 1000;

    private static final Logger log = Logger.getLogger(AuditResource.class);

    private final AuditSearch search;
    private final AuditLog audit;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final ObjectMapper json;
    private final Clock clock;

    AuditResource(
            AuditSearch search,
            AuditLog audit,
            CurrentCaller caller,
            RequestContext request,
            ObjectMapper json,
            Clock clock) {
        this.search = search;
        this.audit = audit;
        this.caller = caller;
        this.request = request;
        this.json = json;
        this.clock = clock;
    }

    @GET
    @Compressible
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(operationId = "searchAuditEvents", summary = "Search the audit log", description = "Newest first.")
    public Uni<Events> search(
            @BeanParam Filter filter,
            @QueryParam("limit")
                    @Parameter(
                            description = "Rows per page, 1 to 1000; 100 if absent.",
                            schema = @Schema(type = SchemaType.INTEGER, minimum = "1", maximum = "1000"))
                    String limit,
            @QueryParam("cursor") @Parameter(description = "The nextCursor of the previous page.") @Nullable
                    String cursor) {
        var who = caller.get();
        var wanted = filter.wanted(who);
        int size = size(limit);
        var after = position(cursor);
        return audit.record(by(AuditEvent.success(AuditType.GET_AUDIT_LOGS), who, request.id()))
                .chain(() -> search.page(wanted, after, size + 1))
                .map(rows -> rows.size() <= size
                        ? new Events(rows.stream().map(this::view).toList(), null)
                        : new Events(
                                rows.subList(0, size).stream().map(this::view).toList(),
                                cursor(rows.get(size - 1).position())));
    }

    @GET
    @Path("export.csv")
    @Produces(CSV)
    @Operation(
            operationId = "exportAuditEventsAsCsv",
            summary = "Export the audit log as CSV",
            description =
                    "Streams all matching rows, newest first (RFC 4180). A cell that a spreadsheet would take for a"
                            + " formula starts with an apostrophe. If the caller loses the right during the export, the body"
                            + " is cut off before its last chunk.")
    @APIResponse(
            responseCode = "200",
            description = "A header line, then one line per event.",
            content = @Content(mediaType = CSV, schema = @Schema(type = SchemaType.STRING)))
    public Multi<String> csv(@BeanParam Filter filter) {
        return download(
                "csv",
                lines(filter, "csv", this::csv)
                        .plug(lines -> Multi.createBy()
                                .concatenating()
                                .streams(Multi.createFrom().item(COLUMNS), lines)));
    }

    @GET
    @Path("export.jsonl")
    @Produces(JSON_LINES)
    @Operation(
            operationId = "exportAuditEventsAsJsonLines",
            summary = "Export the audit log as JSON lines",
            description = "Streams all matching rows, newest first; each line is an AuditEvent. If the caller loses the"
                    + " right during the export, the body is cut off before its last chunk.")
    @APIResponse(
            responseCode = "200",
            description = "One line per event.",
            content = @Content(mediaType = JSON_LINES, schema = @Schema(implementation = EventView.class)))
    public Multi<EventView> jsonLines(@BeanParam Filter filter) {
        return download("jsonl", lines(filter, "jsonl", this::view));
    }

    private <T> Multi<T> lines(Filter filter, String format, Function<Found, T> line) {
        var who = caller.get();
        var live = caller.live();
        var id = request.id();
        var answer = request.answer();
        filter.wanted(who); // Refuses before the first byte.
        return audit.record(by(AuditEvent.success(AuditType.EXPORT_AUDIT_LOGS), who, id)
                        .with("format", format))
                .onItem()
                .transformToMulti(recorded -> search.all(() -> live.again().map(filter::wanted), clock.instant())
                        .map(line)
                        .onFailure(Problem.class)
                        .call(refusal -> audit.record(
                                        by(AuditEvent.ended(AuditType.EXPORT_AUDIT_LOGS, (Problem) refusal), who, id)
                                                .with("format", format))
                                .onFailure()
                                .recoverWithNull())
                        .onFailure(failure -> failure instanceof Problem || StoreFault.isOutage(failure))
                        .recoverWithMulti(failure -> brokenOff(answer, failure)));
    }

    /** What has no status any more is told in the log; of a refusal the audit tells. */
    private static <T> Multi<T> brokenOff(Answer answer, Throwable failure) {
        if (!answer.breakOff()) {
            return Multi.createFrom().failure(failure);
        }
        if (StoreFault.isOutage(failure)) {
            StoreFault.warn(log, "An export of the audit was broken off", failure);
        }
        return Multi.createFrom().nothing();
    }

    private static <T> Multi<T> download(String format, Multi<T> lines) {
        return RestMulti.fromMultiData(lines)
                .header("Content-Disposition", "attachment; filename=\"audit." + format + "\"")
                .header("Cache-Control", "no-store")
                .build();
    }

    private static AuditEvent by(AuditEvent event, Caller who, String requestId) {
        return event.by(who.id(), who.name()).from(who.address(), requestId);
    }

    private String csv(Found event) {
        var line = new StringBuilder();
        for (Object cell : new Object[] {
            event.id(),
            Moments.text(event.at()),
            event.type(),
            word(event.outcome()),
            event.actorId(),
            event.actorName(),
            event.address(),
            event.requestId(),
            event.projectId(),
            event.subjectKind(),
            event.subjectId(),
            event.reason(),
            event.facts()
        }) {
            line.append(line.isEmpty() ? "" : ",").append(cell(cell));
        }
        return line.append("\r\n").toString();
    }

    /**
     * RFC 4180 §2. Callers choose some of the texts, and spreadsheets run what starts with one of these four characters, some also with
     * a tab or return before it.
     */
    static String cell(@Nullable Object value) {
        if (value == null) {
            return "";
        }
        var text = value.toString();
        var harmless = !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
        return harmless.matches("[^\",\r\n]*") ? harmless : "\"" + harmless.replace("\"", "\"\"") + "\"";
    }

    private static int size(String limit) {
        return limit == null ? USUAL_PAGE : Numbers.upTo(LARGEST_PAGE, "limit", limit);
    }

    private static String cursor(Position position) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString((position.at() + " " + position.id()).getBytes(StandardCharsets.US_ASCII));
    }

    private static @Nullable Position position(@Nullable String cursor) {
        if (cursor == null) {
            return null;
        }
        try {
            var parts = new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.US_ASCII).split(" ");
            return new Position(Instant.parse(parts[0]), Long.parseLong(parts[1]));
        } catch (IllegalArgumentException | DateTimeException | ArrayIndexOutOfBoundsException malformed) {
            throw ValidationProblem.at(
                    List.of("cursor"), "custom", "Must be the nextCursor of an earlier answer, unchanged");
        }
    }

    private static String word(Outcome outcome) {
        return outcome.name().toLowerCase(Locale.ROOT);
    }

    private EventView view(Found event) {
        return new EventView(
                event.id(),
                event.at(),
                event.type(),
                word(event.outcome()),
                event.actorId(),
                event.actorName(),
                event.address(),
                event.requestId(),
                event.projectId(),
                event.subjectKind(),
                event.subjectId(),
                event.reason(),
                tree(event.facts()));
    }

    private JsonNode tree(String facts) {
        try {
            return json.readTree(facts);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("The store holds facts that are no JSON", e);
        }
    }

    /** What all three have in common. */
    public static class Filter {

        @QueryParam("type")
        @Parameter(description = "For example create-app-connection.")
        public @Nullable String type;

        @QueryParam("outcome")
        @Parameter(description = "success, refused or failed.")
        public @Nullable String outcome;

        @QueryParam("actorId")
        @Parameter(schema = @Schema(format = "uuid"))
        public @Nullable String actorId;

        @QueryParam("address")
        public @Nullable String address;

        @QueryParam("requestId")
        @Parameter(description = "The reqId of an answer.")
        public @Nullable String requestId;

        @QueryParam("projectId")
        @Parameter(schema = @Schema(format = "uuid"))
        public @Nullable String projectId;

        @QueryParam("subjectKind")
        @Parameter(description = "For example app-connection.")
        public @Nullable String subjectKind;

        @QueryParam("subjectId")
        public @Nullable String subjectId;

        @QueryParam("from")
        @Parameter(description = "Start of the period, inclusive.", schema = @Schema(format = "date-time"))
        public @Nullable String from;

        @QueryParam("to")
        @Parameter(description = "End of the period, exclusive.", schema = @Schema(format = "date-time"))
        public @Nullable String to;

        /** @throws ValidationProblem naming the parameter that does not fit */
        Wanted wanted(Caller who) {
            var reach = Rights.reach(who, Right.AUDIT_READ);
            var project = uuid("projectId", projectId);
            Set<UUID> projects = project != null
                    ? reach.covers(project) ? Set.of(project) : Set.of()
                    : reach.everywhere() ? null : reach.projects();
            return new Wanted(
                    text("type", type),
                    outcomeWanted(),
                    uuid("actorId", actorId),
                    text("address", address),
                    text("requestId", requestId),
                    text("subjectKind", subjectKind),
                    text("subjectId", subjectId),
                    moment("from", from),
                    moment("to", to),
                    projects);
        }

        private @Nullable Outcome outcomeWanted() {
            for (var each : Outcome.values()) {
                if (word(each).equals(outcome)) {
                    return each;
                }
            }
            if (outcome != null) {
                throw ValidationProblem.at(
                        List.of("outcome"), "invalid_enum_value", "Must be success, refused or failed");
            }
            return null;
        }

        /** No row of the audit has another one, and the store would refuse to compare with it in the middle of a download. */
        private static @Nullable String text(String name, @Nullable String text) {
            if (text != null && !text.matches(PlainText.ANY)) {
                throw ValidationProblem.at(List.of(name), "invalid_string", PlainText.RULE);
            }
            return text;
        }

        private static @Nullable UUID uuid(String name, @Nullable String text) {
            return text == null ? null : Ids.parse(name, text);
        }

        private static @Nullable Instant moment(String name, @Nullable String text) {
            try {
                return text == null ? null : Instant.parse(text);
            } catch (DateTimeException notOne) {
                throw ValidationProblem.at(
                        List.of(name), "invalid_string", "Must be a moment such as 2026-11-22T05:31:56Z");
            }
        }
    }

    @Schema(name = "AuditEvent")
    record EventView(
            @Schema(required = true) long id,

            @Schema(required = true, description = "By the store's clock.")
            Instant at,

            @Schema(required = true, examples = "create-app-connection")
            String type,

            @Schema(required = true, examples = "success") String outcome,

            @Schema(required = true, nullable = true) @Nullable
            UUID actorId,

            @Schema(required = true, nullable = true) @Nullable
            String actorName,

            @Schema(required = true, nullable = true) @Nullable
            String address,

            @Schema(required = true, nullable = true) @Nullable
            String requestId,

            @Schema(required = true, nullable = true) @Nullable
            UUID projectId,

            @Schema(required = true, nullable = true) @Nullable
            String subjectKind,

            @Schema(required = true, nullable = true) @Nullable
            String subjectId,

            @Schema(required = true, nullable = true, description = "Code of a refusal or failure.") @Nullable
            String reason,

            @Schema(
                    required = true,
                    type = SchemaType.OBJECT,
                    implementation = Object.class,
                    additionalProperties = Schema.True.class)
            JsonNode facts) {}

    @Schema(name = "AuditEventListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Events(
            @Schema(required = true) List<EventView> auditEvents,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor) {}
}
