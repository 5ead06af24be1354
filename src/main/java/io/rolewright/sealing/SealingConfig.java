package io.rolewright.sealing;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithParentName;
import java.nio.file.Path;
import java.util.Optional;

/** Where the root key comes from. */
@ConfigMapping(prefix = "rolewright.root-key-file")
interface SealingConfig {

    /**
     * File with the root keys, one {@code <key id>:<32 bytes in base64>} on each line. Absent
     * only where another source of root keys is configured.
     */
    @WithParentName
    Optional<Path> rootKeyFile();
}
