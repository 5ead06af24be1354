package io.rolewright.operations;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How long the audit is kept. */
@ConfigMapping(prefix = "rolewright.audit")
interface AuditConfig {

    /** What {@code --prune-audit} leaves: at least a day. Nothing else ever deletes an audit row. */
    @WithDefault("400d")
    Duration retention();
}
