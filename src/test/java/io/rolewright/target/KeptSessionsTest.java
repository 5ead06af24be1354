package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which sessions a turn of due work goes on with, and who does not wait for them. */
class KeptSessionsTest {

    private static final Duration WORK = Duration.ofSeconds(9);

    /** Before an idle one ends by itself. */
    private static final Duration AT_ONCE = KeptSessions.LONGEST_IDLE.minusMillis(500);

    private static TestPostgres server;
    private static Login managing;
    private static Login other;

    private final Targets targets = TestTargets.local();
    private final KeptSessions kept = new KeptSessions();

    @BeforeAll
    static void start() {
        server = TestPostgres.shared(TestPostgres.NEWEST);
        managing = TestTargets.login(server, server.role("LOGIN"));
        other = TestTargets.login(server, server.role("LOGIN"));
    }

    @AfterEach
    void givesBackEverySlot() {
        kept.close();
        assertNoneInUse(WORK);
        targets.close();
    }

    private void assertNoneInUse(Duration within) {
        Awaitility.await()
                .atMost(within)
                .untilAsserted(() -> assertThat(targets.sessionsInUse()).isZero());
    }

    private <T> Uni<T> working(Login login, String name, Function<TargetSession, Uni<T>> work) {
        return targets.withManagingSession(
                login, Purpose.DUE_WORK, Deadline.in(WORK).keeping(kept), name, work);
    }

    /** @return process and application name of the session as the server has them */
    private static Uni<String> who(TargetSession session) {
        return session.query("SELECT pg_backend_pid() || ' ' || current_setting('application_name') AS who")
                .map(rows -> rows.get(0).getString("who"));
    }

    private String process(Login login) {
        return working(login, "rolewright test", KeptSessionsTest::who)
                .map(who -> who.substring(0, who.indexOf(' ')))
                .await()
                .indefinitely();
    }

    @Test
    void theNextOneGoesOnInTheSameSessionUnderItsOwnName() {
        String first = working(managing, "rolewright one", KeptSessionsTest::who)
                .await()
                .indefinitely();
        String second = working(managing, "rolewright two", KeptSessionsTest::who)
                .await()
                .indefinitely();

        assertThat(first).endsWith(" rolewright one");
        assertThat(second).isEqualTo(first.replace("one", "two"));
        assertThat(targets.sessionsInUse()).isEqualTo(1);
        kept.close();
        assertNoneInUse(AT_ONCE);
    }

    @Test
    void withoutATurnNothingIsKept() {
        targets.withManagingSession(
                        managing, Purpose.DUE_WORK, Deadline.in(WORK), "rolewright test", KeptSessionsTest::who)
                .await()
                .indefinitely();
        assertNoneInUse(AT_ONCE);
    }

    @Test
    void whatIsIdleEndsByItself() {
        process(managing);
        assertThat(targets.sessionsInUse()).isEqualTo(1);
        assertNoneInUse(KeptSessions.LONGEST_IDLE.plusSeconds(2));
    }

    @Test
    void anotherPasswordIsAnotherLogin() {
        process(managing);
        assertThatThrownBy(() -> process(managing.with("another password")))
                .isInstanceOf(TargetFailure.NoSession.class);
    }

    @Test
    void oneThatTheServerHasEndedIsReplaced() {
        String first = process(managing);
        server.sql("SELECT pg_terminate_backend(" + first + ")");
        assertThat(process(managing)).isNotEqualTo(first);
    }

    @Test
    void aTransactionThatWasLeftOpenIsNobodyElses() {
        working(
                        managing,
                        "rolewright test",
                        session -> session.execute("BEGIN; SELECT 1 / 0")
                                .onFailure()
                                .recoverWithNull())
                .await()
                .indefinitely();
        assertThat(process(managing)).isEqualTo(process(managing));
    }

    @Test
    void afterAFailureNothingIsKept() {
        assertThatThrownBy(() -> working(managing, "rolewright test", session -> session.execute("SELECT 1 / 0"))
                        .await()
                        .indefinitely())
                .isInstanceOf(TargetFailure.StatementRefused.class);
        assertNoneInUse(AT_ONCE);
    }

    @Test
    void whoeverComesWhileAnotherHasItForLongOpensOneOfHisOwn() {
        CompletableFuture<Void> over = new CompletableFuture<>();
        CompletableFuture<String> first = new CompletableFuture<>();
        CompletableFuture<Void> done = working(
                        managing,
                        "rolewright test",
                        session -> who(session)
                                .invoke(first::complete)
                                .chain(() -> Uni.createFrom().completionStage(over)))
                .subscribeAsCompletionStage();

        assertThat(first.join()).doesNotStartWith(process(managing) + " ");

        over.complete(null);
        done.join();
    }

    @Test
    void aRequestWaitsForNoSessionThatIsIdle() {
        process(managing);
        CompletableFuture<Void> over = new CompletableFuture<>();
        CompletableFuture<String> begun = new CompletableFuture<>();
        CompletableFuture<Void> done = working(
                        other,
                        "rolewright test",
                        session -> who(session)
                                .invoke(begun::complete)
                                .chain(() -> Uni.createFrom().completionStage(over)))
                .subscribeAsCompletionStage();
        begun.join(); // both slots of the server are taken

        assertThat(targets.login(managing, Purpose.REQUEST, Deadline.in(AT_ONCE))
                        .await()
                        .indefinitely())
                .isInstanceOf(LoginOutcome.Accepted.class);

        over.complete(null);
        done.join();
    }

    @Test
    void dueWorkGoesOnWhereAllSessionsAreIdle() {
        process(managing);
        process(other);
        assertThat(targets.sessionsInUse()).isEqualTo(2);

        assertThat(targets.login(managing, Purpose.DUE_WORK, Deadline.in(AT_ONCE))
                        .await()
                        .indefinitely())
                .isInstanceOf(LoginOutcome.Accepted.class);
    }

    @Test
    void dueWorkWaitsNotForLongWhereTheSessionInUseDoesNotEnd() {
        process(managing);
        CompletableFuture<Void> over = new CompletableFuture<>();
        CompletableFuture<String> begun = new CompletableFuture<>();
        CompletableFuture<Void> done = working(
                        other,
                        "rolewright test",
                        session -> who(session)
                                .invoke(begun::complete)
                                .chain(() -> Uni.createFrom().completionStage(over)))
                .subscribeAsCompletionStage();
        begun.join();

        assertThat(targets.login(other, Purpose.DUE_WORK, Deadline.in(AT_ONCE))
                        .await()
                        .indefinitely())
                .isInstanceOf(LoginOutcome.Accepted.class);

        over.complete(null);
        done.join();
    }
}
