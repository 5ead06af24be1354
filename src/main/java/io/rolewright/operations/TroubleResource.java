package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.operations.TroubleSearch.Sight;
import io.rolewright.operations.TroubleSearch.Trouble;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.Numbers;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
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
import org.jspecify.annotations.Nullable;

/** What is wrong now, for whoever was called: the first page that an alert leads to. */
@Path("/api/v1/troubles")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Troubles")
class TroubleResource {

    private static final int USUAL_PAGE = 100;
    private static final int LARGEST_PAGE = 1000;

    private static final String ROTATIONS = "/api/v2/secret-rotations/postgres-credentials/";
    private static final String CONNECTIONS = "/api/v1/app-connections/postgres/";
    private static final String WEBHOOKS = "/api/v1/webhooks/";

    private final TroubleSearch search;
    private final OwnTroubles own;
    private final CurrentCaller caller;

    TroubleResource(TroubleSearch search, OwnTroubles own, CurrentCaller caller) {
        this.search = search;
        this.own = own;
        this.caller = caller;
    }

    @GET
    @Compressible
    @Operation(
            operationId = "listTroubles",
            summary = "List what is wrong now",
            description =
                    "Across all projects that the caller may read, the worst first: critical is what refuses consumers, or may;"
                            + " error what serves a password that works and gets no new one, or is let in for less than a day more; warning the rest. Within each the"
                            + " oldest first. Webhooks are listed for callers who may read them. The counts are of all pages.")
    public Uni<Troubles> list(
            @QueryParam("projectId") @Parameter(description = "Only this project's.") @Nullable String projectId,
            @QueryParam("subjectId") @Parameter(description = "Only of this rotation, connection or webhook.") @Nullable
                    String subjectId,
            @QueryParam("limit")
                    @Parameter(
                            description = "Rows per page, 1 to 1000; 100 if absent.",
                            schema = @Schema(type = SchemaType.INTEGER, minimum = "1", maximum = "1000"))
                    @Nullable
                    String limit,
            @QueryParam("cursor") @Parameter(description = "The nextCursor of the previous page.") @Nullable
                    String cursor) {
        Caller who = caller.get();
        Reach rotations = Rights.reach(who, Right.ROTATION_READ);
        Reach connections = Rights.reachIfAny(who, Right.CONNECTION_READ);
        Reach webhooks = Rights.reachIfAny(who, Right.WEBHOOK_READ);
        UUID project = projectId == null ? null : Ids.parse("projectId", projectId);
        Sight sight = project == null
                ? new Sight(rotations, connections, webhooks, own.now())
                : new Sight(
                        rotations.within(project), connections.within(project), webhooks.within(project), own.now());
        int size = limit == null ? USUAL_PAGE : Numbers.upTo(LARGEST_PAGE, "limit", limit);
        UUID about = subjectId == null ? null : Ids.parse("subjectId", subjectId);
        return search.find(sight, about, size, cursor)
                .map(found -> new Troubles(
                        found.troubles().stream().map(TroubleResource::shown).toList(),
                        new Counts(found.critical(), found.error(), found.warning()),
                        found.next()));
    }

    private static TroubleView shown(Trouble trouble) {
        TroubleCause.Said said = TroubleCause.of(trouble.code());
        return new TroubleView(
                TroubleSearch.SEVERITIES.get(trouble.rank()),
                trouble.kind().equals("rotation") && "SELF".equals(trouble.strategy()) ? "connection" : trouble.kind(),
                trouble.id(),
                trouble.name(),
                trouble.projectId(),
                trouble.project(),
                trouble.status(),
                trouble.code(),
                trouble.role(),
                trouble.message() == null ? said.meaning() : trouble.message(),
                "SELF".equals(trouble.strategy())
                        ? TroubleCause.nextOfItself(trouble.code(), said.next())
                        : said.next(),
                trouble.since(),
                trouble.nextTryAt(),
                trouble.provenAt(),
                links(trouble));
    }

    private static Links links(Trouble trouble) {
        return switch (trouble.kind()) {
            case "store" ->
                new Links(
                        "/api/v1/store",
                        "/console/",
                        null,
                        trouble.code().equals("store_is_a_copy") ? step("adopt", "POST", "/api/v1/store/adopt") : null);
            case "key" -> new Links("/api/v1/keys", "/console/keys", null, null);
            case "vault" -> new Links("/api/v1/troubles", "/console/", null, null);
            case "webhook" -> {
                String self = WEBHOOKS + trouble.id();
                yield new Links(
                        self,
                        "/console/webhooks/" + trouble.id(),
                        self + "/deliveries",
                        trouble.code().equals("webhook_dead_letters")
                                ? step("replay", "POST", self + "/replay-dead")
                                : step("test", "POST", self + "/test"));
            }
            case "connection" -> connection(trouble, step("test", "POST", CONNECTIONS + trouble.id() + "/test"));
            default ->
                "SELF".equals(trouble.strategy())
                        ? connection(
                                trouble,
                                // A role that is refused cannot give itself another password: somebody has to send one.
                                waits(trouble)
                                                || trouble.status().equals("stale")
                                                || trouble.status().equals("valid_until")
                                        ? null
                                        : step("rotate", "POST", CONNECTIONS + trouble.id() + "/rotate"))
                        : rotation(trouble);
        };
    }

