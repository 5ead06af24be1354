package io.rolewright.access;

import io.rolewright.access.TokenRule.Method;
import io.rolewright.problem.ApiError;
import io.rolewright.request.Ids;
import io.rolewright.request.RequestContext;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirements;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;

/** Logins with a Kubernetes service-account token or an OpenID Connect token. */
@Path("/api/v1/auth")
@Consumes({MediaType.APPLICATION_JSON, MediaType.APPLICATION_FORM_URLENCODED})
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class ForeignLoginResource {

    private static final String REFUSED = """
            {"reqId": "req-7d0c1d2b3a4f5e6d7c8b", "statusCode": 401, "error": "UnauthorizedError",
             "code": "invalid_credentials", "message": "The identity id or the token is wrong. The audit log says why."}""";

    private final ForeignLogins logins;
    private final RequestOrigins origins;
    private final RequestContext request;

    ForeignLoginResource(ForeignLogins logins, RequestOrigins origins, RequestContext request) {
        this.logins = logins;
        this.origins = origins;
        this.request = request;
    }

    @POST
    @Path("kubernetes-auth/login")
    @Public
    @SecurityRequirements
    @Operation(
            operationId = "loginWithKubernetesAuth",
            summary = "Log in with a Kubernetes service-account token",
            description = "The token is verified with the keys of the cluster's issuer, without a token review by the"
                    + " cluster.")
    @APIResponse(responseCode = "200", description = "An access token.")
    @APIResponse(
            responseCode = "401",
            description = "`invalid_credentials`, or `login_locked` with Retry-After.",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = ApiError.class),
                            example = REFUSED))
    public Uni<RestResponse<GrantedToken>> kubernetes(@NotNull @Valid TokenLogin body) {
        return login(Method.KUBERNETES, body);
    }

    @POST
    @Path("oidc-auth/login")
    @Public
    @SecurityRequirements
    @Operation(operationId = "loginWithOidcAuth", summary = "Log in with an OpenID Connect token")
    @APIResponse(responseCode = "200", description = "An access token.")
    @APIResponse(
            responseCode = "401",
            description = "`invalid_credentials`, or `login_locked` with Retry-After.",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = ApiError.class),
                            example = REFUSED))
    public Uni<RestResponse<GrantedToken>> oidc(@NotNull @Valid TokenLogin body) {
        return login(Method.OIDC, body);
    }

    @POST
    @Path("jwt-auth/login")
    @Public
    @SecurityRequirements
    @Operation(
            operationId = "loginWithJwtAuth",
            summary = "Log in with an OpenID Connect token (Infisical's JWT auth)",
            description = "The same as `oidc-auth/login`: the identity's OpenID Connect configuration applies.")
    @APIResponse(responseCode = "200", description = "An access token.")
    @APIResponse(
            responseCode = "401",
            description = "`invalid_credentials`, or `login_locked` with Retry-After.",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = ApiError.class),
                            example = REFUSED))
    public Uni<RestResponse<GrantedToken>> jwt(@NotNull @Valid TokenLogin body) {
        return login(Method.OIDC, body);
    }

    private Uni<RestResponse<GrantedToken>> login(Method method, TokenLogin body) {
        return logins.login(
                        method,
                        Ids.parse("identityId", body.identityId.strip()),
                        body.jwt.strip(),
                        origins.ofCurrentRequest(),
                        request.timeLeft())
                .map(NoStore::ok);
    }

    @Schema(name = "TokenLogin")
    record TokenLogin(
            @NotBlank @Size(max = 64) @Schema(required = true, format = "uuid")
            String identityId,

            @NotBlank @Size(max = ForeignTokens.LONGEST_TOKEN) @Schema(required = true, format = "password")
            String jwt) {

        @Override
        public String toString() {
            return "TokenLogin[" + identityId + "]";
        }
    }
}
