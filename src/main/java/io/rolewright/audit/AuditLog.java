package io.rolewright.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.hibernate.orm.runtime.PersistenceUnitUtil;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.common.runtime.SessionOperations;
import io.rolewright.problem.ErrorCode;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jboss.logging.MDC;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Level;
import org.jboss.logmanager.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes the audit: a row in the store, and the same facts as one line of the log category {@code rolewright.audit}, whose
 * fields a JSON log shows one by one.
 */
@ApplicationScoped
public class AuditLog {

    /** Callers choose some of the texts (a client id they try, an id in a path), so each has a bound. */
    static final int LONGEST_TEXT = 300;

    /** What stands on a thread for all lines of a request. */
    private static final List<String> OF_A_REQUEST =
            List.of("requestId", "traceId", "spanId", "connectionId", "rotationId");

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    private static final Logger log = Logger.getLogger("rolewright.audit");

    private static final org.jboss.logging.Logger troubles = org.jboss.logging.Logger.getLogger(AuditLog.class);

    /** What {@link AuditRow} says to Hibernate. */
    private static final String INSERT = """
            INSERT INTO audit_event (type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind,
                subject_id, reason, facts)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::jsonb)""";

    private final ObjectMapper json;
    private final Pool pool;

    private final Vertx vertx;
    private final RefusalBounds bounds;

    AuditLog(ObjectMapper json, Pool pool, Vertx vertx, AuditConfig config, Origins origins) {
        this.json = json;
        this.pool = pool;
        this.vertx = vertx;
        this.bounds = new RefusalBounds(config, origins);
    }

    /**
     * Adds a row in the running transaction, so that act and record commit together, or in one of its own.
     *
     * <p>A refusal or failure that rolls its transaction back must be recorded after that, outside of it. The log line is
     * written when the row is sent: after a rollback there is a line without a row, never a row without a line.
     *
     * <p>Of refusals so many have a row in a minute as {@link AuditConfig} says; the others have a line, but
     * for those without any token, and are counted in a row.
     */
    public Uni<Void> record(AuditEvent event) {
        return record(List.of(event));
    }

