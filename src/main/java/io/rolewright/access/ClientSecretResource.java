package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.PageQuery;
import io.rolewright.request.PlainText;
import io.rolewright.target.address.Network;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Client secrets of an identity over HTTP; administrators of the organisation only. */
@Path("/api/v1/auth/universal-auth/identities/{identityId}/client-secrets")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class ClientSecretResource {

    private static final String SECRET_ID = "clientSecretId";

    private final ClientSecrets secrets;
    private final LoginSettings settings;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    ClientSecretResource(
            ClientSecrets secrets,
            LoginSettings settings,
            CurrentCaller caller,
            RequestOrigins origins,
            AuditLog audit) {
        this.secrets = secrets;
        this.settings = settings;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "createClientSecret",
            summary = "Create a client secret",
            description =
                    "A secret of 256 bits, returned here and never again. The identity's other secrets remain valid.")
    public Uni<RestResponse<MadeSecret>> create(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid NewSecret body) {
        var id = Ids.parse("identityId", identityId);
        var wanted = new ClientSecrets.Wanted(
                body.description == null ? "" : body.description.strip(),
                Duration.ofSeconds(body.ttl == null ? 0 : body.ttl),
                body.numUsesLimit == null ? 0 : body.numUsesLimit,
                networks(body.trustedIps));
        var act = act();
        return act.recorded(audit, AuditType.CREATE_CLIENT_SECRET, Identities.KIND, id, () -> {
                    Rights.require(act.caller(), Right.IDENTITY_EDIT);
                    // Asked for first: the secret is not shown again if this fails after it.
                    return settings.idOf(id, LoginSetting.Method.UNIVERSAL)
                            .chain(setting -> secrets.create(act, id, wanted)
                                    .map(made -> new MadeSecret(made.secret(), SecretView.of(made.row(), setting))));
                })
                .map(NoStore::ok);
    }

    @GET
    @Operation(
            operationId = "listClientSecrets",
            summary = "List client secrets of an identity",
            description = "Oldest first.")
    public Uni<SecretList> list(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @BeanParam PageQuery page) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        var identity = Ids.parse("identityId", identityId);
        return secrets.list(identity, page.page())
                .chain(slice -> settings.idOf(identity, LoginSetting.Method.UNIVERSAL)
                        .map(setting -> new SecretList(
                                slice.map(row -> SecretView.of(row, setting)).rows(), slice.nextCursor())));
    }

    @GET
    @Path("{clientSecretId}")
    @Operation(operationId = "getClientSecret", summary = "Read the metadata of a client secret")
    public Uni<OneSecret> get(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @PathParam(SECRET_ID) @Parameter(schema = @Schema(format = "uuid")) String clientSecretId) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        var identity = Ids.parse("identityId", identityId);
        return secrets.get(identity, Ids.parse(SECRET_ID, clientSecretId))
                .chain(row -> settings.idOf(identity, LoginSetting.Method.UNIVERSAL)
                        .map(setting -> new OneSecret(SecretView.of(row, setting))));
    }

    @POST
    @Cancellable(false)
    @Path("{clientSecretId}/revoke")
    @Operation(
            operationId = "revokeClientSecret",
            summary = "Revoke a client secret",
            description = "Also ends the access tokens that were obtained with it: immediately in this replica, within"
                    + " five seconds in the others.")
    public Uni<OneSecret> revoke(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @PathParam(SECRET_ID) @Parameter(schema = @Schema(format = "uuid")) String clientSecretId) {
        var identity = Ids.parse("identityId", identityId);
        var secret = Ids.parse(SECRET_ID, clientSecretId);
        var act = act();
        return act.recorded(audit, AuditType.REVOKE_CLIENT_SECRET, Identities.KIND, identity, () -> {
            Rights.require(act.caller(), Right.IDENTITY_EDIT);
            return settings.idOf(identity, LoginSetting.Method.UNIVERSAL)
                    .chain(setting -> secrets.revoke(act, identity, secret)
                            .map(row -> new OneSecret(SecretView.of(row, setting, true))));
        });
    }

    private Act act() {
        return new Act(caller.get(), origins.ofCurrentRequest());
    }

    /** @throws ValidationProblem naming the entry that is no network */
    static List<String> networks(@Nullable List<String> sent) {
        var networks = sent == null ? List.<String>of() : sent;
        for (int i = 0; i < networks.size(); i++) {
            if (Network.ofCallers(networks.get(i)).isEmpty()) {
                throw ValidationProblem.at(
                        List.of("trustedIps", i),
                        "invalid_string",
                        "Must be an address or a network such as 10.0.0.0/8");
            }
        }
        return networks;
    }

    @Schema(name = "NewClientSecret")
    record NewSecret(
            @Size(max = 256)
            @Pattern(regexp = PlainText.ANY, message = PlainText.RULE)
            @Schema(examples = "CI of the payments team")
            @Nullable
            String description,

            @Min(0)
            @Max(315_360_000)
            @Schema(description = "Seconds until it expires; 0 or absent: never.", examples = "7776000")
            @Nullable
            Long ttl,

            @Min(0)
            @Max(1_000_000_000)
            @Schema(description = "Number of logins that it may be used for; 0 or absent: any number.", examples = "0")
            @Nullable
            Integer numUsesLimit,

            @Size(max = 50) @Schema(description = "Networks that it may be used from; absent or empty: any.") @Nullable
            List<@NotNull @Size(max = 64) String> trustedIps) {}

    @Schema(name = "ClientSecretData")
    record SecretView(
            @Schema(required = true) UUID id,
            @Schema(required = true) String description,

            @Schema(required = true, description = "Its first characters.")
            String clientSecretPrefix,

            @Schema(required = true, description = "Number of logins so far.")
            int clientSecretNumUses,

            @Schema(required = true, description = "0: any number.")
            int clientSecretNumUsesLimit,

            @Schema(required = true, description = "Seconds from creation to expiry; 0: never.")
            @JsonProperty("clientSecretTTL")
            long clientSecretTtl,

            @Schema(required = true) List<String> trustedIps,
            @Schema(required = true) Instant createdAt,

            @Schema(required = true, description = "When it was last used, or else made.")
            Instant updatedAt,

            @Schema(required = true, nullable = true, description = "null: never.") @Nullable
            Instant expiresAt,

            @Schema(required = true, nullable = true, description = "null: not yet.") @Nullable
            Instant lastUsedAt,

            @Schema(
                    required = true,
                    description = "Only where it is just being revoked; it is not there any more then.")
            boolean isClientSecretRevoked,

            @JsonProperty("identityUAId")
            @Schema(required = true, description = "The id of the identity's universal-auth.")
            UUID identityUaId) {

        static SecretView of(ClientSecret row, UUID setting) {
            return of(row, setting, false);
        }

        static SecretView of(ClientSecret row, UUID setting, boolean isRevoked) {
            return new SecretView(
                    row.id,
                    row.description,
                    row.prefix,
                    row.uses,
                    row.usesLimit,
                    row.expiresAt == null
                            ? 0
                            : Duration.between(row.createdAt, row.expiresAt).toSeconds(),
                    row.trustedIps.isEmpty() ? List.of() : Arrays.asList(row.trustedIps.split(",")),
                    row.createdAt,
                    row.lastUsedAt == null ? row.createdAt : row.lastUsedAt,
                    row.expiresAt,
                    row.lastUsedAt,
                    isRevoked,
                    setting);
        }
    }

    @Schema(name = "NewClientSecretResponse")
    record MadeSecret(
            @Schema(required = true, description = "Returned only here.", examples = "Qk3v…")
            String clientSecret,

            @Schema(required = true) SecretView clientSecretData) {
        @Override
        public String toString() {
            return "MadeSecret[" + clientSecretData.id + "]";
        }
    }

    @Schema(name = "ClientSecretResponse")
    record OneSecret(@Schema(required = true) SecretView clientSecretData) {}

    @Schema(name = "ClientSecretListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record SecretList(
            @Schema(required = true) List<SecretView> clientSecretData,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor) {}
}
