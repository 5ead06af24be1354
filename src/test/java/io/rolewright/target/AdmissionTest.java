package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One admission for all that a request does on a server. */
class AdmissionTest {

    private static final Duration REQUEST = Duration.ofSeconds(9);
    private static TestPostgres server;
    private static Login app;

    private final Targets targets = TestTargets.local();

    @BeforeAll
    static void start() {
        server = TestPostgres.shared(TestPostgres.NEWEST);
        app = TestTargets.login(server, server.role("LOGIN"));
    }

    @AfterEach
    void givesBackEverySlot() {
        Awaitility.await()
                .atMost(REQUEST)
                .untilAsserted(() -> assertThat(targets.sessionsInUse()).isZero());
        targets.close();
    }

    private Uni<String> session(Deadline deadline, Purpose purpose) {
        return targets.login(app, purpose, deadline).map(LoginOutcome::code);
    }

    /** Keeps the server's only turn until it is told to give it back. */
    private final class Holder {
        final CompletableFuture<Void> over = new CompletableFuture<>();
        final CompletableFuture<Void> done;

        Holder() {
            CompletableFuture<Void> begun = new CompletableFuture<>();
            done = targets.admitted(
                            app,
                            Errand.CHANGE,
                            Deadline.in(REQUEST),
                            deadline -> session(deadline, Purpose.REQUEST)
                                    .invoke(() -> begun.complete(null))
                                    .chain(() -> Uni.createFrom().completionStage(over)))
                    .subscribeAsCompletionStage();
            begun.join();
        }
    }

    @Test
    void whoIsAdmittedWaitsForNoSessionAnyMore() {
        List<String> order = new CopyOnWriteArrayList<>();

        List<CompletableFuture<List<String>>> requests = IntStream.range(0, 5)
                .mapToObj(request -> targets.admitted(app, Errand.LOOK, Deadline.in(REQUEST), deadline -> {
                            Uni<List<String>> all = Uni.createFrom().item(ArrayList::new);
                            for (int i = 0; i < 4; i++) {
                                all = all.chain(codes -> session(deadline, Purpose.DUE_WORK)
                                        .invoke(code -> order.add(request + " " + code))
                                        .invoke(codes::add)
                                        .replaceWith(codes));
                            }
                            return all;
                        })
                        .subscribeAsCompletionStage())
                .toList();

        assertThat(requests)
                .allSatisfy(request ->
                        assertThat(request.join()).containsOnly("accepted").hasSize(4));
        for (int i = 0; i < order.size(); i += 4) { // the sessions of one request follow one another
            assertThat(order.subList(i, i + 4)).containsOnly(order.get(i));
        }
    }

    @Test
    void leavesASlotToDueWorkAndDelaysNoOtherServer() {
        Holder holder = new Holder();
        try {
            assertThat(session(Deadline.in(REQUEST), Purpose.DUE_WORK).await().indefinitely())
                    .isEqualTo("accepted");
            TestPostgres other = TestPostgres.shared(14);
            Login elsewhere = TestTargets.login(other, other.role("LOGIN"));
            assertThat(targets.admitted(
                                    elsewhere, Errand.LOOK, Deadline.in(REQUEST), own -> targets.login(elsewhere, own))
                            .await()
                            .indefinitely()
                            .code())
                    .isEqualTo("accepted");
        } finally {
            holder.over.complete(null);
        }
    }

    @Test
    void refusesWhoseTurnDoesNotComeInTimeAndTellsEachHisOwn() {
        Holder holder = new Holder();
        try {
            List<Long> turns = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                assertThatThrownBy(
                                () -> targets.admitted(app, Errand.CHANGE, Deadline.in(Errand.CHANGE.least()), own -> {
                                            throw new AssertionError("begun");
                                        })
                                        .await()
                                        .indefinitely())
                        .isInstanceOfSatisfying(TargetBusy.class, busy -> {
                            assertThat(busy.status()).isEqualTo(429);
                            turns.add(Long.valueOf(busy.headers().get("Retry-After")));
                        });
            }
            // Twenty that take 0.6 s each are spread over 12 s, where one and the same second would have them all come
            // at once.
            assertThat(turns.get(0)).isBetween(1L, 2L);
            assertThat(turns.get(19)).isBetween(10L, 15L);
        } finally {
            holder.over.complete(null);
        }
    }

    @Test
    void waitsForItsTurnWithinItsDeadline() {
        Holder holder = new Holder();
        CompletableFuture<String> waiting = targets.admitted(
                        app, Errand.CHANGE, Deadline.in(REQUEST), own -> session(own, Purpose.REQUEST))
                .subscribeAsCompletionStage();
        assertThat(waiting).isNotDone();

        holder.over.complete(null);

        assertThat(waiting.join()).isEqualTo("accepted");
    }

    @Test
    void admitsNobodyWhoCouldNotBringItToItsEnd() {
        assertThatThrownBy(() -> targets.admitted(
                                app,
                                Errand.CHANGE,
                                Deadline.in(Errand.CHANGE.least().minusMillis(1)),
                                own -> Uni.createFrom().voidItem())
                        .await()
                        .indefinitely())
                .isInstanceOf(TargetBusy.class);
    }

    @Test
    void givesItsTurnBackWhenItsCallerHangsUp() {
        Holder holder = new Holder();
        var waiting = targets.admitted(app, Errand.LOOK, Deadline.in(REQUEST), own -> session(own, Purpose.REQUEST))
                .subscribe()
                .with(code -> {});
        waiting.cancel();
        holder.over.complete(null);

        assertThat(targets.admitted(app, Errand.LOOK, Deadline.in(REQUEST), own -> session(own, Purpose.REQUEST))
                        .await()
                        .indefinitely())
                .isEqualTo("accepted");
    }

    /** A server that gives no answer is no queue: nobody is told to come again when it is his turn. */
    @Test
    void whoWaitsForASilentServerIsToldItsReason() throws Exception {
        try (FakeServer silent = new FakeServer(peer -> Thread.sleep(60_000))) {
            Login login = new Login("127.0.0.1", silent.port(), "postgres", "app", TlsSettings.DISABLED, "x");
            List<CompletableFuture<String>> requests = IntStream.range(0, 6)
                    .mapToObj(i -> targets.admitted(
                                    login,
                                    Errand.LOOK,
                                    Deadline.in(Duration.ofSeconds(4)),
                                    own -> targets.login(login, own).map(LoginOutcome::code))
                            .subscribeAsCompletionStage())
                    .toList();

            assertThat(requests)
                    .allSatisfy(request -> assertThat(request.join()).isEqualTo("timed_out"));
        }
    }

    @Test
    void goesOnToTheAddressThatAnswersAndStaysThere() {
        Targets narrow = TestTargets.local(Map.of());
        try {
            // Of the two loopback addresses of the name, the server may listen at one only.
            Login byName =
                    new Login("localhost", server.port(), "postgres", app.role(), TlsSettings.DISABLED, app.password());
            assertThat(narrow.admitted(
                                    byName,
                                    Errand.LOOK,
                                    Deadline.in(REQUEST),
                                    own -> narrow.login(byName, own)
                                            .chain(() -> narrow.login(byName, Purpose.DUE_WORK, own)))
                            .await()
                            .indefinitely()
                            .code())
                    .isEqualTo("accepted");
            Awaitility.await()
                    .atMost(REQUEST)
                    .untilAsserted(() -> assertThat(narrow.sessionsInUse()).isZero());
        } finally {
            narrow.close();
        }
    }
}
