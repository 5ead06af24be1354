package io.rolewright.rotation;

import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.RoleChecks;
import io.rolewright.credential.RoleServer;
import io.rolewright.credential.Sight;
import io.rolewright.rotation.RotationPreflight.Obstacle;
import io.rolewright.rotation.RotationPreflight.Role;
import io.rolewright.target.Deadline;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Looks at the roles of a rotation on their target before they are touched. Changes nothing there. */
@ApplicationScoped
class Preflights {

    private final RoleChecks checks;

    Preflights(RoleChecks checks) {
        this.checks = checks;
    }

    /** @param server for {@code ManagedRoles.register}; null unless the connection's login succeeded */
    record Looked(RotationPreflight shown, RoleServer server) {}

    /**
     * Examines each role and rehearses its change, which is rolled back.
     *
     * @param roleIds of the roles, in the order of their names, where a rotation has them already; else empty
     */
    Uni<Looked> look(
            UUID connection,
            List<String> names,
            boolean allowPrivileged,
            boolean takeover,
            List<UUID> roleIds,
            Sight sight,
            Deadline deadline) {
        Uni<List<RoleChecks.Check>> all = Uni.createFrom().item(ArrayList::new);
        // One session at a time, and none after the connection itself has failed.
        for (int i = 0; i < names.size(); i++) {
            RoleChecks.Question asked = new RoleChecks.Question(
                    connection,
                    names.get(i),
                    roleIds.isEmpty() ? null : roleIds.get(i),
                    takeover,
                    allowPrivileged,
                    sight);
            all = all.chain(before -> unreachable(before)
                    ? Uni.createFrom().item(before)
                    : checks.check(asked, deadline).map(check -> {
                        before.add(check);
                        return before;
                    }));
        }
        return all.map(found -> looked(names, found));
    }

    private static boolean unreachable(List<RoleChecks.Check> checks) {
        return checks.stream().anyMatch(check -> check.report() == null);
    }

    private static Looked looked(List<String> names, List<RoleChecks.Check> checks) {
        RoleChecks.Check last = checks.get(checks.size() - 1);
        if (last.report() == null) {
            String message = "Unable to validate connection: " + last.message();
            return new Looked(
                    new RotationPreflight(false, new Obstacle(last.reason(), message, null), null, List.of()), null);
        }
        List<Role> roles = new ArrayList<>();
        for (int i = 0; i < checks.size(); i++) {
            roles.add(role(names.get(i), checks.get(i)));
        }
        TargetReport.Server server = last.report().server();
        return new Looked(
                new RotationPreflight(
                        roles.stream().allMatch(Role::ok), null, server == null ? null : server.version(), roles),
                last.server());
    }

    private static Role role(String name, RoleChecks.Check check) {
        Instant validUntil = check.report().managedRoles().stream()
                .filter(role -> role.name().equals(name))
                .findFirst()
                .map(TargetReport.ManagedRole::validUntil)
                .orElse(null);
        return new Role(
                name,
                check.ready(),
                validUntil,
                check.ready() ? List.of() : obstacles(check),
                check.warnings().isEmpty()
                        ? null
                        : check.warnings().stream().map(Preflights::shown).toList());
    }

    private static List<Obstacle> obstacles(RoleChecks.Check check) {
        return check.obstacles().isEmpty()
                ? List.of(new Obstacle(check.reason(), check.message(), null))
                : check.obstacles().stream().map(Preflights::shown).toList();
    }

    private static Obstacle shown(ChangeOutcome.Obstacle each) {
        return new Obstacle(each.code(), each.message(), each.sql());
    }
}
