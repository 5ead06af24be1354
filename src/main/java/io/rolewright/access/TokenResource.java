package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * Renewal and revocation of access tokens.
 *
 * <p>{@link Public} because the token that counts stands in the body: some clients send it there only, others also as the
 * bearer, where it may be another one or none. A call without any token is refused like everywhere else.
 */
@Path("/api/v1/auth/token")
@Consumes({MediaType.APPLICATION_JSON, MediaType.APPLICATION_FORM_URLENCODED})
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class TokenResource {

    private final Tokens tokens;
    private final RequestOrigins origins;

    TokenResource(Tokens tokens, RequestOrigins origins) {
        this.tokens = tokens;
        this.origins = origins;
    }

    @POST
    @Path("renew")
    @Public
    @Operation(
            operationId = "renewAccessToken",
            summary = "Renew an access token",
            description = "Renews the token in the body or, without one, the bearer token. The new token never outlives"
                    + " `accessTokenMaxTTL` after the login; the old one remains valid until it expires.")
    public Uni<RestResponse<GrantedToken>> renew(@Valid @Nullable TokenRequest body) {
        return tokens.renew(tokenOf(body), origins.ofCurrentRequest()).map(NoStore::ok);
    }

    @POST
    @Path("revoke")
    @Public
    @Operation(
            operationId = "revokeAccessToken",
            summary = "Revoke an access token",
            description =
                    "Ends the token in the body or, without one, the bearer token, and everything that was renewed"
                            + " from it: immediately in this replica, within five seconds in the others.")
    public Uni<RestResponse<Revoked>> revoke(@Valid @Nullable TokenRequest body) {
        return tokens.revoke(tokenOf(body), origins.ofCurrentRequest())
                .replaceWith(() -> NoStore.ok(new Revoked("The access token has been revoked.")));
    }

    private String tokenOf(@Nullable TokenRequest body) {
        if (body != null && body.accessToken != null && !body.accessToken.isBlank()) {
            return body.accessToken.strip();
        }
        return origins.bearerOfCurrentRequest().orElseThrow(TokenRefused::missing);
    }

    @Schema(name = "TokenRequest")
    record TokenRequest(
            @Size(max = 4096) @Schema(description = "Absent: the bearer token.") @Nullable
            String accessToken) {

        @Override
        public String toString() {
            return "TokenRequest[…]";
        }
    }

    @Schema(name = "TokenRevokedResponse")
    record Revoked(
            @Schema(required = true, examples = "The access token has been revoked.")
            String message) {}
}
