package io.rolewright.operations;

import static io.rolewright.request.Words.flag;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Adoption;
import io.rolewright.request.RequestContext;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
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
    private final Adoption adoption;

    StoreResource(StoreOrigin origin, CurrentCaller caller, RequestContext request, AuditLog audit, Adoption adoption) {
        this.adoption = adoption;
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
        return origin.look().chain(this::shown);
    }

    @POST
    @Cancellable(false)
    @Path("/adopt")
    @Operation(
            operationId = "adoptStore",
            summary = "Adopt a copy of the store",
            description =
                    "Stop the original first: two stores that give the same roles new passwords lock consumers out. Every role"
                            + " is then looked at, in the background: GET shows how far that is. What its server refuses is rotated"
                            + " only with rotateBehind=true, which can also be sent later. Changes nothing else if the store is no"
                            + " copy.")
    public Uni<OneStore> adopt(
            @QueryParam("rotateBehind")
                    @Parameter(
                            description =
                                    "Rotate the credentials that their servers refuse. Managed connections are left as they are: their"
                                            + " passwords are lost.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    @Nullable
                    String rotate) {
        boolean rotateBehind = flag("rotateBehind", rotate);
        Caller who = allowed();
        String requestId = request.id();
        return origin.look()
                .chain(before -> !before.copy() && !rotateBehind
                        ? Uni.createFrom().item(before)
                        // Before the act: nothing is adopted unseen.
                        : audit.record(event(before, rotateBehind)
                                        .by(who.id(), who.name())
                                        .from(who.address(), requestId))
                                .chain(() -> before.copy()
                                        ? adoption.begin(rotateBehind)
                                        : adoption.rotateBehind().chain(origin::look)))
                .chain(this::shown);
    }

    private Uni<OneStore> shown(StoreOrigin.Standing standing) {
        return adoption.progress().map(progress -> OneStore.of(standing, progress));
    }

    static AuditEvent event(StoreOrigin.Standing before, boolean rotateBehind) {
        return AuditEvent.success(AuditType.ADOPT_STORE)
                .with("differences", before.differences())
                .with("rotateBehind", rotateBehind);
    }

    private Caller allowed() {
        Caller who = caller.get();
        Rights.require(who, Right.STORE_MANAGE);
        return who;
    }

    @Schema(name = "StoreResponse")
    record OneStore(@Schema(required = true) Store store) {

        static OneStore of(StoreOrigin.Standing standing, Adoption.@Nullable Progress progress) {
            OffsetDateTime at = standing.recordedAt();
            return new OneStore(new Store(
                    standing.copy(),
                    standing.superseded(),
                    standing.differences(),
                    at == null ? null : at.toInstant(),
                    progress == null ? null : AdoptionProgress.of(standing, progress)));
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
                            "Whether a copy of this store has been adopted, as the markers of roles show. This one then stands still"
                                    + " like a copy.",
                    examples = "false")
            boolean superseded,

            @Schema(
                    required = true,
                    description =
                            "What differs from when the store was first used or last adopted; empty if it is not a copy.",
                    examples = "[\"the server's system identifier\"]")
            List<String> differences,

            @Schema(description = "When the store was first used or last adopted.", nullable = true) @Nullable
            Instant recordedAt,

            @Schema(description = "Of the last adoption; null if there was none.", nullable = true) @Nullable
            AdoptionProgress adoption) {}

    @Schema(name = "StoreAdoption")
    record AdoptionProgress(
            @Schema(required = true, description = "Whether every role was looked at.")
            boolean done,

            @Schema(required = true, description = "Roles to look at.", examples = "120")
            long roles,

            @Schema(
                    required = true,
                    description =
                            "Roles that were looked at. One whose server does not answer is tried again every 15 seconds.",
                    examples = "118")
            long looked,

            @Schema(required = true, description = "Roles that their passwords open.", examples = "117")
            long good,

            @Schema(
                    required = true,
                    description = "Whether credentials that their servers refuse are rotated.",
                    examples = "false")
            boolean rotateBehind,

            @Schema(required = true, description = "The other roles that were looked at; at most 100.")
            List<RoleBehind> behind) {

        static AdoptionProgress of(StoreOrigin.Standing standing, Adoption.Progress progress) {
            return new AdoptionProgress(
                    progress.done(),
                    progress.roles(),
                    progress.looked(),
                    progress.good(),
                    standing.rotatesBehind(),
                    progress.behind().stream().map(RoleBehind::of).toList());
        }
    }

    @Schema(name = "StoreRoleBehind")
    record RoleBehind(
            @Schema(required = true, examples = "orders_app_a")
            String role,

            @Schema(required = true, description = "What manages the role.", examples = "rotation")
            String managedBy,

            @Schema(required = true, description = "Its id.")
            UUID managedById,

            @Schema(
                    required = true,
                    description = "Why its password does not open it.",
                    examples = "store_behind_target")
            String reason) {

        static RoleBehind of(Adoption.Behind behind) {
            return new RoleBehind(behind.role(), behind.ownerKind(), behind.ownerId(), behind.reason());
        }
    }
}
