package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.sealing.RowSeals;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** Roles of identities in one project. */
@ApplicationScoped
class Memberships {

    /** A page of identities, and all the roles of each. */
    private static final String READ = """
            select i.id, i.name, b.role, m.role_words from (
                select o.id, o.name from identity o
                 where (exists (select from role_binding b where b.identity_id = o.id and b.project_id = $1)
                        or exists (select from project_membership m
                                    where m.identity_id = o.id and m.project_id = $1 and m.role_words is not null))
                   and ($2::text is null or (o.name, o.id) > ($2, $3::uuid))
                 order by o.name, o.id limit $4) i
            left join role_binding b on b.identity_id = i.id and b.project_id = $1
            left join project_membership m on m.identity_id = i.id and m.project_id = $1
            order by i.name, i.id""";

    private final Projects projects;
    private final Pool pool;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;

    Memberships(Projects projects, Pool pool, RowSeals seals, Standings standings, AuditLog audit) {
        this.projects = projects;
        this.pool = pool;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
    }

    /** @param words that the roles were given by, as {@link ReferenceRoles#projectWords} has them */
    record Membership(UUID identityId, String identityName, Set<Role> roles, List<String> words) {

        /** What can be edited. */
        Map<String, Object> settings() {
            return Map.of("roles", Identities.names(roles));
        }
    }

    /** How what is asked for meets what is there. */
    private enum Meets {
        ANYTHING,
        NOTHING,
        SOMETHING
    }

    /** By name. */
    Uni<Slice<Membership>> list(Caller caller, UUID projectId, Page page) {
        return projects.existing(caller, Right.MEMBERSHIP_READ, projectId)
                .chain(() -> pool.preparedQuery(READ)
                        .execute(Tuple.of(projectId, page.afterName(), page.afterId(), page.rowsToRead())))
                .map(rows -> page.cut(memberships(rows), Membership::identityName, Membership::identityId))
                .map(slice -> new Slice<>(meant(slice.rows()), slice.nextCursor()));
    }

