package io.rolewright.access;

import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PlainText;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
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
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Folders of a project over HTTP. */
@Path("/api")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class FolderResource {

    private static final String NAME = "(?!\\.{1,2}$)[A-Za-z0-9._-]+";
    private static final String NAME_RULE = "must be letters, digits, dots, hyphens and underscores";
    private static final String PATH = "/?|/?((?!\\.{1,2}(/|$))[A-Za-z0-9._-]{1,255}/?)+";
    private static final String PATH_RULE = "must be names between slashes";
    private static final int LONGEST_PATH = 1000;

    private final Places places;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    FolderResource(Places places, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.places = places;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Path("v1/folders")
    @Operation(
            operationId = "listFolders",
            summary = "List the folders right below a path",
            description = "None for an environment or a path that is not there.")
    public Uni<FolderListResponse> list(
            @QueryParam("workspaceId") @Parameter(schema = @Schema(format = "uuid")) @NotNull String workspaceId,
            @QueryParam("environment") @NotNull @Size(max = 64) String environment,
            @QueryParam("path") @Parameter(description = "Absent: the root.") @Size(max = LONGEST_PATH) @Nullable
                    String path) {
        return places.folders(caller.get(), Ids.parse("workspaceId", workspaceId), environment, whole(path))
                .map(all ->
                        new FolderListResponse(all.stream().map(FolderView::of).toList()));
    }

    @POST
    @Cancellable(false)
    @Path("v1/folders")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createFolder",
            summary = "Make a folder, with what is missing above it",
            description = "None is needed for a rotation, which makes its own.")
    public Uni<FolderResponse> create(@NotNull @Valid NewFolder body) {
        var project = Ids.parse("workspaceId", body.workspaceId);
        var parent = whole(body.path);
        var path = parent.equals("/") ? "/" + body.name : parent + "/" + body.name;
        if (path.length() > LONGEST_PATH) {
            throw ValidationProblem.at(List.of("path"), "too_big", "Must have at most 1000 characters with the name");
        }
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.CREATE_FOLDER,
                        Projects.KIND,
                        project,
                        () -> places.addFolder(
                                act, project, body.environment, path, body.description == null ? "" : body.description))
                .map(FolderResponse::of);
    }

    @GET
    @Path("v1/folders/{folderId}")
    @Operation(operationId = "getFolder", summary = "Read a folder")
    public Uni<RestResponse<FolderResponse>> get(
            @PathParam("folderId") @Parameter(schema = @Schema(format = "uuid")) String folderId) {
        return places.folder(caller.get(), Right.PROJECT_READ, Ids.parse("folderId", folderId))
                .map(FolderResource::tagged);
    }

    @PATCH
    @Cancellable(false)
    @Path("v1/folders/{folderId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateFolder",
            summary = "Change a folder",
            description = "The name of one at or above a rotation stays: 400 `place_in_use`.")
    public Uni<RestResponse<FolderResponse>> change(
            @PathParam("folderId") @Parameter(schema = @Schema(format = "uuid")) String folderId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedFolder body) {
        var id = Ids.parse("folderId", folderId);
        var act = act();
        return act.recorded(
                        audit,
                        AuditType.UPDATE_FOLDER,
                        Projects.KIND,
                        null,
                        () -> places.changeFolder(act, id, new IfMatch(ifMatch), body.name, body.description))
                .map(FolderResource::tagged);
    }

    @DELETE
    @Cancellable(false)
    @Path("v2/folders/{folderId}")
    @Operation(
            operationId = "deleteFolder",
            summary = "Delete a folder with those below it",
            description = "One at or above a rotation is a 400 `place_in_use`, forceDelete or not.")
    public Uni<FolderResponse> delete(
            @PathParam("folderId") @Parameter(schema = @Schema(format = "uuid")) String folderId) {
        var id = Ids.parse("folderId", folderId);
        var act = act();
        return act.recorded(audit, AuditType.DELETE_FOLDER, Projects.KIND, null, () -> places.deleteFolder(act, id))
                .map(FolderResponse::of);
    }

    private static RestResponse<FolderResponse> tagged(Places.Folder folder) {
        return IfMatch.tagged(FolderResponse.of(folder), folder.settings());
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    /** As rotations write it: with a slash in front and none behind. */
    private static String whole(@Nullable String path) {
        if (path == null) {
            return "/";
        }
        var inside = path.strip().replaceAll("^/+|/+$", "");
        return "/" + inside;
    }

    @Schema(name = "NewFolder")
    record NewFolder(
            @NotNull
            @Size(min = 1, max = 255)
            @Pattern(regexp = NAME, message = NAME_RULE)
            @Schema(required = true, examples = "payments")
            String name,

            @NotNull @Size(min = 1, max = 64) @Schema(required = true, examples = "production")
            String environment,

            @NotNull @Size(max = 36) @Schema(required = true, format = "uuid")
            String workspaceId,

            @Size(max = LONGEST_PATH)
            @Pattern(regexp = PATH, message = PATH_RULE)
            @Schema(description = "What it is made in; absent: the root.", examples = "/")
            @Nullable
            String path,

            @Size(max = 256) @Pattern(regexp = PlainText.ANY, message = PlainText.RULE) @Nullable
            String description) {}

    @Schema(name = "UpdateFolder", description = "Fields that are absent remain unchanged.")
    record ChangedFolder(
            @Size(min = 1, max = 255)
            @Pattern(regexp = NAME, message = NAME_RULE)
            @Schema(examples = "payments")
            @Nullable
            String name,

            @Size(max = 256) @Pattern(regexp = PlainText.ANY, message = PlainText.RULE) @Nullable
            String description) {}

    @Schema(name = "FolderEnvironment")
    record FolderEnvironment(
            @Schema(required = true) UUID envId,
            @Schema(required = true) String envSlug) {}

    @Schema(name = "Folder")
    record FolderView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) UUID projectId,
            @Schema(required = true) UUID envId,
            @Schema(required = true) FolderEnvironment environment,
            @Schema(required = true, examples = "/payments") String path,
            @Schema(required = true) String description) {

        static FolderView of(Places.Folder folder) {
            return new FolderView(
                    folder.id(),
                    folder.name(),
                    folder.projectId(),
                    folder.environmentId(),
                    new FolderEnvironment(folder.environmentId(), folder.environment()),
                    folder.path(),
                    folder.description());
        }
    }

    @Schema(name = "FolderResponse")
    record FolderResponse(@Schema(required = true) FolderView folder) {

        static FolderResponse of(Places.Folder folder) {
            return new FolderResponse(FolderView.of(folder));
        }
    }

    @Schema(name = "FolderListResponse")
    record FolderListResponse(@Schema(required = true) List<FolderView> folders) {}
}
