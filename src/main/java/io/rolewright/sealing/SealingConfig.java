package io.rolewright.sealing;

import io.smallrye.config.ConfigMapping;
import java.nio.file.Path;
import java.util.Optional;

/** Where the root key comes from. The prefix has no {@code sealing} in it because the name of the setting is fixed. */
@ConfigMapping(prefix = "rolewright")
interface SealingConfig {

    /**
     * File with the root keys ({@code ROLEWRIGHT_ROOT_KEY_FILE}); {@link RootKeyFile} says what stands in it. Absent
     * only where another source of root keys is configured.
     */
    Optional<Path> rootKeyFile();
}