    /** The same of several. */
    public Uni<Void> record(List<AuditEvent> events) {
        var rows = admitted(events).stream().map(this::row).toList();
        if (rows.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        boolean one = rows.size() == 1 && !isInSession();
        return (one ? alone(rows.get(0)) : inTransaction(rows)).invoke(() -> rows.forEach(row -> log.log(line(row))));
    }

    /** @return the events that there is to be a row of; the others are in the log then */
    private List<AuditEvent> admitted(List<AuditEvent> events) {
        return events.stream().filter(this::isAdmitted).toList();
    }

    private boolean isAdmitted(AuditEvent event) {
        if (event.outcome() != Outcome.REFUSED) {
            return true;
        }
        if (bounds.isIdle()) {
            vertx.setTimer(MINUTE.toMillis(), over -> OwnContext.run(vertx.getOrCreateContext(), this::sayHowMany));
        }
        boolean admitted = bounds.admit(event);
        // Who sends no token says nothing that a count does not: thousands of him would be as many lines.
        if (!admitted && !ErrorCode.TOKEN_MISSING.code().equals(event.reason())) {
            note(event);
        }
        return admitted;
    }

    /** Writes the rows that stand for those that were left out. */
    void sayHowMany() {
        List<AuditRow> rows = bounds.over().stream().map(this::row).toList();
        if (!rows.isEmpty()) {
            inTransaction(rows)
                    .invoke(() -> rows.forEach(row -> log.log(line(row))))
                    .subscribe()
                    .with(done -> {}, AuditLog::warn);
        }
    }

    private static void warn(Throwable failure) {
        StoreFault.warn(troubles, "How many refusals were left out of the audit is in no row", failure);
    }

    private static boolean isInSession() {
        return SessionOperations.getCurrentSession(PersistenceUnitUtil.DEFAULT_PERSISTENCE_UNIT_NAME) != null;
    }

    private static Uni<Void> inTransaction(List<AuditRow> rows) {
        // An identity column makes persist send the INSERT at once.
        return Panache.withTransaction(() -> Panache.getSession().chain(session -> session.persistAll(rows.toArray())));
    }

    /**
     * Adds a row in the statement that also makes the act true, and so in one transaction and one round trip. Not for who is in a session:
     * it would be another transaction than his.
     *
     * @param change an UPDATE, INSERT or DELETE, whose parameters begin with {@code $12}
     */
    public Uni<Void> record(AuditEvent event, String change, @Nullable Object... values) {
        AuditRow row = row(event);
        List<@Nullable Object> parameters = new ArrayList<>(columns(row));
        parameters.addAll(Arrays.asList(values));
        return pool.preparedQuery("WITH change AS (" + change + ") " + INSERT)
                .execute(Tuple.from(parameters))
                .invoke(() -> log.log(line(row)))
                .replaceWithVoid();
    }

    /** One statement, which is a transaction by itself: a read pays for its record with one round trip and not with three. */
    private Uni<Void> alone(AuditRow row) {
        return pool.preparedQuery(INSERT).execute(Tuple.from(columns(row))).replaceWithVoid();
    }

    private static List<@Nullable Object> columns(AuditRow row) {
        return Arrays.asList(
                row.type,
                row.outcome.name(),
                row.actorId,
                row.actorName,
                row.address,
                row.requestId,
                row.projectId,
                row.subjectKind,
                row.subjectId,
                row.reason,
                row.facts);
    }

    /**
     * Says it in the log only. For what anybody can cause without being known, such as a token that does not count: the table
     * would fill at a stranger's will.
     */
    public void note(AuditEvent event) {
        log.log(line(row(event)));
    }

    /**
     * The log's line of a row that another statement has inserted, together with what it read. What is in that row must have been
     * through {@link #text}.
     */
    public void inserted(AuditEvent event) {
        log.log(line(row(event)));
    }

    /** A text that a caller may have chosen, as it is stored: without what PostgreSQL or a log does not take, and cut to a length. */
    public static @Nullable String text(@Nullable String text) {
        return clean(text);
    }

    private AuditRow row(AuditEvent event) {
        var row = new AuditRow();
        row.type = event.type();
        row.outcome = event.outcome();
        row.actorId = event.actorId();
        row.actorName = clean(event.actorName());
        row.address = clean(event.address());
        row.requestId = clean(event.requestId());
        row.projectId = event.projectId();
        row.subjectKind = event.subjectKind();
        row.subjectId = clean(event.subjectId());
        row.reason = event.reason();
        String trace = traceOf(row.requestId);
        row.said = cleaned((trace == null ? event : event.with("traceId", trace)).facts());
        row.facts = facts(row.said);
        return row;
    }

    /** Of the request in progress, if the event is of that one; null too where the request's id begins with it. */
    private static @Nullable String traceOf(@Nullable String requestId) {
        Object trace = MDC.get("traceId");
        if (trace == null || requestId == null || !requestId.equals(MDC.get("requestId"))) {
            return null;
        }
        return requestId.startsWith(trace.toString()) ? null : trace.toString();
    }

    private static Map<String, Object> cleaned(Map<String, Object> facts) {
        var cleaned = new LinkedHashMap<String, Object>();
        facts.forEach((name, value) -> cleaned.put(name, cleanFact(value)));
        return cleaned;
    }

    private String facts(Map<String, Object> cleaned) {
        try {
            return json.writeValueAsString(cleaned);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("facts are texts, ids, numbers and booleans", e);
        }
    }

    private static @Nullable Object cleanFact(@Nullable Object fact) {
        if (fact == null || fact instanceof Number || fact instanceof Boolean) {
            return fact;
        }
        if (fact instanceof Collection<?> several) {
            return several.stream().map(AuditLog::cleanFact).toList();
        }
        return clean(fact.toString());
    }

    /** Without what would break a log line or what PostgreSQL does not take (NUL), and cut to a length. */
    static @Nullable String clean(@Nullable String text) {
        if (text == null) {
            return null;
        }
        var cut = text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT) + "…";
        return UNPRINTABLE.matcher(cut).replaceAll("\uFFFD");
    }

    private static ExtLogRecord line(AuditRow row) {
        var sentence = new StringBuilder(row.type)
                .append(' ')
                .append(row.outcome.name().toLowerCase(Locale.ROOT));
        append(sentence, ": ", row.reason);
        append(sentence, ", ", row.subjectKind);
        append(sentence, " ", row.subjectId);
        append(sentence, ", by ", row.actorName);
        append(sentence, " from ", row.address);
        // No format: a percent sign in a name is only that.
        var line = new ExtLogRecord(
                Level.INFO, sentence.toString(), ExtLogRecord.FormatStyle.NO_FORMAT, AuditLog.class.getName());
        line.setLoggerName(log.getName());
        // Put on the record and not on the thread, which other requests share, and may be another one's now.
        if (row.requestId == null || !row.requestId.equals(MDC.get("requestId"))) {
            OF_A_REQUEST.forEach(line::removeMdc);
        }
        put(line, "type", row.type);
        put(line, "outcome", row.outcome);
        put(line, "actorId", row.actorId);
        put(line, "actorName", row.actorName);
        put(line, "address", row.address);
        put(line, "requestId", row.requestId);
        put(line, "projectId", row.projectId);
        put(line, "subjectKind", row.subjectKind);
        put(line, "subjectId", row.subjectId);
        put(line, "reason", row.reason);
        // Each by itself: what is JSON within a text no log store searches.
        row.said.forEach((name, value) -> put(line, "facts." + name, shown(value)));
        return line;
    }

    private static @Nullable Object shown(@Nullable Object fact) {
        return fact instanceof Collection<?> several
                ? several.stream().map(String::valueOf).collect(Collectors.joining(","))
                : fact;
    }

    private static void append(StringBuilder sentence, String before, @Nullable String text) {
        if (text != null) {
            sentence.append(before).append(text);
        }
    }

    private static void put(ExtLogRecord line, String name, @Nullable Object value) {
        if (value != null) {
            line.putMdc(name, value.toString());
        }
    }
}
