package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.access.LoginSettingWire.Sent;
import io.rolewright.access.LoginSettingWire.TrustedIp;
import io.rolewright.access.LoginSettingWire.TrustedIpView;
import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.CaCert;
import io.vertx.core.json.JsonObject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Rules about foreign tokens in the reference's words. What it widens when it is left out is demanded here, and what narrows is enforced or
 * refused.
 */
final class TokenRuleWire {

    private static final int LONGEST_TEXT = 1024;
    private static final int LONGEST_NAME = 253;
    private static final int MOST = 100;

    /** The reference takes these for patterns; taken literally they would let nobody in. */
    private static final Pattern WILD = Pattern.compile("[*?\\[{]");

    private TokenRuleWire() {}

    /**
     * A rule, as it is to be or as it is.
     *
     * @param url where the issuer is looked for
     * @param issuer null: to be asked for at {@code url}
     * @param mustBe what the issuer must be; null: whatever is found
     * @param sent the reference's words, to be sent back
     */
    record Wanted(
            Method method,
            String url,
            @Nullable String issuer,
            @Nullable String mustBe,
            @Nullable String caCert,
            Conditions conditions,
            JsonObject sent) {

        String urlField() {
            return method == Method.OIDC ? "oidcDiscoveryUrl" : "kubernetesHost";
        }
    }

    /** What is there; nothing for a new one. */
    record Before(@Nullable TokenRule rule, JsonObject sent) {

        static final Before NOTHING = new Before(null, new JsonObject());

        private @Nullable String text(String field, @Nullable String derived) {
            return sent.getString(field, derived);
        }

        private boolean isSameIssuer(String url, @Nullable String caCert) {
            return rule != null
                    && url.equals(
                            text(rule.method() == Method.OIDC ? "oidcDiscoveryUrl" : "kubernetesHost", rule.issuer()))
                    && Objects.equals(caCert, rule.caCert());
        }
    }