    /** @return fails with 404 {@code identity_not_found} or {@code project_not_found}, 412 {@code changed_since_read} */
    Uni<Membership> set(Act act, UUID projectId, UUID identityId, IfMatch seen, Set<Role> roles) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> replace(act, projectId, identityId, seen, roles, null, Meets.ANYTHING));
    }

    /** @return fails with 404 {@code project_not_found} or {@code membership_not_found} */
    Uni<Membership> get(Caller caller, UUID projectId, UUID identityId) {
        return projects.existing(caller, Right.MEMBERSHIP_READ, projectId)
                .chain(() -> read(projectId))
                .map(all -> one(all, identityId));
    }

    /** @param words as {@link ReferenceRoles#inProject} takes them. @return fails with 400 {@code membership_exists} too */
    Uni<Membership> create(Act act, UUID projectId, UUID identityId, List<String> words) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> replace(
                        act,
                        projectId,
                        identityId,
                        new IfMatch(null),
                        ReferenceRoles.inProject(words),
                        words,
                        Meets.NOTHING));
    }

    /** @param words as {@link ReferenceRoles#inProject} takes them. @return fails with 404 {@code membership_not_found} too */
    Uni<Membership> change(Act act, UUID projectId, UUID identityId, IfMatch seen, List<String> words) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> replace(
                        act, projectId, identityId, seen, ReferenceRoles.inProject(words), words, Meets.SOMETHING));
    }

    /** @return what it was; fails with 404 {@code membership_not_found} */
    Uni<Membership> remove(Act act, UUID projectId, UUID identityId) {
        return projects.existing(act.caller(), Right.MEMBERSHIP_EDIT, projectId)
                .chain(() -> read(projectId))
                .map(all -> one(all, identityId))
                .call(() -> replace(act, projectId, identityId, new IfMatch(null), Set.of(), null, Meets.ANYTHING));
    }

    private static Membership one(List<Membership> all, UUID identityId) {
        return all.stream()
                .filter(each -> each.identityId().equals(identityId))
                .findFirst()
                .orElseThrow(() -> Problem.of(
                        ErrorCode.MEMBERSHIP_NOT_FOUND,
                        "The identity " + identityId + " has no roles in this project."));
    }

    private Uni<Membership> replace(
            Act act,
            UUID projectId,
            UUID identityId,
            IfMatch seen,
            Set<Role> roles,
            @Nullable List<String> words,
            Meets meets) {
        Changes changes = new Changes();
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .invoke(identity -> {
                                    if (!roles.isEmpty() || words != null) {
                                        identity.requireMayHaveRoles(projectId, "identityId");
                                    }
                                })
                                .call(() -> meets == Meets.ANYTHING
                                        ? Uni.createFrom().voidItem()
                                        : read(projectId).invoke(all -> require(all, identityId, meets)))
                                .call(() -> Bindings.of(session, identityId, projectId)
                                        .invoke(before -> {
                                            seen.require(
                                                    Map.of("roles", Identities.names(IdentityResource.roles(before))));
                                            changes.put("roles", before, Set.copyOf(Identities.names(roles)));
                                        }))
                                .call(() -> Bindings.replace(session, seals, identityId, projectId, roles))
                                .call(() -> keep(session, projectId, identityId, words))
                                .call(identity -> audit.record(act.success(AuditType.UPDATE_PROJECT_MEMBERSHIP)
                                        .in(projectId)
                                        .on(Projects.KIND, projectId)
                                        .with("identityId", identityId)
                                        .with("identityName", identity.name)
                                        .with("roles", Identities.names(roles))
                                        .with(Changes.FACT, changes.fields())))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .map(identity -> new Membership(
                        identityId, identity.name, roles, words == null ? Identities.names(roles) : words));
    }

    private static void require(List<Membership> all, UUID identityId, Meets meets) {
        boolean isThere = all.stream().anyMatch(each -> each.identityId().equals(identityId));
        if (meets == Meets.SOMETHING) {
            one(all, identityId);
        } else if (isThere) {
            throw Problem.of(
                    ErrorCode.MEMBERSHIP_EXISTS,
                    "The identity " + identityId + " has roles in this project already: change them.");
        }
    }

    /** The words under which the roles were given; those of before go. Joins the running transaction. */
    static Uni<Void> keep(Mutiny.Session session, UUID projectId, UUID identityId, @Nullable List<String> words) {
        var gone = session.createNativeQuery(
                        "delete from project_membership where identity_id = ?1 and project_id = ?2")
                .setParameter(1, identityId)
                .setParameter(2, projectId)
                .executeUpdate()
                .replaceWithVoid();
        return words == null
                ? gone
                : gone.chain(() -> session.createNativeQuery("""
                                        insert into project_membership (identity_id, project_id, role_words)
                                        values (?1, ?2, ?3)""")
                                .setParameter(1, identityId)
                                .setParameter(2, projectId)
                                .setParameter(3, String.join(",", words))
                                .executeUpdate())
                        .replaceWithVoid();
    }

    private Uni<List<Membership>> read(UUID projectId) {
        return pool.preparedQuery(READ)
                .execute(Tuple.of(projectId, null, null, null))
                .map(rows -> meant(memberships(rows)));
    }

    private static List<Membership> memberships(RowSet<Row> rows) {
        Map<UUID, Membership> found = new LinkedHashMap<>();
        for (var row : rows) {
            var sent = row.getString("role_words");
            var membership = found.computeIfAbsent(
                    row.getUUID("id"),
                    id -> new Membership(
                            id,
                            row.getString("name"),
                            EnumSet.noneOf(Role.class),
                            sent == null ? List.of() : List.of(sent)));
            var role = row.getString("role");
            if (role != null) {
                Role.of(role).ifPresent(membership.roles()::add);
            }
        }
        return found.values().stream()
                .map(each -> new Membership(
                        each.identityId,
                        each.identityName,
                        each.roles,
                        ReferenceRoles.projectWords(each.words.isEmpty() ? null : each.words.get(0), each.roles)))
                .toList();
    }

    /** Without those whose roles a later build has given. */
    private static List<Membership> meant(List<Membership> all) {
        return all.stream().filter(each -> !each.words.isEmpty()).toList();
    }
}
