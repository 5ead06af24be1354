package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheQuery;
import io.quarkus.panache.common.Parameters;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.idempotency.UnansweredCreations;
import io.rolewright.idempotency.UnansweredCreations.Creation;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.OwnContext;
import io.smallrye.mutiny.Uni;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.persistence.LockModeType;
import java.sql.SQLException;
import java.text.Normalizer;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The projects of the store. */
@ApplicationScoped
public class Projects {

    private static final String IN_ORDER = "order by name, id";

    private static final int LONGEST_SLUG = 64;

    /** Who waits for the answer of somebody else's request has to answer in time himself. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    static final String KIND = "project";

    /** By which a list can be sorted. */
    static final List<String> COLUMNS = List.of("name", "slug", "created");

    /** SQLSTATE of a foreign key violation (PostgreSQL manual, Appendix A). */
    private static final String STILL_REFERENCED = "23503";

    private final Instance<SlugBounds> bounds;
    private final Standings standings;
    private final AuditLog audit;
    private final Sealer sealer;
    private final RowSeals seals;
    private final UnansweredCreations creations;
    private final Clock clock;

    Projects(
            Instance<SlugBounds> bounds,
            Standings standings,
            AuditLog audit,
            Sealer sealer,
            RowSeals seals,
            UnansweredCreations creations,
            Clock clock) {
        this.bounds = bounds;
        this.standings = standings;
        this.audit = audit;
        this.sealer = sealer;
        this.seals = seals;
        this.creations = creations;
        this.clock = clock;
    }

    /**
     * Looks a project up that a body or query names, in the running session or one of its own.
     *
     * @param idText as the caller sent it; what is not a UUID names no project
     * @return fails with 400 {@code project_unknown}, for a project that the caller may not see too
     */
    public Uni<Project> known(Caller caller, String idText) {
        Supplier<Problem> unknown =
                () -> Problem.of(ErrorCode.PROJECT_UNKNOWN, "There is no project with the id " + idText + ".");
        UUID id;
        try {
            id = UUID.fromString(idText);
        } catch (IllegalArgumentException notAnId) {
            return Uni.createFrom().failure(unknown.get());
        }
        return Panache.withSession(() -> Project.<Project>findById(id))
                .onItem()
                .ifNull()
                .failWith(unknown)
                .invoke(found -> Rights.requireOn(caller, Right.PROJECT_READ, Right.PROJECT_READ, found.id, unknown));
    }

    /**
     * @return fails with 404 {@code project_not_found} if there is none or the caller may not see it, 403 if he lacks the
     *     right
     */
    Uni<Project> existing(Caller caller, Right right, UUID id) {
        return existing(caller, right, () -> Project.<Project>findById(id), "id " + id);
    }

    Uni<Project> bySlug(Caller caller, String slug) {
        return bySlug(caller, Right.PROJECT_READ, slug);
    }

    Uni<Project> bySlug(Caller caller, Right right, String slug) {
        return existing(caller, right, () -> Project.<Project>find("slug", slug).firstResult(), "slug " + slug);
    }

