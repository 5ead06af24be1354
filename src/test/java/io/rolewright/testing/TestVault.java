package io.rolewright.testing;

import io.quarkus.test.junit.QuarkusTestProfile;
import java.util.Map;

/**
 * Settings of a service that writes to a Vault: where it is, is known before the service starts; the stub is started there by the test, which
 * lives with other classes than this profile and could not share it.
 */
public class TestVault implements QuarkusTestProfile {

    public static final String MOUNT = "kv-of-teams";

    private static final String PORT = "io.rolewright.testing.vault-port";

    @Override
    public Map<String, String> getConfigOverrides() {
        return settings();
    }

    /** The same port for as long as this process lives. */
    public static Map<String, String> settings() {
        return Map.of(
                "quarkus.vault.url",
                "http://localhost:" + port(),
                "quarkus.vault.authentication.client-token",
                VaultProtocolStub.ROOT_TOKEN,
                "rolewright.vault-kv.places",
                MOUNT + ":rolewright/{project},elsewhere:",
                "rolewright.vault-kv.first-pause",
                "10ms",
                "rolewright.vault-kv.longest-pause",
                "20ms");
    }

    public static VaultProtocolStub start() {
        VaultProtocolStub stub = VaultProtocolStub.start(port());
        stub.mount(MOUNT, "kv-v2");
        return stub;
    }

    private static synchronized int port() {
        if (System.getProperty(PORT) == null) {
            System.setProperty(PORT, Integer.toString(Ports.free()));
        }
        return Integer.getInteger(PORT);
    }
}
