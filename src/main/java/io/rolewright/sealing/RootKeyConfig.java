package io.rolewright.sealing;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Where the root key is kept, and how keys are looked after. */
@ConfigMapping(prefix = "rolewright.sealing")
public interface RootKeyConfig {

    /** Which of the sources below wraps the data keys. Both stay usable for what they have wrapped. */
    @WithDefault("file")
    Source rootKeySource();

    VaultTransit vaultTransit();

    /**
     * How often a process looks whether there is a new data key. A new key seals nothing before every process has looked,
     * so this is about how long making one takes. At most 10 s: a process that was not heard of for 30 s counts as gone.
     */
    @WithDefault("5s")
    Duration keyCheckInterval();

    enum Source {
        /** The mounted file that {@code ROLEWRIGHT_ROOT_KEY_FILE} names. */
        FILE,
        /** Vault's transit engine, reached by quarkus-vault ({@code quarkus.vault.*}). */
        VAULT_TRANSIT;

        String storedName() {
            return this == FILE ? "file" : "vault-transit";
        }

        static Source of(String storedName) {
            return storedName.equals("file") ? FILE : VAULT_TRANSIT;
        }
    }

    interface VaultTransit {

        /** Name of the key in the transit engine; the engine's mount is {@code quarkus.vault.transit-secret-engine-mount-path}. */
        @WithDefault("rolewright")
        String key();
    }
}
