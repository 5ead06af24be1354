package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.RequestContext;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Whether the store is the original or a copy of it, and what makes a copy the one. Of the organisation only. */
@Path("/api/v1/store")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Store")
class StoreResource {

    private final StoreOrigin origin;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final AuditLog audit;

    StoreResource(StoreOrigin origin, CurrentCaller caller, RequestContext request, AuditLog audit) {
        this.origin = origin;
        this.caller = caller;
        this.request = request;
        this.audit = audit;
    }

    @GET
    @Operation(
            operationId = "getStore",
            summary = "Show whether the store is a copy",
            description = "A copy changes no password, and sends no webhook and nothing to Vault, until it is adopted.")
    public Uni<OneStore> standing() {
        allowed();
        return origin.look().map(OneStore::of);
    }

    @POST
    @Cancellable(false)
    @Path("/adopt")
    @Operation(
            operationId = "adoptStore",
            summary = "Adopt a copy of the store",
            description =
                    "Stop the original first: two stores that give the same roles new passwords lock consumers out. What is"
                            + " due begins with the next look for due work. Changes nothing if the store is no copy.")
    public Uni<OneStore> adopt() {
        Caller who = allowed();
        String requestId = request.id();
        return origin.look()
                .chain(before -> before.copy()
                        // Before the act: nothing is adopted unseen.
                        ? audit.record(event(before).by(who.id(), who.name()).from(who.address(), requestId))
                                .chain(origin::adopt)
                        : Uni.createFrom().item(before))
                .map(OneStore::of);
    }

    static AuditEvent event(StoreOrigin.Standing before) {
        return AuditEvent.success(AuditType.ADOPT_STORE).with("differences", before.differences());
    }

    private Caller allowed() {
        Caller who = caller.get();
        Rights.require(who, Right.STORE_MANAGE);
        return who;
    }

    @Schema(name = "StoreResponse")
    record OneStore(@Schema(required = true) Store store) {

        static OneStore of(StoreOrigin.Standing standing) {
            OffsetDateTime at = standing.recordedAt();
            return new OneStore(new Store(standing.copy(), standing.differences(), at == null ? null : at.toInstant()));
        }
    }

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "Store")
    record Store(
            @Schema(required = true, description = "Whether the store is a copy.", examples = "false")
            boolean copy,

            @Schema(
                    required = true,
                    description =
                            "What differs from when the store was first used or last adopted; empty if it is not a copy.",
                    examples = "[\"the server's system identifier\"]")
            List<String> differences,

            @Schema(description = "When the store was first used or last adopted.", nullable = true) @Nullable
            Instant recordedAt) {}
}
