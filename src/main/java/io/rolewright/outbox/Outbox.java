package io.rolewright.outbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/** Where facts wait until they are told. */
@ApplicationScoped
public class Outbox {

    /** Whoever has not fetched a fact by then reads the state of things instead. */
    private static final String PURGE = """
            DELETE FROM outbox_fact WHERE position IN (
                SELECT position FROM outbox_fact WHERE at < statement_timestamp() - INTERVAL '7 days'
                ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)""";

    private static final String PUT_ALL = """
            INSERT INTO outbox_fact (id, type, project_id, subject_kind, subject_id, credential_version, facts, ordering_key)
            SELECT gen_random_uuid(), type, "projectId", "subjectKind", "subjectId", "credentialVersion", facts, "orderingKey"
              FROM jsonb_to_recordset(CAST(CAST(?1 AS text) AS jsonb)) AS fact (type text, "projectId" uuid, "subjectKind" text,
                   "subjectId" uuid, "credentialVersion" bigint, facts jsonb, "orderingKey" text)""";

    private final ObjectMapper json;
    private final Pool pool;
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    Outbox(ObjectMapper json, Pool pool) {
        this.json = json;
        this.pool = pool;
    }

    /** Adds a fact in the running store transaction, so that it is told if and only if that commits. */
    public Uni<Void> put(Fact fact) {
        OutboxRow row = new OutboxRow();
        row.id = UUID.randomUUID();
        row.type = fact.type();
        row.projectId = fact.projectId();
        row.subjectKind = fact.subjectKind();
        row.subjectId = fact.subjectId();
        row.credentialVersion = fact.credentialVersion();
        row.orderingKey = fact.orderingKey();
        row.facts = written(fact.facts());
        return Panache.withTransaction(() -> Panache.getSession().chain(session -> session.persist(row)))
                .invoke(() -> listeners.forEach(Runnable::run));
    }

    /** Adds many by one statement, as {@link #put} does one. They are of different subjects: their order among each other is not kept. */
    public Uni<Void> putAll(List<Fact> facts) {
        if (facts.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        String all = written(facts.stream().map(Outbox::columns).toList());
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(PUT_ALL)
                                .setParameter(1, all)
                                .executeUpdate()))
                .invoke(() -> listeners.forEach(Runnable::run))
                .replaceWithVoid();
    }

    /** By hand, as the executable knows no reflection on {@link Fact}. */
    private static Map<String, Object> columns(Fact fact) {
        Map<String, Object> columns = new HashMap<>();
        columns.put("type", fact.type());
        columns.put("projectId", fact.projectId());
        columns.put("subjectKind", fact.subjectKind());
        columns.put("subjectId", fact.subjectId());
        columns.put("credentialVersion", fact.credentialVersion());
        columns.put("orderingKey", fact.orderingKey());
        columns.put("facts", fact.facts());
        return columns;
    }

    private String written(Object value) {
        try {
            return json.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a fact that cannot be written as JSON", e);
        }
    }

    /** Has it called when a fact was put in by this process, whose transaction may take a moment more to commit, or roll back. */
    public void whenPut(Runnable listener) {
        listeners.add(listener);
    }

    /** Deletes facts older than a week, however they were told: the outbox cannot grow for ever. @return how many */
    public Uni<Integer> purge() {
        return pool.query(PURGE).execute().map(deleted -> deleted.rowCount());
    }
}
