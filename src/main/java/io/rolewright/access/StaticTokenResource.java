package io.rolewright.access;

import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.Ids;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Static tokens of an identity over HTTP; administrators of the organisation only. */
@Path("/api/v1/auth/token-auth/identities/{identityId}/tokens")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class StaticTokenResource {

    private static final Duration USUAL_TTL = Duration.ofDays(30);

    private static final int LONGEST_TTL_SECONDS = 365 * 24 * 3600;

    private final StaticTokens tokens;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    StaticTokenResource(StaticTokens tokens, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.tokens = tokens;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "createStaticToken",
            summary = "Make a static token",
            description =
                    "A bearer for callers that cannot log in, such as the External Secrets Operator. Shown in this"
                            + " reply and never again. It acts with one role wherever its identity has one that covers it.")
    public Uni<RestResponse<MadeToken>> create(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid NewToken request) {
        var id = Ids.parse("identityId", identityId);
        var ttl = request.ttl == null ? USUAL_TTL : Duration.ofSeconds(request.ttl);
        var act = act();
        return act.recorded(audit, AuditType.CREATE_STATIC_TOKEN, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return tokens.create(
                            act, id, request.name.strip(), Role.of(request.role).orElseThrow(), ttl);
                })
                .map(made ->
                        NoStore.ok(new MadeToken(made.token(), ttl.toSeconds(), "Bearer", TokenView.of(made.row()))));
    }

    @GET
    @Operation(operationId = "listStaticTokens", summary = "List the static tokens of an identity")
    public Uni<TokenList> list(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return tokens.list(Ids.parse("identityId", identityId))
                .map(rows -> new TokenList(rows.stream().map(TokenView::of).toList()));
    }

    @POST
    @Cancellable(false)
    @Path("{tokenId}/revoke")
    @Operation(
            operationId = "revokeStaticToken",
            summary = "Revoke a static token",
            description = "At once in this replica, within five seconds in the others.")
    public Uni<OneToken> revoke(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @PathParam("tokenId") @Parameter(schema = @Schema(format = "uuid")) String tokenId) {
        var identity = Ids.parse("identityId", identityId);
        var token = Ids.parse("tokenId", tokenId);
        var act = act();
        return act.recorded(audit, AuditType.REVOKE_STATIC_TOKEN, Identities.KIND, identity, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return tokens.revoke(act, identity, token);
                })
                .map(row -> new OneToken(TokenView.of(row)));
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    @Schema(name = "NewStaticToken")
    record NewToken(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = "[^\\p{Cntrl}]*", message = "must not contain control characters")
            @Schema(required = true, examples = "external-secrets")
            String name,

            @NotNull
            @Pattern(regexp = IdentityResource.ROLE, message = "must be one of " + IdentityResource.ROLE)
            @Schema(required = true, examples = "consumer")
            String role,

            @Min(60)
            @Max(LONGEST_TTL_SECONDS)
            @Schema(description = "Seconds until it expires, a year at most; absent: 30 days.", examples = "2592000")
            @Nullable
            Long ttl) {}

    @Schema(name = "StaticTokenData")
    record TokenView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) String role,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant expiresAt) {

        static TokenView of(StaticToken row) {
            return new TokenView(row.id, row.name, row.role, row.createdAt, row.expiresAt);
        }
    }

    @Schema(name = "NewStaticTokenResponse")
    record MadeToken(
            @Schema(required = true, description = "Shown only here.", examples = "rwt_…")
            String accessToken,

            @Schema(required = true, description = "Seconds until it expires.")
            long expiresIn,

            @Schema(required = true, examples = "Bearer") String tokenType,
            @Schema(required = true) TokenView tokenData) {
        @Override
        public String toString() {
            return "MadeToken[" + tokenData.id + "]";
        }
    }

    @Schema(name = "StaticTokenResponse")
    record OneToken(@Schema(required = true) TokenView tokenData) {}

    @Schema(name = "StaticTokenListResponse")
    record TokenList(@Schema(required = true) List<TokenView> tokens) {}
}
