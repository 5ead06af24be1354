package io.rolewright.access;

import io.rolewright.audit.Changes;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * By which tokens of another issuer an identity may log in. Every condition that is there must hold.
 *
 * @param id what access tokens that were obtained by it name: they end with it
 * @param issuer as the token's {@code iss} says it, and where the issuer's keys are found
 * @param caCert PEM for the connection to the issuer; null for the usual authorities
 */
record TokenRule(
        UUID id, Method method, String issuer, @Nullable String caCert, Conditions conditions) {

    enum Method {
        KUBERNETES("kubernetes-auth"),
        OIDC("oidc-auth");

        final String storedName;

        Method(String storedName) {
            this.storedName = storedName;
        }
    }

    /** By the names that our own requests have them under. @param before null where there was none */
    Changes changedFrom(@Nullable TokenRule before) {
        Conditions was = before == null ? Conditions.NONE : before.conditions;
        return new Changes()
                .put("issuer", before == null ? null : before.issuer, issuer)
                .put("caCert", before == null ? null : before.caCert, caCert)
                .put(method == Method.OIDC ? "boundAudiences" : "allowedAudience", was.audiences, conditions.audiences)
                .put("boundSubject", was.subject, conditions.subject)
                .put("boundClaims", was.claims, conditions.claims)
                .put("allowedNamespaces", was.namespaces, conditions.namespaces)
                .put("allowedNames", was.names, conditions.names);
    }

    TokenRule withId(UUID other) {
        return new TokenRule(other, method, issuer, caCert, conditions);
    }

    /**
     * @param audiences of which the token must name one; never empty
     * @param subject the token's {@code sub}, to the letter; null for any
     * @param claims by name the values of which the token's must be one
     * @param namespaces of a service account, for Kubernetes; empty for any
     * @param names of a service account, for Kubernetes; empty for any
     */
    record Conditions(
            List<String> audiences,
            @Nullable String subject,
            Map<String, List<String>> claims,
            List<String> namespaces,
            List<String> names) {

        private static final Conditions NONE = new Conditions(List.of(), null, Map.of(), List.of(), List.of());
    }
}
