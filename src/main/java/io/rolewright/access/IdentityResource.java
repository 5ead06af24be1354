package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PlainText;
import io.rolewright.request.SearchQuery;
import io.rolewright.request.Selection;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
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
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Machine identities over HTTP; administrators of the organisation only. */
@Path("/api/v1/identities")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class IdentityResource {

    private static final String SORT = SearchQuery.SORT + "name, roles, projects (how many).";

    static final String ROLE = "admin|operator|reader|consumer|scheduler";

    private final Identities identities;
    private final CurrentCaller caller;
    private final Organisation organisation;
    private final RequestOrigins origins;
    private final Idempotency idempotency;
    private final AuditLog audit;

    IdentityResource(
            Identities identities,
            CurrentCaller caller,
            Organisation organisation,
            RequestOrigins origins,
            Idempotency idempotency,
            AuditLog audit) {
        this.identities = identities;
        this.caller = caller;
        this.organisation = organisation;
        this.origins = origins;
        this.idempotency = idempotency;
        this.audit = audit;
    }

    @GET
    @Compressible
    @Operation(operationId = "listIdentities", summary = "List machine identities", description = "By name.")
    public Uni<IdentityList> list(
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"name", "-name", "roles", "-roles", "projects", "-projects"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        Selection selection = query.selection(sort, Identities.COLUMNS);
        if (selection == null) {
            return identities
                    .list(query.page())
                    .map(slice -> new IdentityList(slice.map(this::view).rows(), slice.nextCursor(), null));
        }
        return identities
                .search(selection)
                .map(chosen ->
                        new IdentityList(chosen.rows().stream().map(this::view).toList(), null, chosen.count()));
    }

    @GET
    @Compressible
    @Path("{identityId}")
    @Operation(operationId = "getIdentity", summary = "Read a machine identity")
    public Uni<RestResponse<OneIdentity>> get(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return identities.get(Ids.parse("identityId", identityId)).map(this::tagged);
    }

    /** Literal, so that it wins over an id; any token will do, since it tells where the caller is. */
    @GET
    @Path("details")
    @Operation(
            operationId = "getIdentityDetails",
            summary = "Ask which organisation the caller is in",
            description = "There is one for the whole service.")
    public DetailsResponse details() {
        caller.get();
        return new DetailsResponse(
                new Details(new OrganisationView(organisation.id(), Organisation.NAME, Organisation.SLUG)));
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "createIdentity",
            summary = "Create a machine identity",
            description =
                    "Without roles it may do nothing; without a client secret, a token or a login configuration it"
                            + " cannot call. Roles are given by `roles`, or by `role` in Infisical's words: admin means admin"
                            + " here; member and no-access mean no role in the organisation. The answer has both.")
    public Uni<OneIdentity> create(
            @HeaderParam("Idempotency-Key")
                    @Parameter(
                            description = "A request repeated with the same key within 24 hours gets the first answer.")
                    @Nullable
                    String idempotencyKey,
            @NotNull @Valid NewIdentity body) {
        var wanted =
                wanted(body.name, body.roles, body.role, body.organizationId, body.hasDeleteProtection, body.metadata);
        var act = act();
        return act.recorded(audit, AuditType.CREATE_IDENTITY, Identities.KIND, null, () -> {
            var right = Rights.require(act.caller(), Right.IDENTITY_CREATE);
            return idempotency.once(
                    right,
                    idempotencyKey,
                    "create-identity",
                    idempotency.canonical(body),
                    OneIdentity.class,
                    completion -> identities
                            .create(act, wanted, identity -> completion.store(one(identity)))
                            .map(this::one));
        });
    }

    @PATCH
    @Cancellable(false)
    @Path("{identityId}")
    @Operation(
            operationId = "updateIdentity",
            summary = "Update a machine identity",
            description =
                    "The roles sent, by either field, replace those in the organisation. They apply to tokens that"
                            + " were already issued: immediately in this replica, within five seconds in the others.")
    public Uni<RestResponse<OneIdentity>> change(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedIdentity body) {
        var wanted =
                wanted(body.name, body.roles, body.role, body.organizationId, body.hasDeleteProtection, body.metadata);
        var act = act();
        var id = Ids.parse("identityId", identityId);
        return act.recorded(audit, AuditType.UPDATE_IDENTITY, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    return identities.change(act, id, new IfMatch(ifMatch), wanted);
                })
                .map(this::tagged);
    }

    private Identities.Wanted wanted(
            @Nullable String name,
            @Nullable List<String> roles,
            @Nullable String role,
            @Nullable String organizationId,
            @Nullable Boolean hasDeleteProtection,
            @Nullable List<IdentityMetadata> metadata) {
        if (role != null && roles != null) {
            throw ValidationProblem.at(List.of("role"), "custom", "Send either role or roles, not both");
        }
        // Beside our own field it is one of those that are ignored.
        if (roles == null
                && organizationId != null
                && !organizationId.equals(organisation.id().toString())) {
            throw ValidationProblem.at(
                    List.of("organizationId"),
                    "custom",
                    "Must be " + organisation.id() + ", the only organisation (GET /api/v1/identities/details)");
        }
        return new Identities.Wanted(
                name == null ? null : name.strip(),
                role != null ? ReferenceRoles.inOrganisation(role) : roles == null ? null : roles(roles),
                role,
                hasDeleteProtection,
                metadata);
    }

    @DELETE
    @Cancellable(false)
    @Path("{identityId}")
    @Operation(
            operationId = "deleteIdentity",
            summary = "Delete a machine identity",
            description =
                    "Also deletes its roles, client secrets and tokens, and ends its access tokens. An identity with"
                            + " hasDeleteProtection gets 400 `delete_protected`.")
    public Uni<OneIdentity> delete(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        var act = act();
        var id = Ids.parse("identityId", identityId);
        return act.recorded(audit, AuditType.DELETE_IDENTITY, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_DELETE);
                    return identities.delete(act, id);
                })
                .map(this::one);
    }

    /** @param names that validation has let through */
    static Set<Role> roles(Collection<String> names) {
        return names.stream().flatMap(name -> Role.of(name).stream()).collect(Collectors.toUnmodifiableSet());
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    private RestResponse<OneIdentity> tagged(Identities.Described identity) {
        return IfMatch.tagged(one(identity), Identities.settings(identity));
    }

    private OneIdentity one(Identities.Described identity) {
        return new OneIdentity(view(identity));
    }

    private IdentityView view(Identities.Described identity) {
        return new IdentityView(
                identity.id(),
                identity.name(),
                organisation.id(),
                identity.clientId(),
                Identities.names(identity.roles()),
                identity.projects().entrySet().stream()
                        .map(entry -> new ProjectRoles(entry.getKey(), Identities.names(entry.getValue())))
                        .toList(),
                identity.authMethods(),
                identity.createdAt(),
                identity.updatedAt(),
                identity.deleteProtected(),
                identity.metadata(),
                identity.role(),
                ReferenceRoles.isCustom(identity.role()) ? new CustomRole(identity.role(), identity.role()) : null,
                new NestedIdentity(
                        identity.id(),
                        identity.name(),
                        organisation.id(),
                        identity.authMethods(),
                        identity.deleteProtected(),
                        identity.createdAt(),
                        identity.updatedAt()));
    }

    @RegisterForReflection
    @Schema(name = "NewIdentity")
    record NewIdentity(
            @NotBlank
            @Size(max = 64)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(required = true, examples = "terraform")
            String name,

            @Size(max = 5)
            @Schema(description = "Roles in the organisation, which count in every project; none if absent.")
            @Nullable
            List<@NotNull @Pattern(regexp = ROLE, message = "must be one of " + ROLE) String> roles,

            @Pattern(
                    regexp = ReferenceRoles.OF_ORGANISATION,
                    message = "must be one of " + ReferenceRoles.OF_ORGANISATION)
            @Schema(
                    description = "In place of roles: the reference's admin, member or no-access, or one of ours.",
                    examples = "no-access")
            @Nullable
            String role,

            @Size(max = 64) @Schema(description = "If it is sent, the only one that there is.") @Nullable
            String organizationId,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection,

            @Size(max = IdentityMetadata.MOST)
            @Schema(description = "Notes, of which the service makes nothing.")
            @Nullable
            List<@NotNull @Valid IdentityMetadata> metadata) {}

    @Schema(name = "UpdateIdentity", description = "Fields that are absent remain unchanged.")
    record ChangedIdentity(
            @Size(min = 1, max = 64)
            @Pattern(regexp = PlainText.SOME, message = "must not be blank or contain control characters")
            @Nullable
            String name,

            @Size(max = 5)
            @Schema(description = "Replaces the roles in the organisation; an empty list takes all of them.")
            @Nullable
            List<@NotNull @Pattern(regexp = ROLE, message = "must be one of " + ROLE) String> roles,

            @Pattern(
                    regexp = ReferenceRoles.OF_ORGANISATION,
                    message = "must be one of " + ReferenceRoles.OF_ORGANISATION)
            @Schema(
                    description = "In place of roles: the reference's admin, member or no-access, or one of ours.",
                    examples = "no-access")
            @Nullable
            String role,

            @Size(max = 64) @Schema(description = "If it is sent, the only one that there is.") @Nullable
            String organizationId,

            @Schema(description = "Whether it is kept from being deleted.") @Nullable
            Boolean hasDeleteProtection,

            @Size(max = IdentityMetadata.MOST)
            @Schema(description = "Notes, of which the service makes nothing.")
            @Nullable
            List<@NotNull @Valid IdentityMetadata> metadata) {}

    @RegisterForReflection
    @Schema(name = "Identity")
    record IdentityView(
            @Schema(required = true) UUID id,
            @Schema(required = true, examples = "terraform") String name,
            @Schema(required = true) UUID orgId,

            @Schema(required = true, description = "The client id that it logs in with, together with a client secret.")
            String clientId,

            @Schema(required = true, description = "Roles in the organisation, which apply in every project.")
            List<String> roles,

            @Schema(required = true, description = "Additional roles, by project.")
            List<ProjectRoles> projects,

            @Schema(required = true, description = "universal-auth, token-auth, kubernetes-auth, oidc-auth")
            List<String> authMethods,

            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt,

            @Schema(required = true, description = "Whether it is kept from being deleted.")
            boolean hasDeleteProtection,

            @Schema(required = true) List<IdentityMetadata> metadata,

            @Schema(
                    required = true,
                    description =
                            "The roles in the organisation in one word: the one that was sent, while it means them.")
            String role,

            @Schema(description = "If role is none of the reference's words.")
            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Nullable
            CustomRole customRole,

            @Schema(required = true, description = "The same once more, as the reference nests it.")
            NestedIdentity identity) {}

    @RegisterForReflection
    @Schema(name = "NestedIdentity")
    record NestedIdentity(
            @Schema(required = true) UUID id,
            @Schema(required = true) String name,
            @Schema(required = true) UUID orgId,
            @Schema(required = true) List<String> authMethods,
            @Schema(required = true) boolean hasDeleteProtection,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt) {}

    @RegisterForReflection
    @Schema(name = "CustomRole")
    record CustomRole(
            @Schema(required = true) String name,
            @Schema(required = true) String slug) {}

    @Schema(name = "OrganisationReference")
    record OrganisationView(
            @Schema(required = true) UUID id,

            @Schema(required = true, examples = Organisation.NAME)
            String name,

            @Schema(required = true, examples = Organisation.SLUG)
            String slug) {}

    @Schema(name = "IdentityDetails")
    record Details(@Schema(required = true) OrganisationView organization) {}

    @Schema(name = "IdentityDetailsResponse")
    record DetailsResponse(@Schema(required = true) Details identityDetails) {}

    @RegisterForReflection
    @Schema(name = "ProjectRoles")
    record ProjectRoles(
            @Schema(required = true) UUID projectId,
            @Schema(required = true) List<String> roles) {}

    /** Read back from JSON when an idempotent reply is served again. */
    @RegisterForReflection
    @Schema(name = "IdentityResponse")
    record OneIdentity(@Schema(required = true) IdentityView identity) {}

    @Schema(name = "IdentityListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record IdentityList(
            @Schema(required = true) List<IdentityView> identities,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor,

            @Schema(description = "Number of rows that match, on this page or not; only with search, sort or offset.")
            @Nullable
            Long totalCount) {}
}
