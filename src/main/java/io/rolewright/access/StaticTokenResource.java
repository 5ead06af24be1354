package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.Ids;
import io.rolewright.request.PageQuery;
import io.rolewright.request.PlainText;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
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

    private static final int LONGEST_TTL_SECONDS = 365 * 24 * 3600;

    private final StaticTokens tokens;
    private final LoginSettings settings;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    StaticTokenResource(
            StaticTokens tokens, LoginSettings settings, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.tokens = tokens;
        this.settings = settings;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "createStaticToken",
            summary = "Create a static token",
            description =
                    "A bearer for callers that cannot log in, such as the External Secrets Operator. Shown in this"
                            + " reply and never again. It acts with one role wherever its identity has one that covers it;"
                            + " without a role, with all that its identity may do when it calls.")
    public Uni<RestResponse<MadeToken>> create(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid NewToken body) {
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(audit, AuditType.CREATE_STATIC_TOKEN, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    var role = body.role == null ? null : Role.of(body.role).orElseThrow();
                    return settings.ttlOfTokens(id)
                            .chain(usual -> tokens.create(
                                    act,
                                    id,
                                    body.name.strip(),
                                    role,
                                    body.ttl == null ? usual : Duration.ofSeconds(body.ttl)));
                })
                .map(made -> NoStore.ok(new MadeToken(
                        made.token(), TokenView.seconds(made.row()), "Bearer", TokenView.of(made.row()))));
    }

    @GET
    @Operation(
            operationId = "listStaticTokens",
            summary = "List static tokens of an identity",
            description = "Oldest first.")
    public Uni<TokenList> list(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @BeanParam PageQuery page) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return tokens.list(Ids.parse("identityId", identityId), page.page())
                .map(slice -> new TokenList(slice.map(TokenView::of).rows(), slice.nextCursor()));
    }

    @POST
    @Cancellable(false)
    @Path("{tokenId}/revoke")
    @Operation(
            operationId = "revokeStaticToken",
            summary = "Revoke a static token",
            description = "Takes effect immediately in this replica and within five seconds in the others.")
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
                .map(row -> new OneToken(TokenView.of(row, true)));
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    @Schema(name = "NewStaticToken")
    record NewToken(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(required = true, examples = "external-secrets")
            String name,

            @Pattern(regexp = IdentityResource.ROLE, message = "must be one of " + IdentityResource.ROLE)
            @Schema(description = "Absent: all roles of the identity.", examples = "consumer")
            @Nullable
            String role,

            @Min(60)
            @Max(LONGEST_TTL_SECONDS)
            @Schema(
                    description = "Seconds until it expires, a year at most; absent: accessTokenTTL of the identity's"
                            + " token-auth, or 30 days.",
                    examples = "2592000")
            Long ttl) {}

    @Schema(name = "StaticTokenData")
    record TokenView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,

            @Schema(required = true, nullable = true, description = "null: all roles of the identity.") @Nullable
            String role,

            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant expiresAt,
            @Schema(required = true) UUID identityId,

            @JsonProperty("accessTokenTTL")
            @Schema(required = true, description = "Seconds from its making to its end.")
            long accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL") @Schema(required = true, description = "The same: it is not renewed.")
            long accessTokenMaxTtl,

            @Schema(required = true, description = "0: its uses are not counted.")
            int accessTokenNumUses,

            @Schema(required = true, description = "0: any number.")
            int accessTokenNumUsesLimit,

            @Schema(required = true) boolean isAccessTokenRevoked) {

        static TokenView of(StaticToken row) {
            return of(row, false);
        }

        static TokenView of(StaticToken row, boolean isRevoked) {
            return new TokenView(
                    row.id,
                    row.name,
                    row.role.equals(StaticToken.WHOLE) ? null : row.role,
                    row.createdAt,
                    row.expiresAt,
                    row.identityId,
                    seconds(row),
                    seconds(row),
                    0,
                    0,
                    isRevoked);
        }

        static long seconds(StaticToken row) {
            return Duration.between(row.createdAt, row.expiresAt).toSeconds();
        }
    }

    @Schema(name = "NewStaticTokenResponse")
    record MadeToken(
            @Schema(required = true, description = "Returned only here.", examples = "rwt_…")
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
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record TokenList(
            @Schema(required = true) List<TokenView> tokens,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor) {}
}
