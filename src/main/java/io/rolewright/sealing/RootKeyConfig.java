package io.rolewright.sealing;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Where the root key is kept. */
@ConfigMapping(prefix = "rolewright.sealing")
public interface RootKeyConfig {

    /** Which of the sources below wraps the data keys. */
    @WithDefault("file")
    Source rootKeySource();

    enum Source {
        /** The mounted file that {@code ROLEWRIGHT_ROOT_KEY_FILE} names. */
        FILE,
        /** Vault's transit engine, reached by quarkus-vault ({@code quarkus.vault.*}); refused at start until it is built. */
        VAULT_TRANSIT
    }
}
