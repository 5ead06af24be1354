package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.quarkus.panache.common.Parameters;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.access.Reach;
import io.rolewright.request.Page;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** All SQL over connections. Every method is a store transaction of its own, or joins the one that is running. */
@ApplicationScoped
class ConnectionStore implements PanacheRepositoryBase<Connection, UUID> {

    private static final String WITH_PROJECT = "from Connection c left join fetch c.project ";
    private static final String AFTER = "(c.name > :name or (c.name = :name and c.id > :id)) ";
    private static final String IN_ORDER = "order by c.name, c.id";

    private static final String TRACED =
            "select new io.rolewright.connection.ConnectionStore$Traced(c.id, c.name, c.project.id, c.credentials,"
                    + " c.credentialsVersion, c.credentialsHash, c.loginOf, c.server) from Connection c where ";

    private static final String LEARNED = """
            UPDATE app_connection SET login_of = credentials_hash, server = NULL, login = NULL, login_address = held.address
              FROM (SELECT c.id AS held_id, l.address
                      FROM app_connection c
                      JOIN unnest($1::uuid[], $2::text[], $3::bytea[]) AS l(id, hash, address)
                        ON c.id = l.id AND c.credentials_hash = l.hash
                       FOR UPDATE OF c SKIP LOCKED) held
             WHERE id = held_id""";

    private final Pool pool;

    ConnectionStore(Pool pool) {
        this.pool = pool;
    }

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

    /** In no order. */
    Uni<List<Connection>> byIds(List<UUID> ids) {
        return Panache.withSession(() -> find(WITH_PROJECT + "where c.id in :ids", Parameters.with("ids", ids))
                .list());
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

    /**
     * Notes how a test went, which is no change of the connection, and where its credentials lead and as whom, unless they have been changed
     * since. In the statement of the audit, after its parameters.
     */
    static final String TESTED = """
            UPDATE app_connection SET tested_at = $13, test_ok = $14, test_reason = $15,
                   login_of = CASE WHEN credentials_hash = $16 THEN $16 ELSE login_of END,
                   server = CASE WHEN credentials_hash = $16 THEN $17 ELSE server END,
                   login = CASE WHEN credentials_hash = $16 THEN $18 ELSE login END,
                   login_address = CASE WHEN credentials_hash = $16 THEN $19 ELSE login_address END,
                   scram_of = CASE WHEN credentials_hash = $16 AND $20 THEN $16 ELSE scram_of END
             WHERE id = $12""";

    private static final String ASKED_BY_SCRAM =
            "UPDATE app_connection SET scram_of = credentials_hash WHERE id = $1 AND credentials_hash = $2";

    /**
     * @param traces null when the login did not come so far
     * @param scram whether the server asked for the password by SCRAM
     */
    static Object[] tested(
            Connection row,
            Instant at,
            boolean ok,
            @Nullable String reason,
            ConnectionLogins.@Nullable Traces traces,
            boolean scram) {
        return new Object[] {
            row.id,
            at.atOffset(ZoneOffset.UTC),
            ok,
            reason,
            traces == null ? null : row.credentialsHash,
            traces == null ? null : buffer(traces.server()),
            traces == null ? null : buffer(traces.login()),
            traces == null ? null : buffer(traces.address()),
            scram
        };
    }

    private static @Nullable Buffer buffer(byte @Nullable [] bytes) {
        return bytes == null ? null : Buffer.buffer(bytes);
    }

    /**
     * A row as far as it is looked at to know who logs in where: not the entity, which the running session may have in another state.
     * Registered because Hibernate makes it.
     *
     * @param projectId null for one of the organisation
     */
    @RegisterForReflection
    record Traced(
            UUID id,
            String name,
            @Nullable UUID projectId,
            byte[] credentials,
            long credentialsVersion,
            String credentialsHash,
            @Nullable String loginOf,
            byte @Nullable [] server) {

        /** Whether what stands beside the sealed credentials is about these. */
        boolean known() {
            return credentialsHash.equals(loginOf);
        }
    }

    /**
     * Who logs in as a role of a server.
     *
     * @param login null where the server's identifier is not known: then host and port decide, as for rows of which it is not known
     */
    Uni<List<Traced>> loggingIn(byte @Nullable [] login, byte[] address) {
        return login == null
                ? traced("c.loginOf = c.credentialsHash and c.loginAddress = ?1", address)
                : traced(
                        "c.loginOf = c.credentialsHash and (c.login = ?1 or c.login is null and c.loginAddress = ?2)",
                        login,
                        address);
    }

    /**
     * Those of which it is not known where they lead and as whom, by their ids.
     *
     * @param after the last id of the page before; null for the first page
     */
    Uni<List<Traced>> unknownLogins(@Nullable UUID after, int most) {
        return Panache.withSession(() -> Panache.getSession().chain(session -> {
            var select = session.createSelectionQuery(
                    TRACED + "c.loginOf is distinct from c.credentialsHash " + (after == null ? "" : "and c.id > ?1 ")
                            + "order by c.id",
                    Traced.class);
            return (after == null ? select : select.setParameter(1, after))
                    .setMaxResults(most)
                    .getResultList();
        }));
    }

    Uni<List<Traced>> traced(Set<UUID> ids) {
        return traced("c.id in ?1", ids);
    }

    private static Uni<List<Traced>> traced(String condition, Object... parameters) {
        return Panache.withSession(() -> Panache.getSession().chain(session -> {
            var select = session.createSelectionQuery(TRACED + condition, Traced.class);
            for (int i = 0; i < parameters.length; i++) {
                select = select.setParameter(i + 1, parameters[i]);
            }
            return select.getResultList();
        }));
    }

    /**
     * Writes down as whom rows log in, in one statement. One that somebody holds at this moment, or has changed since, is left for the next
     * time.
     *
     * @param addresses in the order of the rows
     */
    Uni<Void> learned(List<Traced> opened, List<byte[]> addresses) {
        return pool.preparedQuery(LEARNED)
                .execute(Tuple.of(
                        opened.stream().map(Traced::id).toArray(UUID[]::new),
                        opened.stream().map(Traced::credentialsHash).toArray(String[]::new),
                        addresses.stream().map(Buffer::buffer).toArray(Buffer[]::new)))
                .replaceWithVoid();
    }

    /** @param credentialsHash of the credentials that the server has asked for by SCRAM; of others nothing is written */
    Uni<Void> askedByScram(UUID id, String credentialsHash) {
        return pool.preparedQuery(ASKED_BY_SCRAM)
                .execute(Tuple.of(id, credentialsHash))
                .replaceWithVoid();
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
