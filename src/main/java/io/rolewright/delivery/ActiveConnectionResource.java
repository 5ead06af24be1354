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
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
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

/** The password of a managed connection to log in with, for whoever fetches it by himself. */
@Path("/api/v1/app-connections/postgres/{connectionId}/active")
@Produces({MediaType.APPLICATION_JSON, MediaType.TEXT_PLAIN})
@Tag(name = "PostgreSQL connections")
public class ActiveConnectionResource {

    private final ActiveCredential credential;
    private final CurrentCaller caller;
    private final RequestContext request;

    ActiveConnectionResource(ActiveCredential credential, CurrentCaller caller, RequestContext request) {
        this.credential = credential;
        this.caller = caller;
        this.request = request;
    }

    @GET
    @Operation(
            operationId = "getActivePostgresAppConnectionCredentials",
            summary = "Read the password of a managed connection",
            description =
                    "For programs that log in as the role of the connection and have to follow its changes; a release would"
                            + " end them. Needs the right to release. The password that a person gave is not handed out:"
                            + " until the first one of this service is proven, the answer is 400. Every read is audited, and"
                            + " answers are not cacheable; If-None-Match with the last ETag gets 304 while nothing has"
                            + " changed. With waitForVersion the answer comes once that version is served, or is a 304 when"
                            + " the time is up. Formats other than json are one line of text.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Of this version in this format; host, port and CA may change without it.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = {
                @Content(
                        mediaType = MediaType.APPLICATION_JSON,
                        schema = @Schema(implementation = ActiveCredential.ConnectionView.class)),
                @Content(mediaType = MediaType.TEXT_PLAIN, schema = @Schema(type = SchemaType.STRING))
            })
    @APIResponse(
            responseCode = "304",
            description = "The caller already has this version, or the awaited version was not served in time.")
    public Uni<RestResponse<Object>> active(
            @PathParam("connectionId") @Parameter(schema = @Schema(format = "uuid")) String connectionId,
            @QueryParam("format")
                    @Parameter(
                            description =
                                    "uri and conninfo are libpq's, jdbc is pgjdbc's URL, pgpass is a line of .pgpass, pgbouncer a"
                                            + " line of userlist.txt with the SCRAM secret.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            defaultValue = "json",
                                            enumeration = {"json", "uri", "conninfo", "jdbc", "pgpass", "pgbouncer"}))
                    String format,
            @QueryParam("include")
                    @Parameter(
                            description =
                                    "ca: the answer has the connection's CA certificates too, in caCert. With json only.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"ca"}))
                    @Nullable
                    String include,
            @QueryParam(ActiveResource.WAIT)
                    @Parameter(
                            description = "Wait until this version or a later one is served.",
                            schema = @Schema(type = SchemaType.INTEGER, format = "int64", minimum = "1"))
                    String waitForVersion,
            @QueryParam("timeout")
                    @Parameter(
                            description = "Longest wait in seconds.",
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "1",
                                            maximum = "60",
                                            defaultValue = ActiveResource.DEFAULT_WAIT))
                    String timeout,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        return credential
                .read(ActiveResource.asked(
                        caller,
                        request,
                        Subject.CONNECTION,
                        Ids.parse("connectionId", connectionId),
                        format,
                        include,
                        waitForVersion,
                        timeout,
                        ifNoneMatch))
                .map(ActiveResource::answered);
    }
}