    @Schema(name = "ReferenceKubernetesAuth")
    record KubernetesBody(
            @Size(max = LONGEST_TEXT)
            @Schema(
                    description =
                            "Required at first. The issuer is what discovery there says, or the operator's of this address.",
                    examples = "https://kubernetes.default.svc.cluster.local")
            @Nullable
            String kubernetesHost,

            @Size(max = 65536) @Schema(description = "PEM certificates; empty: the public authorities.") @Nullable
            String caCert,

            @Size(max = 16384)
            @Schema(description = "Must be empty: tokens are judged by the keys of their issuer.")
            @Nullable
            String tokenReviewerJwt,

            @Size(max = 30000)
            @Schema(description = "Separated by commas. These or allowedNames are required.")
            @Nullable
            String allowedNamespaces,

            @Size(max = 30000) @Schema(description = "Service accounts, separated by commas.") @Nullable
            String allowedNames,

            @Size(max = LONGEST_TEXT) @Schema(description = "Required at first.", examples = "rolewright") @Nullable
            String allowedAudience,

            @Size(max = 64) @Schema(description = "Must be api.") @Nullable
            String tokenReviewMode,

            @Size(max = 64) @Schema(nullable = true, description = "Must be null: gateways are not offered.") @Nullable
            String gatewayId,

            @JsonProperty("accessTokenTTL") @Schema(description = LoginSettingWire.TTL, examples = "3600") @Nullable
            Integer accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL")
            @Schema(description = LoginSettingWire.MAX_TTL, examples = "2592000")
            @Nullable
            Integer accessTokenMaxTtl,

            @Schema(description = LoginSettingWire.USES) @Nullable
            Integer accessTokenNumUsesLimit,

            @Size(max = 50) @Schema(description = LoginSettingWire.IPS) @Nullable
            List<@NotNull @Valid TrustedIp> accessTokenTrustedIps) {

        /** Without the token, which a caller may send although it is refused. */
        @Override
        public String toString() {
            return "KubernetesBody[" + kubernetesHost + "]";
        }

        Sent sent() {
            return new Sent(accessTokenTtl, accessTokenMaxTtl, accessTokenNumUsesLimit, accessTokenTrustedIps, null);
        }

        /** @throws ValidationProblem naming the field */
        Wanted wanted(Before before) {
            if (tokenReviewerJwt != null && !tokenReviewerJwt.isBlank()) {
                throw ValidationProblem.at(
                        List.of("tokenReviewerJwt"),
                        "custom",
                        "Must be empty: no review is asked for, tokens are judged by the keys of their issuer");
            }
            if (tokenReviewMode != null && !tokenReviewMode.isBlank() && !tokenReviewMode.equals("api")) {
                throw ValidationProblem.at(
                        List.of("tokenReviewMode"), "custom", "Must be api: gateways are not offered");
            }
            if (gatewayId != null && !gatewayId.isBlank()) {
                throw ValidationProblem.at(List.of("gatewayId"), "custom", "Must be null: gateways are not offered");
            }
            var rule = before.rule;
            var is = rule == null ? null : rule.conditions();
            var sent = before.sent.copy();
            var url = address("kubernetesHost", first(kubernetesHost, before, rule == null ? null : rule.issuer()));
            var audience = first(
                    allowedAudience, null, is == null ? null : is.audiences().get(0));
            if (audience == null || audience.isBlank()) {
                throw ValidationProblem.at(
                        List.of("allowedAudience"),
                        "invalid_type",
                        "Required: without an audience a token for any other service would log in here");
            }
            var namespaces = kept(
                    sent, "allowedNamespaces", allowedNamespaces, before, is == null ? "" : joined(is.namespaces()));
            var names = kept(sent, "allowedNames", allowedNames, before, is == null ? "" : joined(is.names()));
            var ca = caCert == null ? rule == null ? null : rule.caCert() : CaCert.checked(caCert);
            var conditions = new Conditions(
                    List.of(audience.strip()),
                    null,
                    Map.of(),
                    split("allowedNamespaces", namespaces, ",", LONGEST_NAME),
                    split("allowedNames", names, ",", LONGEST_NAME));
            if (conditions.namespaces().isEmpty() && conditions.names().isEmpty()) {
                throw ValidationProblem.at(
                        List.of("allowedNamespaces"),
                        "invalid_type",
                        "Required if there are no allowedNames: else any service account of the cluster would log in");
            }
            sent.put("kubernetesHost", url).put("allowedAudience", audience);
            return new Wanted(
                    Method.KUBERNETES,
                    url,
                    rule != null && before.isSameIssuer(url, ca) ? rule.issuer() : null,
                    null,
                    ca,
                    conditions,
                    sent);
        }

        private static @Nullable String first(
                @Nullable String sent, @Nullable Before before, @Nullable String derived) {
            return sent != null ? sent : before == null ? derived : before.text("kubernetesHost", derived);
        }
    }

