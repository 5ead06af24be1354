package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.quarkus.panache.common.Parameters;
import io.rolewright.access.Reach;
import io.rolewright.request.Page;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;

/** All SQL over connections. Every method is a store transaction of its own, or joins the one that is running. */
@ApplicationScoped
class ConnectionStore implements PanacheRepositoryBase<Connection, UUID> {

    private static final String WITH_PROJECT = "from Connection c left join fetch c.project ";
    private static final String AFTER = "(c.name > :name or (c.name = :name and c.id > :id)) ";
    private static final String IN_ORDER = "order by c.name, c.id";

    /** Which connections a list shows. */
    enum Scope {
        /** Every connection, whatever its project. */
        ALL("1 = 1 "),
        /** One project's only. */
        PROJECT("c.project.id = :project "),
        /** The organisation's own only. */
        ORGANISATION("c.project is null "),
        /** What may be used from within a project: its own and the organisation's. */
        USABLE("(c.project is null or c.project.id = :project) ");

        private final String condition;

        Scope(String condition) {
            this.condition = condition;
        }
    }

    Uni<Connection> byId(UUID id) {
        return Panache.withSession(() -> find(WITH_PROJECT + "where c.id = :id", Parameters.with("id", id))
                .firstResult());
    }

    Uni<Connection> byName(String name, UUID project) {
        Scope scope = project == null ? Scope.ORGANISATION : Scope.PROJECT;
        return Panache.withSession(() -> find(
                        WITH_PROJECT + "where c.name = :name and " + scope.condition,
                        parameters(scope, project).and("name", name))
                .firstResult());
    }

    /** @param reach whose projects' rows are shown; the organisation's own only if it is everywhere */
    Uni<List<Connection>> list(Scope scope, UUID project, Reach reach, Page page) {
        Parameters parameters = parameters(scope, project);
        String after = "";
        if (!reach.everywhere()) {
            after = "and c.project.id in :reached ";
            parameters.and("reached", reach.projects());
        }
        if (page.afterName() != null) {
            after += "and " + AFTER;
            parameters.and("name", page.afterName()).and("id", page.afterId());
        }
        String query = WITH_PROJECT + "where " + scope.condition + after + IN_ORDER;
        return Panache.withSession(
                () -> find(query, parameters).range(0, page.rowsToRead() - 1).list());
    }

    Uni<Connection> insert(Connection row) {
        return Panache.withTransaction(() -> persistAndFlush(row));
    }

    /** Notes how a test went; that is no change of the connection. */
    Uni<Integer> tested(UUID id, Instant at, boolean ok, String reason) {
        return Panache.withTransaction(
                () -> update("testedAt = ?1, testOk = ?2, testReason = ?3 where id = ?4", at, ok, reason, id));
    }

    /** Locks the row, so that what is then written cannot undo what another request wrote meanwhile. Its project is there too. */
    Uni<Connection> lock(UUID id) {
        return findById(id, LockModeType.PESSIMISTIC_WRITE).onItem().ifNotNull().call(row -> Mutiny.fetch(row.project));
    }

    /** @param row locked by the running transaction. @return false if it was gone */
    Uni<Boolean> deleteLocked(Connection row) {
        return Panache.getSession()
                .chain(session -> Rows.delete(session, row, "id = ?1 and version = ?2", row.id, row.version));
    }

    private static Parameters parameters(Scope scope, UUID project) {
        Parameters parameters = new Parameters();
        return scope.condition.contains(":project") ? parameters.and("project", project) : parameters;
    }
}
