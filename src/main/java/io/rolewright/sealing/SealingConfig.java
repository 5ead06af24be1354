package io.rolewright.sealing;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithParentName;
import java.nio.file.Path;
import java.util.Optional;

/** Where the root key comes from. */
@ConfigMapping(prefix = "rolewright.root-key-file")
interface SealingConfig {

    /**
     * File with the root keys ({@code ROLEWRIGHT_ROOT_KEY_FILE}); {@link RootKeyFile} says what stands in it. Absent
     * only where another source of root keys is configured.
     */
    @WithParentName
    Optional<Path> rootKeyFile();
}
