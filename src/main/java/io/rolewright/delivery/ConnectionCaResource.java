package io.rolewright.delivery;

import io.rolewright.access.CurrentCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.request.Ids;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** The CA certificates that clients verify the server of a connection with. */
@Path("/api/v1/app-connections/postgres/{connectionId}/ca.pem")
@Tag(name = "PostgreSQL connections")
public class ConnectionCaResource {

    private final ConnectionEndpoints endpoints;
    private final CurrentCaller caller;

    ConnectionCaResource(ConnectionEndpoints endpoints, CurrentCaller caller) {
        this.endpoints = endpoints;
        this.caller = caller;
    }

    @GET
    @Produces(CaFile.PEM)
    @Operation(
            operationId = "getPostgresAppConnectionCa",
            summary = "Read the CA certificates of a connection",
            description =
                    "The file for sslrootcert: the CA certificates that the connection trusts. The ETag changes with"
                            + " the certificates only. A connection without CA certificates of its own is a 404 ca_cert_not_set: use"
                            + " the system's authorities then.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers =
                    @Header(
                            name = "ETag",
                            description = "Of the certificates.",
                            schema = @Schema(type = SchemaType.STRING)),
            content = @Content(mediaType = CaFile.PEM, schema = @Schema(type = SchemaType.STRING)))
    @APIResponse(responseCode = "304", description = "The caller already has these certificates.")
    public Uni<RestResponse<String>> ca(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") @Nullable
                    String ifNoneMatch) {
        UUID id = Ids.parse("connectionId", connectionId);
        var who = caller.get();
        Rights.reach(who, Right.CONNECTION_READ);
        return endpoints
                .owned(id)
                .onItem()
                .ifNull()
                .failWith(() -> Subject.CONNECTION.notFound(id))
                .invoke(owned -> Rights.requireOn(
                        who,
                        Right.CONNECTION_READ,
                        Right.CONNECTION_READ,
                        owned.project(),
                        () -> Subject.CONNECTION.notFound(id)))
                .map(owned -> CaFile.answer(owned.endpoint().caCert(), ifNoneMatch));
    }
}
