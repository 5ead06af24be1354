package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.password.ScramSecret;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class FencedApplyTest {

    private static final Duration LONG = Duration.ofSeconds(20);
    private static final Targets TARGETS = TestTargets.local();
    private static final FencedApply APPLY = new FencedApply(TARGETS);
    private static final String OWNER = "store-1/rotation-1";

    @AfterAll
    static void close() {
        TARGETS.close();
    }

    /** A server with a managing role and one role that it manages. */
    private record Scene(TestPostgres server, TestPostgres.Login manager, String role) {

        static Scene on(int major, String role) {
            TestPostgres server = TestPostgres.shared(major);
            TestPostgres.Login manager = server.role("LOGIN CREATEROLE");
            String quoted = '"' + role.replace("\"", "\"\"") + '"';
            server.sql("CREATE ROLE " + quoted + " LOGIN PASSWORD 'first'");
            if (major >= 16) {
                server.sql("GRANT " + quoted + " TO " + manager.role() + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
            }
            return new Scene(server, manager, role);
        }

        static Scene on(int major) {
            return on(major, TestPostgres.uniqueName("managed"));
        }

        Login login() {
            return TestTargets.login(server, manager);
        }

        /** @param seen the epoch that was there when the role was looked at */
        ApplyOutcome apply(String password, long seen, long epoch) {
            return APPLY.apply(login(), role, null, secret(password), seen, ours(epoch), "rw:test", Deadline.in(LONG))
                    .await()
                    .indefinitely();
        }

        ApplyOutcome mark(@Nullable Fence seen, Fence fence) {
            return APPLY.mark(login(), role, null, seen, fence, "rw:test", Deadline.in(LONG))
                    .await()
                    .indefinitely();
        }

        void end(long epoch) {
            APPLY.endMarker(login(), role, OWNER, epoch, Deadline.in(LONG))
                    .await()
                    .indefinitely();
        }

        @Nullable
        Fence looked() {
            return APPLY.preflight(login(), role, null, secret("x"), Purpose.REQUEST, Deadline.in(LONG))
                    .await()
                    .indefinitely()
                    .fence();
        }

        String opens(String password) {
            return server.login(role, password);
        }

        String comment() {
            return server.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
                            + role.replace("'", "''") + "'")
                    .get(0)
                    .getString(0);
        }
    }

    private static Fence ours(long epoch) {
        return new Fence(OWNER, epoch, 9);
    }

    private static String secret(String password) {
        return ScramSecret.derive(password, 4096, new SecureRandom()).text();
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void appliesOnlyOverTheMarkerThatWasSeenOrWhatWasSentSince(int major) {
        Scene scene = Scene.on(major);
        scene.server.sql("COMMENT ON ROLE " + scene.role + " IS 'billing; ask Ann'");

        assertThat(scene.mark(null, ours(4))).isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.opens("first")).as("no password is touched").isEqualTo("ok");
        assertThat(scene.comment()).isEqualTo("billing; ask Ann rolewright:store-1/rotation-1 epoch=4 version=9");
        assertThat(scene.looked()).isEqualTo(ours(4));

        assertThat(scene.apply("five", 4, 5)).isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.apply("late", 3, 4)).isEqualTo(new ApplyOutcome.Stale());
        assertThat(scene.apply("five again", 4, 5)).isEqualTo(new ApplyOutcome.Stale());
        assertThat(scene.opens("five")).isEqualTo("ok");
        assertThat(scene.comment()).isEqualTo("billing; ask Ann rolewright:store-1/rotation-1 epoch=5 version=9");

        assertThat(scene.apply("seven", 4, 7)).as("5 was sent since").isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.opens("seven")).isEqualTo("ok");
        assertThat(scene.apply("eight", 6, 8)).as("7 is between").isEqualTo(new ApplyOutcome.Applied());
        scene.server.sql("COMMENT ON ROLE " + scene.role + " IS 'rolewright:store-1/rotation-1 epoch=5 version=9'");
        assertThat(scene.apply("nine", 8, 9))
                .as("the server went back in time meanwhile")
                .isEqualTo(new ApplyOutcome.Stale());
        assertThat(scene.opens("eight")).isEqualTo("ok");
    }

    /** What was sent late, whatever became of the marker since: absence is never leave. */
    @Test
    void aLateStatementAppliesNothingWhereTheMarkerIsGoneOrIsAnothers() {
        for (String marker : List.of(
                "NULL",
                "'wiped by an operator'",
                "'rolewright:store-1/rotation-1 epoch=9 version=9 ended'",
                "'rolewright:store-1/rotation-1 epoch=4 version=9 ended'",
                "'rolewright:store-2/rotation-9 epoch=4 version=9'",
                "'rolewright:store-1/rotation-1 epoch=99999999999999999999999 version=9'")) {
            Scene scene = Scene.on(TestPostgres.NEWEST);
            scene.mark(null, ours(4));
            scene.server.sql("COMMENT ON ROLE " + scene.role + " IS " + marker);
            String before = scene.comment();

            assertThat(scene.apply("late", 4, 5)).as(marker).isNotInstanceOf(ApplyOutcome.Applied.class);

            assertThat(scene.opens("first")).as(marker).isEqualTo("ok");
            assertThat(scene.comment()).as(marker).isEqualTo(before);
        }
    }

    @Test
    void aRoleWithoutAMarkerIsMarkedFirst() {
        Scene scene = Scene.on(TestPostgres.NEWEST);

        assertThat(scene.apply("new", 1, 2)).isEqualTo(new ApplyOutcome.Unmarked());

        assertThat(scene.opens("first")).isEqualTo("ok");
    }

    /** Two stores register one role at once: the lock on its row decides, and the other one sees who has it. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void ofTwoWhoMarkARoleAtOnceOneGoesThrough(int major) {
        for (int round = 0; round < 5; round++) {
            Scene scene = Scene.on(major);
            List<Uni<ApplyOutcome>> both = List.of(
                    APPLY.mark(
                            scene.login(),
                            scene.role,
                            null,
                            null,
                            new Fence("store-1/a", 1, 0),
                            "rw:a",
                            Deadline.in(LONG)),
                    APPLY.mark(
                            scene.login(),
                            scene.role,
                            null,
                            null,
                            new Fence("store-2/b", 1, 0),
                            "rw:b",
                            Deadline.in(LONG)));

            List<ApplyOutcome> outcomes =
                    Uni.join().all(both).andFailFast().await().indefinitely();

            assertThat(outcomes)
                    .filteredOn(each -> each instanceof ApplyOutcome.Applied)
                    .hasSize(1);
            int winner = outcomes.indexOf(new ApplyOutcome.Applied());
            assertThat(scene.looked().owner()).isEqualTo(winner == 0 ? "store-1/a" : "store-2/b");
            assertThat(scene.opens("first")).isEqualTo("ok");
        }
    }

    @Test
    void aMarkerIsReplacedOnlyWhileItIsTheOneThatWasSeen() {
        Scene scene = Scene.on(TestPostgres.NEWEST);
        Fence theirs = new Fence("store-2/rotation-9", 7, 3);
        scene.mark(null, theirs);

        assertThat(scene.mark(null, ours(8))).isEqualTo(new ApplyOutcome.ManagedElsewhere());
        assertThat(scene.mark(new Fence("store-2/rotation-9", 6, 3), ours(8))).isEqualTo(new ApplyOutcome.Stale());
        assertThat(scene.apply("ours", 7, 8)).isEqualTo(new ApplyOutcome.ManagedElsewhere());
        assertThat(scene.mark(theirs, ours(2))).as("its epoch is not compared").isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.apply("ours", 2, 3)).isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.opens("ours")).isEqualTo("ok");
    }

    @Test
    void theEndOfAnOwnerIsSaidInItsMarker() {
        Scene scene = Scene.on(TestPostgres.NEWEST);
        scene.server.sql("COMMENT ON ROLE " + scene.role + " IS 'billing'");
        scene.mark(null, ours(4));

        scene.end(6);

        assertThat(scene.comment()).isEqualTo("billing rolewright:store-1/rotation-1 epoch=6 version=9 ended");
        assertThat(scene.looked()).isEqualTo(new Fence(OWNER, 6, 9, true));
        assertThat(scene.mark(scene.looked(), new Fence("store-2/b", 1, 0))).isEqualTo(new ApplyOutcome.Applied());
        scene.end(9);
        assertThat(scene.comment()).as("another's").isEqualTo("billing rolewright:store-2/b epoch=1 version=0");
    }

    /** It knows owner and epoch, takes those out and puts its own behind the rest. */
    @Test
    void whatTheBuildBeforeWritesIsReadAndWhatItLeavesIsCleanedAway() {
        Scene scene = Scene.on(TestPostgres.NEWEST);
        scene.server.sql(
                "COMMENT ON ROLE " + scene.role + " IS 'Ann  version=9 rolewright:store-1/rotation-1 epoch=4'");

        assertThat(scene.looked()).isEqualTo(new Fence(OWNER, 4, 0));
        assertThat(scene.apply("new", 4, 5)).isEqualTo(new ApplyOutcome.Applied());

        assertThat(scene.comment()).isEqualTo("Ann rolewright:store-1/rotation-1 epoch=5 version=9");
        scene.server.sql(
                "COMMENT ON ROLE " + scene.role + " IS 'version=9 ended rolewright:store-1/rotation-1 epoch=6'");
        scene.apply("newer", 6, 7);
        assertThat(scene.comment()).isEqualTo("rolewright:store-1/rotation-1 epoch=7 version=9");
    }

    @Test
    void survivesEveryRoleName() {
        for (String name : List.of(
                "$$",
                "a'b",
                "A \"quoted\" one",
                "$rw$; DROP ROLE x; --",
                "Ünïcode",
                "%s %1$s",
                "back\\slash",
                "x".repeat(63))) {
            String unique = name.length() == 63 ? name : name + TestPostgres.uniqueName("");
            Scene scene = Scene.on(TestPostgres.NEWEST, unique);

            assertThat(scene.mark(null, ours(1))).as(name).isEqualTo(new ApplyOutcome.Applied());
            assertThat(scene.apply("new", 1, 2)).as(name).isEqualTo(new ApplyOutcome.Applied());
            assertThat(scene.opens("new")).as(name).isEqualTo("ok");
            assertThat(scene.comment()).isEqualTo("rolewright:store-1/rotation-1 epoch=2 version=9");
        }
    }

    @Test
    void refusesNamesThatWouldBeCutAndSecretsThatWouldBeHashed() {
        Scene scene = Scene.on(TestPostgres.NEWEST);
        Deadline deadline = Deadline.in(LONG);
        Fence fence = ours(2);

        assertThatThrownBy(
                        () -> APPLY.apply(scene.login(), "x".repeat(64), null, secret("a"), 1, fence, "rw", deadline))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() ->
                        APPLY.apply(scene.login(), scene.role, null, secret("a") + "\n", 1, fence, "rw", deadline))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> APPLY.apply(scene.login(), scene.role, null, "plaintext", 1, fence, "rw", deadline))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** The zombie: an older attempt waits for the role's lock in another database, its client dies, the newer one wins. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void anOlderAttemptThatWaitedCannotOverwriteANewerOne(int major) {
        Scene scene = Scene.on(major);
        scene.mark(null, ours(1));
        String elsewhere = scene.server.database();
        Login zombieLogin = new Login(
                scene.server.host(),
                scene.server.port(),
                elsewhere,
                scene.manager.role(),
                TlsSettings.DISABLED,
                scene.manager.password());
        CompletableFuture<Void> held = new CompletableFuture<>();
        CompletableFuture<Void> letGo = new CompletableFuture<>();
        // Somebody holds the role's row for a moment.
        CompletableFuture<Void> holder = TARGETS.withSession(
                        scene.login().as(TestPostgres.SUPERUSER, scene.server.superuserPassword()),
                        Deadline.in(LONG),
                        "holder",
                        session -> session.execute("BEGIN; ALTER ROLE " + scene.role + " VALID UNTIL 'infinity'")
                                .invoke(() -> held.complete(null))
                                .chain(() -> Uni.createFrom().completionStage(letGo))
                                .chain(() -> session.execute("ROLLBACK")))
                .subscribeAsCompletionStage();
        held.join();
        Uni<ApplyOutcome> zombie = APPLY.apply(
                zombieLogin,
                scene.role,
                null,
                secret("zombie"),
                1,
                ours(2),
                "rw:zombie",
                Deadline.in(Duration.ofMillis(500)));
        assertThat(zombie.await().indefinitely()).isEqualTo(new ApplyOutcome.InDoubt(Unreachability.TIMED_OUT));

        letGo.complete(null);
        holder.join();
        ApplyOutcome newer = scene.apply("newer", 1, 3);
        Awaitility.await()
                .atMost(LONG)
                .until(() -> scene.server
                        .sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'rw:zombie'")
                        .isEmpty());

        if (newer.equals(new ApplyOutcome.Applied())) {
            assertThat(scene.opens("newer")).isEqualTo("ok");
            assertThat(scene.opens("zombie")).isEqualTo("28P01");
        } else {
            // The two met in the same row: definite, and to be tried again at once.
            assertThat(newer)
                    .isInstanceOfSatisfying(
                            ApplyOutcome.Refused.class,
                            refused -> assertThat(refused.retryAtOnce()).isTrue());
            assertThat(scene.apply("newer", 1, 3)).isEqualTo(new ApplyOutcome.Applied());
            assertThat(scene.opens("newer")).isEqualTo("ok");
        }
        assertThat(scene.apply("zombie", 1, 2)).isEqualTo(new ApplyOutcome.Stale());
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void saysWhatTheServerRefuses(int major) {
        Scene scene = Scene.on(major);
        Login powerless = TestTargets.login(scene.server, scene.server.role("LOGIN"));

        assertThat(APPLY.apply(powerless, scene.role, null, secret("x"), 1, ours(2), "rw", Deadline.in(LONG))
                        .await()
                        .indefinitely())
                .isInstanceOfSatisfying(ApplyOutcome.Refused.class, refused -> {
                    assertThat(refused.sqlState()).isEqualTo("42501");
                    assertThat(refused.retryAtOnce()).isFalse();
                });
        assertThat(APPLY.apply(scene.login(), "nobody_here", null, secret("x"), 1, ours(2), "rw", Deadline.in(LONG))
                        .await()
                        .indefinitely())
                .isInstanceOfSatisfying(
                        ApplyOutcome.Refused.class,
                        refused -> assertThat(refused.sqlState()).isEqualTo("42704"));
        assertThat(APPLY.apply(
                                scene.login().as("x", "y"),
                                scene.role,
                                null,
                                secret("x"),
                                1,
                                ours(2),
                                "rw",
                                Deadline.in(LONG))
                        .await()
                        .indefinitely())
                .isInstanceOf(ApplyOutcome.NotSent.class);
        assertThat(scene.opens("first")).isEqualTo("ok");
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void looksAndRehearsesWithoutChangingAnything(int major) {
        Scene scene = Scene.on(major);
        scene.mark(null, ours(3));
        scene.apply("current", 3, 4);

        Preflight clear = APPLY.preflight(
                        scene.login(), scene.role, null, secret("x"), Purpose.REQUEST, Deadline.in(LONG))
                .await()
                .indefinitely();
        Preflight blocked = APPLY.preflight(
                        TestTargets.login(scene.server, scene.server.role("LOGIN")),
                        scene.role,
                        null,
                        secret("x"),
                        Purpose.REQUEST,
                        Deadline.in(LONG))
                .await()
                .indefinitely();

        assertThat(clear.clear()).isTrue();
        assertThat(clear.fence()).isEqualTo(ours(4));
        assertThat(clear.iterations()).isEqualTo(4096);
        assertThat(blocked.clear()).isFalse();
        assertThat(blocked.report().managedRoles().get(0).problems()).isNotEmpty();
        assertThat(scene.opens("current")).isEqualTo("ok");
        assertThat(TARGETS.passwordRule(scene.login().as(scene.role, ""), Purpose.REQUEST, Deadline.in(LONG))
                        .await()
                        .indefinitely())
                .extracting(Demand::rule)
                .isEqualTo(PasswordRule.SCRAM);
    }

    /** The server commits and its answer is lost on the way: doubt, and the same secret with the next epoch ends it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void isInDoubtWhenTheAnswerIsLostAndRecoversWithTheSameSecret(boolean hangs) throws IOException {
        Scene scene = Scene.on(TestPostgres.NEWEST);
        scene.mark(null, ours(1));
        String secret = secret("new");
        try (AnswerEater proxy = new AnswerEater(scene.server.port(), "ALTER ROLE", hangs)) {
            Login cutOff = new Login(
                    "127.0.0.1",
                    proxy.port(),
                    "postgres",
                    scene.manager.role(),
                    TlsSettings.DISABLED,
                    scene.manager.password());

            ApplyOutcome outcome = APPLY.apply(
                            cutOff, scene.role, null, secret, 1, ours(2), "rw:cut", Deadline.in(Duration.ofSeconds(3)))
                    .await()
                    .indefinitely();

            assertThat(outcome)
                    .isEqualTo(new ApplyOutcome.InDoubt(
                            hangs ? Unreachability.TIMED_OUT : Unreachability.CLOSED_BY_SERVER));
        }
        assertThat(scene.opens("new")).isEqualTo("ok");
        assertThat(APPLY.apply(scene.login(), scene.role, null, secret, 1, ours(3), "rw", Deadline.in(LONG))
                        .await()
                        .indefinitely())
                .isEqualTo(new ApplyOutcome.Applied());
        assertThat(scene.opens("new")).isEqualTo("ok");
    }

    /** Passes everything on until the client has sent a certain word; from then on it keeps the server's answers to itself. */
    private static final class AnswerEater implements AutoCloseable {
        private final ServerSocket listener = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        private final AtomicBoolean eating = new AtomicBoolean();

        AnswerEater(int port, String word, boolean hangs) throws IOException {
            start(() -> {
                try (Socket client = listener.accept();
                        Socket server = new Socket("127.0.0.1", port)) {
                    Thread answers = start(() -> {
                        byte[] buffer = new byte[8192];
                        int read;
                        while ((read = server.getInputStream().read(buffer)) >= 0) {
                            if (!eating.get()) {
                                client.getOutputStream().write(buffer, 0, read);
                            } else if (!hangs) {
                                client.close();
                            }
                        }
                    });
                    byte[] buffer = new byte[8192];
                    int read;
                    while ((read = client.getInputStream().read(buffer)) >= 0) {
                        if (new String(buffer, 0, read, StandardCharsets.ISO_8859_1).contains(word)) {
                            eating.set(true);
                        }
                        server.getOutputStream().write(buffer, 0, read);
                    }
                    answers.interrupt();
                }
            });
        }

        int port() {
            return listener.getLocalPort();
        }

        private interface Piece {
            void run() throws IOException;
        }

        private static Thread start(Piece piece) {
            Thread thread = new Thread(() -> {
                try {
                    piece.run();
                } catch (IOException closed) {
                    // One side left.
                }
            });
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        @Override
        public void close() throws IOException {
            listener.close();
        }
    }
}
