package io.rolewright.audit;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How long the audit is kept, and how much of it those may write who are refused. */
@ConfigMapping(prefix = "rolewright.audit")
public interface AuditConfig {

    /**
     * How long audit rows are kept: at least a day. Once the oldest is a day older, the service deletes what is over, where its role may do that;
     * {@code --prune-audit} does it where the schema belongs to another role. Nothing else ever deletes an audit row. With less than a day
     * nothing is deleted.
     */
    @WithDefault("400d")
    Duration retention();

    /**
     * Rows a minute about what was refused to one identity, for each project that it tried, in one replica. The rest is in the log, and one row
     * says how many there were.
     */
    @WithDefault("60")
    int refusalsOfIdentity();

    /**
     * Rows a minute about requests without a valid token, and as many about each kind of login that failed, from one address (IPv6: one /64),
     * in one replica. The rest is in the log, and one row says how many there were.
     */
    @WithDefault("60")
    int refusalsOfAddress();

    /**
     * The same from all addresses together: so fast a stranger can fill the table. 240 a minute are some 350,000 rows or 100 MB a day; there are
     * four kinds.
     */
    @WithDefault("240")
    int refusalsOfStrangers();
}
