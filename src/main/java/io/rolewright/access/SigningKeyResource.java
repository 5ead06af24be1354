package io.rolewright.access;

import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** The keys that sign access tokens, over HTTP; administrators of the organisation only. No key is ever shown. */
@Path("/api/v1/auth/signing-keys")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class SigningKeyResource {

    private final SigningKeys keys;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    SigningKeyResource(SigningKeys keys, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.keys = keys;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(operationId = "listSigningKeys", summary = "List the keys that sign access tokens")
    public Uni<KeyList> list() {
        Rights.require(caller.get(), Right.SIGNING_KEYS_MANAGE);
        return keys.list().map(SigningKeyResource::view);
    }

    @POST
    @Cancellable(false)
    @Path("rotate")
    @Operation(
            operationId = "rotateSigningKeys",
            summary = "Rotate the key that signs access tokens",
            description =
                    "The new key signs once every replica has read it; the old one verifies until its last token has"
                            + " expired, so nobody has to log in again. With `endTokens` the key is replaced immediately and"
                            + " every access token ends, including the caller's, within five seconds in all replicas. Static"
                            + " tokens are not signed and remain valid.")
    public Uni<KeyList> rotate(@Valid KeyRotation body) {
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        return act.recorded(audit, AuditType.ROTATE_SIGNING_KEY, SigningKeys.KIND, null, () -> {
                    Rights.require(act.caller(), Right.SIGNING_KEYS_MANAGE);
                    return keys.rotate(act, body != null && Boolean.TRUE.equals(body.endTokens));
                })
                .map(SigningKeyResource::view);
    }

    private static KeyList view(List<SigningKeys.Described> keys) {
        return new KeyList(keys.stream()
                .map(key -> new KeyView(key.id(), key.signs(), key.createdAt(), key.signsFrom(), key.verifiesUntil()))
                .toList());
    }

    @Schema(name = "SigningKeyRotation")
    record KeyRotation(
            @Schema(description = "End every access token that has been issued, after a leak. Absent: false.") @Nullable
            Boolean endTokens) {}

    @Schema(name = "SigningKey")
    record KeyView(
            @Schema(required = true) UUID id,

            @Schema(required = true, description = "Whether it is the one that signs now.")
            boolean signs,

            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant signsFrom,

            @Schema(required = true, nullable = true, description = "null: the key has no successor.") @Nullable
            Instant verifiesUntil) {}

    @Schema(name = "SigningKeyListResponse")
    record KeyList(@Schema(required = true) List<KeyView> signingKeys) {}
}
