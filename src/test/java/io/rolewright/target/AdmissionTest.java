package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
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

    private Targets targets = TestTargets.local();

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
    private static final class Holder {
        final CompletableFuture<Void> over = new CompletableFuture<>();
        final CompletableFuture<Void> done;

        Holder(Targets targets, Login app) {
            CompletableFuture<Void> begun = new CompletableFuture<>();
            done = targets.admitted(
                            app,
                            Errand.CHANGE,
                            Deadline.in(REQUEST),
                            deadline -> targets.login(app, deadline)
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
        Holder holder = new Holder(targets, app);
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
        Holder holder = new Holder(targets, app);
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
        Holder holder = new Holder(targets, app);
        CompletableFuture<String> waiting = targets.admitted(
                        app, Errand.CHANGE, Deadline.in(REQUEST), own -> session(own, Purpose.REQUEST))
                .subscribeAsCompletionStage();
        assertThat(waiting).isNotDone();

        holder.over.complete(null);

        assertThat(waiting.join()).isEqualTo("accepted");
    }

    /** The right is judged when the turn comes, and a turn that is not taken is the next one's. */
    @Test
    void beginsNothingForWhoLosesTheRightInLine() {
        Holder holder = new Holder(targets, app);
        AtomicBoolean revoked = new AtomicBoolean();
        Problem refusal = Problem.of(ErrorCode.PERMISSION_DENIED, "revoked");
        Deadline asking = Deadline.in(REQUEST)
                .by(UUID.randomUUID())
                .asking(() -> revoked.get()
                        ? Uni.createFrom().failure(refusal)
                        : Uni.createFrom().voidItem());
        CompletableFuture<String> waiting = targets.<String>admitted(app, Errand.CHANGE, asking, own -> {
                    throw new AssertionError("begun");
                })
                .subscribeAsCompletionStage();

        revoked.set(true);
        holder.over.complete(null);

        assertThatThrownBy(waiting::join).hasCause(refusal);
        assertThat(targets.admitted(app, Errand.LOOK, Deadline.in(REQUEST), own -> session(own, Purpose.REQUEST))
                        .await()
                        .indefinitely())
                .isEqualTo("accepted");
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
        Holder holder = new Holder(targets, app);
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

    // ---- Callers

    private Uni<String> request(Errand errand, UUID caller, Uni<Void> after) {
        return targets.admitted(
                app,
                errand,
                Deadline.in(REQUEST).by(caller),
                own -> session(own, Purpose.REQUEST).call(() -> after));
    }

    @Test
    void oneCallerShutsOutNoOther() {
        UUID one = UUID.randomUUID();
        AtomicBoolean enough = new AtomicBoolean();
        Uni<Void> aWhile = Uni.createFrom().voidItem().onItem().delayIt().by(Duration.ofMillis(300));
        CompletableFuture<?>[] many = IntStream.range(0, 40)
                .mapToObj(i -> request(Errand.LOOK, one, aWhile)
                        .onFailure(TargetBusy.class)
                        .recoverWithUni(() -> aWhile.replaceWith("busy"))
                        .repeat()
                        .whilst(code -> !enough.get())
                        .collect()
                        .last()
                        .subscribeAsCompletionStage())
                .toArray(CompletableFuture<?>[]::new);
        try {
            for (int i = 0; i < 3; i++) {
                assertThat(request(
                                        Errand.CHANGE,
                                        UUID.randomUUID(),
                                        Uni.createFrom().voidItem())
                                .await()
                                .indefinitely())
                        .isEqualTo("accepted");
            }
        } finally {
            enough.set(true);
            CompletableFuture.allOf(many).join();
        }
    }

    // ---- Servers that hang for one role only

    @Test
    void aServerThatAsksForThePasswordAndHangsIsNotSilent() throws Exception {
        FakeServer.Behaviour behaviour = peer -> {
            String startup = new String(peer.startup(), StandardCharsets.ISO_8859_1);
            peer.send(FakeServer.sasl());
            peer.message();
            if (startup.contains("hangs")) {
                peer.stay();
            }
            peer.send(FakeServer.error("SFATAL", "C28P01", "Mno", "Rauth_failed"));
        };
        try (FakeServer server = new FakeServer(behaviour)) {
            Login hangs = new Login("127.0.0.1", server.port(), "postgres", "hangs", TlsSettings.DISABLED, "x");
            Login answers = new Login("127.0.0.1", server.port(), "postgres", "answers", TlsSettings.DISABLED, "x");
            CompletableFuture<String> first = targets.admitted(
                            hangs,
                            Errand.LOOK,
                            Deadline.in(Duration.ofSeconds(3)),
                            own -> targets.login(hangs, own).map(LoginOutcome::code))
                    .subscribeAsCompletionStage();
            Awaitility.await().until(() -> server.open() == 1);
            CompletableFuture<String> second = targets.admitted(
                            answers,
                            Errand.LOOK,
                            Deadline.in(REQUEST),
                            own -> targets.login(answers, own).map(LoginOutcome::code))
                    .subscribeAsCompletionStage();

            assertThat(first.join()).isEqualTo("timed_out");
            assertThat(second.join()).isEqualTo("password_refused");
        }
    }

    // ---- Hosts with two addresses, of which the server listens at one

    private static Login byName() {
        return new Login(TestTargets.TWO, server.port(), "postgres", app.role(), TlsSettings.DISABLED, app.password());
    }

    private Targets two(Map<String, String> changes) {
        targets.close();
        targets = TestTargets.named(changes, "127.0.0.2", "127.0.0.1");
        return targets;
    }

    @Test
    void goesOnToTheAddressThatAnswersAndTheOthersBeginThere() {
        Targets two = two(Map.of());
        List<CompletableFuture<String>> requests = IntStream.range(0, 5)
                .mapToObj(i -> two.admitted(
                                byName(),
                                Errand.CHANGE,
                                Deadline.in(REQUEST).by(UUID.randomUUID()),
                                own -> two.login(byName(), own)
                                        .chain(() -> two.login(byName(), Purpose.DUE_WORK, own))
                                        .map(LoginOutcome::code))
                        .subscribeAsCompletionStage())
                .toList();
        assertThat(requests).allSatisfy(request -> assertThat(request.join()).isEqualTo("accepted"));

        Holder holder = new Holder(two, app);
        try {
            assertThatThrownBy(() -> two.admitted(
                                    byName(),
                                    Errand.CHANGE,
                                    Deadline.in(Errand.CHANGE.least().plusMillis(300)),
                                    own -> {
                                        throw new AssertionError("begun");
                                    })
                            .await()
                            .indefinitely())
                    .isInstanceOf(TargetBusy.class);
        } finally {
            holder.over.complete(null);
            holder.done.join();
        }
    }

    @Test
    void whoGetsNoSlotAtTheNextAddressOpensNoSessionThere() {
        Targets two = two(Map.of("waiting", "1"));
        Holder holder = new Holder(two, app);
        var last = two.admitted(app, Errand.LOOK, Deadline.in(REQUEST), own -> two.login(app, own))
                .subscribe()
                .with(code -> {});
        try {
            assertThatThrownBy(() -> two.admitted(
                                    byName(),
                                    Errand.CHANGE,
                                    Deadline.in(REQUEST),
                                    own -> two.login(byName(), own)
                                            .onFailure(TargetBusy.class)
                                            .recoverWithUni(() -> two.login(byName(), own)))
                            .await()
                            .indefinitely())
                    .isInstanceOf(TargetBusy.class);
        } finally {
            last.cancel();
            holder.over.complete(null);
            holder.done.join();
        }
    }
}