    private static Uni<Project> existing(Caller caller, Right right, Supplier<Uni<Project>> lookUp, String called) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            Supplier<Problem> notThere =
                    () -> Problem.of(ErrorCode.PROJECT_NOT_FOUND, "There is no project with the " + called + ".");
            return Panache.withSession(lookUp)
                    .onItem()
                    .ifNull()
                    .failWith(notThere)
                    .invoke(project -> Rights.requireOn(caller, right, Right.PROJECT_READ, project.id, notThere));
        });
    }

    /** @param name null to leave it at a change, or to have the slug made from the name; the same for the others */
    record Wanted(
            @Nullable String name,
            @Nullable String slug,
            @Nullable String description,
            @Nullable Boolean deleteProtected) {}

    /**
     * @return fails with 400 {@code project_name_taken} or {@code project_slug_taken}, 412 {@code changed_since_read}, 403 for another slug where slugs bound projects and
     *     the caller is no administrator of the organisation
     */
    Uni<Project> change(Act act, UUID id, IfMatch seen, Wanted wanted) {
        var name = wanted.name;
        var slug = wanted.slug;
        Changes changes = new Changes();
        return existing(act.caller(), Right.PROJECT_EDIT, id)
                .invoke(before -> {
                    boolean another = slug != null && !slug.equals(before.slug);
                    if (another && bounds.stream().anyMatch(SlugBounds::boundBySlug)) {
                        Rights.require(
                                act.caller(),
                                Right.PROJECT_EDIT,
                                " of the organisation, and here the slug bounds where the project's credentials are written");
                    }
                })
                .chain(before -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.find(Project.class, id, LockModeType.PESSIMISTIC_WRITE)
                                .invoke(project -> seen.require(settings(project)))
                                .chain(project -> refuseTaken(id, name, slug)
                                        .invoke(() -> {
                                            changes.put("name", name != null && !name.equals(project.name))
                                                    .put("slug", slug != null && !slug.equals(project.slug))
                                                    .put(
                                                            "description",
                                                            wanted.description != null
                                                                    && !wanted.description.equals(project.description))
                                                    .put(
                                                            "hasDeleteProtection",
                                                            wanted.deleteProtected != null
                                                                    && wanted.deleteProtected
                                                                            != project.deleteProtected);
                                            project.name = name == null ? project.name : name;
                                            project.slug = slug == null ? project.slug : slug;
                                            if (wanted.description != null) {
                                                project.description = wanted.description;
                                            }
                                            if (wanted.deleteProtected != null) {
                                                project.deleteProtected = wanted.deleteProtected;
                                            }
                                            project.updatedAt = clock.instant().truncatedTo(ChronoUnit.MILLIS);
                                        })
                                        .chain(session::flush)
                                        .replaceWith(project)))
                        .call(project -> audit.record(act.success(AuditType.UPDATE_PROJECT)
                                .in(id)
                                .on(KIND, id)
                                .with("name", project.name)
                                .with("slug", project.slug)
                                .with("nameBefore", before.name)
                                .with("slugBefore", before.slug)
                                .with("descriptionUpdated", wanted.description != null)
                                .with("hasDeleteProtection", project.deleteProtected)
                                .with(Changes.FACT, changes.fields())))))
                .onFailure(failure -> hasSqlState(failure, "23505"))
                .transform(taken -> Problem.of(
                        ErrorCode.PROJECT_NAME_TAKEN, "Another project took this name or slug at the same moment."));
    }

    /** What can be edited. */
    static Map<String, Object> settings(Project project) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("name", project.name);
        settings.put("slug", project.slug);
        settings.put("description", project.description);
        settings.put("hasDeleteProtection", project.deleteProtected);
        return settings;
    }

    private static Uni<Void> refuseTaken(UUID id, @Nullable String name, @Nullable String slug) {
        return refuseTaken("name", id, name, NameTaken::new).chain(() -> refuseTaken("slug", id, slug, SlugTaken::new));
    }

    private static Uni<Void> refuseTaken(
            String column, UUID id, @Nullable String wanted, Function<String, Problem> taken) {
        if (wanted == null) {
            return Uni.createFrom().voidItem();
        }
        return Project.count(column + " = ?1 and id <> ?2", wanted, id)
                .invoke(others -> {
                    if (others > 0) {
                        throw taken.apply(wanted);
                    }
                })
                .replaceWithVoid();
    }

    /**
     * Deletes a project that holds nothing; the roles in it go with it. What it may hold is not listed here: the store's
     * foreign keys know.
     *
     * @return what it was; fails with 400 {@code project_not_empty} or {@code delete_protected}
     */
    Uni<Project> delete(Act act, UUID id) {
        return existing(act.caller(), Right.PROJECT_DELETE, id)
                .call(before -> Panache.withSession(() -> Project.<Project>findById(id))
                        .invoke(project -> {
                            if (project != null && project.deleteProtected) {
                                throw Problem.of(
                                        ErrorCode.DELETE_PROTECTED,
                                        "The project " + project.name
                                                + " is protected from being deleted: set hasDeleteProtection to false"
                                                + " first.");
                            }
                        }))
                .call(before -> Panache.withTransaction(() -> Panache.getSession()
                                .chain(session -> Standings.changedIn(session, id)
                                        .call(() -> session.createNativeQuery("delete from project where id = ?1")
                                                .setParameter(1, id)
                                                .executeUpdate()))
                                .call(() -> audit.record(act.success(AuditType.DELETE_PROJECT)
                                        .in(id)
                                        .on(KIND, id)
                                        .with("name", before.name)
                                        .with("slug", before.slug))))
                        .invoke(standings::forget))
                .onFailure(failure -> hasSqlState(failure, STILL_REFERENCED))
                .transform(
                        held -> Problem.of(
                                ErrorCode.PROJECT_NOT_EMPTY,
                                "The project still holds connections, rotations or identities of its own: delete or move them first."));
    }

    private static boolean hasSqlState(Throwable failure, String sqlState) {
        for (var each = failure; each != null; each = each.getCause()) {
            if (each instanceof PgException pg) {
                return sqlState.equals(pg.getSqlState());
            }
            if (each instanceof SQLException wrapped) { // what a native query makes of it
                return sqlState.equals(wrapped.getSQLState());
            }
        }
        return false;
    }

    /** What projects are called, by id; without those that there are not. */
    public Uni<Map<UUID, String>> names(Set<UUID> ids) {
        return ids.isEmpty()
                ? Uni.createFrom().item(Map.of())
                : Panache.withSession(() -> Project.<Project>list("id in ?1", ids))
                        .map(rows -> rows.stream().collect(Collectors.toMap(each -> each.id, each -> each.name)));
    }

    Uni<Slice<Project>> list(Reach reach, Page page) {
        return Panache.withSession(
                        () -> all(reach, page).range(0, page.rowsToRead() - 1).list())
                .map(rows -> page.cut(rows, project -> project.name, project -> project.id));
    }

    /**
     * The same, looked through by the service.
     *
     * @param wanted by {@link #COLUMNS}
     */
    Uni<Chosen<Project>> search(Reach reach, Selection wanted) {
        return list(reach, Page.whole())
                .chain(all -> OwnContext.elsewhere(() -> wanted.choose(
                        all.rows(),
                        each -> new String[] {each.name, each.slug, each.description},
                        each -> column(each, wanted.sort()),
                        each -> each.name,
                        each -> each.id)));
    }

    private static Comparable<?> column(Project project, String column) {
        return switch (column) {
            case "name" -> project.name;
            case "slug" -> project.slug;
            case "created" -> project.createdAt;
            default -> throw new IllegalArgumentException(column);
        };
    }

    private static PanacheQuery<Project> all(Reach reach, Page page) {
        var where = "where 1 = 1 ";
        var parameters = new Parameters();
        if (!reach.everywhere()) {
            where += "and id in :projects ";
            parameters.and("projects", reach.projects());
        }
        if (page.afterName() != null) {
            where += "and (name > :name or (name = :name and id > :id)) ";
            parameters.and("name", page.afterName()).and("id", page.afterId());
        }
        return Project.find(where + IN_ORDER, parameters);
    }

    /**
     * One POST that makes a project.
     *
     * @param creation by which who lost its answer is known when he sends it again
     * @param until when it must be answered, by {@link System#nanoTime}
     */
    record Asking(Caller caller, LiveCaller live, RequestOrigin from, Creation creation, long until) {

        private Duration left() {
            return Duration.ofNanos(Math.max(0, until - System.nanoTime()));
        }
    }

    /**
     * @param wanted with a name
     * @param alsoStore what has to commit together with the project; not called where the project was made by an earlier request whose
     *     answer was lost
     * @return fails with 400 {@code project_name_taken} or {@code project_slug_taken}
     */
    Uni<Project> create(Wanted wanted, Asking asking, Function<Project, Uni<Void>> alsoStore) {
        var caller = asking.caller;
        var from = asking.from;
        var name = Objects.requireNonNull(wanted.name);
        var slug = wanted.slug;
        var project = new Project();
        project.id = UUID.randomUUID();
        project.name = name;
        project.description = wanted.description == null ? "" : wanted.description;
        project.deleteProtected = Boolean.TRUE.equals(wanted.deleteProtected);
        project.createdAt = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        project.updatedAt = project.createdAt;
        var created = Panache.withTransaction(() -> (slug != null ? insert(project, slug) : insertWithMadeSlug(project))
                        .chain(() -> audit.record(
                                about(AuditEvent.success(AuditType.CREATE_PROJECT), caller, from, name, project.slug)
                                        .in(project.id)
                                        .on(KIND, project.id)))
                        .chain(() -> alsoStore.apply(project))
                        .chain(() -> creations.made(asking.creation, project.id, asking.left()))
                        .replaceWith(project))
                .onItemOrFailure()
                .invoke(() -> creations.done(asking.creation))
                .onFailure(NameTaken.class)
                .recoverWithUni(() -> createdBefore(name, asking));
        return created.onFailure(Problem.class)
                .call(failure -> audit.record(about(
                        AuditEvent.failed(AuditType.CREATE_PROJECT, ((Problem) failure).code()),
                        caller,
                        from,
                        name,
                        slug)));
    }

    /** Gives who lost the answer of his POST what it has made, once, while nobody has changed it. */
    private Uni<Project> createdBefore(String name, Asking asking) {
        return Panache.withSession(() -> Project.<Project>find("name", name).firstResult())
                .onItem()
                .ifNull()
                .failWith(() -> new NameTaken(name))
                .call(row ->
                        creations.settled(asking.creation, row.id, asking.left().minus(TIME_TO_ANSWER)))
                .call(() -> asking.live.again().invoke(who -> Rights.require(who, Right.PROJECT_CREATE)))
                .chain(row -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.find(Project.class, row.id, LockModeType.PESSIMISTIC_WRITE))
                        .call(now -> (now == null || !now.updatedAt.equals(now.createdAt)
                                        ? Uni.createFrom().item(false)
                                        : creations.claim(asking.creation, now.id))
                                .invoke(claimed -> {
                                    if (!claimed) {
                                        throw nameTaken(asking.caller, row);
                                    }
                                }))
                        .call(now -> audit.record(about(
                                        AuditEvent.success(AuditType.CREATE_PROJECT),
                                        asking.caller,
                                        asking.from,
                                        now.name,
                                        now.slug)
                                .with("replayed", true)
                                .in(now.id)
                                .on(KIND, now.id)))));
    }

    private static AuditEvent about(
            AuditEvent event, Caller caller, RequestOrigin from, String name, @Nullable String slug) {
        return event.by(caller.id(), caller.name())
                .from(from.address(), from.requestId())
                .with("name", name)
                .with("slug", slug);
    }

    private Uni<Void> insertWithMadeSlug(Project project) {
        var made = slugOf(project.name);
        return insert(project, made).onFailure(SlugTaken.class).recoverWithUni(() -> {
            var suffix = "-" + HexFormat.of().formatHex(sealer.random(3));
            return insert(project, cut(made, LONGEST_SLUG - suffix.length()) + suffix);
        });
    }

    /** No unique violation is provoked: it would end the transaction, and which of the two names it was is text. */
    private Uni<Void> insert(Project project, String slug) {
        project.slug = slug;
        byte[] seal = seals.seal(SealedRow.PROJECT, project.id, slug);
        return Panache.getSession()
                .chain(session -> session.createNativeQuery("""
                                insert into project (
                                    id, name, slug, type, created_at, updated_at, description, delete_protected, row_seal)
                                values (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8) on conflict do nothing""")
                        .setParameter(1, project.id)
                        .setParameter(2, project.name)
                        .setParameter(3, project.slug)
                        .setParameter(4, project.type)
                        .setParameter(5, project.createdAt)
                        .setParameter(6, project.description)
                        .setParameter(7, project.deleteProtected)
                        .setParameter(8, seal)
                        .executeUpdate())
                .chain(added -> added == 1
                        ? Uni.createFrom().voidItem()
                        : Project.count("name", project.name)
                                .invoke(sameName -> {
                                    throw sameName > 0 ? new NameTaken(project.name) : new SlugTaken(slug);
                                })
                                .replaceWithVoid());
    }

    private static Problem nameTaken(Caller caller, Project other) {
        return Rights.allows(caller, Right.PROJECT_READ, other.id)
                ? Problem.of(
                        ErrorCode.PROJECT_NAME_TAKEN,
                        "A project with the name \"" + other.name + "\" exists already: " + other.id + ".",
                        Map.of("id", other.id))
                : new NameTaken(other.name);
    }

    /** Letters lose their accents; all that is neither letter nor digit becomes a hyphen. */
    static String slugOf(String name) {
        var plain = Normalizer.normalize(name, Normalizer.Form.NFD)
                .replaceAll("\\p{M}", "")
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
        return plain.isEmpty() ? "project" : cut(plain, LONGEST_SLUG);
    }

    private static String cut(String slug, int length) {
        return slug.length() <= length ? slug : slug.substring(0, length).replaceAll("-$", "");
    }

    private static final class NameTaken extends Problem {
        NameTaken(String name) {
            super(
                    ErrorCode.PROJECT_NAME_TAKEN,
                    "A project with the name \"" + name + "\" exists already.",
                    Map.of(),
                    Map.of());
        }
    }

    private static final class SlugTaken extends Problem {
        SlugTaken(String slug) {
            super(
                    ErrorCode.PROJECT_SLUG_TAKEN,
                    "A project with the slug \"" + slug + "\" exists already.",
                    Map.of(),
                    Map.of());
        }
    }
}
