package io.rolewright.store;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** Who changes the schema, and when. */
@ConfigMapping(prefix = "rolewright.migration")
interface MigrationConfig {

    /**
     * Whether the service itself brings the schema up to date when it starts. If not, it only checks, and is not ready
     * until somebody has run it once with {@code --migrate}.
     */
    @WithDefault("true")
    boolean atStart();

    /** The database role that owns the schema, if it is not the one of the running service. */
    Optional<String> username();

    /** The password of that role. */
    Optional<String> password();

    /** File with that password, in place of it; a newline at its end does not count. Not looked at without {@link #username}. */
    Optional<String> passwordFile();

    /** Bound of one migration. A migration that needs longer is a matter for {@code --migrate} with a larger one. */
    @WithDefault("5m")
    Duration timeout();

    /**
     * How long a migration waits for a lock (another replica's migration, a table in use) before it gives up and is
     * tried again: whatever asks for the table meanwhile queues up behind it.
     */
    @WithDefault("5s")
    Duration lockTimeout();
}
