package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TargetsTest {

    private static final Duration LONG = Duration.ofSeconds(20);
    private static final Targets TARGETS = TestTargets.local();
    private static final Vertx CALLER = Vertx.vertx();
    private static TestPostgres server;
    private static Login app;

    @BeforeAll
    static void start() {
        server = TestPostgres.shared(TestPostgres.NEWEST);
        app = TestTargets.login(server, server.role("LOGIN"));
    }

    @AfterAll
    static void close() {
        TARGETS.close();
        CALLER.close();
    }

    private static List<String> sessions(String applicationName) {
        return server
                .sql("SELECT pid::text FROM pg_stat_activity WHERE application_name = '" + applicationName + "'")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    @Test
    void answersOnTheCallersContextAndWorksOnItsOwnThreads() {
        CompletableFuture<String> answeredOn = new CompletableFuture<>();
        CompletableFuture<String> workedOn = new CompletableFuture<>();
        Context caller = CALLER.getOrCreateContext();

        caller.runOnContext(unused -> TARGETS.withSession(app, Deadline.in(LONG), "rw", session -> {
                    workedOn.complete(Thread.currentThread().getName());
                    return session.query("SELECT 1");
                })
                .subscribe()
                .with(
                        rows -> answeredOn.complete(String.valueOf(Vertx.currentContext() == caller)),
                        answeredOn::completeExceptionally));

        assertThat(answeredOn.join()).isEqualTo("true");
        assertThat(workedOn.join()).startsWith("rolewright-target-eventloop-thread");
    }

    @Test
    void closesTheSessionWhateverTheWorkDoes() {
        assertThatThrownBy(() -> TARGETS.withSession(app, Deadline.in(LONG), "rw-throws", session -> {
                            throw new IllegalStateException("bug");
                        })
                        .await()
                        .indefinitely())
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> TARGETS.withSession(
                                app, Deadline.in(LONG), "rw-refused", session -> session.query("SELECT 1/0"))
                        .await()
                        .indefinitely())
                .isInstanceOfSatisfying(
                        TargetFailure.StatementRefused.class,
                        refused -> assertThat(refused.sqlState()).isEqualTo("22012"))
                .hasMessageNotContaining("zero");
        assertThatThrownBy(() -> TARGETS.withSession(
                                app,
                                Deadline.in(Duration.ofMillis(1500)),
                                "rw-late",
                                session -> session.query("SELECT pg_sleep(60)"))
                        .await()
                        .indefinitely())
                .isInstanceOfSatisfying(
                        TargetFailure.SessionLost.class,
                        lost -> assertThat(lost.reason()).isEqualTo(Unreachability.TIMED_OUT));

        Awaitility.await().atMost(LONG).untilAsserted(() -> {
            assertThat(TARGETS.sessionsInUse()).isZero();
            assertThat(sessions("rw-throws")).isEmpty();
            assertThat(sessions("rw-refused")).isEmpty();
        });
    }

    @Test
    void closesTheSessionWhenTheCallerHangsUp() {
        CompletableFuture<Void> working = new CompletableFuture<>();
        Cancellable call = TARGETS.withSession(app, Deadline.in(LONG), "rw-hangs-up", session -> {
                    working.complete(null);
                    return Uni.createFrom().nothing();
                })
                .subscribe()
                .with(item -> {}, failure -> {});
        working.join();

        call.cancel();

        Awaitility.await().atMost(LONG).untilAsserted(() -> {
            assertThat(TARGETS.sessionsInUse()).isZero();
            assertThat(sessions("rw-hangs-up")).isEmpty();
        });
    }

    @Test
    void saysThatAllSessionsAreInUse() {
        Targets narrow = TestTargets.local(Map.of("maximum-wait", "100ms"));
        CompletableFuture<Void> working = new CompletableFuture<>();
        Cancellable first = narrow.withSession(app, Deadline.in(LONG), "rw-first", session -> {
                    working.complete(null);
                    return Uni.createFrom().nothing();
                })
                .subscribe()
                .with(item -> {}, failure -> {});
        try {
            working.join();

            assertThat(narrow.login(app, Deadline.in(LONG))
                            .await()
                            .indefinitely()
                            .code())
                    .isEqualTo("too_many_sessions");
            assertThat(narrow.login(app, Purpose.DUE_WORK, Deadline.in(LONG))
                            .await()
                            .indefinitely()
                            .code())
                    .isEqualTo("accepted");
        } finally {
            first.cancel();
            narrow.close();
        }
    }

    @Test
    void opensNothingOfThisMachineInProduction() {
        Targets production = new Targets(TestTargets.config(Map.of()), Optional.empty());
        try {
            for (String host : List.of("127.0.0.1", "localhost", "::1", "0.0.0.0")) {
                Login login =
                        new Login(host, server.port(), "postgres", app.role(), TlsSettings.DISABLED, app.password());
                assertThat(production
                                .login(login, Deadline.in(LONG))
                                .await()
                                .indefinitely()
                                .code())
                        .isEqualTo("address_refused");
            }
        } finally {
            production.close();
        }
    }

    @Test
    void keepsTheStoreClosedWhereLoopbackIsOpen() {
        Targets beside = new Targets(
                TestTargets.config(Map.of("allow-internal-ip-connections", "true")),
                Optional.of("postgresql://127.0.0.1:" + server.port() + "/rolewright"));
        try {
            assertThat(beside.login(app, Deadline.in(LONG))
                            .await()
                            .indefinitely()
                            .code())
                    .isEqualTo("address_refused");
        } finally {
            beside.close();
        }
    }

    @Test
    void refusesAnApplicationNameThatWouldBeCut() {
        assertThatThrownBy(() -> TARGETS.withSession(
                        app,
                        Deadline.in(LONG),
                        "x".repeat(64),
                        session -> Uni.createFrom().voidItem()))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
