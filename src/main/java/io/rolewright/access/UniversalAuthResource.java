package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.problem.ApiError;
import io.rolewright.request.RequestContext;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirements;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Logins with a client id and a client secret. */
@Path("/api/v1/auth/universal-auth")
@Consumes({MediaType.APPLICATION_JSON, MediaType.APPLICATION_FORM_URLENCODED})
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class UniversalAuthResource {

    private static final String REFUSED = """
            {"reqId": "req-7d0c1d2b3a4f5e6d7c8b", "statusCode": 401, "error": "UnauthorizedError",
             "code": "invalid_credentials", "message": "The client id or the client secret is wrong."}""";

    private final Logins logins;
    private final RequestOrigins origins;
    private final RequestContext request;

    UniversalAuthResource(Logins logins, RequestOrigins origins, RequestContext request) {
        this.logins = logins;
        this.origins = origins;
        this.request = request;
    }

    @POST
    @Path("login")
    @Public
    @SecurityRequirements
    @Operation(
            operationId = "loginWithUniversalAuth",
            summary = "Log in with a client id and a client secret",
            description =
                    "An unknown id, a wrong secret and a secret used from a network that is not trusted get the same"
                            + " answer, 401 `invalid_credentials`; a secret that has ended gets 401 `client_secret_expired` or"
                            + " `client_secret_used_up`. After three failures within 30 seconds the client id is locked for"
                            + " the caller's address: 401 `login_locked`. Logins wait for their turn; one whose turn cannot"
                            + " come in time gets 429 `rate_limited`. Only failed logins count against the limits per identity"
                            + " and address.")
    @APIResponse(responseCode = "200", description = "An access token.")
    @APIResponse(
            responseCode = "401",
            description =
                    "`invalid_credentials`, `client_secret_expired` or `client_secret_used_up`; `login_locked` with"
                            + " Retry-After.",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = ApiError.class),
                            example = REFUSED))
    public Uni<RestResponse<GrantedToken>> login(@NotNull @Valid Credentials body) {
        return logins.login(
                        body.clientId.strip(),
                        body.clientSecret.strip(),
                        origins.ofCurrentRequest(),
                        request.timeLeft(),
                        body.accessTokenMaxTtl == null ? null : Duration.ofSeconds(body.accessTokenMaxTtl))
                .map(NoStore::ok);
    }

    private static final int SHORTEST_SESSION = 30;
    private static final int LONGEST_SESSION = 31_536_000;

    /** White space around either is ignored, as in the reference. */
    @Schema(name = "UniversalAuthLogin")
    record Credentials(
            @NotBlank
            @Size(max = 300)
            @Pattern(regexp = AccessSettings.CLIENT_ID, message = "must be printable ASCII without spaces")
            @Schema(required = true, examples = "5f0e2b1c-7a44-4a5e-9f0d-2f6f1c1b7a10")
            String clientId,

            @NotBlank
            @Size(max = AccessSettings.LONGEST_SECRET)
            @Schema(required = true, format = "password", examples = "3q2-7w…")
            String clientSecret,

            @Min(SHORTEST_SESSION)
            @Max(LONGEST_SESSION)
            @JsonProperty("accessTokenMaxTTL")
            @Schema(
                    description =
                            "Seconds after which this login ends, however often its token is renewed, for clients that need"
                                    + " it for one session only. At most, and by default, what the service allows.",
                    examples = "43200")
            @Nullable
            Long accessTokenMaxTtl) {

        @Override
        public String toString() {
            return "Credentials[" + clientId + "]";
        }
    }
}