    @Schema(name = "ReferenceOidcAuth")
    record OidcBody(
            @Size(max = LONGEST_TEXT)
            @Schema(
                    description = "Required at first. The issuer is what discovery there says.",
                    examples = "https://token.actions.githubusercontent.com")
            @Nullable
            String oidcDiscoveryUrl,

            @Size(max = 65536) @Schema(description = "PEM certificates; empty: the public authorities.") @Nullable
            String caCert,

            @Size(max = LONGEST_TEXT) @Schema(description = "Must be what discovery says; absent: that.") @Nullable
            String boundIssuer,

            @Size(max = 30000)
            @Schema(description = "Required at first. Separated by commas; the token must name one of them.")
            @Nullable
            String boundAudiences,

            @Size(max = 20)
            @Schema(
                    description =
                            "By claim name the allowed values, separated by a comma and a blank. These or boundSubject are"
                                    + " required.")
            @Nullable
            Map<@NotBlank @Size(max = LONGEST_TEXT) String, @NotNull @Size(max = 30000) String> boundClaims,

            @Size(max = 100) @Schema(description = "Kept and sent back; nothing is made of it.") @Nullable
            Map<@NotBlank @Size(max = LONGEST_TEXT) String, @NotNull @Size(max = LONGEST_TEXT) String>
                    claimMetadataMapping,

            @Size(max = LONGEST_TEXT) @Schema(description = "The exact `sub` of the token; empty: any.") @Nullable
            String boundSubject,

            @JsonProperty("accessTokenTTL") @Schema(description = LoginSettingWire.TTL, examples = "3600") @Nullable
            Integer accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL")
            @Schema(description = LoginSettingWire.MAX_TTL, examples = "2592000")
            @Nullable
            Integer accessTokenMaxTtl,

            @Schema(description = LoginSettingWire.USES) @Nullable
            Integer accessTokenNumUsesLimit,

            @Size(max = 50) @Schema(description = LoginSettingWire.IPS) @Nullable
            List<@NotNull @Valid TrustedIp> accessTokenTrustedIps) {

        Sent sent() {
            return new Sent(accessTokenTtl, accessTokenMaxTtl, accessTokenNumUsesLimit, accessTokenTrustedIps, null);
        }

        /** @throws ValidationProblem naming the field */
        Wanted wanted(Before before) {
            var rule = before.rule;
            var is = rule == null ? null : rule.conditions();
            var sent = before.sent.copy();
            var url = address(
                    "oidcDiscoveryUrl",
                    oidcDiscoveryUrl != null
                            ? oidcDiscoveryUrl
                            : before.text("oidcDiscoveryUrl", rule == null ? null : rule.issuer()));
            var audiences =
                    kept(sent, "boundAudiences", boundAudiences, before, is == null ? "" : joined(is.audiences()));
            var ca = caCert == null ? rule == null ? null : rule.caCert() : CaCert.checked(caCert);
            var subject = boundSubject == null ? is == null ? null : is.subject() : blankAsNone(boundSubject);
            if (subject != null) {
                refuseWild(List.of("boundSubject"), subject);
            }
            Map<String, List<String>> claims = is == null ? Map.of() : is.claims();
            if (boundClaims != null) {
                claims = new LinkedHashMap<>();
                for (var claim : boundClaims.entrySet()) {
                    var values = split("boundClaims", claim.getValue(), ", ", LONGEST_TEXT);
                    if (values.isEmpty()) {
                        throw ValidationProblem.at(
                                List.of("boundClaims", claim.getKey()), "too_small", "Must name a value");
                    }
                    claims.put(claim.getKey(), values);
                }
                sent.put("boundClaims", new JsonObject(new LinkedHashMap<>(boundClaims)));
            }
            if (claimMetadataMapping != null) {
                sent.put("claimMetadataMapping", new JsonObject(new LinkedHashMap<>(claimMetadataMapping)));
            }
            var conditions = new Conditions(
                    split("boundAudiences", audiences, ",", LONGEST_TEXT), subject, claims, List.of(), List.of());
            if (conditions.audiences().isEmpty()) {
                throw ValidationProblem.at(
                        List.of("boundAudiences"),
                        "invalid_type",
                        "Required: without an audience a token for any other service would log in here");
            }
            if (subject == null && claims.isEmpty()) {
                throw ValidationProblem.at(
                        List.of("boundSubject"),
                        "invalid_type",
                        "Required if there are no boundClaims: else any token of the issuer would log in");
            }
            sent.put("oidcDiscoveryUrl", url);
            return new Wanted(
                    Method.OIDC,
                    url,
                    rule != null && before.isSameIssuer(url, ca) ? rule.issuer() : null,
                    blankAsNone(boundIssuer),
                    ca,
                    conditions,
                    sent);
        }
    }

    private static @Nullable String blankAsNone(@Nullable String text) {
        return text == null || text.isBlank() ? null : text.strip();
    }

    private static String address(String field, @Nullable String url) {
        if (url == null || url.isBlank()) {
            throw ValidationProblem.at(List.of(field), "invalid_type", "Required");
        }
        return url.strip();
    }

    /** Also puts it among what is sent back. */
    private static String kept(JsonObject sent, String field, @Nullable String value, Before before, String derived) {
        if (value != null) {
            sent.put(field, value);
            return value;
        }
        return Objects.requireNonNullElse(before.text(field, derived), derived);
    }

    private static String joined(List<String> values) {
        return String.join(",", values);
    }

    private static List<String> split(String field, String text, String separator, int longest) {
        var values = Arrays.stream(text.split(separator, -1))
                .map(String::strip)
                .filter(each -> !each.isEmpty())
                .toList();
        if (values.size() > MOST || values.stream().anyMatch(each -> each.length() > longest)) {
            throw ValidationProblem.at(
                    List.of(field), "too_big", "Must be at most " + MOST + " values of " + longest + " characters");
        }
        values.forEach(each -> refuseWild(List.of(field), each));
        return values;
    }

    private static void refuseWild(List<Object> field, String value) {
        if (WILD.matcher(value).find()) {
            throw ValidationProblem.at(
                    field, "custom", "Must have no patterns (* ? [ {): values are compared to the letter here");
        }
    }

