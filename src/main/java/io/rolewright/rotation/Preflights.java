package io.rolewright.rotation;

import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.ManagedRoles;
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

    /**
     * @param server for {@code ManagedRoles.register}; null unless the connection's login succeeded
     * @param first what was found of the first role
     */
    record Looked(RotationPreflight shown, RoleServer server, RoleChecks.Check first) {}

    /** Proves the password that the first role has: see {@link RoleChecks#prove}. */
    Uni<ManagedRoles.Adopted> prove(UUID connection, Looked looked, String role, String password, Deadline deadline) {
        return checks.prove(connection, looked.first, role, password, deadline);
    }

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

    /** The same, with a warning for each thing in which two roles that are to take turns are not alike. */
    Uni<RotationPreflight> compared(UUID connection, List<String> names, Looked looked, Deadline deadline) {
        return names.size() < 2 || looked.server == null
                ? Uni.createFrom().item(looked.shown)
                : checks.differences(connection, names.get(0), names.get(1), deadline)
                        .map(found -> looked.shown.with(
                                found.stream().map(Preflights::shown).toList()));
    }

    private static boolean unreachable(List<RoleChecks.Check> checks) {
        return checks.stream().anyMatch(check -> check.report() == null);
    }

    private static Looked looked(List<String> names, List<RoleChecks.Check> checks) {
        RoleChecks.Check last = checks.get(checks.size() - 1);
        if (last.report() == null) {
            String message = "Unable to validate connection: " + last.message();
            return new Looked(
                    new RotationPreflight(false, new Obstacle(last.reason(), message, null), null, List.of()),
                    null,
                    checks.get(0));
        }
        List<Role> roles = new ArrayList<>();
        for (int i = 0; i < checks.size(); i++) {
            roles.add(role(names.get(i), checks.get(i)));
        }
        TargetReport.Server server = last.report().server();
        return new Looked(
                new RotationPreflight(
                        roles.stream().allMatch(Role::ok), null, server == null ? null : server.version(), roles),
                last.server(),
                checks.get(0));
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
