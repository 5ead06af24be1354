package io.rolewright.outbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/** Where facts wait until they are told. */
@ApplicationScoped
public class Outbox {

    /** Whoever has not fetched a fact by then reads the state of things instead. */
    private static final String PURGE = """
            DELETE FROM outbox_fact WHERE position IN (
                SELECT position FROM outbox_fact WHERE at < clock_timestamp() - INTERVAL '7 days'
                ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)""";

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
        try {
            row.facts = json.writeValueAsString(fact.facts());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a fact that cannot be written as JSON", e);
        }
        return Panache.withTransaction(() -> Panache.getSession().chain(session -> session.persist(row)))
                .invoke(() -> listeners.forEach(Runnable::run));
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
