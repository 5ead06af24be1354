package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.store.StoreFault.Kind;
import io.rolewright.testing.Ports;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.CompositeException;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Against real servers, because the client has no types for half of what can happen and its wordings may change. */
class StoreFaultTest {

    private static final Map<String, String> SETTINGS = Map.of(
            "rolewright.store.statement-timeout", "300ms",
            "rolewright.store.connect-timeout", "500ms",
            "rolewright.store.acquire-timeout", "1s");

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final TestPostgres.Login role = postgres.role("LOGIN");
    private final PgConnectOptions server = StoreUnderTest.at(postgres, "postgres", role);

    @Test
    void wrongPassword() {
        assertFault(server.setPassword("wrong"), "SELECT 1", "store refuses our role or password (28P01)", Kind.AWAY);
    }

    @Test
    void absentDatabase() {
        assertFault(server.setDatabase("absent"), "SELECT 1", "store has no such database (3D000)", Kind.AWAY);
    }

    @Test
    void aDatabaseThatIsClosed() {
        String closed = postgres.database();
        postgres.sql("ALTER DATABASE " + closed + " ALLOW_CONNECTIONS false");
        assertFault(
                server.setDatabase(closed),
                "SELECT 1",
                "store not reachable (its database takes no sessions, 55000)",
                Kind.AWAY);
    }

    @Test
    void missingRight() {
        assertFault(server, "SELECT * FROM pg_authid", "our role lacks a right on the store (42501)", null);
    }

    @Test
    void readOnlyStore() {
        assertFault(
                server.addProperty("default_transaction_read_only", "on"),
                "CREATE TABLE t ()",
                "store is read-only (25006)",
                Kind.READ_ONLY);
    }

    @Test
    void storeWithoutRoom() {
        assertFault(
                server,
                "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
                "store has no room left on its disk (53100)",
                Kind.FULL);
    }

    /** What is asked of it afterwards, such as a rollback, fails beside the statement. */
    @Test
    void aSessionThatIsGone() {
        Throwable last;
        try (var process = new StoreUnderTest(server, SETTINGS)) {
            var session = process.pool().getConnection().await().atMost(Duration.ofSeconds(10));
            assertThatThrownBy(() -> session.query("SELECT pg_terminate_backend(pg_backend_pid())")
                    .execute()
                    .await()
                    .atMost(Duration.ofSeconds(10)));
            last = catchThrowable(
                    () -> session.query("ROLLBACK").execute().await().atMost(Duration.ofSeconds(10)));
        }
        assertThat(last).hasMessageContaining("not active");
        assertThat(StoreFault.describe(last)).isEqualTo("store not reachable (connection lost)");
        assertThat(StoreFault.kind(new CompositeException(new IllegalStateException("ours"), last)))
                .isEqualTo(Kind.AWAY);
        assertThat(StoreFault.kind(new CompositeException(new IllegalStateException("ours"))))
                .isNull();
    }

    @Test
    void poolThatIsTaken() {
        try (var process = new StoreUnderTest(server, SETTINGS)) {
            var pool = process.pool();
            var held = pool.getConnection().await().atMost(Duration.ofSeconds(10));
            var others = new java.util.ArrayList<>(java.util.List.of(held));
            Throwable failure = null;
            while (failure == null) { // as many as the pool has
                var got = pool.getConnection()
                        .onItemOrFailure()
                        .transform((session, met) -> met == null ? (Object) session : met)
                        .await()
                        .atMost(Duration.ofSeconds(10));
                if (got instanceof Throwable met) {
                    failure = met;
                } else {
                    others.add((io.vertx.mutiny.sqlclient.SqlConnection) got);
                }
            }
            others.forEach(session -> session.close().await().atMost(Duration.ofSeconds(10)));

            assertThat(StoreFault.kind(failure)).as("%s", failure).isEqualTo(Kind.BUSY);
            assertThat(StoreFault.describe(failure))
                    .isEqualTo("all sessions to the store are in use (none became free in time)");
        }
    }

    @Test
    void statementThatTakesTooLong() {
        assertFault(server, "SELECT pg_sleep(20)", "store is slow (a statement took too long, 57014)", Kind.SLOW);
    }

    @Test
    void sessionThatIsEndedByTheServer() {
        assertFault(
                server,
                "SELECT pg_terminate_backend(pg_backend_pid())",
                "store not reachable (connection lost)",
                Kind.AWAY);
    }

    @Test
    void valueThatCannotBeWrittenIsNoOutage() {
        assertThatThrownBy(() -> new ObjectMapper().writeValueAsString(new Object()))
                .satisfies(fault -> {
                    assertThat(StoreFault.isOutage(new IllegalStateException(fault)))
                            .isFalse();
                    assertThat(StoreFault.describe(fault)).isEqualTo("unexpected fault (InvalidDefinitionException)");
                });
    }

    @Test
    void aCopyIsNoUnexpectedFault() {
        assertThat(StoreFault.describe(new StoreIsACopy("This store is a copy: it stands elsewhere.")))
                .isEqualTo("the store is a copy");
    }

    @Test
    void unknownHost() {
        assertFault(
                server.setHost("store.invalid"), "SELECT 1", "store not reachable (host name not found)", Kind.AWAY);
    }

    @Test
    void nobodyListens() {
        assertFault(server.setPort(Ports.free()), "SELECT 1", "store not reachable (connection refused)", Kind.AWAY);
    }

    @Test
    void serverThatStaysSilent() throws IOException {
        try (var silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            assertFault(
                    server.setHost("127.0.0.1").setPort(silent.getLocalPort()),
                    "SELECT 1",
                    "store not reachable (no free session in time)",
                    Kind.AWAY);
        }
    }

    @Test
    void anythingElseIsNamedByItsKindOnly() {
        assertThat(StoreFault.describe(new IllegalStateException("password=secret")))
                .isEqualTo("unexpected fault (IllegalStateException)");
    }

    private void assertFault(PgConnectOptions server, String sql, String description, Kind kind) {
        try (var process = new StoreUnderTest(server, SETTINGS)) {
            Throwable failure = process.pool()
                    .query(sql)
                    .execute()
                    .onItemOrFailure()
                    .transform((rows, met) -> met)
                    .await()
                    .atMost(Duration.ofSeconds(10));

            assertThat(StoreFault.describe(failure)).describedAs("%s", failure).isEqualTo(description);
            assertThat(StoreFault.kind(failure)).isEqualTo(kind);
        }
    }
}
