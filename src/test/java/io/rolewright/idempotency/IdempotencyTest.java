package io.rolewright.idempotency;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.awaitility.Awaitility.await;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Row;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class IdempotencyTest {

    private static final String SIXTEEN = "0123456789abcdef";
    private static final String SIXTY_FOUR = SIXTEEN + SIXTEEN + SIXTEEN + SIXTEEN;
    /** 256 characters, one too many. */
    private static final String LONG = SIXTY_FOUR + SIXTY_FOUR + SIXTY_FOUR + SIXTY_FOUR;

    private static final byte[] BODY = "{\"name\":\"orders\"}".getBytes(UTF_8);

    @Inject
    Idempotency idempotency;

    private final UUID caller = UUID.randomUUID();
    private final AtomicInteger runs = new AtomicInteger();

    /** What callers get; the text makes replies of different runs different. */
    record Reply(UUID id, String secret) {}

    @Test
    void carriesARequestOutOnceAndRepeatsItsReply() throws Throwable {
        var first = send("key", BODY);
        var second = send("key", BODY);

        assertThat(second).isEqualTo(first);
        assertThat(runs).hasValue(1);
    }

    @Test
    void carriesOutEveryRequestWithoutAKey() throws Throwable {
        send(null, BODY);
        send(null, BODY);

        assertThat(runs).hasValue(2);
        assertThat(rows()).isEmpty();
    }

    @Test
    void keysOfDifferentCallersNeverMeet() throws Throwable {
        send("key", BODY);
        VertxContextSupport.subscribeAndAwait(
                () -> idempotency.once(held(UUID.randomUUID()), "key", "create", BODY, Reply.class, this::quickWork));

        assertThat(runs).hasValue(2);
    }

    @Test
    void refusesAKeyThatWasUsedForAnotherBody() throws Throwable {
        send("key", BODY);

        assertThatThrownBy(() -> send("key", "{\"name\":\"other\"}".getBytes(UTF_8)))
                .asInstanceOf(type(ValidationProblem.class))
                .extracting(p -> p.issues().get(0).code())
                .isEqualTo("idempotency_key_reused");
        assertThat(runs).hasValue(1);
    }

    @Test
    void refusesAKeyThatWasUsedForAnotherOperation() throws Throwable {
        send("key", BODY);

        assertThatThrownBy(() -> VertxContextSupport.subscribeAndAwait(
                        () -> idempotency.once(held(caller), "key", "rotate", BODY, Reply.class, this::quickWork)))
                .isInstanceOf(ValidationProblem.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "naïve", "tab\there", "del\u007f", LONG})
    void refusesAMalformedKey(String key) {
        assertThatThrownBy(() -> send(key, BODY))
                .asInstanceOf(type(ValidationProblem.class))
                .extracting(p -> p.issues().get(0).path())
                .isEqualTo(List.of("headers", "Idempotency-Key"));
        assertThat(runs).hasValue(0);
    }

    @Test
    void takesTheLongestKey() throws Throwable {
        assertThat(send(LONG.substring(1), BODY)).isEqualTo(send(LONG.substring(1), BODY));
    }

    @Test
    void failedRunFreesTheKey() throws Throwable {
        assertThatThrownBy(() -> send(
                        "key",
                        completion -> Uni.createFrom()
                                .failure(
                                        Problem.of(ErrorCode.CONNECTION_TEST_FAILED, "The server refused the login."))))
                .asInstanceOf(type(Problem.class))
                .extracting(Problem::code)
                .isEqualTo("connection_test_failed");

        send("key", BODY);

        assertThat(runs).hasValue(1);
    }

    @Test
    void throwingRunFreesTheKeyToo() throws Throwable {
        assertThatThrownBy(() -> send("key", completion -> {
                    throw new IllegalStateException("a bug");
                }))
                .hasMessage("a bug");

        assertThat(rows()).isEmpty();
    }

    @Test
    void keepsTheReplyOfWorkThatForgotTo() throws Throwable {
        Function<Completion, Uni<Reply>> forgetful =
                completion -> Uni.createFrom().item(new Reply(UUID.randomUUID(), "run " + runs.incrementAndGet()));

        assertThat(send("key", forgetful)).isEqualTo(send("key", forgetful));
        assertThat(runs).hasValue(1);
    }

    @Test
    void replyIsSealed() throws Throwable {
        send("key", BODY);

        byte[] stored = rows().get(0).getBuffer("reply").getBytes();
        assertThat(new String(stored, UTF_8)).doesNotContain("secret").doesNotContain("run 1");
    }

    @Test
    void replyOfAnotherRequestDoesNotOpen() throws Throwable {
        send("mine", BODY);
        send("theirs", BODY);
        TestStore.sql("UPDATE idempotent_request SET reply = (SELECT reply FROM idempotent_request WHERE "
                + where("theirs") + ") WHERE " + where("mine"));

        assertThatThrownBy(() -> send("mine", BODY)).hasMessageContaining("cannot be opened");
    }

    @Test
    void ofManyAtOnceOneRuns() {
        var all = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> {
                    try {
                        return send("key", BODY);
                    } catch (Problem inProgress) {
                        assertThat(inProgress.code()).isEqualTo("idempotency_key_in_progress");
                        return null;
                    } catch (Throwable e) {
                        throw new IllegalStateException(e);
                    }
                }))
                .toList();

        all.forEach(CompletableFuture::join);

        assertThat(runs).hasValue(1);
    }

    @Nested
    class WhileTheFirstRunGoesOn {

        private final CompletableFuture<UniEmitter<? super Reply>> started = new CompletableFuture<>();

        @AfterEach
        void finish() {
            started.join().complete(new Reply(caller, "at the end of the test"));
        }

        @Test
        void theSecondIsToldToComeBackAndThenGetsTheReply() throws Throwable {
            var first = sendSlowly("key");
            var finish = started.get(20, TimeUnit.SECONDS);

            assertInProgress("key");
            finish.complete(new Reply(caller, "of the first run"));

            assertThat(first.get(20, TimeUnit.SECONDS).secret()).isEqualTo("of the first run");
            assertThat(send("key", BODY).secret()).isEqualTo("of the first run");
            assertThat(runs).hasValue(1);
        }

        @Test
        void anotherBodyIsRefusedAtOnce() throws Throwable {
            sendSlowly("key");
            started.get(20, TimeUnit.SECONDS);

            assertThatThrownBy(() -> send("key", "{}".getBytes(UTF_8))).isInstanceOf(ValidationProblem.class);
        }

        @Test
        void itGoesOnWhenItsCallerHangsUp() throws Throwable {
            assertThatThrownBy(() -> VertxContextSupport.subscribeAndAwait(() -> once("key", this::slowWork)
                            .ifNoItem()
                            .after(Duration.ofMillis(200))
                            .fail()))
                    .isInstanceOf(TimeoutException.class);
            var finish = started.get(20, TimeUnit.SECONDS);

            finish.complete(new Reply(caller, "nobody heard"));

            await().until(() -> rows().get(0).getBuffer("reply") != null);
            assertThat(send("key", BODY).secret()).isEqualTo("nobody heard");
        }

        @Test
        void itsClaimLapsesAndThenItCanNoLongerCommit() throws Throwable {
            var first = sendSlowly("key");
            var finish = started.get(20, TimeUnit.SECONDS);
            TestStore.sql("UPDATE idempotent_request SET lapses_at = now() WHERE " + where("key"));

            var second = send("key", BODY);
            finish.complete(new Reply(caller, "too late"));

            assertThatThrownBy(() -> first.get(20, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .cause()
                    .asInstanceOf(type(Problem.class))
                    .extracting(Problem::code)
                    .isEqualTo("idempotency_key_in_progress");
            assertThat(send("key", BODY)).isEqualTo(second);
        }

        @Test
        void itsClaimHoldsForThirtySeconds() throws Throwable {
            sendSlowly("key");
            started.get(20, TimeUnit.SECONDS);
            TestStore.sql("UPDATE idempotent_request SET lapses_at = lapses_at - INTERVAL '25 seconds' WHERE "
                    + where("key"));

            assertInProgress("key");
        }

        private CompletableFuture<Reply> sendSlowly(String key) {
            return CompletableFuture.supplyAsync(() -> {
                try {
                    return send(key, this::slowWork);
                } catch (RuntimeException e) {
                    throw e;
                } catch (Throwable e) {
                    throw new IllegalStateException(e);
                }
            });
        }

        private Uni<Reply> slowWork(Completion completion) {
            runs.incrementAndGet();
            var context = Vertx.currentContext();
            return Uni.createFrom()
                    .<Reply>emitter(started::complete)
                    // The test finishes it from its own thread; the store is reached from where the run began.
                    .emitOn(step -> context.runOnContext(ignored -> step.run()))
                    .call(reply -> Panache.withTransaction(() -> completion.store(reply)));
        }
    }

    @Nested
    class EffectAndReplyCommitTogether {

        @Test
        void neitherIsThereIfTheTransactionFails() {
            assertThatThrownBy(() -> send(
                            "key",
                            completion -> Panache.withTransaction(
                                    () -> effect().chain(() -> completion.store(new Reply(caller, "lost")))
                                            .chain(() -> Uni.createFrom()
                                                    .<Reply>failure(new IllegalStateException("late failure"))))))
                    .hasMessage("late failure");

            assertThat(effects()).isZero();
            assertThat(rows()).isEmpty();
        }

        /** A run that lost its key must leave nothing behind. */
        @Test
        void noEffectWithoutTheReply() {
            assertThatThrownBy(() -> send("key", completion -> {
                        TestStore.sql("DELETE FROM idempotent_request WHERE " + where("key"));
                        var reply = new Reply(caller, "too late");
                        return Panache.withTransaction(() -> effect().chain(() -> completion.store(reply)))
                                .replaceWith(reply);
                    }))
                    .asInstanceOf(type(Problem.class))
                    .extracting(Problem::code)
                    .isEqualTo("idempotency_key_in_progress");

            assertThat(effects()).isZero();
        }

        @Test
        void bothAreThereOtherwise() throws Throwable {
            var reply = new Reply(caller, "kept");
            send(
                    "key",
                    completion -> Panache.withTransaction(() -> effect().chain(() -> completion.store(reply)))
                            .replaceWith(reply));

            assertThat(effects()).isEqualTo(1);
            assertThat(rows().get(0).getBuffer("reply")).isNotNull();
        }

        /** Any row in another table will do. */
        private Uni<Void> effect() {
            return Panache.getSession()
                    .chain(session -> session.createNativeQuery(
                                    "INSERT INTO audit_event (type, outcome, subject_id) VALUES ('test', 'SUCCESS', ?1)")
                            .setParameter(1, caller.toString())
                            .executeUpdate())
                    .replaceWithVoid();
        }

        private int effects() {
            return TestStore.sql("SELECT * FROM audit_event WHERE subject_id = '" + caller + "'")
                    .size();
        }
    }

    @Nested
    class After24Hours {

        @Test
        void theKeyIsFreeAgain() throws Throwable {
            send("key", BODY);
            pass("23 hours 59 minutes");
            send("key", BODY);
            assertThat(runs).hasValue(1);

            pass("1 minute");
            send("key", "{\"name\":\"something else\"}".getBytes(UTF_8));

            assertThat(runs).hasValue(2);
        }

        @Test
        void theReplyIsPurged() throws Throwable {
            send("old", BODY);
            pass("24 hours");
            send("new", BODY);

            int purged = VertxContextSupport.subscribeAndAwait(() -> idempotency.purgeExpired());

            assertThat(purged).isPositive();
            assertThat(rows()).extracting(row -> row.getString("key")).containsExactly("new");
        }

        private void pass(String interval) {
            TestStore.sql("UPDATE idempotent_request SET expires_at = expires_at - INTERVAL '" + interval
                    + "', lapses_at = lapses_at - INTERVAL '" + interval + "' WHERE identity_id = '" + caller + "'");
        }
    }

    private static ProvenRight held(UUID holder) {
        return new ProvenRight(holder) {};
    }

    private void assertInProgress(String key) {
        assertThatThrownBy(() -> send(key, BODY)).isInstanceOfSatisfying(Problem.class, p -> {
            assertThat(p.status()).isEqualTo(400);
            assertThat(p.code()).isEqualTo("idempotency_key_in_progress");
            assertThat(p.headers()).containsEntry("Retry-After", "1");
        });
    }

    private Reply send(String key, byte[] body) throws Throwable {
        return VertxContextSupport.subscribeAndAwait(
                () -> idempotency.once(held(caller), key, "create", body, Reply.class, this::quickWork));
    }

    private Reply send(String key, Function<Completion, Uni<Reply>> work) throws Throwable {
        return VertxContextSupport.subscribeAndAwait(() -> once(key, work));
    }

    private Uni<Reply> once(String key, Function<Completion, Uni<Reply>> work) {
        return idempotency.once(held(caller), key, "create", BODY, Reply.class, work);
    }

    private Uni<Reply> quickWork(Completion completion) {
        var reply = new Reply(UUID.randomUUID(), "run " + runs.incrementAndGet());
        return Panache.withTransaction(() -> completion.store(reply)).replaceWith(reply);
    }

    private List<Row> rows() {
        return TestStore.sql("SELECT * FROM idempotent_request WHERE identity_id = '" + caller + "'");
    }

    private String where(String key) {
        return "identity_id = '" + caller + "' AND key = '" + key + "'";
    }
}
