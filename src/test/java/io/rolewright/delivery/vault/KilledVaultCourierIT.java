package io.rolewright.delivery.vault;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestVault;
import io.rolewright.testing.VaultProtocolStub;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Vault and processes: one that is killed after its write and before the acknowledgement, and two replicas with the clock inside. */
class KilledVaultCourierIT {

    private final TestPostgres target = TestPostgres.shared(14);
    private final VaultProtocolStub vault = TestVault.start();
    private final Installation installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))
            .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s");

    KilledVaultCourierIT() {
        TestVault.settings()
                .forEach((name, value) -> installation.setting(
                        name.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(java.util.Locale.ROOT), value));
    }

    @AfterEach
    void close() {
        installation.close();
        vault.close();
    }

    @Test
    void whatAKilledProcessHasWrittenIsFoundThereAndNotWrittenTwice() {
        ServiceProcess killed = installation.start();
        String path = "rolewright/default/killed";
        // After the data is there and before the service hears of it: its next request is the custom metadata's.
        vault.beforeNext("POST " + TestVault.MOUNT + "/metadata/" + path, killed::kill);
        String id = Rotating.created(killed, target, at(path));
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> !killed.isAlive());
        assertThat(version(path)).isEqualTo(1);

        ServiceProcess other = installation.start();
        assertThat(vaultKv(other, id).getInteger("deliveredVersion")).isZero();
        installation.sql(
                "UPDATE vault_delivery SET due_at = now()"); // the lease of the dead process lasts for a minute

        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> vaultKv(other, id).getInteger("deliveredVersion") == 1);
        assertThat(version(path)).isEqualTo(1);
        assertThat(metadata(path)
                        .path("custom_metadata")
                        .path("credentialVersion")
                        .asText())
                .isEqualTo("1");

        other.post(Rotating.BASE + "/" + id + "/rotate-secrets?force=true", null)
                .expect(200);
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> vaultKv(other, id).getInteger("deliveredVersion") == 2);
        assertThat(version(path)).isEqualTo(2);
    }

    @Test
    void replicasShareTheWorkAndWriteAtOnceAndInOrder() {
        ServiceProcess one = installation.start();
        ServiceProcess two = installation.start();
        String path = "rolewright/default/shared";
        String id = Rotating.created(one, target, at(path));
        for (int i = 0; i < 5; i++) {
            one.post(Rotating.BASE + "/" + id + "/rotate-secrets?force=true", null)
                    .expect(200);
            two.post(Rotating.BASE + "/" + id + "/rotate-secrets?force=true", null)
                    .expect(200);
        }

        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> vaultKv(two, id).getInteger("deliveredVersion") == 11);
        int before = 0;
        for (int version = 1; version <= version(path); version++) {
            JsonNode secret = vault.ask("GET", TestVault.MOUNT + "/data/" + path + "?version=" + version, "")
                    .path("data")
                    .path("data");
            if (!secret.isMissingNode()) { // Vault keeps the last ten
                assertThat(secret.path("credentialVersion").asInt()).isGreaterThan(before);
                before = secret.path("credentialVersion").asInt();
            }
        }
        assertThat(before).isEqualTo(11);
        assertThat(one.metrics() + two.metrics()).contains("rolewright_vault_deliveries_total{outcome=\"delivered\"");
        assertThat(one.log() + two.log()).doesNotContain(VaultProtocolStub.ROOT_TOKEN);
    }

    private JsonNode metadata(String path) {
        return vault.ask("GET", TestVault.MOUNT + "/metadata/" + path, "").path("data");
    }

    private int version(String path) {
        return metadata(path).path("current_version").asInt();
    }

    private static JsonObject vaultKv(ServiceProcess service, String id) {
        return service.get(Rotating.BASE + "/" + id)
                .expect(200)
                .json()
                .getJsonObject("secretRotation")
                .getJsonObject("vaultKv");
    }

    private static JsonObject at(String path) {
        return new JsonObject()
                .put("vaultKv", new JsonObject().put("mount", TestVault.MOUNT).put("path", path));
    }
}
