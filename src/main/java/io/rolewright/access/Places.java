package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.StreamSupport;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/**
 * Environments and folders of projects as rows, for clients that make them before they put something there. A rotation needs none: the
 * store makes the rows of its place with it, and a place at or above a rotation is neither renamed nor deleted.
 */
@ApplicationScoped
public class Places {

    static final String ENVIRONMENT = "environment";
    static final String FOLDER = "folder";

    private static final String ENVIRONMENTS = "select id, project_id, slug, name, position from environment ";

    private static final String FOLDERS = """
            select f.id, e.project_id, f.environment_id, e.slug, f.path, f.description
            from folder f join environment e on e.id = f.environment_id
            """;

    private static final String ADD_ENVIRONMENT = """
            insert into environment (id, project_id, slug, name, position)
            select case when exists (select from environment o where o.id = p.id) then gen_random_uuid() else p.id end, ?1, ?2, ?3,
                case when ?4 > 0 then ?4
                    else (select coalesce(max(o.position), 0) + 1 from environment o where o.project_id = ?1) end
            from (select place_id('environment ' || cast(cast(?1 as uuid) as text) || ' ' || cast(?2 as text)) as id) p""";

    /** At the path or below it. */
    private static final String ROTATED = """
            select exists (select from secret_rotation r where r.project_id = ?1 and r.environment = ?2
                and (?3 = '/' or r.secret_path = ?3 or left(r.secret_path, length(?3) + 1) = ?3 || '/'))""";

    private final Projects projects;
    private final Pool pool;
    private final AuditLog audit;

    Places(Projects projects, Pool pool, AuditLog audit) {
        this.projects = projects;
        this.pool = pool;
        this.audit = audit;
    }

    public record Environment(UUID id, UUID projectId, String slug, String name, int position) {

        /** What can be edited. */
        Map<String, Object> settings() {
            Map<String, Object> settings = new LinkedHashMap<>();
            settings.put("slug", slug);
            settings.put("name", name);
            settings.put("position", position);
            return settings;
        }
    }

    /** @param path whole, such as {@code /a/b} */
    record Folder(UUID id, UUID projectId, UUID environmentId, String environment, String path, String description) {

        String name() {
            return path.substring(path.lastIndexOf('/') + 1);
        }

        /** What can be edited; the whole path, since it moves with what is above. */
        Map<String, Object> settings() {
            Map<String, Object> settings = new LinkedHashMap<>();
            settings.put("path", path);
            settings.put("description", description);
            return settings;
        }
    }

    // ---- Environments ---------------------------------------------------------------------------------------------

    /** In their order. The caller has been let through to the project. */
    Uni<List<Environment>> environments(UUID projectId) {
        return pool.preparedQuery(ENVIRONMENTS + "where project_id = $1 order by position, slug")
                .execute(Tuple.of(projectId))
                .map(rows -> StreamSupport.stream(rows.spliterator(), false)
                        .map(Places::environment)
                        .toList());
    }

    /** @return fails with 404 {@code environment_not_found} for one that the caller may not see too */
    Uni<Environment> environment(Caller caller, Right right, UUID id) {
        return Uni.createFrom()
                .deferred(() -> {
                    Rights.reach(caller, right);
                    return pool.preparedQuery(ENVIRONMENTS + "where id = $1").execute(Tuple.of(id));
                })
                .map(rows -> {
                    if (rows.size() == 0) {
                        throw noEnvironment("id " + id);
                    }
                    var found = environment(rows.iterator().next());
                    Rights.requireOn(
                            caller, right, Right.PROJECT_READ, found.projectId, () -> noEnvironment("id " + id));
                    return found;
                });
    }

    /** The environments with these ids, in no order. The caller has been let through to what names them. */
    public Uni<List<Environment>> environments(Collection<UUID> ids) {
        return pool.preparedQuery(ENVIRONMENTS + "where id = any ($1)")
                .execute(Tuple.of(ids.toArray(UUID[]::new)))
                .map(rows -> StreamSupport.stream(rows.spliterator(), false)
                        .map(Places::environment)
                        .toList());
    }

    /** @return fails with 404 {@code environment_not_found} */
    public Uni<Environment> environment(Caller caller, UUID projectId, String slug) {
        return projects.existing(caller, Right.PROJECT_READ, projectId)
                .chain(() -> environments(projectId))
                .map(all -> all.stream()
                        .filter(each -> each.slug.equals(slug))
                        .findFirst()
                        .orElseThrow(() -> noEnvironment("slug " + slug)));
    }

