package io.rolewright.access;

import io.rolewright.audit.Changes;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * For how long and from where what an identity gets by one way to log in is good.
 *
 * @param id of the setting; the identity's own where nothing was set
 * @param ttl seconds that an access token is good for; null: as the operator has set it
 * @param maxTtl seconds after its login that an access token can be renewed; null: as the operator has set it
 * @param tokenTrustedIps networks that its access tokens may be used from; null: from anywhere
 * @param secretTrustedIps networks that its client secrets may be used from; null: from anywhere
 * @param sent as JSON, what means nothing here and is sent back
 */
record LoginSetting(
        UUID id,
        @Nullable Integer ttl,
        @Nullable Integer maxTtl,
        @Nullable List<String> tokenTrustedIps,
        @Nullable List<String> secretTrustedIps,
        String sent) {

    static final String NOTHING = "{}";

    enum Method {
        UNIVERSAL,
        TOKEN,
        KUBERNETES,
        OIDC;

        String storedName() {
            return name().toLowerCase(Locale.ROOT) + "-auth";
        }
    }

    static LoginSetting unset(UUID identityId) {
        return new LoginSetting(identityId, null, null, null, null, NOTHING);
    }

    LoginSetting withSent(String words) {
        return new LoginSetting(id, ttl, maxTtl, tokenTrustedIps, secretTrustedIps, words);
    }

    /** What can be edited, by the names that requests have it under; null for what was not set. */
    Map<String, Object> settings() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("accessTokenTTL", ttl);
        settings.put("accessTokenMaxTTL", maxTtl);
        settings.put("accessTokenTrustedIps", tokenTrustedIps);
        settings.put("clientSecretTrustedIps", secretTrustedIps);
        return settings;
    }

    /** By the names that requests have them under. */
    Changes changes(LoginSetting after) {
        return new Changes()
                .put("accessTokenTTL", ttl, after.ttl)
                .put("accessTokenMaxTTL", maxTtl, after.maxTtl)
                .put("accessTokenTrustedIps", tokenTrustedIps, after.tokenTrustedIps)
                .put("clientSecretTrustedIps", secretTrustedIps, after.secretTrustedIps);
    }

    /** As in the store. */
    static @Nullable String joined(@Nullable List<String> networks) {
        return networks == null ? null : String.join(",", networks);
    }

    static @Nullable List<String> split(@Nullable String networks) {
        return networks == null ? null : Arrays.asList(networks.split(","));
    }
}
