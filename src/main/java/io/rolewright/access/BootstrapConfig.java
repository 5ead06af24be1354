package io.rolewright.access;

import io.smallrye.config.ConfigMapping;
import java.nio.file.Path;
import java.util.Optional;

/** The first identity, an administrator. It is made when the store has none; later these settings are not looked at. */
@ConfigMapping(prefix = "rolewright.bootstrap")
public interface BootstrapConfig {

    /** 1 to 255 printable ASCII characters without spaces. */
    Optional<String> clientId();

    /** At least 32 characters, for example from {@code openssl rand -base64 32}. */
    Optional<String> clientSecret();

    /**
     * A file that holds the secret, instead of {@link #clientSecret}; white space around it is ignored. It need not be there without
     * {@link #clientId}.
     */
    Optional<Path> clientSecretFile();
}
