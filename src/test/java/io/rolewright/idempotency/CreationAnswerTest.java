package io.rolewright.idempotency;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Of the deadline and the undo of a creation whichever comes first has its way. */
class CreationAnswerTest {

    private static final Duration SOON = Duration.ofMillis(50);

    private static Vertx vertx;

    @BeforeAll
    static void start() {
        vertx = Vertx.vertx();
    }

    @AfterAll
    static void stop() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    private static CompletableFuture<String> answer(Duration left, Function<CreationAnswer, Uni<String>> work) {
        CompletableFuture<String> answered = new CompletableFuture<>();
        vertx.getOrCreateContext()
                .runOnContext(ignored -> CreationAnswer.of(left, work, () -> "in doubt")
                        .subscribe()
                        .with(answered::complete, answered::completeExceptionally));
        return answered;
    }

    private static String said(CompletableFuture<String> answered) throws Exception {
        return answered.handle((said, failure) -> failure == null ? said : failure.getMessage())
                .get(10, TimeUnit.SECONDS);
    }

    private static Uni<String> nothing() {
        return Uni.createFrom().failure(Problem.of(ErrorCode.CONNECTION_TEST_FAILED, "nothing came of it"));
    }

    @Test
    void whatIsTakenBackWhenTheDeadlineComesIsNotInDoubt() throws Exception {
        AtomicReference<UniEmitter<? super Boolean>> undo = new AtomicReference<>();
        CompletableFuture<String> answered = answer(
                SOON,
                answer -> answer.undo(() -> Uni.createFrom().<Boolean>emitter(undo::set))
                        .chain(undone -> undone ? nothing() : Uni.createFrom().item("stays")));

        CompletableFuture<Void> later = new CompletableFuture<>();
        vertx.setTimer(SOON.toMillis() * 6, past -> later.complete(null));
        later.get(10, TimeUnit.SECONDS);
        assertThat(answered).isNotDone();

        undo.get().complete(true);
        assertThat(said(answered)).isEqualTo("nothing came of it");
    }

    @Test
    void whatWasAnsweredIsNotTakenBack() throws Exception {
        AtomicReference<UniEmitter<? super Void>> target = new AtomicReference<>();
        AtomicBoolean undone = new AtomicBoolean();
        CompletableFuture<Boolean> tookBack = new CompletableFuture<>();
        CompletableFuture<String> answered = answer(
                SOON,
                answer -> Uni.createFrom()
                        .<Void>emitter(target::set)
                        .chain(() -> answer.undo(() -> {
                                    undone.set(true);
                                    return Uni.createFrom().item(true);
                                })
                                .invoke(tookBack::complete)
                                .replaceWith("ended")));

        assertThat(said(answered)).isEqualTo("in doubt");

        target.get().complete(null);
        assertThat(tookBack.get(10, TimeUnit.SECONDS)).isFalse();
        assertThat(undone).isFalse();
    }

    /** It may be there or not: nobody says which. */
    @Test
    void aStoreThatFailsDuringTheUndoIsSaid() throws Exception {
        assertThat(said(answer(
                        Duration.ofSeconds(10),
                        answer -> answer.undo(() -> Uni.createFrom().failure(new IOException("store lost")))
                                .replaceWith("ended"))))
                .isEqualTo("store lost");
    }

    @Test
    void aStoreThatFailsWhileNothingIsTakenBackLeavesItInDoubt() throws Exception {
        assertThat(said(answer(
                        Duration.ofSeconds(10),
                        answer -> answer.undo(() -> Uni.createFrom().item(false))
                                .chain(() -> Uni.createFrom().failure(new IOException("store lost"))))))
                .isEqualTo("in doubt");
    }
}
