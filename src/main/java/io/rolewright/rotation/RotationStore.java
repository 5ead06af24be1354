package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.quarkus.panache.common.Parameters;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.store.Rows;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** All SQL over rotations but the claims of due work. Every method is a store transaction of its own, or joins the one that is running. */
@ApplicationScoped
class RotationStore implements PanacheRepositoryBase<Rotation, UUID> {

    private static final String WITH_PROJECT = "from Rotation r join fetch r.project ";
    private static final String AFTER = "and (r.name > :name or (r.name = :name and r.id > :id)) ";
    private static final String IN_ORDER = "order by r.name, r.id";

    private static final String TAKEN_NAMES = """
            SELECT name FROM rotation_secret
             WHERE project_id = ?1 AND environment = ?2 AND secret_path = ?3 AND name IN (?4, ?5, ?7)
               AND rotation_id <> ?6 ORDER BY name""";

    private static final String INSERT_NAMES = """
            INSERT INTO rotation_secret (project_id, environment, secret_path, name, rotation_id)
            VALUES (?1, ?2, ?3, ?4, ?6), (?1, ?2, ?3, ?5, ?6), (?1, ?2, ?3, ?7, ?6) ON CONFLICT DO NOTHING""";

    Uni<Rotation> byId(UUID id) {
        return Panache.withSession(() -> find(WITH_PROJECT + "where r.id = :id", Parameters.with("id", id))
                .firstResult());
    }

    /** In no order. */
    Uni<List<Rotation>> byIds(Collection<UUID> ids) {
        return Panache.withSession(() -> find(WITH_PROJECT + "where r.id in :ids", Parameters.with("ids", ids))
                .list());
    }

    Uni<Rotation> byName(Place place, String name) {
        return Panache.withSession(() -> find(
                        WITH_PROJECT
                                + "where r.project.id = :project and r.environment = :environment and r.secretPath = :path"
                                + " and r.name = :name",
                        Parameters.with("project", place.projectId())
                                .and("environment", place.environment())
                                .and("path", place.path())
                                .and("name", name))
                .firstResult());
    }

    Uni<List<Rotation>> list(UUID project, Page page) {
        Parameters parameters = Parameters.with("project", project);
        String after = "";
        if (page.afterName() != null) {
            after = AFTER;
            parameters.and("name", page.afterName()).and("id", page.afterId());
        }
        String query = WITH_PROJECT + "where r.project.id = :project " + after + IN_ORDER;
        return Panache.withSession(
                () -> find(query, parameters).range(0, page.rowsToRead() - 1).list());
    }

    Uni<List<Rotation>> using(UUID connection) {
        return Panache.withSession(() -> list(
                WITH_PROJECT + "where r.connectionId = :connection " + IN_ORDER,
                Parameters.with("connection", connection)));
    }

    /** Locks the row. Whoever also locks managed roles locks those first, as {@code credential} does. */
    Uni<Rotation> lock(UUID id) {
        return findById(id, LockModeType.PESSIMISTIC_WRITE);
    }

    /** @param row locked by the running transaction. @return false if it was gone */
    Uni<Boolean> deleteLocked(Rotation row) {
        return Panache.getSession().chain(session -> Rows.delete(session, row, "id = ?1", row.id));
    }

    /** Adds a rotation with its names; fails with 400 when another was quicker with one of them. */
    Uni<Void> insert(Rotation row) {
        return Panache.withTransaction(
                () -> persist(row).chain(() -> flushed(row)).chain(() -> insertNames(row)));
    }

    /** Writes the row of the running transaction; fails with 400 when another has its name. */
    Uni<Void> flushed(Rotation row) {
        return flush().onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> nameTaken(row.name, row.place()))
                .onFailure(StoreFault::isReferenceViolation) // the connection is held by whoever writes a rotation
                .transform(gone -> Problem.of(
                        ErrorCode.PROJECT_UNKNOWN, "There is no project with the id " + row.project.id + " any more."));
    }

    /** Gives the row the names that it has now; joins the transaction that changed them. */
    Uni<Void> renameSecrets(Rotation row) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery("DELETE FROM rotation_secret WHERE rotation_id = ?1")
                        .setParameter(1, row.id)
                        .executeUpdate())
                .chain(() -> insertNames(row));
    }

    /** Fails with 400 when another rotation is called so, or serves one of the names, at this place. */
    Uni<Void> namesAreFree(Place place, String name, RotationWire.SecretsMapping mapping, UUID except) {
        Uni<Void> rotation = name == null
                ? Uni.createFrom().voidItem()
                : byName(place, name)
                        .invoke(other -> {
                            if (other != null && !other.id.equals(except)) {
                                throw nameTaken(name, place);
                            }
                        })
                        .replaceWithVoid();
        return mapping == null
                ? rotation
                : rotation.chain(() -> takenNames(place, mapping, except))
                        .invoke(taken -> {
                            if (!taken.isEmpty()) {
                                throw secretsTaken(taken, place);
                            }
                        })
                        .replaceWithVoid();
    }

    private static Uni<List<String>> takenNames(Place place, RotationWire.SecretsMapping mapping, UUID except) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(TAKEN_NAMES, String.class)
                        .setParameter(1, place.projectId())
                        .setParameter(2, place.environment())
                        .setParameter(3, place.path())
                        .setParameter(4, mapping.username())
                        .setParameter(5, mapping.password())
                        .setParameter(6, except == null ? new UUID(0, 0) : except)
                        .setParameter(7, mapping.uri() == null ? mapping.password() : mapping.uri())
                        .getResultList()));
    }

    private static Uni<Void> insertNames(Rotation row) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(INSERT_NAMES)
                        .setParameter(1, row.project.id)
                        .setParameter(2, row.environment)
                        .setParameter(3, row.secretPath)
                        .setParameter(4, row.usernameSecret)
                        .setParameter(5, row.passwordSecret)
                        .setParameter(6, row.id)
                        // Without a third name the second comes twice, and is added once.
                        .setParameter(7, row.uriSecret == null ? row.passwordSecret : row.uriSecret)
                        .executeUpdate())
                .invoke(added -> {
                    if (added < row.secretNames().size()) {
                        throw secretsTaken(row.secretNames(), row.place());
                    }
                })
                .replaceWithVoid();
    }

    private static Problem nameTaken(String name, Place place) {
        return nameTaken(name, place, null);
    }

    /** @param id of the one that has the name, for who may see it */
    static Problem nameTaken(String name, Place place, @Nullable UUID id) {
        String sentence =
                "A rotation named " + name + " exists already at " + place.path() + " of " + place.environment();
        return id == null
                ? Problem.of(ErrorCode.NAME_TAKEN, sentence + ".")
                : Problem.of(ErrorCode.NAME_TAKEN, sentence + ": " + id + ".", Map.of("id", id));
    }

    private static Problem secretsTaken(Collection<String> names, Place place) {
        return Problem.of(
                ErrorCode.SECRET_NAME_TAKEN,
                "Another rotation serves " + String.join(" and ", names) + " at " + place.path() + " of "
                        + place.environment() + " already. Choose other names in secretsMapping.",
                Map.of("secrets", List.copyOf(names)));
    }
}
