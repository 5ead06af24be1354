package io.rolewright.credential;

import io.rolewright.sealing.Sealer;
import io.rolewright.target.Preflight;
import io.rolewright.target.TargetReport;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** By what the register knows a role and its server again. */
@ApplicationScoped
class RoleIdentities {

    private final Sealer sealer;

    RoleIdentities(Sealer sealer) {
        this.sealer = sealer;
    }

    /** Of the role that was looked at, as it is now. */
    RoleIdentity of(Preflight found) {
        return new RoleIdentity(found.oid(), server(found.report()));
    }

    /** By what a server is known where it gives numbers to roles; null where it keeps its identifier to itself. */
    byte @Nullable [] server(TargetReport report) {
        TargetReport.Server server = report.server();
        String identifier = server == null ? null : server.systemIdentifier();
        return identifier == null
                ? null
                : sealer.fingerprint("role-server", identifier.getBytes(StandardCharsets.UTF_8));
    }
}
