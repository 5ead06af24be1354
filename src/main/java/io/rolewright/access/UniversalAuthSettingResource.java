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

/** What counts for an identity's logins with client secrets, over HTTP; administrators of the organisation only. */
@Path("/api/v1/auth/universal-auth/identities/{identityId}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class UniversalAuthSettingResource {

    private final LoginSettings settings;
    private final AccessConfig config;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    UniversalAuthSettingResource(
            LoginSettings settings, AccessConfig config, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.settings = settings;
        this.config = config;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(
            operationId = "getUniversalAuth",
            summary = "Read what counts for an identity's logins with client secrets")
    public Uni<RestResponse<UniversalAuthResponse>> get(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return settings.get(Ids.parse("identityId", identityId), Method.UNIVERSAL)
                .map(this::tagged);
    }

    @POST
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "attachUniversalAuth",
            summary = "Set what counts for an identity's logins with client secrets",
            description =
                    "Once; later it is changed. Addresses are judged at each use of a token, and lifetimes at each"
                            + " login and renewal.")
    public Uni<UniversalAuthResponse> attach(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid UniversalAuthBody body) {
        var id = Ids.parse("identityId", identityId);
        var wanted = LoginSettingWire.setting(LoginSetting.unset(id), body.sent(), config.tokenMaxTtl());
        var act = act();
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.create(act, id, Method.UNIVERSAL, wanted);
                })
                .map(this::response);
    }

    @PATCH
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateUniversalAuth",
            summary = "Change what counts for an identity's logins with client secrets",
            description = "What is absent stays as it is. Counts for tokens that are out already.")
    public Uni<RestResponse<UniversalAuthResponse>> change(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid UniversalAuthBody body) {
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.change(
                            act,
                            id,
                            Method.UNIVERSAL,
                            new IfMatch(ifMatch),
                            before -> LoginSettingWire.setting(before, body.sent(), config.tokenMaxTtl()));
                })
                .map(this::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Operation(
            operationId = "removeUniversalAuth",
            summary = "End an identity's logins with client secrets",
            description = "With its client secrets; the access tokens that were obtained with them end.")
    public Uni<UniversalAuthResponse> remove(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var id = Ids.parse("identityId", identityId);
        var act = act();
        return act.recorded(audit, AuditType.REMOVE_AUTH_METHOD, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return settings.delete(act, id, Method.UNIVERSAL);
                })
                .map(this::response);
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private RestResponse<UniversalAuthResponse> tagged(LoginSettings.Known known) {
        return IfMatch.tagged(response(known), known.setting().settings());
    }

    private UniversalAuthResponse response(LoginSettings.Known known) {
        var setting = known.setting();
        return new UniversalAuthResponse(new UniversalAuthView(
                setting.id(),
                known.identityId(),
                known.clientId(),
                setting.ttl() == null ? config.tokenTtl().toSeconds() : setting.ttl(),
                setting.maxTtl() == null ? config.tokenMaxTtl().toSeconds() : setting.maxTtl(),
                0,
                LoginSettingWire.views(setting.secretTrustedIps()),
                LoginSettingWire.views(setting.tokenTrustedIps())));
    }

    @Schema(name = "UniversalAuth")
    record UniversalAuthBody(
            @JsonProperty("accessTokenTTL") @Schema(description = LoginSettingWire.TTL, examples = "3600") @Nullable
            Integer accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL")
            @Schema(description = LoginSettingWire.MAX_TTL, examples = "2592000")
            @Nullable
            Integer accessTokenMaxTtl,

            @Schema(description = LoginSettingWire.USES) @Nullable
            Integer accessTokenNumUsesLimit,

            @Size(max = 50)
            @Schema(description = "Addresses or networks that client secrets may be used from; absent: from anywhere.")
            @Nullable
            List<@NotNull @Valid TrustedIp> clientSecretTrustedIps,

            @Size(max = 50) @Schema(description = LoginSettingWire.IPS) @Nullable
            List<@NotNull @Valid TrustedIp> accessTokenTrustedIps) {

        Sent sent() {
            return new Sent(
                    accessTokenTtl,
                    accessTokenMaxTtl,
                    accessTokenNumUsesLimit,
                    accessTokenTrustedIps,
                    clientSecretTrustedIps);
        }
    }

    @Schema(name = "UniversalAuthData")
    record UniversalAuthView(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID identityId,
            @Schema(required = true) String clientId,

            @JsonProperty("accessTokenTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenMaxTtl,

            @Schema(required = true, description = "0: any number.")
            int accessTokenNumUsesLimit,

            @Schema(required = true) List<TrustedIpView> clientSecretTrustedIps,
            @Schema(required = true) List<TrustedIpView> accessTokenTrustedIps) {}

    @Schema(name = "UniversalAuthResponse")
    record UniversalAuthResponse(@Schema(required = true) UniversalAuthView identityUniversalAuth) {}
}
