package io.rolewright.store;

import io.smallrye.config.ConfigMapping;
import java.util.Optional;

/** Which of several installations this is. */
@ConfigMapping(prefix = "rolewright")
interface InstallationConfig {

    /**
     * A name of the environment, such as {@code production}: written down in the store at its first start. A copy of the store that is
     * brought up under another name knows that it is one, even where server, database and address are the same.
     */
    Optional<String> installation();
}
