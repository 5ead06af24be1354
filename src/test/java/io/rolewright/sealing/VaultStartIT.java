package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.VaultProtocolStub.Node;
import io.rolewright.testing.VaultUnderTest;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * What is shipped, with its root key in Vault: AppRole login, an engine at a mount of its own, TLS by an authority of its own. The
 * server is the protocol stub; {@link VaultRootKeyTest} can be run against a real one.
 */
class VaultStartIT {

    private static final String KEY = "rolewright";

    @Test
    void asksTheRootOnceAtEachStartAndNeverAgain() {
        var authority = TestCertificates.create();
        try (var vault = VaultUnderTest.stubWithTls(authority);
                var installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))) {
            var stub = vault.stub().orElseThrow();
            var mount = vault.transit(KEY);
            var ids = vault.appRole("machines", vault.policy(mount, KEY), "1h");
            installation
                    .setting("ROLEWRIGHT_ROOT_KEY_FILE", "")
                    .setting("ROLEWRIGHT_SEALING_ROOT_KEY_SOURCE", "vault-transit")
                    .setting("QUARKUS_VAULT_URL", vault.url())
                    .setting("QUARKUS_VAULT_TLS_CA_CERT", authority.caFile().toString())
                    .setting("QUARKUS_VAULT_TRANSIT_SECRET_ENGINE_MOUNT_PATH", mount)
                    .setting("QUARKUS_VAULT_AUTHENTICATION_APP_ROLE_AUTH_MOUNT_PATH", "machines")
                    .setting("QUARKUS_VAULT_AUTHENTICATION_APP_ROLE_ROLE_ID", ids[0])
                    .setting("QUARKUS_VAULT_AUTHENTICATION_APP_ROLE_SECRET_ID", ids[1]);
            stub.takeRequests();
            stub.become(Node.SEALED);

            // Down at start: not ready, with the reason; ready by itself when it is back.
            var service = installation.launch();
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> service.log().contains("Vault does not give the root key: 503, it is sealed."));
            assertThat(service.ready()).isFalse();
            stub.become(Node.ACTIVE);
            service.awaitReady();
            stub.takeRequests();

            // A later start: a login and one call.
            service.stop();
            service.restart();
            assertThat(stub.takeRequests())
                    .containsExactly("POST auth/machines/login", "POST " + mount + "/decrypt/" + KEY);

            // Down later: nobody notices until a new data key is needed.
            stub.become(Node.SEALED);
            for (int i = 0; i < 20; i++) {
                service.get("/api/v1/projects").expect(200);
            }
            assertThat(service.ready()).isTrue();
            assertThat(stub.takeRequests()).isEmpty();
            assertThat(run(service, "new-data-key"))
                    .isEqualTo("failed: Vault does not give the root key: 503, it is sealed.");
            stub.become(Node.ACTIVE);
            assertThat(run(service, "new-data-key")).startsWith("done: Data key 2 seals what is new.");
            assertThat(run(service, "re-encrypt")).startsWith("done: Everything is sealed with data key 2.");
            assertThat(run(service, "retire")).startsWith("done: Nothing needs these data keys, and they are gone: 1.");
            assertThat(service.log()).doesNotContain(ids[1]).doesNotContain("hvs.");
        }
    }

    private static String run(ServiceProcess service, String command) {
        var begun = service.post("/api/v1/keys/runs", new JsonObject().put("command", command))
                .expect(200)
                .json()
                .getJsonObject("run");
        var path = "/api/v1/keys/runs/" + begun.getString("id");
        await().atMost(Duration.ofSeconds(60))
                .until(() -> !service.get(path)
                        .expect(200)
                        .json()
                        .getJsonObject("run")
                        .getString("state")
                        .equals("running"));
        var run = service.get(path).json().getJsonObject("run");
        return run.getString("state") + ": " + run.getString("reason");
    }
}
