package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheQuery;
import io.quarkus.panache.common.Parameters;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.text.Normalizer;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** The projects of the store. */
@ApplicationScoped
public class Projects {

    private static final String IN_ORDER = "order by name, id";

    private static final int LONGEST_SLUG = 64;

    private final AuditLog audit;
    private final Sealer sealer;
    private final Clock clock;

    Projects(AuditLog audit, Sealer sealer, Clock clock) {
        this.audit = audit;
        this.sealer = sealer;
        this.clock = clock;
    }

    /**
     * Looks a project up, in the running session or one of its own.
     *
     * @param idText as the caller sent it; what is not a UUID names no project
     * @return empty too for a project that the caller may not see
     */
    public Uni<Optional<Project>> find(Caller caller, String idText) {
        UUID id;
        try {
            id = UUID.fromString(idText);
        } catch (IllegalArgumentException notAnId) {
            return Uni.createFrom().item(Optional.empty());
        }
        return Panache.withSession(() -> Project.<Project>findById(id))
                .map(project -> Optional.ofNullable(project).filter(found -> mayBeSeen(found.id, caller)));
    }

    private static boolean mayBeSeen(UUID project, Caller caller) {
        return caller.grants().allow(Right.PROJECT_READ, project);
    }

    Uni<Slice<Project>> list(Reach reach, Page page) {
        return Panache.withSession(
                        () -> all(reach, page).range(0, page.rowsToRead() - 1).list())
                .map(rows -> page.cut(rows, project -> project.name, project -> project.id));
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
     * @param slug null to have one made from the name
     * @param alsoStore what has to commit together with the project
     * @return fails with 400 {@code project_name_taken} or {@code project_slug_taken}
     */
    Uni<Project> create(
            String name, String slug, Caller caller, RequestOrigin from, Function<Project, Uni<Void>> alsoStore) {
        var project = new Project();
        project.id = UUID.randomUUID();
        project.name = name;
        project.createdAt = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        project.updatedAt = project.createdAt;
        var created = Panache.withTransaction(() -> (slug != null ? insert(project, slug) : insertWithMadeSlug(project))
                .chain(() -> audit.record(
                        about(AuditEvent.success(AuditType.CREATE_PROJECT), caller, from, name, project.slug)
                                .in(project.id)
                                .on("project", project.id)))
                .chain(() -> alsoStore.apply(project))
                .replaceWith(project));
        return created.onFailure(Problem.class)
                .call(failure -> audit.record(about(
                        AuditEvent.failed(AuditType.CREATE_PROJECT, ((Problem) failure).code()),
                        caller,
                        from,
                        name,
                        slug)));
    }

    private static AuditEvent about(AuditEvent event, Caller caller, RequestOrigin from, String name, String slug) {
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
    private static Uni<Void> insert(Project project, String slug) {
        project.slug = slug;
        return Panache.getSession()
                .chain(session -> session.createNativeQuery("""
                                insert into project (id, name, slug, type, created_at, updated_at)
                                values (?1, ?2, ?3, ?4, ?5, ?5) on conflict do nothing""")
                        .setParameter(1, project.id)
                        .setParameter(2, project.name)
                        .setParameter(3, project.slug)
                        .setParameter(4, project.type)
                        .setParameter(5, project.createdAt)
                        .executeUpdate())
                .chain(added -> added == 1
                        ? Uni.createFrom().voidItem()
                        : Project.count("name", project.name)
                                .invoke(sameName -> {
                                    throw sameName > 0 ? nameTaken(project.name) : new SlugTaken(slug);
                                })
                                .replaceWithVoid());
    }

    private static Problem nameTaken(String name) {
        return Problem.of(400, "project_name_taken", "A project with the name \"" + name + "\" exists already.");
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

    private static final class SlugTaken extends Problem {
        SlugTaken(String slug) {
            super(
                    400,
                    "project_slug_taken",
                    "A project with the slug \"" + slug + "\" exists already.",
                    Map.of(),
                    Map.of());
        }
    }
}
