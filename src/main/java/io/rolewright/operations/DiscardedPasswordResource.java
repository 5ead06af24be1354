package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.DiscardedPasswords;
import io.rolewright.credential.DiscardedPasswords.Discarded;
import io.rolewright.credential.DiscardedPasswords.Read;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.Page;
import io.rolewright.request.PageQuery;
import io.rolewright.request.RequestContext;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** The way back into a role whose password was discarded, for administrators of the organisation. */
@Path("/api/v1/discarded-passwords")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Discarded passwords")
class DiscardedPasswordResource {

    private static final String KIND = "password-version";

    private final DiscardedPasswords discarded;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final AuditLog audit;
    private final Clock clock;

    DiscardedPasswordResource(
            DiscardedPasswords discarded, CurrentCaller caller, RequestContext request, AuditLog audit, Clock clock) {
        this.discarded = discarded;
        this.caller = caller;
        this.request = request;
        this.audit = audit;
        this.clock = clock;
    }

    @GET
    @Compressible
    @Operation(
            operationId = "listDiscardedPasswords",
            summary = "List discarded passwords",
            description =
                    "Newest first, without the passwords: those of roles whose rotation or connection was deleted, abandoned or"
                            + " released, those that were rejected before a login had proven them, and those in whose place a"
                            + " person's came. Each can be read for 30 days. Passwords that a person chose, and those that a role"
                            + " got by revokeGeneratedCredentials, are not among them.")
    public Uni<Many> list(
            @QueryParam("username") @Parameter(description = "Only of roles of this name.", example = "app_a") @Nullable
                    String username,
            @QueryParam("managedById")
                    @Parameter(
                            description = "Only of the roles of this rotation or connection, which may be deleted.",
                            schema = @Schema(format = "uuid"))
                    @Nullable
                    String managedById,
            @BeanParam PageQuery query) {
        Rights.require(caller.get(), Right.DISCARDED_READ);
        UUID owner = managedById == null ? null : Ids.parse("managedById", managedById);
        Page page = query.page();
        return discarded
                .list(username, owner, page, clock.instant())
                .map(slice -> new Many(slice.map(DiscardedView::of).rows(), slice.nextCursor()));
    }

    @GET
    @Path("/{passwordId}")
    @Operation(
            operationId = "getDiscardedPassword",
            summary = "Read a discarded password",
            description =
                    "Whether the role has it, only a login can tell. Every read is audited, and answers are not cacheable.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    public Uni<RestResponse<One>> get(
            @PathParam("passwordId") @Parameter(schema = @Schema(format = "uuid")) String passwordId) {
        Rights.require(caller.get(), Right.DISCARDED_READ);
        UUID id = Ids.parse("passwordId", passwordId);
        LiveCaller live = caller.live();
        String requestId = request.id();
        return discarded
                .read(id, clock.instant())
                .onItem()
                .ifNull()
                .failWith(() -> Problem.of(
                        ErrorCode.DISCARDED_PASSWORD_NOT_FOUND, "No discarded password with id " + id + " is kept."))
                // The store was waited for: who was revoked meanwhile gets nothing.
                .call(read -> live.now().chain(who -> {
                    Rights.require(who, Right.DISCARDED_READ);
                    return audit.record(event(who, requestId, read.discarded()));
                }))
                .map(read -> ResponseBuilder.ok(One.of(read))
                        .header("Cache-Control", "no-store")
                        .build());
    }

    private static AuditEvent event(Caller who, String requestId, Discarded read) {
        return AuditEvent.success(AuditType.GET_DISCARDED_PASSWORD)
                .by(who.id(), who.name())
                .from(who.address(), requestId)
                .in(read.projectId())
                .on(KIND, read.id())
                .with("username", read.roleName())
                .with("managedBy", read.ownerKind())
                .with("managedById", read.ownerId())
                .with("name", read.ownerName())
                .with("number", read.number())
                .with("state", read.state().wireName());
    }

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "DiscardedPasswordListResponse")
    record Many(
            @Schema(required = true) List<DiscardedView> discardedPasswords,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor) {}

    @Schema(name = "DiscardedPasswordResponse")
    record One(
            @Schema(required = true) DiscardedView discardedPassword,

            @Schema(required = true, examples = "no-longer-served-to-anybody")
            String password) {

        static One of(Read read) {
            return new One(DiscardedView.of(read.discarded()), read.password());
        }

        @Override
        public String toString() {
            return "One[" + discardedPassword.id + "]";
        }
    }

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "DiscardedPassword", description = "One password of one role, without the password.")
    record DiscardedView(
            @Schema(required = true) UUID id,

            @Schema(required = true, examples = "app_a") String username,

            @Schema(
                    required = true,
                    description = "What managed the role: rotation or connection.",
                    examples = "rotation")
            String managedBy,

            @Schema(required = true, description = "Its id; it may be deleted.")
            UUID managedById,

            @Schema(
                    required = true,
                    description = "What it was called; null if an older release deleted it.",
                    nullable = true,
                    examples = "orders-db")
            @Nullable
            String managedByName,

            @Schema(required = true, description = "Null for a connection of the organisation.", nullable = true)
            @Nullable
            UUID projectId,

            @Schema(required = true, description = "Counts the passwords of this role.", examples = "3")
            long number,

            @Schema(
                    required = true,
                    description =
                            "What it was last: pending, in_doubt or applied (sent, and never proven), current, previous, retired or"
                                    + " rejected.",
                    examples = "in_doubt")
            String state,

            @Schema(required = true, examples = "schedule") String cause,

            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant discardedAt,

            @Schema(required = true, description = "After that it cannot be read, and it is deleted.")
            Instant readableUntil) {

        static DiscardedView of(Discarded of) {
            return new DiscardedView(
                    of.id(),
                    of.roleName(),
                    of.ownerKind(),
                    of.ownerId(),
                    of.ownerName(),
                    of.projectId(),
                    of.number(),
                    of.state().wireName(),
                    of.cause().wireName(),
                    of.createdAt(),
                    of.discardedAt(),
                    of.readableUntil());
        }
    }
}
