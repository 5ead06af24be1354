package io.rolewright.access;

import io.rolewright.access.StaticTokenResource.TokenView;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PlainText;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** A static token by its own id, as the reference's clients name it; administrators of the organisation only. */
@Path("/api/v1/auth/token-auth/tokens/{tokenId}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class HeldTokenResource {

    private static final String TOKEN_ID = "tokenId";

    private final StaticTokens tokens;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    HeldTokenResource(StaticTokens tokens, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.tokens = tokens;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(operationId = "getToken", summary = "Read what is known of a static token")
    public Uni<RestResponse<TokenResponse>> get(
            @PathParam(TOKEN_ID) @Parameter(schema = @Schema(format = "uuid")) String tokenId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return tokens.get(Ids.parse(TOKEN_ID, tokenId)).map(HeldTokenResource::tagged);
    }

    @PATCH
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(operationId = "updateToken", summary = "Rename a static token")
    public Uni<RestResponse<TokenResponse>> change(
            @PathParam(TOKEN_ID) @Parameter(schema = @Schema(format = "uuid")) String tokenId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedToken body) {
        var id = Ids.parse(TOKEN_ID, tokenId);
        var act = act();
        return act.recorded(audit, AuditType.UPDATE_STATIC_TOKEN, Identities.KIND, null, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return tokens.rename(act, id, new IfMatch(ifMatch), body.name.strip());
                })
                .map(HeldTokenResource::tagged);
    }

    private static RestResponse<TokenResponse> tagged(StaticToken row) {
        return IfMatch.tagged(new TokenResponse(TokenView.of(row)), StaticTokens.settings(row));
    }

    @POST
    @Cancellable(false)
    @Path("revoke")
    @Operation(
            operationId = "revokeToken",
            summary = "Revoke a static token",
            description = "At once in this replica, within five seconds in the others. It is not there any more then.")
    public Uni<TokenResponse> revoke(
            @PathParam(TOKEN_ID) @Parameter(schema = @Schema(format = "uuid")) String tokenId) {
        var id = Ids.parse(TOKEN_ID, tokenId);
        var act = act();
        return act.recorded(audit, AuditType.REVOKE_STATIC_TOKEN, Identities.KIND, null, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return tokens.revoke(act, id);
                })
                .map(row -> new TokenResponse(TokenView.of(row, true)));
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    @Schema(name = "UpdateStaticToken")
    record ChangedToken(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(required = true, examples = "external-secrets")
            String name) {}

    @Schema(name = "TokenResponse")
    record TokenResponse(@Schema(required = true) TokenView token) {}
}