    /** @param position 0 for the last. @return fails with 400 {@code environment_exists} */
    Uni<Environment> addEnvironment(Act act, UUID projectId, String slug, String name, int position) {
        return projects.existing(act.caller(), Right.PROJECT_EDIT, projectId)
                .chain(() -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> insert(session, projectId, slug, name, position))
                        .chain(() -> audit.record(act.success(AuditType.CREATE_ENVIRONMENT)
                                .in(projectId)
                                .on(Projects.KIND, projectId)
                                .with("name", name)
                                .with("slug", slug)))))
                .onFailure(StoreFault::isUniqueViolation)
                .transform(taken -> environmentExists(slug))
                .chain(() -> environment(act.caller(), projectId, slug));
    }

    /** Joins the running transaction. */
    static Uni<Void> insert(Mutiny.Session session, UUID projectId, String slug, String name, int position) {
        return session.createNativeQuery(ADD_ENVIRONMENT)
                .setParameter(1, projectId)
                .setParameter(2, slug)
                .setParameter(3, name)
                .setParameter(4, position)
                .executeUpdate()
                .replaceWithVoid();
    }

    /**
     * @param slug null to leave it; the same for the others
     * @return fails with 400 {@code place_in_use}, {@code environment_exists}, 412 {@code changed_since_read}
     */
    Uni<Environment> changeEnvironment(
            Act act,
            UUID projectId,
            UUID id,
            IfMatch seen,
            @Nullable String slug,
            @Nullable String name,
            @Nullable Integer position) {
        return own(act, projectId, id)
                .chain(known -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> locked(session, id)
                                .chain(before -> Uni.createFrom()
                                        .voidItem()
                                        .invoke(() -> seen.require(before.settings()))
                                        .chain(() -> slug == null || slug.equals(before.slug)
                                                ? Uni.createFrom().voidItem()
                                                : requireUnused(session, before, "/"))
                                        .chain(() -> session.createNativeQuery(
                                                        "update environment set slug = ?2, name = ?3, position = ?4 where id = ?1")
                                                .setParameter(1, id)
                                                .setParameter(2, slug == null ? before.slug : slug)
                                                .setParameter(3, name == null ? before.name : name)
                                                .setParameter(4, position == null ? before.position : position)
                                                .executeUpdate())
                                        .chain(() -> audit.record(act.success(AuditType.UPDATE_ENVIRONMENT)
                                                .in(projectId)
                                                .on(Projects.KIND, projectId)
                                                .with("environmentId", id)
                                                .with("name", name)
                                                .with("slug", slug)
                                                .with("position", position)
                                                .with("nameBefore", before.name)
                                                .with("slugBefore", before.slug)
                                                .with(
                                                        Changes.FACT,
                                                        new Changes()
                                                                .put("slug", slug != null && !slug.equals(before.slug))
                                                                .put("name", name != null && !name.equals(before.name))
                                                                .put(
                                                                        "position",
                                                                        position != null && position != before.position)
                                                                .fields())))))))
                .onFailure(StoreFault::isUniqueViolation)
                .transform(taken -> environmentExists(String.valueOf(slug)))
                .chain(() -> environment(act.caller(), Right.PROJECT_READ, id));
    }

    /** With its folders. @return what it was; fails with 400 {@code place_in_use} */
    Uni<Environment> deleteEnvironment(Act act, UUID projectId, UUID id) {
        return own(act, projectId, id)
                .call(before -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> locked(session, id)
                                .chain(() -> requireUnused(session, before, "/"))
                                .chain(() -> session.createNativeQuery("delete from environment where id = ?1")
                                        .setParameter(1, id)
                                        .executeUpdate())
                                .chain(() -> audit.record(act.success(AuditType.DELETE_ENVIRONMENT)
                                        .in(projectId)
                                        .on(Projects.KIND, projectId)
                                        .with("environmentId", id)
                                        .with("slug", before.slug))))));
    }

    private Uni<Environment> own(Act act, UUID projectId, UUID id) {
        return environment(act.caller(), Right.PROJECT_EDIT, id).invoke(found -> {
            if (!found.projectId.equals(projectId)) {
                throw noEnvironment("id " + id);
            }
        });
    }

    /** Who makes a rotation there waits for this, and this for him. */
    private static Uni<Environment> locked(Mutiny.Session session, UUID environmentId) {
        return session.createNativeQuery(ENVIRONMENTS + "where id = ?1 for update", Object[].class)
                .setParameter(1, environmentId)
                .getSingleResultOrNull()
                .onItem()
                .ifNull()
                .failWith(() -> noEnvironment("id " + environmentId))
                .map(row ->
                        new Environment((UUID) row[0], (UUID) row[1], (String) row[2], (String) row[3], (int) row[4]));
    }

    private static Uni<Void> requireUnused(Mutiny.Session session, Environment environment, String path) {
        return requireUnused(session, environment.projectId, environment.slug, path);
    }

    private static Uni<Void> requireUnused(Mutiny.Session session, UUID projectId, String environment, String path) {
        return session.createNativeQuery(ROTATED, Boolean.class)
                .setParameter(1, projectId)
                .setParameter(2, environment)
                .setParameter(3, path)
                .getSingleResult()
                .invoke(rotated -> {
                    if (rotated) {
                        throw Problem.of(
                                ErrorCode.PLACE_IN_USE,
                                "Rotations serve their secrets at " + path + " of " + environment
                                        + " or below: whoever reads them looks for them there. Delete the rotations first.");
                    }
                })
                .replaceWithVoid();
    }

    // ---- Folders --------------------------------------------------------------------------------------------------

    /** Those right below a path, by name; none for a place that is not there. */
    Uni<List<Folder>> folders(Caller caller, UUID projectId, String environment, String path) {
        var below = path.equals("/") ? "/" : path + "/";
        return projects.existing(caller, Right.PROJECT_READ, projectId)
                .chain(() -> pool.preparedQuery(FOLDERS
                                + "where e.project_id = $1 and e.slug = $2 and left(f.path, length($3)) = $3"
                                + " and position('/' in substr(f.path, length($3) + 1)) = 0 order by f.path")
                        .execute(Tuple.of(projectId, environment, below)))
                .map(rows -> StreamSupport.stream(rows.spliterator(), false)
                        .map(Places::folder)
                        .toList());
    }

    /** @return fails with 404 {@code folder_not_found} for one that the caller may not see too */
    Uni<Folder> folder(Caller caller, Right right, UUID id) {
        return Uni.createFrom()
                .deferred(() -> {
                    Rights.reach(caller, right);
                    return pool.preparedQuery(FOLDERS + "where f.id = $1").execute(Tuple.of(id));
                })
                .map(rows -> {
                    if (rows.size() == 0) {
                        throw noFolder("id " + id);
                    }
                    var found = folder(rows.iterator().next());
                    Rights.requireOn(caller, right, Right.PROJECT_READ, found.projectId, () -> noFolder("id " + id));
                    return found;
                });
    }

    /**
     * With what is missing above it.
     *
     * @param path of the new folder
     * @return fails with 404 {@code environment_not_found}, 400 {@code folder_exists}
     */
    Uni<Folder> addFolder(Act act, UUID projectId, String environment, String path, String description) {
        return projects.existing(act.caller(), Right.PROJECT_EDIT, projectId)
                .chain(() -> environment(act.caller(), projectId, environment))
                .chain(found -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> locked(session, found.id)
                                .chain(() -> refuseTaken(session, found.id, path))
                                .chain(() -> session.createNativeQuery("select ensure_place(?1, ?2, ?3)", UUID.class)
                                        .setParameter(1, projectId)
                                        .setParameter(2, environment)
                                        .setParameter(3, path)
                                        .getSingleResult())
                                .chain(() -> session.createNativeQuery("""
                                                update folder set description = ?3
                                                where environment_id = ?1 and path = ?2 returning id""", UUID.class)
                                        .setParameter(1, found.id)
                                        .setParameter(2, path)
                                        .setParameter(3, description)
                                        .getSingleResult())
                                .call(id -> audit.record(act.success(AuditType.CREATE_FOLDER)
                                        .in(projectId)
                                        .on(Projects.KIND, projectId)
                                        .with("folderId", id)
                                        .with("environment", environment)
                                        .with("path", path))))))
                .chain(id -> folder(act.caller(), Right.PROJECT_READ, id));
    }

    private static Uni<Void> refuseTaken(Mutiny.Session session, UUID environmentId, String path) {
        return session.createNativeQuery(
                        "select exists (select from folder where environment_id = ?1 and path = ?2)", Boolean.class)
                .setParameter(1, environmentId)
                .setParameter(2, path)
                .getSingleResult()
                .invoke(there -> {
                    if (there) {
                        throw Problem.of(ErrorCode.FOLDER_EXISTS, "There is a folder at " + path + " already.");
                    }
                })
                .replaceWithVoid();
    }

    /**
     * @param name null to leave it; the same for the description. What is below moves with it
     * @return fails with 400 {@code place_in_use}, 412 {@code changed_since_read}
     */
    Uni<Folder> changeFolder(Act act, UUID id, IfMatch seen, @Nullable String name, @Nullable String description) {
        return folder(act.caller(), Right.PROJECT_EDIT, id)
                .chain(known -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> locked(session, known.environmentId)
                                .chain(() -> now(session, known))
                                .invoke(before -> seen.require(before.settings()))
                                .chain(before -> {
                                    var path = before.path.substring(0, before.path.lastIndexOf('/') + 1)
                                            + (name == null ? before.name() : name);
                                    boolean moves = !path.equals(before.path);
                                    return Uni.createFrom()
                                            .voidItem()
                                            .chain(() -> moves
                                                    ? requireUnused(
                                                                    session,
                                                                    before.projectId,
                                                                    before.environment,
                                                                    before.path)
                                                            .chain(() ->
                                                                    refuseTaken(session, before.environmentId, path))
                                                            .chain(() -> move(session, before, path))
                                                    : Uni.createFrom().voidItem())
                                            .chain(() -> session.createNativeQuery(
                                                            "update folder set description = ?2 where id = ?1")
                                                    .setParameter(1, id)
                                                    .setParameter(
                                                            2, description == null ? before.description : description)
                                                    .executeUpdate())
                                            .chain(() -> audit.record(act.success(AuditType.UPDATE_FOLDER)
                                                    .in(before.projectId)
                                                    .on(Projects.KIND, before.projectId)
                                                    .with("folderId", id)
                                                    .with("environment", before.environment)
                                                    .with("path", path)
                                                    .with("pathBefore", before.path)
                                                    .with("descriptionUpdated", description != null)
                                                    .with(
                                                            Changes.FACT,
                                                            new Changes()
                                                                    .put("name", moves)
                                                                    .put(
                                                                            "description",
                                                                            description != null
                                                                                    && !description.equals(
                                                                                            before.description))
                                                                    .fields())));
                                }))))
                .chain(() -> folder(act.caller(), Right.PROJECT_READ, id));
    }

    /** What has become of it since it was read. Joins the transaction that has locked its environment. */
    private static Uni<Folder> now(Mutiny.Session session, Folder known) {
        return session.createNativeQuery(FOLDERS + "where f.id = ?1", Object[].class)
                .setParameter(1, known.id)
                .getSingleResultOrNull()
                .onItem()
                .ifNull()
                .failWith(() -> noFolder("id " + known.id))
                .map(row -> new Folder(
                        known.id, known.projectId, known.environmentId, (String) row[3], (String) row[4], (String)
                                row[5]));
    }

    private static Uni<Void> move(Mutiny.Session session, Folder before, String path) {
        return session.createNativeQuery("""
                        update folder set path = ?3 || substr(path, length(?2) + 1)
                        where environment_id = ?1 and (path = ?2 or left(path, length(?2) + 1) = ?2 || '/')""")
                .setParameter(1, before.environmentId)
                .setParameter(2, before.path)
                .setParameter(3, path)
                .executeUpdate()
                .replaceWithVoid();
    }

    /** With what is below it. @return what it was; fails with 400 {@code place_in_use} */
    Uni<Folder> deleteFolder(Act act, UUID id) {
        return folder(act.caller(), Right.PROJECT_EDIT, id)
                .call(before -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> locked(session, before.environmentId)
                                .chain(() -> requireUnused(session, before.projectId, before.environment, before.path))
                                .chain(() -> session.createNativeQuery("""
                                                delete from folder where environment_id = ?1
                                                    and (path = ?2 or left(path, length(?2) + 1) = ?2 || '/')""")
                                        .setParameter(1, before.environmentId)
                                        .setParameter(2, before.path)
                                        .executeUpdate())
                                .chain(() -> audit.record(act.success(AuditType.DELETE_FOLDER)
                                        .in(before.projectId)
                                        .on(Projects.KIND, before.projectId)
                                        .with("folderId", id)
                                        .with("environment", before.environment)
                                        .with("path", before.path))))));
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private static Environment environment(Row row) {
        return new Environment(
                row.getUUID("id"),
                row.getUUID("project_id"),
                row.getString("slug"),
                row.getString("name"),
                row.getInteger("position"));
    }

    private static Folder folder(Row row) {
        return new Folder(
                row.getUUID("id"),
                row.getUUID("project_id"),
                row.getUUID("environment_id"),
                row.getString("slug"),
                row.getString("path"),
                row.getString("description"));
    }

    private static Problem noEnvironment(String called) {
        return Problem.of(ErrorCode.ENVIRONMENT_NOT_FOUND, "There is no environment with the " + called + ".");
    }

    private static Problem environmentExists(String slug) {
        return Problem.of(
                ErrorCode.ENVIRONMENT_EXISTS, "The project has an environment with the slug " + slug + " already.");
    }

    private static Problem noFolder(String called) {
        return Problem.of(ErrorCode.FOLDER_NOT_FOUND, "There is no folder with the " + called + ".");
    }
}
