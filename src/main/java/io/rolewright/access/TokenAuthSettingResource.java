package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.access.LoginSetting.Method;
import io.rolewright.access.LoginSettingWire.Sent;
import io.rolewright.access.LoginSettingWire.TrustedIp;
import io.rolewright.access.LoginSettingWire.TrustedIpView;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** What counts for an identity's static tokens, over HTTP; administrators of the organisation only. */
@Path("/api/v1/auth/token-auth/identities/{identityId}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class TokenAuthSettingResource {

    private final LoginSettings settings;
    private final AccessConfig config;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    TokenAuthSettingResource(
            LoginSettings settings, AccessConfig config, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.settings = settings;
        this.config = config;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(operationId = "getTokenAuth", summary = "Read what counts for an identity's static tokens")
    public Uni<RestResponse<TokenAuthResponse>> get(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return settings.get(Ids.parse("identityId", identityId), Method.TOKEN).map(this::tagged);
    }

    @POST
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "attachTokenAuth",
            summary = "Set what counts for an identity's static tokens",
            description =
                    "Once; later it is changed. Addresses are judged at each use of a token, and lifetimes at each"
                            + " login and renewal.")
    public Uni<TokenAuthResponse> attach(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid TokenAuthBody body) {
        var id = Ids.parse("identityId", identityId);
        var wanted = LoginSettingWire.setting(LoginSetting.unset(id), body.sent(), StaticTokens.LONGEST_TTL);
        var act = act();
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.create(act, id, Method.TOKEN, wanted);
                })
                .map(this::response);
    }

    @PATCH
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateTokenAuth",
            summary = "Change what counts for an identity's static tokens",
            description = "What is absent stays as it is. Counts for tokens that are out already.")
    public Uni<RestResponse<TokenAuthResponse>> change(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid TokenAuthBody body) {
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.change(
                            act,
                            id,
                            Method.TOKEN,
                            new IfMatch(ifMatch),
                            before -> LoginSettingWire.setting(before, body.sent(), StaticTokens.LONGEST_TTL));
                })
                .map(this::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Operation(
            operationId = "removeTokenAuth",
            summary = "End an identity's static tokens",
            description = "With its tokens, which end.")
    public Uni<TokenAuthResponse> remove(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(audit, AuditType.REMOVE_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.delete(act, id, Method.TOKEN);
                })
                .map(this::response);
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private RestResponse<TokenAuthResponse> tagged(LoginSettings.Known known) {
        return IfMatch.tagged(response(known), known.setting().settings());
    }

    private TokenAuthResponse response(LoginSettings.Known known) {
        var setting = known.setting();
        return new TokenAuthResponse(new TokenAuthView(
                setting.id(),
                known.identityId(),
                setting.ttl() == null ? StaticTokens.USUAL_TTL.toSeconds() : setting.ttl(),
                setting.maxTtl() == null ? StaticTokens.LONGEST_TTL.toSeconds() : setting.maxTtl(),
                0,
                LoginSettingWire.views(setting.tokenTrustedIps())));
    }

    @Schema(name = "TokenAuth")
    record TokenAuthBody(
            @JsonProperty("accessTokenTTL") @Schema(description = LoginSettingWire.TTL, examples = "3600") @Nullable
            Integer accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL")
            @Schema(description = LoginSettingWire.MAX_TTL, examples = "2592000")
            @Nullable
            Integer accessTokenMaxTtl,

            @Schema(description = LoginSettingWire.USES) @Nullable
            Integer accessTokenNumUsesLimit,

            @Size(max = 50) @Schema(description = LoginSettingWire.IPS) @Nullable
            List<@NotNull @Valid TrustedIp> accessTokenTrustedIps) {

        Sent sent() {
            return new Sent(accessTokenTtl, accessTokenMaxTtl, accessTokenNumUsesLimit, accessTokenTrustedIps, null);
        }
    }

    @Schema(name = "TokenAuthData")
    record TokenAuthView(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID identityId,

            @JsonProperty("accessTokenTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenMaxTtl,

            @Schema(required = true, description = "0: any number.")
            int accessTokenNumUsesLimit,

            @Schema(required = true) List<TrustedIpView> accessTokenTrustedIps) {}

    @Schema(name = "TokenAuthResponse")
    record TokenAuthResponse(@Schema(required = true) TokenAuthView identityTokenAuth) {}
}
