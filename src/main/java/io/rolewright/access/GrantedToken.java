package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What a login or a renewal gives, as on the wire. */
@Schema(
        name = "AccessTokenResponse",
        description = "Send `accessToken` with every call: `Authorization: Bearer <accessToken>`.")
record GrantedToken(
        @Schema(description = "A signed JWT. Treat it as opaque.", required = true)
        String accessToken,

        @Schema(description = "Seconds until it expires.", required = true, examples = "3600")
        long expiresIn,

        @Schema(
                description = "Seconds after its login until it can no longer be renewed.",
                required = true,
                examples = "2592000")
        @JsonProperty("accessTokenMaxTTL")
        long accessTokenMaxTtl,

        @Schema(required = true, examples = "Bearer") String tokenType) {

    @Override
    public String toString() {
        return "GrantedToken[" + expiresIn + " s]";
    }
}
