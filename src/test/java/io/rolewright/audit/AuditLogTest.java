package io.rolewright.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.rolewright.store.OwnContext;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.awaitility.Awaitility;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class AuditLogTest {

    private static final UUID ACTOR = UUID.randomUUID();
    private static final UUID PROJECT = UUID.randomUUID();

    @Inject
    AuditLog audit;

    @Inject
    ObjectMapper json;

    @Inject
    Pool pool;

    @Inject
    Vertx vertx;

    /** The tests share a table that only grows, so each has its own subject. */
    private final String subject = UUID.randomUUID().toString();

    /** Beyond the bound the log has it alone, and one row says how often. */
    @Test
    void whatIsRefusedTooOftenIsCounted() throws Throwable {
        UUID greedy = UUID.randomUUID();
        AuditLog few = new AuditLog(json, pool, vertx, new RefusalBoundsTest.Bounds(2, 2, 2), address -> address);

        for (int i = 0; i < 5; i++) {
            await(() -> few.record(AuditEvent.refused(AuditType.ACCESS_REFUSED, "permission_denied")
                    .by(greedy, "greedy")));
            await(() -> few.record(AuditEvent.success(AuditType.CREATE_PROJECT).by(greedy, "greedy")));
        }
        OwnContext.run(vertx.getOrCreateContext(), few::sayHowMany);

        String rows =
                "select type, outcome, reason, facts from audit_event where actor_id = '" + greedy + "' order by id";
        Awaitility.await().untilAsserted(() -> assertThat(TestStore.sql(rows)).hasSize(2 + 5 + 1));
        Row last = TestStore.sql(rows).get(7);
        assertThat(last.getString("reason")).isEqualTo("more_refused");
        assertThat(last.getJsonObject("facts").getInteger("count")).isEqualTo(3);
    }

    /** Alone it is another statement than beside what a transaction writes. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void recordsWhoDidWhatWhenFromWhereAndHowItEnded(boolean inTransaction) throws Throwable {
        var event = AuditEvent.success(AuditType.CREATE_APP_CONNECTION)
                .by(ACTOR, "terraform")
                .from("192.0.2.7", "req-1")
                .in(PROJECT)
                .on("app-connection", subject)
                .with("name", "orders")
                .with("isPlatformManagedCredentials", false);

        await(() -> inTransaction ? Panache.withTransaction(() -> audit.record(event)) : audit.record(event));

        var row = onlyRow();
        assertThat(row.getLong("id")).isPositive();
        assertThat(row.getOffsetDateTime("at"))
                .isBetween(OffsetDateTime.now().minus(Duration.ofMinutes(1)), OffsetDateTime.now());
        assertThat(row.getString("type")).isEqualTo("create-app-connection");
        assertThat(row.getString("outcome")).isEqualTo("SUCCESS");
        assertThat(row.getUUID("actor_id")).isEqualTo(ACTOR);
        assertThat(row.getString("actor_name")).isEqualTo("terraform");
        assertThat(row.getString("address")).isEqualTo("192.0.2.7");
        assertThat(row.getString("request_id")).isEqualTo("req-1");
        assertThat(row.getUUID("project_id")).isEqualTo(PROJECT);
        assertThat(row.getString("subject_kind")).isEqualTo("app-connection");
        assertThat(row.getString("reason")).isNull();
        assertThat(row.getJsonObject("facts"))
                .isEqualTo(JsonObject.of("name", "orders", "isPlatformManagedCredentials", false));
    }

    @Test
    void recordsARefusalOfNobodyInParticular() throws Throwable {
        await(() -> audit.record(
                AuditEvent.refused(AuditType.ACCESS_REFUSED, "token_missing").on(null, subject)));

        var row = onlyRow();
        assertThat(row.getString("outcome")).isEqualTo("REFUSED");
        assertThat(row.getString("reason")).isEqualTo("token_missing");
        assertThat(row.getUUID("actor_id")).isNull();
        assertThat(row.getUUID("project_id")).isNull();
        assertThat(row.getJsonObject("facts")).isEqualTo(new JsonObject());
    }

    @Test
    void vanishesWithTheTransactionItJoined() {
        assertThatThrownBy(() -> await(() -> Panache.withTransaction(() -> audit.record(event())
                        .chain(() -> Uni.createFrom().failure(new IllegalStateException("rolled back"))))))
                .hasMessage("rolled back");

        assertThat(rows()).isEmpty();
    }

    @Test
    void joinsTheTransactionOfTheAct() throws Throwable {
        await(() -> Panache.withTransaction(() -> audit.record(event()).chain(() -> audit.record(event()))));

        assertThat(rows()).hasSize(2);
    }

    /** What callers choose must neither break the row (PostgreSQL takes no NUL) nor forge a log line nor fill the store. */
    @Test
    void boundsAndCleansWhatCallersChoose() throws Throwable {
        await(() -> audit.record(event().by(null, "a\0b\r\nc\u001b[31m" + "x".repeat(10_000))
                .with("ids", List.of("one\0", "two"))
                .with("count", 2)
                .with("none", null)));

        var row = onlyRow();
        assertThat(row.getString("actor_name"))
                .startsWith("a\uFFFDb\uFFFD\uFFFDc\uFFFD[31mx")
                .hasSize(AuditLog.LONGEST_TEXT + 1);
        assertThat(row.getJsonObject("facts").getMap())
                .isEqualTo(new JsonObject("{\"ids\":[\"one\uFFFD\",\"two\"],\"count\":2,\"none\":null}").getMap());
    }

    @Test
    void saysTheSameInTheLogFieldByField() throws Throwable {
        var lines = new ArrayList<ExtLogRecord>();
        var handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                lines.add(ExtLogRecord.wrap(line));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger.getLogger("rolewright.audit").addHandler(handler);
        try {
            await(() -> audit.record(event().by(ACTOR, "100%s")
                    .from("192.0.2.7", "req-1")
                    .with("credentialVersion", 7)
                    .with("rotationIds", List.of("a", "b"))));
        } finally {
            Logger.getLogger("rolewright.audit").removeHandler(handler);
        }

        assertThat(lines).singleElement().satisfies(line -> {
            assertThat(line.getFormattedMessage())
                    .isEqualTo(
                            "delete-app-connection success, app-connection " + subject + ", by 100%s from 192.0.2.7");
            assertThat(line.getMdc("actorId")).isEqualTo(ACTOR.toString());
            assertThat(line.getMdc("actorName")).isEqualTo("100%s");
            assertThat(line.getMdc("subjectId")).isEqualTo(subject);
            assertThat(line.getMdc("reason")).isNull();
            assertThat(line.getMdc("facts.credentialVersion")).isEqualTo("7");
            assertThat(line.getMdc("facts.rotationIds")).isEqualTo("a,b");
            assertThat(line.getMdcCopy().values()).noneMatch(text -> text.startsWith("{"));
        });
    }

    @Test
    void recordsSeveralOrNone() throws Throwable {
        await(() -> audit.record(List.of()));
        await(() -> audit.record(List.of(event(), event())));

        assertThat(rows()).hasSize(2);
    }

    private AuditEvent event() {
        return AuditEvent.success(AuditType.DELETE_APP_CONNECTION).on("app-connection", subject);
    }

    private Row onlyRow() {
        assertThat(rows()).hasSize(1);
        return rows().get(0);
    }

    private List<Row> rows() {
        return TestStore.sql("SELECT * FROM audit_event WHERE subject_id = '" + subject + "'");
    }

    private static <T> T await(Supplier<Uni<T>> act) throws Throwable {
        return VertxContextSupport.subscribeAndAwait(act);
    }
}
