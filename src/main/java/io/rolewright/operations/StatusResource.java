package io.rolewright.operations;

import io.rolewright.access.Public;
import io.rolewright.store.StoreOrigin;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirements;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Whether anybody answers at this address; clients ask before they log in. Readiness is on the management port. */
@Path("/api/status")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Status")
class StatusResource {

    private final StoreOrigin origin;

    StatusResource(StoreOrigin origin) {
        this.origin = origin;
    }

    @GET
    @Public
    @SecurityRequirements
    @Operation(operationId = "getStatus", summary = "Check that the service is up")
    public Status status() {
        return new Status("Ok", Instant.now(), origin.standing().copy());
    }

    @Schema(name = "Status")
    record Status(
            @Schema(required = true, examples = "Ok") String message,
            @Schema(required = true) Instant date,

            @Schema(
                    required = true,
                    description =
                            "Whether the service's own database is a copy, which changes no password and sends nothing"
                                    + " until it is adopted.",
                    examples = "false")
            boolean storeIsACopy) {}
}
