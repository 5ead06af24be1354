package io.rolewright.rotation;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of writing credentials to Vault. Which server that is and how to log in there are quarkus-vault's ({@code quarkus.vault.*}). */
@ConfigMapping(prefix = "rolewright.vault-kv")
public interface VaultKvConfig {

    /**
     * Where rotations may have their credentials written: {@code <mount>:<path>}, below which anything goes, with {@code {project}} for
     * the slug of the rotation's project; {@code <mount>:} for the whole engine. Without any, nothing is ever written to Vault.
     */
    Optional<List<String>> places();

    /** How long all calls of one delivery may take together. At most 30 s: a claim lasts for a minute. */
    @WithDefault("10s")
    Duration timeout();

    /** After a failure; each further pause is four times as long. */
    @WithDefault("10s")
    Duration firstPause();

    /** The longest pause between two tries of a delivery. */
    @WithDefault("1h")
    Duration longestPause();

    /** How often it is looked whether what was written is still there: three requests for each rotation, at most four of them at a time. */
    @WithDefault("1h")
    Duration lookInterval();
}
