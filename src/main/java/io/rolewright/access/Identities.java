package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** The machine identities of the store and their roles. */
@ApplicationScoped
class Identities {

    static final String KIND = "identity";

    private static final String VIEW = """
            select i.id, i.name, i.client_id, i.created_at, i.updated_at,
                (select coalesce(jsonb_agg(jsonb_build_object('project', b.project_id, 'role', b.role)), '[]')
                 from role_binding b where b.identity_id = i.id) as bindings,
                exists (select from client_secret s where s.identity_id = i.id) as universal_auth,
                (select coalesce(string_agg(r.method, ',' order by r.method), '') from token_rule r
                 where r.identity_id = i.id) as rules,
                exists (select from static_token t where t.identity_id = i.id) as token_auth
            from identity i""";

    private final Pool pool;
    private final Standings standings;
    private final AuditLog audit;
    private final Clock clock;

    Identities(Pool pool, Standings standings, AuditLog audit, Clock clock) {
        this.pool = pool;
        this.standings = standings;
        this.audit = audit;
        this.clock = clock;
    }

    /**
     * @param roles in the organisation
     * @param projects more roles, by project
     * @param authMethods what it has to log in with, by the reference's names
     */
    record Described(
            UUID id,
            String name,
            String clientId,
            Set<Role> roles,
            Map<UUID, Set<Role>> projects,
            List<String> authMethods,
            Instant createdAt,
            Instant updatedAt) {}

    Uni<Slice<Described>> list(Page page) {
        var query = page.afterName() == null
                ? pool.preparedQuery(VIEW + " order by i.name, i.id limit $1").execute(Tuple.of(page.rowsToRead()))
                : pool.preparedQuery(VIEW + " where (i.name, i.id) > ($2, $3) order by i.name, i.id limit $1")
                        .execute(Tuple.of(page.rowsToRead(), page.afterName(), page.afterId()));
        return query.map(rows -> page.cut(
                StreamSupport.stream(rows.spliterator(), false)
                        .map(Identities::described)
                        .toList(),
                Described::name,
                Described::id));
    }

    /** @return fails with 404 {@code identity_not_found} */
    Uni<Described> get(UUID id) {
        return pool.preparedQuery(VIEW + " where i.id = $1")
                .execute(Tuple.of(id))
                .map(rows -> {
                    if (rows.size() == 0) {
                        throw notFound(id);
                    }
                    return described(rows.iterator().next());
                });
    }

    /** @param alsoStore what has to commit together with the identity */
    Uni<Described> create(Act act, String name, Set<Role> roles, Function<Described, Uni<Void>> alsoStore) {
        var identity = new Identity();
        identity.id = UUID.randomUUID();
        identity.name = name;
        identity.clientId = UUID.randomUUID().toString();
        identity.createdAt = now();
        identity.updatedAt = identity.createdAt;
        var described = new Described(
                identity.id,
                name,
                identity.clientId,
                roles,
                Map.of(),
                List.of(),
                identity.createdAt,
                identity.updatedAt);
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.persist(identity)
                        .chain(session::flush)
                        .chain(() -> Bindings.replace(session, identity.id, null, roles))
                        .chain(() -> audit.record(act.success(AuditType.CREATE_IDENTITY)
                                .on(KIND, identity.id)
                                .with("name", name)
                                .with("roles", names(roles))))
                        .chain(() -> alsoStore.apply(described))
                        .replaceWith(described)));
    }

    /**
     * @param name null to leave it
     * @param roles in the organisation; null to leave them
     * @return fails with 404 {@code identity_not_found} or 400 {@code last_administrator}
     */
    Uni<Described> change(Act act, UUID id, @Nullable String name, @Nullable Set<Role> roles) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> locked(session, id))
                                .chain(identity -> {
                                    if (name != null) {
                                        identity.name = name;
                                    }
                                    identity.updatedAt = now();
                                    return session.flush();
                                })
                                .chain(() -> roles == null
                                        ? Standings.changed(session, id)
                                        : Bindings.replace(session, id, null, roles)
                                                .chain(() -> Bindings.keepAnAdministrator(session)))
                                .chain(() -> audit.record(with(
                                        act.success(AuditType.UPDATE_IDENTITY).on(KIND, id), name, roles)))))
                .invoke(() -> standings.forget(List.of(id)))
                .chain(() -> get(id));
    }

    /** Ends all tokens of the identity too. @return what it was */
    Uni<Described> delete(Act act, UUID id) {
        return get(id).call(before -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> locked(session, id))
                                .chain(identity -> Rows.delete(session, identity, "id = ?1", id))
                                .invoke(there -> {
                                    if (!there) {
                                        throw notFound(id);
                                    }
                                })
                                .chain(() -> Standings.changed(session, id))
                                .chain(() -> Bindings.keepAnAdministrator(session))
                                .chain(() -> audit.record(act.success(AuditType.DELETE_IDENTITY)
                                        .on(KIND, id)
                                        .with("name", before.name()))))))
                .invoke(() -> standings.forget(List.of(id)));
    }

    /** Locks the row, so that changes of one identity follow each other. @return fails with 404 if there is none */
    static Uni<Identity> locked(Mutiny.Session session, UUID id) {
        return session.find(Identity.class, id, LockModeType.PESSIMISTIC_WRITE)
                .onItem()
                .ifNull()
                .failWith(() -> notFound(id));
    }

    static Problem notFound(UUID id) {
        return Problem.of(ErrorCode.IDENTITY_NOT_FOUND, "There is no identity with the id " + id + ".");
    }

    static List<String> names(Set<Role> roles) {
        return roles.stream().sorted().map(Role::storedName).toList();
    }

    private static AuditEvent with(AuditEvent event, @Nullable String name, @Nullable Set<Role> roles) {
        var named = name == null ? event : event.with("name", name);
        return roles == null ? named : named.with("roles", names(roles));
    }

    private static Described described(Row row) {
        Set<Role> organisation = EnumSet.noneOf(Role.class);
        Map<UUID, Set<Role>> projects = new TreeMap<>();
        for (var each : row.getJsonArray("bindings")) {
            var binding = (JsonObject) each;
            var project = binding.getString("project");
            var roles = project == null
                    ? organisation
                    : projects.computeIfAbsent(UUID.fromString(project), any -> new LinkedHashSet<>());
            Role.of(binding.getString("role")).ifPresent(roles::add);
        }
        List<String> methods = new ArrayList<>();
        if (row.getBoolean("universal_auth")) {
            methods.add("universal-auth");
        }
        if (row.getBoolean("token_auth")) {
            methods.add("token-auth");
        }
        Stream.of(row.getString("rules").split(","))
                .filter(method -> !method.isEmpty())
                .forEach(methods::add);
        return new Described(
                row.getUUID("id"),
                row.getString("name"),
                row.getString("client_id"),
                organisation,
                projects,
                methods,
                row.getOffsetDateTime("created_at").toInstant(),
                row.getOffsetDateTime("updated_at").toInstant());
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}
