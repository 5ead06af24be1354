package io.rolewright.access;

import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotEmpty;
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
import jakarta.ws.rs.core.MediaType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** The roles of one identity in one project in the reference's words, over HTTP; the project's administrators only. */
@Path("/api/v2/workspace/{projectId}/identity-memberships/{identityId}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
class ProjectIdentityResource {

    private static final String WORDS =
            "admin is our admin; member is operator and consumer; viewer is reader and consumer;"
                    + " no-access is none; our own words mean themselves.";

    private final Memberships memberships;
    private final Identities identities;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    ProjectIdentityResource(
            Memberships memberships,
            Identities identities,
            CurrentCaller caller,
            RequestOrigins origins,
            AuditLog audit) {
        this.memberships = memberships;
        this.identities = identities;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Operation(
            operationId = "getProjectIdentity",
            summary = "Read the roles of an identity in a project, in the reference's words",
            description = "The words that were sent, while the roles are those that they mean; else ours.")
    public Uni<RestResponse<ProjectIdentityResponse>> get(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var project = Ids.parse("projectId", projectId);
        return memberships
                .get(caller.get(), project, Ids.parse("identityId", identityId))
                .chain(membership -> tagged(project, membership));
    }

    private Uni<RestResponse<ProjectIdentityResponse>> tagged(UUID project, Memberships.Membership membership) {
        return response(project, membership).map(body -> IfMatch.tagged(body, membership.settings()));
    }

    @POST
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "addProjectIdentity",
            summary = "Give an identity roles in a project, in the reference's words",
            description = WORDS)
    public Uni<ProjectIdentityResponse> add(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid ProjectIdentityRoles body) {
        var project = Ids.parse("projectId", projectId);
        var identity = Ids.parse("identityId", identityId);
        var words = words(body);
        var act = act();
        return recorded(
                act,
                project,
                () -> memberships.create(act, project, identity, words),
                membership -> response(project, membership));
    }

    @PATCH
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "updateProjectIdentity",
            summary = "Change the roles of an identity in a project, in the reference's words",
            description = WORDS)
    public Uni<RestResponse<ProjectIdentityResponse>> change(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ProjectIdentityRoles body) {
        var project = Ids.parse("projectId", projectId);
        var identity = Ids.parse("identityId", identityId);
        var words = words(body);
        var act = act();
        return recorded(
                act,
                project,
                () -> memberships.change(act, project, identity, new IfMatch(ifMatch), words),
                membership -> tagged(project, membership));
    }

    @DELETE
    @Cancellable(false)
    @Operation(
            operationId = "deleteProjectIdentity",
            summary = "Take an identity's roles in a project, by the reference's path")
    public Uni<ProjectIdentityResponse> remove(
            @PathParam("projectId") @Parameter(schema = @Schema(format = "uuid")) String projectId,
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var project = Ids.parse("projectId", projectId);
        var identity = Ids.parse("identityId", identityId);
        var act = act();
        return recorded(
                act,
                project,
                () -> memberships.remove(act, project, identity),
                membership -> response(project, membership));
    }

    private <T> Uni<T> recorded(
            Act act,
            UUID project,
            Supplier<Uni<Memberships.Membership>> change,
            Function<Memberships.Membership, Uni<T>> answer) {
        return act.recorded(audit, AuditType.UPDATE_PROJECT_MEMBERSHIP, Projects.KIND, project, change)
                .chain(membership -> answer.apply(membership));
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    /** @throws ValidationProblem for what would narrow a role and is not enforced here */
    private static List<String> words(ProjectIdentityRoles body) {
        List<String> words = new ArrayList<>();
        for (int i = 0; i < body.roles.size(); i++) {
            var each = body.roles.get(i);
            if (Boolean.TRUE.equals(each.isTemporary)) {
                throw ValidationProblem.at(
                        List.of("roles", i, "isTemporary"),
                        "custom",
                        "Must be false: roles for a time are not offered here");
            }
            words.add(each.role);
        }
        return words;
    }

    private Uni<ProjectIdentityResponse> response(UUID project, Memberships.Membership membership) {
        var id = named(project, membership.identityId(), "");
        return identities
                .get(membership.identityId())
                .map(identity -> new ProjectIdentityResponse(new ProjectIdentityView(
                        id,
                        membership.identityId(),
                        project,
                        membership.words().stream()
                                .map(word -> role(project, membership.identityId(), word))
                                .toList(),
                        new Member(identity.id(), identity.name(), identity.authMethods()))));
    }

    private static GivenRole role(UUID project, UUID identity, String word) {
        var id = named(project, identity, word);
        boolean isCustom = ReferenceRoles.isCustom(word);
        return new GivenRole(id, isCustom ? "custom" : word, isCustom ? id : null, isCustom ? word : null, false);
    }

    /** The same for ever, though there is no row of it. */
    private static UUID named(UUID project, UUID identity, String word) {
        return UUID.nameUUIDFromBytes(
                ("rolewright membership " + project + " " + identity + " " + word).getBytes(StandardCharsets.UTF_8));
    }

    @Schema(name = "ProjectIdentityRoles")
    record ProjectIdentityRoles(
            @NotEmpty @Size(max = 10) @Schema(required = true)
            List<@NotNull @Valid WantedRole> roles) {}

    @Schema(name = "ProjectIdentityRole")
    record WantedRole(
            @NotNull
            @Pattern(regexp = ReferenceRoles.OF_PROJECT, message = "must be one of " + ReferenceRoles.OF_PROJECT)
            @Schema(required = true, description = WORDS, examples = "member")
            String role,

            @Schema(description = "Must be false: roles for a time are not offered.") @Nullable
            Boolean isTemporary) {}

    @Schema(name = "ProjectIdentityRoleData")
    record GivenRole(
            @Schema(required = true) UUID id,

            @Schema(required = true, description = "custom for our own words, which stand in customRoleSlug.")
            String role,

            @Schema(required = true, nullable = true) @Nullable
            UUID customRoleId,

            @Schema(required = true, nullable = true) @Nullable
            String customRoleSlug,

            @Schema(required = true) boolean isTemporary) {}

    @Schema(name = "ProjectIdentityMember")
    record Member(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) List<String> authMethods) {}

    @Schema(name = "ProjectIdentity")
    record ProjectIdentityView(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID identityId,
            @Schema(required = true) UUID projectId,
            @Schema(required = true) List<GivenRole> roles,
            @Schema(required = true) Member identity) {}

    @Schema(name = "ProjectIdentityResponse")
    record ProjectIdentityResponse(@Schema(required = true) ProjectIdentityView identityMembership) {}
}
