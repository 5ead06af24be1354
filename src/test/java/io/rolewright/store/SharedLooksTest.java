package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two looks at a time, each for three at most; the test says what they find. */
class SharedLooksTest {

    private static final UUID ONE = new UUID(0, 1);
    private static final UUID OTHER = new UUID(0, 2);

    private final Vertx vertx = Vertx.vertx();
    private final SharedLooks<String, String> looks = new SharedLooks<>(vertx, 2, 3, this::look);
    private final List<Look> begun = new CopyOnWriteArrayList<>();
    private final List<String> ended = new CopyOnWriteArrayList<>();

    private record Look(List<String> asked, UniEmitter<? super List<Uni<String>>> found) {

        void finds(String what) {
            found.complete(asked.stream()
                    .map(question -> Uni.createFrom().item(question + what))
                    .toList());
        }
    }

    @AfterEach
    void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void oneLookIsForAllWhoWaitForIt() {
        ask(ONE, "a", "b", "c", "d", "e", "f");
        asked("a", "b");
        begun("a").finds("!");
        asked("a", "b", "cde");
        answered("a!");

        begun("b").finds("!");
        asked("a", "b", "cde", "f");
        begun("cde").finds("?");
        answered("a!", "b!", "c?", "d?", "e?");
    }

    @Test
    void manyOfOneSubjectDoNotHoldUpAnother() {
        ask(ONE, "a", "b", "c", "d", "e", "f", "g", "h");
        ask(OTHER, "x");
        asked("a", "b");

        begun("a").finds("!");
        asked("a", "b", "cde");
        begun("b").finds("!");
        asked("a", "b", "cde", "x");
        begun("cde").finds("!");
        asked("a", "b", "cde", "x", "fgh");
    }

    @Test
    void whoHangsUpIsNotLookedFor() {
        List<Cancellable> callers = ask(ONE, "a", "b", "c", "d");
        asked("a", "b");

        callers.get(2).cancel();
        callers.get(0).cancel();
        begun("a").finds("!");
        asked("a", "b", "d");
        begun("d").finds("!");

        answered("d!");
    }

    @Test
    void whatFailsFailsForThoseItWasFor() {
        ask(ONE, "a", "b", "c", "d");
        asked("a", "b");
        begun("a").found().fail(new IllegalStateException("no session"));
        asked("a", "b", "cd");

        begun("cd")
                .found()
                .complete(List.of(
                        Uni.createFrom().failure(new IllegalStateException("not yours")),
                        Uni.createFrom().item("d!")));

        answered("no session", "not yours", "d!");
    }

    private List<Cancellable> ask(UUID subject, String... questions) {
        List<Cancellable> callers = new ArrayList<>();
        Stream.of(questions).forEach(question -> {
            callers.add(looks.ask(subject, question)
                    .subscribe()
                    .with(ended::add, failure -> ended.add(failure.getMessage())));
        });
        return callers;
    }

    private Uni<List<Uni<String>>> look(List<String> questions) {
        return Uni.createFrom().emitter(found -> begun.add(new Look(questions, found)));
    }

    private Look begun(String questions) {
        return begun.stream()
                .filter(look -> String.join("", look.asked()).equals(questions))
                .findFirst()
                .orElseThrow();
    }

    private void asked(String... looks) {
        Awaitility.await()
                .untilAsserted(() -> assertThat(begun.stream().map(look -> String.join("", look.asked())))
                        .containsExactlyInAnyOrder(looks));
    }

    private void answered(String... answers) {
        Awaitility.await().untilAsserted(() -> assertThat(ended).containsExactlyInAnyOrder(answers));
    }
}