    // ---- Answers --------------------------------------------------------------------------------------------------

    @Schema(name = "KubernetesAuthData")
    record KubernetesView(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID identityId,

            @Schema(required = true, examples = "https://kubernetes.default.svc.cluster.local")
            String kubernetesHost,

            @Schema(required = true, description = "The token's `iss`, and where its keys are found.")
            String issuer,

            @Schema(required = true, description = "PEM; empty: the public authorities.")
            String caCert,

            @Schema(required = true, description = "Separated by commas.")
            String allowedNamespaces,

            @Schema(required = true, description = "Separated by commas.")
            String allowedNames,

            @Schema(required = true) String allowedAudience,
            @Schema(required = true, enumeration = "api") String tokenReviewMode,

            @Schema(required = true, nullable = true) @Nullable
            String gatewayId,

            @JsonProperty("accessTokenTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenMaxTtl,

            @Schema(required = true, description = "0: any number.")
            int accessTokenNumUsesLimit,

            @Schema(required = true) List<TrustedIpView> accessTokenTrustedIps) {

        static KubernetesView of(
                UUID identityId, TokenRule rule, JsonObject sent, LoginSetting setting, Lifetimes times) {
            return new KubernetesView(
                    rule.id(),
                    identityId,
                    sent.getString("kubernetesHost", rule.issuer()),
                    rule.issuer(),
                    rule.caCert() == null ? "" : rule.caCert(),
                    sent.getString("allowedNamespaces", joined(rule.conditions().namespaces())),
                    sent.getString("allowedNames", joined(rule.conditions().names())),
                    rule.conditions().audiences().get(0),
                    "api",
                    null,
                    times.ttl,
                    times.maxTtl,
                    0,
                    LoginSettingWire.views(setting.tokenTrustedIps()));
        }
    }

    @Schema(name = "OidcAuthData")
    record OidcView(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID identityId,

            @Schema(required = true, examples = "https://token.actions.githubusercontent.com")
            String oidcDiscoveryUrl,

            @Schema(required = true, description = "The token's `iss`, and where its keys are found.")
            String issuer,

            @Schema(required = true, description = "PEM; empty: the public authorities.")
            String caCert,

            @Schema(required = true) String boundIssuer,

            @Schema(required = true, description = "Separated by commas.")
            String boundAudiences,

            @Schema(
                    required = true,
                    description = "By claim name the allowed values, separated by a comma and a blank.")
            Map<String, String> boundClaims,

            @Schema(required = true) Map<String, String> claimMetadataMapping,

            @Schema(required = true, description = "Empty: any.")
            String boundSubject,

            @JsonProperty("accessTokenTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenTtl,

            @JsonProperty("accessTokenMaxTTL") @Schema(required = true, description = "Seconds.")
            long accessTokenMaxTtl,

            @Schema(required = true, description = "0: any number.")
            int accessTokenNumUsesLimit,

            @Schema(required = true) List<TrustedIpView> accessTokenTrustedIps) {

        static OidcView of(UUID identityId, TokenRule rule, JsonObject sent, LoginSetting setting, Lifetimes times) {
            Map<String, String> claims = new LinkedHashMap<>();
            if (sent.containsKey("boundClaims")) {
                claims.putAll(texts(sent.getJsonObject("boundClaims")));
            } else {
                rule.conditions().claims().forEach((name, values) -> claims.put(name, String.join(", ", values)));
            }
            var subject = rule.conditions().subject();
            return new OidcView(
                    rule.id(),
                    identityId,
                    sent.getString("oidcDiscoveryUrl", rule.issuer()),
                    rule.issuer(),
                    rule.caCert() == null ? "" : rule.caCert(),
                    rule.issuer(),
                    sent.getString("boundAudiences", joined(rule.conditions().audiences())),
                    claims,
                    texts(sent.getJsonObject("claimMetadataMapping", new JsonObject())),
                    subject == null ? "" : subject,
                    times.ttl,
                    times.maxTtl,
                    0,
                    LoginSettingWire.views(setting.tokenTrustedIps()));
        }
    }

    /** In seconds. */
    record Lifetimes(long ttl, long maxTtl) {}

    private static Map<String, String> texts(JsonObject json) {
        Map<String, String> texts = new LinkedHashMap<>();
        json.fieldNames().forEach(name -> texts.put(name, json.getString(name)));
        return texts;
    }
}
