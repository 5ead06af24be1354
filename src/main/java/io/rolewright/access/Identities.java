package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.sealing.RowSeals;
import io.rolewright.store.OwnContext;
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
import java.util.LinkedHashMap;
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

    /** By which a list can be sorted. */
    static final List<String> COLUMNS = List.of("name", "roles", "projects");

    private static final String VIEW = """
            select i.id, i.name, i.project_id, i.client_id, i.created_at, i.updated_at, i.delete_protected, i.metadata, i.role_word,
                (select coalesce(jsonb_agg(jsonb_build_object('project', b.project_id, 'role', b.role)), '[]')
                 from role_binding b where b.identity_id = i.id) as bindings,
                exists (select from client_secret s where s.identity_id = i.id)
                    or exists (select from login_setting l where l.identity_id = i.id and l.method = 'universal-auth')
                    as universal_auth,
                (select coalesce(string_agg(r.method, ',' order by r.method), '') from token_rule r
                 where r.identity_id = i.id) as rules,
                exists (select from static_token t where t.identity_id = i.id)
                    or exists (select from login_setting l where l.identity_id = i.id and l.method = 'token-auth')
                    as token_auth
            from identity i""";

    private final Pool pool;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;
    private final Clock clock;

    Identities(Pool pool, RowSeals seals, Standings standings, AuditLog audit, Clock clock) {
        this.pool = pool;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
        this.clock = clock;
    }

    /**
     * @param projectId that it belongs to; null for the organisation
     * @param roles in the organisation
     * @param projects more roles, by project
     * @param authMethods what it has to log in with, by the reference's names
     * @param role its roles in the organisation in one word of the reference's, or in ours
     */
    record Described(
            UUID id,
            String name,
            @Nullable UUID projectId,
            String clientId,
            Set<Role> roles,
            Map<UUID, Set<Role>> projects,
            List<String> authMethods,
            boolean deleteProtected,
            List<IdentityMetadata> metadata,
            String role,
            Instant createdAt,
            Instant updatedAt) {}

    /**
     * @param name null to leave it at a change; the same for the others
     * @param roles in the organisation
     * @param roleWord that the roles were given by, null for our words; counts where there are roles
     */
    record Wanted(
            @Nullable String name,
            @Nullable Set<Role> roles,
            @Nullable String roleWord,
            @Nullable Boolean deleteProtected,
            @Nullable List<IdentityMetadata> metadata) {}

    /**
     * A page of what an identity has of a kind, oldest first. A store session of its own.
     *
     * @param kind an entity with {@code identityId}, {@code createdAt} and {@code id}
     * @return fails with 404 {@code identity_not_found}
     */
    static <T> Uni<Slice<T>> things(
            Class<T> kind, UUID identityId, Page page, Function<T, Instant> createdAt, Function<T, UUID> id) {
        String from = "from " + kind.getSimpleName() + " where identityId = ?1";
        String order = " order by createdAt, id";
        return Panache.withSession(() -> Identity.findById(identityId)
                        .onItem()
                        .ifNull()
                        .failWith(() -> notFound(identityId))
                        .chain(Panache::getSession)
                        .chain(session -> (page.afterMoment() == null
                                        ? session.createSelectionQuery(from + order, kind)
                                        : session.createSelectionQuery(
                                                        from + " and (createdAt > ?2 or createdAt = ?2 and id > ?3)"
                                                                + order,
                                                        kind)
                                                .setParameter(2, page.afterMoment())
                                                .setParameter(3, page.afterId()))
                                .setParameter(1, identityId)
                                .setMaxResults(page.rowsToRead())
                                .getResultList()))
                .map(rows -> page.cut(rows, row -> createdAt.apply(row).toString(), id));
    }

    /** Those of the organisation. */
    Uni<Slice<Described>> list(Page page) {
        var query = page.afterName() == null
                ? pool.preparedQuery(VIEW + " where i.project_id is null order by i.name, i.id limit $1")
                        .execute(Tuple.of(page.rowsToRead()))
                : pool.preparedQuery(VIEW + " where i.project_id is null and (i.name, i.id) > ($2, $3)"
                                + " order by i.name, i.id limit $1")
                        .execute(Tuple.of(page.rowsToRead(), page.afterName(), page.afterId()));
        return query.map(rows -> page.cut(
                StreamSupport.stream(rows.spliterator(), false)
                        .map(Identities::described)
                        .toList(),
                Described::name,
                Described::id));
    }

    /**
     * The same, looked through by the service.
     *
     * @param wanted by {@link #COLUMNS}
     */
    Uni<Chosen<Described>> search(Selection wanted) {
        return list(Page.whole())
                .chain(all -> OwnContext.elsewhere(() -> wanted.choose(
                        all.rows(),
                        each -> new String[] {each.name, each.clientId, words(each.roles)},
                        each -> column(each, wanted.sort()),
                        Described::name,
                        Described::id)));
    }

    private static Comparable<?> column(Described identity, String column) {
        return switch (column) {
            case "name" -> identity.name;
            case "roles" -> words(identity.roles);
            case "projects" -> identity.projects.size();
            default -> throw new IllegalArgumentException(column);
        };
    }

    private static String words(Set<Role> roles) {
        return String.join(" ", names(roles));
    }

    /**
     * Some of those that belong to a project.
     *
     * @param all how many there are
     */
    record OfProject(List<Described> some, long all) {}

    /** By name. @param search what is in the name, in whatever case; null for all */
    Uni<OfProject> ofProject(UUID projectId, @Nullable String search, int limit, int offset) {
        var where = " where i.project_id = $1 and ($2::text is null or strpos(lower(i.name), lower($2)) > 0)";
        return pool.preparedQuery(VIEW + where + " order by i.name, i.id limit $3 offset $4")
                .execute(Tuple.of(projectId, search, limit, offset))
                .chain(rows -> pool.preparedQuery("select count(*) as all_of_them from identity i" + where)
                        .execute(Tuple.of(projectId, search))
                        .map(counted -> new OfProject(
                                StreamSupport.stream(rows.spliterator(), false)
                                        .map(Identities::described)
                                        .toList(),
                                counted.iterator().next().getLong("all_of_them"))));
    }

    /** @return fails with 404 {@code identity_not_found} for one that does not belong to the project too */
    Uni<Described> get(UUID projectId, UUID id) {
        return get(id).invoke(identity -> {
            if (!projectId.equals(identity.projectId)) {
                throw notFound(id);
            }
        });
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
    Uni<Described> create(Act act, Wanted wanted, Function<Described, Uni<Void>> alsoStore) {
        return create(act, null, wanted, alsoStore);
    }

    /** @param project that it is to belong to; null for the organisation */
    Uni<Described> create(Act act, @Nullable UUID project, Wanted wanted, Function<Described, Uni<Void>> alsoStore) {
        Set<Role> roles = wanted.roles == null ? Set.of() : wanted.roles;
        var identity = new Identity();
        identity.id = UUID.randomUUID();
        identity.projectId = project;
        identity.clientId = UUID.randomUUID().toString();
        identity.createdAt = now();
        apply(wanted, identity, identity.createdAt, new Changes());
        identity.seal(seals);
        var described = new Described(
                identity.id,
                identity.name,
                identity.projectId,
                identity.clientId,
                roles,
                Map.of(),
                List.of(),
                identity.deleteProtected,
                IdentityMetadata.read(identity.metadata),
                ReferenceRoles.organisationWord(identity.roleWord, roles),
                identity.createdAt,
                identity.updatedAt);
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.persist(identity)
                        .chain(session::flush)
                        .chain(() -> Bindings.replace(session, seals, identity.id, null, roles))
                        .chain(() -> audit.record(act.success(AuditType.CREATE_IDENTITY)
                                .in(project)
                                .on(KIND, identity.id)
                                .with("name", identity.name)
                                .with("roles", names(roles))))
                        .chain(() -> alsoStore.apply(described))
                        .replaceWith(described)));
    }

    /** What can be edited. Roles in projects are edited there. */
    static Map<String, Object> settings(Described identity) {
        return settings(identity.name, identity.roles, identity.deleteProtected, identity.metadata);
    }

    private static Map<String, Object> settings(
            String name, Set<Role> roles, boolean deleteProtected, List<IdentityMetadata> metadata) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("name", name);
        settings.put("roles", names(roles));
        settings.put("hasDeleteProtection", deleteProtected);
        settings.put("metadata", metadata);
        return settings;
    }

    /** Joins the transaction that has locked the identity. */
    private static Uni<Void> require(Mutiny.Session session, IfMatch seen, Identity identity) {
        return !seen.isSent()
                ? Uni.createFrom().voidItem()
                : Bindings.of(session, identity.id, null)
                        .invoke(roles -> seen.require(settings(
                                identity.name,
                                IdentityResource.roles(roles),
                                identity.deleteProtected,
                                IdentityMetadata.read(identity.metadata))))
                        .replaceWithVoid();
    }

    /**
     * @return fails with 404 {@code identity_not_found}, 412 {@code changed_since_read} or 400 {@code
     *     last_administrator}
     */
    Uni<Described> change(Act act, UUID id, IfMatch seen, Wanted wanted) {
        Changes changes = new Changes();
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> locked(session, id))
                                .call(identity -> require(session, seen, identity))
                                .chain(identity -> {
                                    if (wanted.roles != null && !wanted.roles.isEmpty()) {
                                        identity.requireMayHaveRoles(null, wanted.roleWord == null ? "roles" : "role");
                                    }
                                    apply(wanted, identity, now(), changes);
                                    return session.flush();
                                })
                                .chain(() -> wanted.roles == null
                                        ? Standings.changed(session, id)
                                        : Bindings.of(session, id, null)
                                                .invoke(before ->
                                                        changes.put("roles", before, Set.copyOf(names(wanted.roles))))
                                                .chain(() -> Bindings.replace(session, seals, id, null, wanted.roles))
                                                .chain(() -> Bindings.keepAnAdministrator(session, seals)))
                                .chain(() -> audit.record(with(
                                                act.success(AuditType.UPDATE_IDENTITY)
                                                        .on(KIND, id),
                                                wanted)
                                        .with(Changes.FACT, changes.fields())))))
                .invoke(() -> standings.forget(List.of(id)))
                .chain(() -> get(id));
    }

    private static void apply(Wanted wanted, Identity identity, Instant at, Changes changes) {
        if (wanted.name != null) {
            changes.put("name", identity.name, wanted.name);
            identity.name = wanted.name;
        }
        if (wanted.roles != null) {
            identity.roleWord = wanted.roleWord;
        }
        if (wanted.deleteProtected != null) {
            changes.put("hasDeleteProtection", identity.deleteProtected, wanted.deleteProtected);
            identity.deleteProtected = wanted.deleteProtected;
        }
        if (wanted.metadata != null) {
            String metadata = IdentityMetadata.stored(wanted.metadata);
            changes.put("metadata", identity.metadata, metadata);
            identity.metadata = metadata;
        }
        identity.updatedAt = at;
    }

    /** Ends all tokens of the identity too. @return what it was; fails with 400 {@code delete_protected} */
    Uni<Described> delete(Act act, UUID id) {
        return get(id).call(before -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> locked(session, id))
                                .invoke(identity -> {
                                    if (identity.deleteProtected) {
                                        throw Problem.of(
                                                ErrorCode.DELETE_PROTECTED,
                                                "The identity " + identity.name
                                                        + " is protected from being deleted: set hasDeleteProtection to"
                                                        + " false first.");
                                    }
                                })
                                .chain(identity -> Rows.delete(session, identity, "id = ?1", id))
                                .invoke(there -> {
                                    if (!there) {
                                        throw notFound(id);
                                    }
                                })
                                .chain(() -> Standings.changed(session, id))
                                .chain(() -> Bindings.keepAnAdministrator(session, seals))
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

    private static AuditEvent with(AuditEvent event, Wanted wanted) {
        var named = wanted.name == null ? event : event.with("name", wanted.name);
        var given = wanted.roles == null ? named : named.with("roles", names(wanted.roles));
        var kept = wanted.metadata == null ? given : given.with("metadataUpdated", true);
        return wanted.deleteProtected == null ? kept : kept.with("hasDeleteProtection", wanted.deleteProtected);
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
                row.getUUID("project_id"),
                row.getString("client_id"),
                organisation,
                projects,
                methods,
                row.getBoolean("delete_protected"),
                IdentityMetadata.read(row.getString("metadata")),
                ReferenceRoles.organisationWord(row.getString("role_word"), organisation),
                row.getOffsetDateTime("created_at").toInstant(),
                row.getOffsetDateTime("updated_at").toInstant());
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}
