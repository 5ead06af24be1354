package io.rolewright.delivery;

import io.rolewright.access.CurrentCaller;
import io.rolewright.delivery.SecretWire.Many;
import io.rolewright.delivery.SecretWire.One;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.RequestContext;
import io.rolewright.store.ReadsWithoutAudit;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

/**
 * The secrets of rotations on the two paths where Infisical's clients look for secrets, for reading. Parameters that only concern what
 * there is none of here (imports, references, personal overrides) are taken and change nothing.
 */
@Path("/api")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Secrets")
class SecretResource {

    private static final String RAW = "v3/secrets/raw";
    private static final String V4 = "v4/secrets";
    private static final String ALSO_BATCHES =
            "{collection: v3/secrets/raw|v3/secrets/batch/raw|v4/secrets}{name: (/.*)?}";

    private static final String DESCRIPTION =
            "Every read is audited, and answers are not cacheable; If-None-Match with the last ETag gets 304"
                    + " while nothing has changed. A rotation serves nothing before its first proven password.";

    private final Secrets secrets;
    private final CurrentCaller caller;
    private final RequestContext request;

    SecretResource(Secrets secrets, CurrentCaller caller, RequestContext request) {
        this.secrets = secrets;
        this.caller = caller;
        this.request = request;
    }

    @GET
    @Path(V4)
    @Operation(
            operationId = "listSecrets",
            summary = "List secrets that rotations serve at a path",
            description = DESCRIPTION)
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Identifies these secrets in these versions.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = Many.class)))
    @APIResponse(responseCode = "304", description = "The caller already has these versions.")
    public Uni<RestResponse<Many>> list(
            @BeanParam SecretQuery query,
            @QueryParam("recursive")
                    @Parameter(
                            description = "Include secrets below the path.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String recursive,
            @QueryParam("tagSlugs") @Parameter(description = "Secrets have no tags here, so any tag matches nothing.")
                    String tagSlugs,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        boolean below = SecretQuery.flag("recursive", recursive, false);
        boolean tagged = !SecretQuery.isBlank(tagSlugs);
        return secrets.list(asked(query, tagged, ifNoneMatch), below)
                .map(answer -> answered(answer, found -> new Many(tagged ? List.of() : found, List.of())));
    }

    @GET
    @Path(V4 + "/{secretName}")
    @Operation(operationId = "getSecret", summary = "Read a secret that a rotation serves", description = DESCRIPTION)
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Identifies this secret in this version.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    @APIResponse(responseCode = "304", description = "The caller already has this version.")
    public Uni<RestResponse<One>> get(
            @PathParam("secretName") String secretName,
            @BeanParam SecretQuery query,
            @QueryParam("type")
                    @Parameter(
                            description = "Only shared secrets exist here.",
                            schema = @Schema(type = SchemaType.STRING, defaultValue = "shared"))
                    String type,
            @QueryParam("version")
                    @Parameter(
                            description =
                                    "One that was served under this name, while its password is kept; absent: the one that is served.",
                            schema = @Schema(type = SchemaType.INTEGER))
                    String version,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        if (!SecretQuery.isBlank(type) && !type.equals("shared")) {
            throw Problem.of(ErrorCode.SECRET_NOT_FOUND, "Only shared secrets exist here.");
        }
        return secrets.one(asked(query, false, ifNoneMatch), secretName, version(version))
                .map(answer -> answered(answer, found -> new One(found.get(0))));
    }

    @GET
    @Path(RAW)
    @Operation(
            operationId = "listRawSecrets",
            summary = "List secrets that rotations serve at a path (for older clients)",
            description = DESCRIPTION)
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Identifies these secrets in these versions.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = Many.class)))
    @APIResponse(responseCode = "304", description = "The caller already has these versions.")
    public Uni<RestResponse<Many>> listRaw(
            @BeanParam SecretQuery query,
            @QueryParam("recursive")
                    @Parameter(
                            description = "Include secrets below the path.",
                            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
                    String recursive,
            @QueryParam("tagSlugs") @Parameter(description = "Secrets have no tags here, so any tag matches nothing.")
                    String tagSlugs,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        return list(query, recursive, tagSlugs, ifNoneMatch);
    }

    @GET
    @Path(RAW + "/{secretName}")
    @Operation(
            operationId = "getRawSecret",
            summary = "Read a secret that a rotation serves (for older clients)",
            description = DESCRIPTION)
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Identifies this secret in this version.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = One.class)))
    @APIResponse(responseCode = "304", description = "The caller already has this version.")
    public Uni<RestResponse<One>> getRaw(
            @PathParam("secretName") String secretName,
            @BeanParam SecretQuery query,
            @QueryParam("type")
                    @Parameter(
                            description = "Only shared secrets exist here.",
                            schema = @Schema(type = SchemaType.STRING, defaultValue = "shared"))
                    String type,
            @QueryParam("version")
                    @Parameter(
                            description =
                                    "One that was served under this name, while its password is kept; absent: the one that is served.",
                            schema = @Schema(type = SchemaType.INTEGER))
                    String version,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        return get(secretName, query, type, version, ifNoneMatch);
    }

    // ---- What clients for writing would send ------------------------------------------------------------------------

    @POST
    @Path(ALSO_BATCHES)
    @Operation(hidden = true)
    public Uni<One> create() {
        throw new ReadOnly();
    }

    @PATCH
    @Path(ALSO_BATCHES)
    @Operation(hidden = true)
    public Uni<One> change() {
        throw new ReadOnly();
    }

    @DELETE
    @Path(ALSO_BATCHES)
    @Operation(hidden = true)
    public Uni<One> delete() {
        throw new ReadOnly();
    }

    private static final class ReadOnly extends Problem {
        ReadOnly() {
            super(
                    ErrorCode.SECRETS_READ_ONLY,
                    "Secrets are what rotations serve, and nobody writes them. Their names and places are a rotation's"
                            + " secretsMapping, environment and secretPath (/api/v2/secret-rotations); new values come"
                            + " from rotating it.",
                    Map.of(),
                    Map.of("Allow", "GET"));
        }
    }

    // ---- Parts ------------------------------------------------------------------------------------------------------

    private Secrets.Request asked(SecretQuery query, boolean tagged, String ifNoneMatch) {
        return new Secrets.Request(caller.get(), caller.live(), request.id(), query, tagged, ifNoneMatch);
    }

    private static <T> RestResponse<T> answered(Secrets.Answer answer, Function<List<SecretWire.Secret>, T> body) {
        ResponseBuilder<T> response = answer.secrets() == null
                ? ResponseBuilder.notModified()
                : ResponseBuilder.ok(body.apply(answer.secrets()));
        if (!answer.audited()) {
            response.header(ReadsWithoutAudit.HEADER, ReadsWithoutAudit.LOG_ONLY);
        }
        return response.header("ETag", answer.etag())
                .header("Cache-Control", "no-store")
                .build();
    }

    private static Long version(String text) {
        if (SecretQuery.isBlank(text)) {
            return null;
        }
        if (!text.strip().matches("[0-9]{1,18}")) {
            throw ValidationProblem.at(List.of("version"), "invalid_type", "Must be a number");
        }
        return Long.valueOf(text.strip());
    }
}
