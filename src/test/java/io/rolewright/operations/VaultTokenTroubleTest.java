package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.not;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestVault;
import io.rolewright.testing.VaultProtocolStub;
import jakarta.inject.Inject;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A token that Vault refuses is one trouble of the service, whatever waits to be written. */
@QuarkusTest
@TestProfile(TestVault.class)
class VaultTokenTroubleTest {

    @Inject
    VaultTokenWatch watch;

    private ValidatableResponse look() {
        watch.look().await().atMost(Duration.ofSeconds(10));
        return Api.as().get("/api/v1/troubles").then().statusCode(200);
    }

    @Test
    void isListedUntilVaultTakesItAgain() {
        try (VaultProtocolStub vault = TestVault.start()) {
            look().body("troubles.code", not(hasItem("vault_token_refused")));

            vault.revoke(VaultProtocolStub.ROOT_TOKEN);
            look();
            ValidatableResponse listed =
                    look().body("troubles.findAll { it.code == 'vault_token_refused' }.size()", equalTo(1));
            assertThat(listed.extract().<String>path("troubles.find { it.code == 'vault_token_refused' }.kind"))
                    .isEqualTo("vault");
            listed.body("troubles.find { it.code == 'vault_token_refused' }.severity", equalTo("error"));

            vault.restoreRootToken();
            look().body("troubles.code", not(hasItem("vault_token_refused")));
        }
    }
}