    private static Links connection(Trouble trouble, @Nullable Step step) {
        String self = CONNECTIONS + trouble.id();
        return new Links(
                self,
                "/console/connections/" + trouble.id(),
                trouble.kind().equals("connection") ? null : self + "/attempts",
                step);
    }

    private static Links rotation(Trouble trouble) {
        String self = ROTATIONS + trouble.id();
        Step step = waits(trouble)
                ? null
                : switch (trouble.status()) {
                    case "revoking" -> step("abandon", "DELETE", self);
                    case "overdue", "stale" -> step("rotate", "POST", self + "/rotate-secrets");
                    case "vault_behind" -> null;
                    default ->
                        trouble.code().equals("changed_by_third_party")
                                ? step("rotate", "POST", self + "/rotate-secrets")
                                : step("preflight", "POST", self + "/preflight");
                };
        return new Links(self, "/console/rotations/" + trouble.id(), self + "/attempts", step);
    }

    /** What the service finds out by itself, and nobody can hurry. */
    private static boolean waits(Trouble trouble) {
        return trouble.status().equals("in_doubt");
    }

    private static Step step(String name, String method, String href) {
        return new Step(name, method, href);
    }

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "TroublesResponse")
    record Troubles(
            @Schema(required = true, description = "The worst first.")
            List<TroubleView> troubles,

            @Schema(required = true) Counts counts,

            @Schema(description = "Null on the last page.", nullable = true) @Nullable
            String nextCursor) {}

    @Schema(name = "TroubleCounts", description = "Of all pages.")
    record Counts(
            @Schema(required = true, examples = "1") long critical,
            @Schema(required = true, examples = "2") long error,
            @Schema(required = true, examples = "0") long warning) {}

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "Trouble")
    record TroubleView(
            @Schema(
                    required = true,
                    enumeration = {"critical", "error", "warning"})
            String severity,

            @Schema(
                    required = true,
                    description = "What it is about.",
                    enumeration = {"rotation", "connection", "webhook", "store", "vault", "key"})
            String kind,

            @Schema(description = "Null of the store, of Vault and of the root key.", nullable = true) @Nullable
            UUID id,

            @Schema(required = true, examples = "orders-db") String name,

            @Schema(description = "Null of what belongs to the organisation.", nullable = true) @Nullable
            UUID projectId,

            @Schema(nullable = true, examples = "Payments") @Nullable
            String projectName,

            @Schema(required = true, description = "A status by which the list of its kind is filtered, or the code.")
            String status,

            @Schema(
                    required = true,
                    description = "The cause, as in docs/errors.md.",
                    examples = "changed_by_third_party")
            String code,

            @Schema(description = "Role on the target, where it is about one.", nullable = true) @Nullable
            String role,

            @Schema(required = true, description = "What has happened. Of an attempt, its own message.")
            String message,

            @Schema(required = true, description = "What to do about it.")
            String remedy,

            @Schema(description = "Since when; null where that is not known.", nullable = true) @Nullable
            Instant since,

            @Schema(description = "When the service tries again by itself; null for never.", nullable = true) @Nullable
            Instant nextTryAt,

            @Schema(
                    description =
                            "When a login last proved the password that is served; null while that was refused or may have"
                                    + " been replaced, and where none is served.",
                    nullable = true)
            @Nullable
            Instant provenAt,

            @Schema(required = true) Links links) {}

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "TroubleLinks", description = "Paths on this service.")
    record Links(
            @Schema(required = true) String self,

            @Schema(required = true, description = "Its page of the console.")
            String console,

            @Schema(description = "What was tried.", nullable = true) @Nullable
            String history,

            @Schema(description = "The request that helps, if one does.", nullable = true) @Nullable
            Step step) {}

    @Schema(name = "TroubleStep")
    record Step(
            @Schema(
                    required = true,
                    enumeration = {"rotate", "preflight", "test", "replay", "abandon", "adopt"})
            String name,

            @Schema(required = true, examples = "POST") String method,
            @Schema(required = true) String href) {}
}
