package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.awaitility.Awaitility;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.LogContext;
import org.junit.jupiter.api.Test;

/** What comes of a request after its deadline has answered it. */
@QuarkusTest
class LateAnswerTest {

    private static final String LATE = "had been answered at its deadline; its work has now ended with status ";

    @Test
    void aResultThatComesAfterTheAnswerIsDroppedAndToldOnce() throws IOException {
        List<ExtLogRecord> lines = new CopyOnWriteArrayList<>();
        Handler reader = new Handler() {
            @Override
            public void publish(LogRecord line) {
                lines.add(ExtLogRecord.wrap(line));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Api.token();
        LogContext.getLogContext().getLogger("").addHandler(reader);
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) { // nobody accepts
            // The report is made of a server's silence just before the deadline, and then waits to be written into the
            // audit.
            CompletableFuture<?> locked = CompletableFuture.runAsync(() -> TestStore.sql("SELECT pg_sleep(7.5); BEGIN;"
                    + " LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3.5); COMMIT"));

            Api.as()
                    .body(Map.of(
                            "credentials",
                            Map.of(
                                    "host", "127.0.0.1",
                                    "port", silent.getLocalPort(),
                                    "database", "postgres",
                                    "username", "nobody",
                                    "password", "nothing",
                                    "sslEnabled", false)))
                    .post("/api/v1/app-connections/postgres/test")
                    .then()
                    .statusCode(503)
                    .body("code", equalTo("not_in_time"));
            locked.join();

            Awaitility.await()
                    .atMost(Duration.ofSeconds(5))
                    .untilAsserted(() -> assertThat(lines)
                            .filteredOn(line -> line.getFormattedMessage().contains(LATE))
                            .hasSize(1));
            assertThat(lines)
                    .noneSatisfy(line -> assertThat(line.getLevel().intValue())
                            .isGreaterThanOrEqualTo(org.jboss.logmanager.Level.ERROR.intValue()));
            assertThat(lines)
                    .noneSatisfy(line -> assertThat(line.getFormattedMessage() + line.getThrown())
                            .contains("already been written"));
        } finally {
            LogContext.getLogContext().getLogger("").removeHandler(reader);
        }
    }
}
