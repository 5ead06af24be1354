package io.rolewright.access;

import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.access.TokenRuleWire.Before;
import io.rolewright.access.TokenRuleWire.Wanted;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.CaCert;
import io.rolewright.request.Compressible;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.store.CallersContext;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
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

    private static final String AS_THE_REFERENCE =
            "By the reference's body. An audience is demanded, as is what says whose tokens are good: a subject or claims, a"
                    + " namespace or a name. The issuer is asked for at once; if it cannot be found there the operator has to"
                    + " set it (422).";

    private final TokenRules rules;
    private final LoginSettings settings;
    private final AccessConfig config;
    private final Issuers issuers;
    private final CurrentCaller caller;
    private final RequestOrigins origins;
    private final AuditLog audit;

    TokenRuleResource(
            TokenRules rules,
            LoginSettings settings,
            AccessConfig config,
            Issuers issuers,
            CurrentCaller caller,
            RequestOrigins origins,
            AuditLog audit) {
        this.rules = rules;
        this.settings = settings;
        this.config = config;
        this.issuers = issuers;
        this.caller = caller;
        this.origins = origins;
        this.audit = audit;
    }

    @GET
    @Compressible
    @Path(OIDC)
    @Operation(operationId = "getOidcAuth", summary = "Read the OpenID Connect login configuration of an identity")
    public Uni<RestResponse<OidcAuthResponse>> getOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return get(identityId, Method.OIDC).map(this::taggedOidc);
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
    public Uni<RestResponse<OidcAuthResponse>> setOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid NewOidcAuth body) {
        if (body.boundSubject == null && (body.boundClaims == null || body.boundClaims.isEmpty())) {
            throw ValidationProblem.at(List.of("boundSubject"), "invalid_type", "Required if there are no boundClaims");
        }
        return set(
                        identityId,
                        Method.OIDC,
                        new IfMatch(ifMatch),
                        body.issuer,
                        body.caCert,
                        new Conditions(
                                body.boundAudiences,
                                body.boundSubject,
                                body.boundClaims == null ? Map.of() : body.boundClaims,
                                List.of(),
                                List.of()))
                .map(this::taggedOidc);
    }

    @POST
    @Cancellable(false)
    @Path(OIDC)
    @Operation(
            operationId = "attachOidcAuth",
            summary = "Let an identity log in with OpenID Connect tokens, by the reference's body",
            description = AS_THE_REFERENCE)
    public Uni<OidcAuthResponse> attachOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid TokenRuleWire.OidcBody body) {
        return attach(identityId, Method.OIDC, body::wanted, body.sent()).map(this::oidcResponse);
    }

    @PATCH
    @Cancellable(false)
    @Path(OIDC)
    @Operation(
            operationId = "updateOidcAuth",
            summary = "Change the OpenID Connect login configuration of an identity, by the reference's body",
            description =
                    "What is absent stays as it is. Access tokens end if another issuer or other tokens are to be good.")
    public Uni<RestResponse<OidcAuthResponse>> changeOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid TokenRuleWire.OidcBody body) {
        return change(identityId, Method.OIDC, new IfMatch(ifMatch), body::wanted, body.sent())
                .map(this::taggedOidc);
    }

    @DELETE
    @Cancellable(false)
    @Path(OIDC)
    @Operation(operationId = "removeOidcAuth", summary = "Remove OpenID Connect logins from an identity")
    public Uni<OidcAuthResponse> removeOidc(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return remove(identityId, Method.OIDC).map(this::oidcResponse);
    }

    @GET
    @Compressible
    @Path(KUBERNETES)
    @Operation(operationId = "getKubernetesAuth", summary = "Read the Kubernetes login configuration of an identity")
    public Uni<RestResponse<KubernetesAuthResponse>> getKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return get(identityId, Method.KUBERNETES).map(this::taggedKubernetes);
    }

    @PUT
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(
            operationId = "setKubernetesAuth",
            summary = "Configure Kubernetes logins for an identity",
            description = "Replaces the previous configuration and ends the access tokens that were obtained under it.")
    public Uni<RestResponse<KubernetesAuthResponse>> setKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid NewKubernetesAuth body) {
        return set(
                        identityId,
                        Method.KUBERNETES,
                        new IfMatch(ifMatch),
                        body.issuer,
                        body.caCert,
                        new Conditions(
                                List.of(body.allowedAudience),
                                null,
                                Map.of(),
                                body.allowedNamespaces,
                                body.allowedNames == null ? List.of() : body.allowedNames))
                .map(this::taggedKubernetes);
    }

    @POST
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(
            operationId = "attachKubernetesAuth",
            summary = "Let an identity log in with Kubernetes tokens, by the reference's body",
            description = AS_THE_REFERENCE)
    public Uni<KubernetesAuthResponse> attachKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @NotNull @Valid TokenRuleWire.KubernetesBody body) {
        return attach(identityId, Method.KUBERNETES, body::wanted, body.sent()).map(this::kubernetesResponse);
    }

    @PATCH
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(
            operationId = "updateKubernetesAuth",
            summary = "Change the Kubernetes login configuration of an identity, by the reference's body",
            description =
                    "What is absent stays as it is. Access tokens end if another issuer or other tokens are to be good.")
    public Uni<RestResponse<KubernetesAuthResponse>> changeKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid TokenRuleWire.KubernetesBody body) {
        return change(identityId, Method.KUBERNETES, new IfMatch(ifMatch), body::wanted, body.sent())
                .map(this::taggedKubernetes);
    }

    @DELETE
    @Cancellable(false)
    @Path(KUBERNETES)
    @Operation(operationId = "removeKubernetesAuth", summary = "Remove Kubernetes logins from an identity")
    public Uni<KubernetesAuthResponse> removeKubernetes(
            @PathParam("identityId") @Parameter(schema = @Schema(format = "uuid")) String identityId) {
        return remove(identityId, Method.KUBERNETES).map(this::kubernetesResponse);
    }

    private Uni<Known> get(String identityId, Method method) {
        Rights.require(caller.get(), Right.IDENTITY_READ);
        return known(Ids.parse("identityId", identityId), method);
    }

    private Uni<Known> known(UUID id, Method method) {
        return rules.get(id, method)
                .chain(rule ->
                        settings.get(id, setting(method)).map(setting -> new Known(id, rule, setting.setting())));
    }

    private static LoginSetting.Method setting(Method method) {
        return LoginSetting.Method.valueOf(method.name());
    }

    private Uni<Known> set(
            String identityId,
            Method method,
            IfMatch seen,
            String issuer,
            @Nullable String caCert,
            Conditions conditions) {
        var id = Ids.parse("identityId", identityId);
        refuseMalformed(issuer);
        var rule = new TokenRule(UUID.randomUUID(), method, issuer, CaCert.checked(caCert), conditions);
        return recorded(id, act -> required(id, method, seen, known -> rules.set(act, id, rule, known)))
                .chain(() -> known(id, method));
    }

    private Uni<Known> attach(
            String identityId, Method method, Function<Before, Wanted> body, LoginSettingWire.Sent sent) {
        var id = Ids.parse("identityId", identityId);
        return recorded(id, act -> {
                    var wanted = body.apply(Before.NOTHING);
                    var setting = LoginSettingWire.setting(LoginSetting.unset(id), sent, config.tokenMaxTtl())
                            .withSent(wanted.sent().encode());
                    return rules.refuseIfThere(id, method)
                            .chain(() -> rule(wanted, null))
                            .chain(rule -> rules.create(act, id, rule, setting));
                })
                .chain(() -> known(id, method));
    }

    private Uni<Known> change(
            String identityId, Method method, IfMatch seen, Function<Before, Wanted> body, LoginSettingWire.Sent sent) {
        var id = Ids.parse("identityId", identityId);
        return recorded(
                        id,
                        act -> known(id, method)
                                .chain(there -> required(id, method, seen, depended -> {
                                    var known = depended == null ? there : depended;
                                    var wanted =
                                            body.apply(new Before(known.rule, new JsonObject(known.setting.sent())));
                                    var setting = LoginSettingWire.setting(known.setting, sent, config.tokenMaxTtl())
                                            .withSent(wanted.sent().encode());
                                    return rule(wanted, known.rule).chain(rule -> {
                                        Changes changes = rule.changedFrom(known.rule);
                                        known.setting
                                                .changes(setting)
                                                .fields()
                                                .forEach(field -> changes.put(field, true));
                                        return rules.change(act, id, rule, setting, changes, depended);
                                    });
                                })))
                .chain(() -> known(id, method));
    }

    /**
     * Lets a change that depends on what was seen go on, or refuses it; once more if it was overtaken between this and its own lock, so
     * that the refusal says by what.
     *
     * @param change is given what must still be there, null for whatever is there; fails with {@link TokenRules.Overtaken}
     */
    private <T> Uni<T> required(UUID id, Method method, IfMatch seen, Function<@Nullable Known, Uni<T>> change) {
        if (!seen.isSent()) {
            return change.apply(null);
        }
        return known(id, method)
                .onItemOrFailure()
                .transformToUni((known, failure) -> {
                    if (failure == null) {
                        seen.require(known.etag(), known.settings());
                        return Uni.createFrom().item(known);
                    }
                    if (failure instanceof Problem problem && problem.errorCode() == ErrorCode.AUTH_METHOD_NOT_FOUND) {
                        return Uni.createFrom()
                                .deferred(
                                        () -> { // a failure of its own, not one beside that
                                            seen.require(Map.of());
                                            return Uni.createFrom().<@Nullable Known>nullItem();
                                        });
                    }
                    return Uni.createFrom().failure(failure);
                })
                .chain(known -> change.apply(known))
                .onFailure(TokenRules.Overtaken.class)
                .recoverWithUni(() -> required(id, method, seen, change));
    }

    /** @return with the id of the one that is there if nothing else is to be good; its tokens go on */
    private Uni<TokenRule> rule(Wanted wanted, @Nullable TokenRule before) {
        Uni<String> issuer;
        if (wanted.issuer() != null) {
            issuer = Uni.createFrom().item(wanted.issuer());
        } else {
            issuer = CallersContext.answer(() -> issuers.discovered(wanted.urlField(), wanted.url(), wanted.caCert()));
        }
        return issuer.map(found -> {
            if (wanted.mustBe() != null && !wanted.mustBe().equals(found)) {
                throw ValidationProblem.at(
                        List.of("boundIssuer"),
                        "custom",
                        "Must be " + found + ", as the document of oidcDiscoveryUrl says");
            }
            var rule = new TokenRule(
                    before == null ? UUID.randomUUID() : before.id(),
                    wanted.method(),
                    found,
                    wanted.caCert(),
                    wanted.conditions());
            return before == null || rule.equals(before) ? rule : rule.withId(UUID.randomUUID());
        });
    }

    private Uni<Known> remove(String identityId, Method method) {
        var id = Ids.parse("identityId", identityId);
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        return act.recorded(audit, AuditType.REMOVE_AUTH_METHOD, Identities.KIND, id, () -> {
            Rights.require(act.caller(), Right.IDENTITY_EDIT);
            return known(id, method).call(() -> rules.delete(act, id, method));
        });
    }

    private Uni<TokenRule> recorded(UUID id, Function<Act, Uni<TokenRule>> change) {
        var act = new Act(caller.get(), origins.ofCurrentRequest());
        return act.recorded(audit, AuditType.SET_AUTH_METHOD, Identities.KIND, id, () -> {
            Rights.require(act.caller(), Right.IDENTITY_EDIT);
            return change.apply(act);
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

    private RestResponse<OidcAuthResponse> taggedOidc(Known known) {
        return IfMatch.tagged(oidcResponse(known), known.etag());
    }

    private OidcAuthResponse oidcResponse(Known known) {
        var rule = known.rule;
        return new OidcAuthResponse(
                TokenRuleWire.OidcView.of(
                        known.identityId, rule, known.sent(), known.setting, lifetimes(known.setting)),
                new NewOidcAuth(
                        rule.issuer(),
                        rule.conditions().audiences(),
                        rule.conditions().subject(),
                        rule.conditions().claims(),
                        rule.caCert()));
    }

    private RestResponse<KubernetesAuthResponse> taggedKubernetes(Known known) {
        return IfMatch.tagged(kubernetesResponse(known), known.etag());
    }

    private KubernetesAuthResponse kubernetesResponse(Known known) {
        var rule = known.rule;
        return new KubernetesAuthResponse(
                TokenRuleWire.KubernetesView.of(
                        known.identityId, rule, known.sent(), known.setting, lifetimes(known.setting)),
                new NewKubernetesAuth(
                        rule.issuer(),
                        rule.conditions().audiences().get(0),
                        rule.conditions().namespaces(),
                        rule.conditions().names(),
                        rule.caCert()));
    }

    private TokenRuleWire.Lifetimes lifetimes(LoginSetting setting) {
        return new TokenRuleWire.Lifetimes(
                setting.ttl() == null ? config.tokenTtl().toSeconds() : setting.ttl(),
                setting.maxTtl() == null ? config.tokenMaxTtl().toSeconds() : setting.maxTtl());
    }

    /** A rule and what is set beside it. */
    record Known(UUID identityId, TokenRule rule, LoginSetting setting) {

        /** A rule has another id after each edit. */
        String etag() {
            return IfMatch.etag(new TreeMap<>(Map.of("rule", rule.id(), "settings", setting.settings())));
        }

        Map<String, Object> settings() {
            var settings = setting.settings();
            var conditions = rule.conditions();
            settings.put("issuer", rule.issuer());
            settings.put("boundAudiences", conditions.audiences());
            settings.put("boundSubject", conditions.subject());
            settings.put("boundClaims", conditions.claims());
            settings.put("allowedNamespaces", conditions.namespaces());
            settings.put("allowedNames", conditions.names());
            return settings;
        }

        JsonObject sent() {
            return new JsonObject(setting.sent());
        }
    }

    @Schema(name = "OidcAuthResponse")
    record OidcAuthResponse(
            @Schema(required = true, description = "In the reference's words.")
            TokenRuleWire.OidcView identityOidcAuth,

            @Schema(required = true, description = "The same as PUT takes it.")
            NewOidcAuth rule) {}

    @Schema(name = "KubernetesAuthResponse")
    record KubernetesAuthResponse(
            @Schema(required = true, description = "In the reference's words.")
            TokenRuleWire.KubernetesView identityKubernetesAuth,

            @Schema(required = true, description = "The same as PUT takes it.")
            NewKubernetesAuth rule) {}
}
