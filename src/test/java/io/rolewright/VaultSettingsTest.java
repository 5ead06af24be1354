package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.config.SmallRyeConfigBuilder;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class VaultSettingsTest {

    private static final String URL = "quarkus.vault.url";
    private static final String ADDRESS = "https://vault.internal:8200";
    private static final String LOGIN = "quarkus.vault.authentication.";

    @Test
    void saysThatNothingTellsWhereVaultIs() {
        assertThat(complaint(Map.of()))
                .contains("QUARKUS_VAULT_URL is not set; with the root key or rotations in Vault it says where that is:"
                        + " https://vault.internal:8200.");
    }

    @Test
    void saysThatNothingTellsHowToLogIn() {
        assertThat(complaint(Map.of(URL, ADDRESS)))
                .contains("Nothing says how to log in to Vault: set QUARKUS_VAULT_AUTHENTICATION_KUBERNETES_ROLE,"
                        + " QUARKUS_VAULT_AUTHENTICATION_APP_ROLE_ROLE_ID with its secret id, or"
                        + " QUARKUS_VAULT_AUTHENTICATION_CLIENT_TOKEN.");
    }

    @Test
    void saysThatARoleIdAloneIsNoLogin() {
        assertThat(complaint(Map.of(URL, ADDRESS, LOGIN + "app-role.role-id", "role")))
                .contains("QUARKUS_VAULT_AUTHENTICATION_APP_ROLE_SECRET_ID is not set; the role id alone is no login.");
    }

    @Test
    void isContentWithEachWayToLogIn() {
        assertThat(complaint(Map.of(URL, ADDRESS, LOGIN + "client-token", "token")))
                .isEmpty();
        assertThat(complaint(Map.of(URL, ADDRESS, LOGIN + "kubernetes.role", "role")))
                .isEmpty();
        assertThat(complaint(Map.of(
                        URL, ADDRESS, LOGIN + "app-role.role-id", "role", LOGIN + "app-role.secret-id", "secret")))
                .isEmpty();
    }

    private static Optional<String> complaint(Map<String, String> settings) {
        return Settings.vaultComplaint(
                new SmallRyeConfigBuilder().withDefaultValues(settings).build());
    }
}
