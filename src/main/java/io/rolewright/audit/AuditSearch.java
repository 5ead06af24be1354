package io.rolewright.audit;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads the audit, newest first. */
@ApplicationScoped
public class AuditSearch {

    /** So many are in memory at once while all are streamed. */
    private static final int ROWS_AT_ONCE = 500;

    private final Pool pool;

    AuditSearch(Pool pool) {
        this.pool = pool;
    }

    /**
     * What to look for; null means any.
     *
     * @param from the first moment that is looked at
     * @param to the first moment that is not
     * @param projects null for everything, the organisation's own included
     */
    public record Wanted(
            @Nullable String type,
            @Nullable Outcome outcome,
            @Nullable UUID actorId,
            @Nullable String address,
            @Nullable String requestId,
            @Nullable String subjectKind,
            @Nullable String subjectId,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Set<UUID> projects) {

        private Wanted before(Instant moment) {
            return new Wanted(
                    type, outcome, actorId, address, requestId, subjectKind, subjectId, from, moment, projects);
        }
    }

    /** Where a page ends. */
    public record Position(Instant at, long id) {}

    /** @param facts a JSON object */
    public record Found(
            long id,
            Instant at,
            String type,
            Outcome outcome,
            @Nullable UUID actorId,
            @Nullable String actorName,
            @Nullable String address,
            @Nullable String requestId,
            @Nullable UUID projectId,
            @Nullable String subjectKind,
            @Nullable String subjectId,
            @Nullable String reason,
            String facts) {

        public Position position() {
            return new Position(at, id);
        }
    }

    /** @param after where the page before ended; null for the first */
    public Uni<List<Found>> page(Wanted wanted, @Nullable Position after, int limit) {
        var where = new Conditions();
        where.and("type =", wanted.type);
        where.and("outcome =", wanted.outcome == null ? null : wanted.outcome.name());
        where.and("actor_id =", wanted.actorId);
        where.and("address =", wanted.address);
        where.and("request_id =", wanted.requestId);
        where.and("subject_kind =", wanted.subjectKind);
        where.and("subject_id =", wanted.subjectId);
        where.and("at >=", time(wanted.from));
        where.and("at <", time(wanted.to));
        if (wanted.projects != null && wanted.projects.size() == 1) {
            where.and("project_id =", wanted.projects.iterator().next());
        }
        if (after != null) {
            where.sql
                    .append(" and (at, id) < (")
                    .append(where.value(after.at.atOffset(ZoneOffset.UTC)))
                    .append(", ");
            where.sql.append(where.value(after.id)).append(")");
        }
        String newest = " order by at desc, id desc limit " + limit;
        String matching =
                "select id, at, type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind,"
                        + " subject_id, reason, facts::text as facts from audit_event where true" + where.sql;
        // Of several projects the newest of each, by the index; without that, rows of all others would be passed over
        // one by one.
        String sql = wanted.projects == null || wanted.projects.size() == 1
                ? matching + newest
                : "select e.* from unnest(" + where.value(wanted.projects.toArray(UUID[]::new))
                        + "::uuid[]) as p (id) cross join lateral (" + matching + " and project_id = p.id" + newest
                        + ") as e" + newest;
        return pool.preparedQuery(sql).execute(Tuple.from(where.values)).map(rows -> {
            List<Found> found = new ArrayList<>();
            rows.forEach(row -> found.add(found(row)));
            return found;
        });
    }

    /**
     * Everything that was recorded before the call, page by page as it is asked for.
     *
     * @param wanted asked before each page, so that what may be seen is what may be seen then; the stream fails as it does
     */
    public Multi<Found> all(Supplier<Uni<Wanted>> wanted, Instant now) {
        return Multi.createBy()
                .repeating()
                .uni(
                        AtomicReference<Position>::new,
                        last -> wanted.get()
                                .map(each -> each.to != null && each.to.isBefore(now) ? each : each.before(now))
                                .chain(each -> page(each, last.get(), ROWS_AT_ONCE))
                                .invoke(rows -> {
                                    if (!rows.isEmpty()) {
                                        last.set(rows.get(rows.size() - 1).position());
                                    }
                                }))
                .until(List::isEmpty)
                .onItem()
                .disjoint();
    }

    private static @Nullable OffsetDateTime time(@Nullable Instant instant) {
        return instant == null ? null : instant.atOffset(ZoneOffset.UTC);
    }

    private static Found found(Row row) {
        return new Found(
                row.getLong("id"),
                row.getOffsetDateTime("at").toInstant(),
                row.getString("type"),
                Outcome.valueOf(row.getString("outcome")),
                row.getUUID("actor_id"),
                row.getString("actor_name"),
                row.getString("address"),
                row.getString("request_id"),
                row.getUUID("project_id"),
                row.getString("subject_kind"),
                row.getString("subject_id"),
                row.getString("reason"),
                row.getString("facts"));
    }

    /** Column names are ours; values always go as parameters. */
    private static final class Conditions {

        private final StringBuilder sql = new StringBuilder();
        private final List<Object> values = new ArrayList<>();

        void and(String comparison, @Nullable Object value) {
            if (value != null) {
                sql.append(" and ")
                        .append(comparison)
                        .append(" (")
                        .append(value(value))
                        .append(")");
            }
        }

        String value(Object value) {
            values.add(value);
            return "$" + values.size();
        }
    }
}
