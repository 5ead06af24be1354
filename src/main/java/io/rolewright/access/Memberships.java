package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Roles of identities in one project. */
@ApplicationScoped
class Memberships {

    private static final String READ = """
            select i.id, i.name, b.role from role_binding b join identity i on i.id = b.identity_id
            where b.project_id = $1 order by i.name, i.id""";

    private final Projects projects;
    private final Pool pool;
    private final Standings standings;
    private final AuditLog audit;

    Memberships(Projects projects, Pool pool, Standings standings, AuditLog audit) {
        this.projects = projects;
        this.pool = pool;
        this.standings = standings;
        this.audit = audit;
    }

    record Membership(UUID identityId, String identityName, Set<Role> roles) {}

    /** By name. */
    Uni<List<Membership>> list(Caller caller, UUID projectId) {
        return projects.existing(caller, Right.MEMBERSHIP_READ, projectId).chain(() -> read(projectId));
    }

    /** @return fails with 404 {@code identity_not_found} or {@code project_not_found} */
    Uni<Membership> set(Act act, UUID projectId, UUID identityId, Set<Role> roles) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> replace(act, projectId, identityId, roles));
    }

    /** @return what it was; fails with 404 {@code membership_not_found} */
    Uni<Membership> remove(Act act, UUID projectId, UUID identityId) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> read(projectId))
                .map(all -> all.stream()
                        .filter(each -> each.identityId().equals(identityId))
                        .findFirst()
                        .orElseThrow(() -> Problem.of(
                                ErrorCode.MEMBERSHIP_NOT_FOUND,
                                "The identity " + identityId + " has no roles in this project.")))
                .call(() -> replace(act, projectId, identityId, Set.of()));
    }

    private Uni<Membership> replace(Act act, UUID projectId, UUID identityId, Set<Role> roles) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .call(() -> Bindings.replace(session, identityId, projectId, roles))
                                .call(identity -> audit.record(act.success(AuditType.UPDATE_PROJECT_MEMBERSHIP)
                                        .in(projectId)
                                        .on(Projects.KIND, projectId)
                                        .with("identityId", identityId)
                                        .with("identityName", identity.name)
                                        .with("roles", Identities.names(roles))))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .map(identity -> new Membership(identityId, identity.name, roles));
    }

    private Uni<List<Membership>> read(UUID projectId) {
        return pool.preparedQuery(READ).execute(Tuple.of(projectId)).map(rows -> {
            Map<UUID, Membership> found = new LinkedHashMap<>();
            for (var row : rows) {
                var membership = found.computeIfAbsent(
                        row.getUUID("id"), id -> new Membership(id, row.getString("name"), EnumSet.noneOf(Role.class)));
                Role.of(row.getString("role")).ifPresent(membership.roles()::add);
            }
            return List.copyOf(found.values());
        });
    }
}
