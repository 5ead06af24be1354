package io.rolewright.access;

import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.CaCert;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** By which foreign tokens an identity logs in, over HTTP; administrators of the organisation only. */
@Path("/api/v1/auth")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Identities")
class TokenRuleResource {

    private static final String OIDC = "oidc-auth/identities/{identityId}";
    private static final String KUBERNETES = "kubernetes-auth/identities/{identityId}";

    private final TokenRules rules;
    private final Issuers issuers;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    TokenRuleResource(TokenRules rules, Issuers issuers, CurrentCaller caller, RequestOrigins origins, AuditLog audit) {
        this.rules = rules;
        this.issuers = issuers;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Compressible
    @Path(OIDC)
    @Operation(operationId = "getOidcAuth", summary = "Read the OpenID Connect login configuration of an identity")
    public Uni<OidcAuthResponse> getOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return get(identityId, Method.OIDC).map(OidcAuthResponse::of);
    }

    @PUT
    @Cancellable(false)
    @Path(OIDC)
    @Operation(
            operationId = "setOidcAuth",
            summary = "Configure OpenID Connect logins for an identity",
            description =
                    "Replaces the previous configuration and ends the access tokens that were obtained under it. A"
                            + " subject or claims are required: without either, any token of the issuer would be accepted.")
    public Uni<OidcAuthResponse> setOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid NewOidcAuth request) {
        if (request.boundSubject == null && (request.boundClaims == null || request.boundClaims.isEmpty())) {
            throw ValidationProblem.at(List.of("boundSubject"), "invalid_type", "Required if there are no boundClaims");
        }
        return set(
                        identityId,
                        Method.OIDC,
                        request.issuer,
                        request.caCert,
                        new Conditions(
                                request.boundAudiences,
                                request.boundSubject,
                                request.boundClaims == null ? Map.of() : request.boundClaims,
                                List.of(),
                                List.of()))
                .map(OidcAuthResponse::of);
    }

    @DELETE
    @Cancellable(false)
    @Path(OIDC)
    @Operation(operationId = "removeOidcAuth", summary = "Remove OpenID Connect logins from an identity")
    public Uni<OidcAuthResponse> removeOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return remove(identityId, Method.OIDC).map(OidcAuthResponse::of);
    }

    @GET
    @Compressible
    @Path(KUBERNETES)
    @Operation(operationId = "getKubernetesAuth", summary = "Read the Kubernetes login configuration of an identity")
    public Uni<KubernetesAuthResponse> getKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return get(identityId, Method.KUBERNETES).map(KubernetesAuthResponse::of);
    }

    @PUT
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(
            operationId = "setKubernetesAuth",
            summary = "Configure Kubernetes logins for an identity",
            description = "Replaces the previous configuration and ends the access tokens that were obtained under it.")
    public Uni<KubernetesAuthResponse> setKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid NewKubernetesAuth request) {
        return set(
                        identityId,
                        Method.KUBERNETES,
                        request.issuer,
                        request.caCert,
                        new Conditions(
                                List.of(request.allowedAudience),
                                null,
                                Map.of(),
                                request.allowedNamespaces,
                                request.allowedNames == null ? List.of() : request.allowedNames))
                .map(KubernetesAuthResponse::of);
    }

    @DELETE
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(operationId = "removeKubernetesAuth", summary = "Remove Kubernetes logins from an identity")
    public Uni<KubernetesAuthResponse> removeKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return remove(identityId, Method.KUBERNETES).map(KubernetesAuthResponse::of);
    }

    private Uni<TokenRule> get(String identityId, Method method) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return rules.get(Ids.parse("identityId", identityId), method);
    }

    private Uni<TokenRule> set(
            String identityId, Method method, String issuer, @Nullable String caCert, Conditions conditions) {
        var id = Ids.parse("identityId", identityId);
        refuseMalformed(issuer);
        var rule = new TokenRule(UUID.randomUUID(), method, issuer, CaCert.checked(caCert), conditions);
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
            Rights.require(act.caller(), Right.IDENTITY_EDIT);
            return rules.set(act, id, rule);
        });
    }

    private Uni<TokenRule> remove(String identityId, Method method) {
        var id = Ids.parse("identityId", identityId);
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        return act.recorded(audit, AuditType.REMOVE_AUTH_METHOD, Identities.KIND, id, () -> {
            Rights.require(act.caller(), Right.IDENTITY_EDIT);
            return rules.delete(act, id, method);
        });
    }

    private void refuseMalformed(String issuer) {
        if (issuers.isSet(issuer)) {
            return;
        }
        try {
            var uri = new URI(issuer);
            if (Issuers.isAcceptable(uri) && uri.getRawQuery() == null) {
                return;
            }
        } catch (java.net.URISyntaxException notAnAddress) {
            // Said below.
        }
        throw ValidationProblem.at(
                List.of("issuer"), "invalid_string", "Must be https://host… or an issuer that the operator has set");
    }

    @Schema(name = "OidcAuth")
    record NewOidcAuth(
            @NotBlank
            @Size(max = 1024)
            @Schema(required = true, examples = "https://token.actions.githubusercontent.com")
            String issuer,

            @NotEmpty
            @Size(max = 20)
            @Schema(required = true, description = "Audiences, one of which the token must name.")
            List<@NotBlank @Size(max = 1024) String> boundAudiences,

            @Size(min = 1, max = 1024) @Schema(nullable = true, description = "The exact `sub` of the token.") @Nullable
            String boundSubject,

            @Size(max = 20)
            @Schema(description = "Allowed values by claim name; the token's claim must have one of them.")
            @Nullable
            Map<@NotBlank @Size(max = 1024) String, @NotEmpty @Size(max = 100) List<@NotNull @Size(max = 1024) String>>
                    boundClaims,

            @Size(max = 65536)
            @Schema(nullable = true, description = "PEM certificates; absent: the public authorities.")
            @Nullable
            String caCert) {}

    @Schema(name = "KubernetesAuth")
    record NewKubernetesAuth(
            @NotBlank
            @Size(max = 1024)
            @Schema(required = true, examples = "https://kubernetes.default.svc.cluster.local")
            String issuer,

            @NotBlank @Size(max = 1024) @Schema(required = true, examples = "rolewright")
            String allowedAudience,

            @NotEmpty @Size(max = 100) @Schema(required = true)
            List<@NotBlank @Size(max = 253) String> allowedNamespaces,

            @Size(max = 100) @Schema(description = "Service accounts; absent: any of these namespaces.") @Nullable
            List<@NotBlank @Size(max = 253) String> allowedNames,

            @Size(max = 65536)
            @Schema(nullable = true, description = "PEM certificates; absent: the public authorities.")
            @Nullable
            String caCert) {}

    @Schema(name = "OidcAuthResponse")
    record OidcAuthResponse(@Schema(required = true) NewOidcAuth identityOidcAuth) {
        static OidcAuthResponse of(TokenRule rule) {
            return new OidcAuthResponse(new NewOidcAuth(
                    rule.issuer(),
                    rule.conditions().audiences(),
                    rule.conditions().subject(),
                    rule.conditions().claims(),
                    rule.caCert()));
        }
    }

    @Schema(name = "KubernetesAuthResponse")
    record KubernetesAuthResponse(@Schema(required = true) NewKubernetesAuth identityKubernetesAuth) {
        static KubernetesAuthResponse of(TokenRule rule) {
            return new KubernetesAuthResponse(new NewKubernetesAuth(
                    rule.issuer(),
                    rule.conditions().audiences().get(0),
                    rule.conditions().namespaces(),
                    rule.conditions().names(),
                    rule.caCert()));
        }
    }
}
