package io.rolewright.delivery;

import io.rolewright.access.CurrentCaller;
import io.rolewright.request.Ids;
import io.rolewright.request.RequestContext;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
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

/** The CA certificates that clients verify the server of a rotation with. */
@Path("/api/v2/secret-rotations/postgres-credentials/{rotationId}/ca.pem")
@Tag(name = "PostgreSQL credentials rotations")
public class CaResource {

    private final ActiveCredential credential;
    private final CurrentCaller caller;
    private final RequestContext request;

    CaResource(ActiveCredential credential, CurrentCaller caller, RequestContext request) {
        this.credential = credential;
        this.caller = caller;
        this.request = request;
    }

    @GET
    @Produces(CaFile.PEM)
    @Operation(
            operationId = "getPostgresCredentialsRotationCa",
            summary = "Read the CA certificates for a rotation's server",
            description =
                    "The file for sslrootcert: the CA certificates that the rotation's connection trusts. Needs the"
                            + " right to read the rotation's credentials. The ETag changes with the certificates only. A connection"
                            + " without CA certificates of its own is a 404 ca_cert_not_set: use the system's authorities then.")
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
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") @Nullable
                    String ifNoneMatch) {
        return credential
                .caCert(ActiveResource.asked(
                        caller,
                        request,
                        Subject.ROTATION,
                        Ids.parse("rotationId", rotationId),
                        null,
                        null,
                        null,
                        null,
                        null))
                .map(caCert -> CaFile.answer(caCert, ifNoneMatch));
    }
}
