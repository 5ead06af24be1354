package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What may go wrong around a rotation, one thing at a time, at the step where it hurts most. */
@Tag("suite-crash")
class RotationProofIT {

    /** The statement that changes a password; the rehearsal has the same words and a ROLLBACK. */
    private static final Predicate<TcpProxy.Message> APPLY = message -> message.request()
            && message.type() == 'Q'
            && message.sql().contains("ALTER ROLE")
            && message.sql().contains("COMMIT;");

    private Scene scene;
    private ServiceProcess service;
    private String connection;

    @BeforeEach
    void start() {
        scene = new Scene();
        service = scene.installation.start();
        connection = scene.managingConnection(service);
    }

    @AfterEach
    void stop() {
        scene.close();
    }

    private ServiceProcess startedWith(String name, String value) {
        service.stop();
        scene.installation.setting(name, value);
        return scene.installation.start();
    }

    private RotationSubject rotation(boolean dual) {
        return RotationSubject.create(scene, service, connection, dual);
    }

    /** A rotation of two roles, of one, or a connection whose role changes its own password and carries no marker. */
    enum Kind {
        DUAL,
        SINGLE,
        MANAGED
    }

    private Subject subject(Kind kind) {
        return switch (kind) {
            case DUAL -> rotation(true);
            case SINGLE -> rotation(false);
            case MANAGED -> ManagedSubject.create(scene, service);
        };
    }

    private static void settles(Subject subject, ServiceProcess asked) {
        Awaitility.await()
                .atMost(Scene.BOUND)
                .pollInterval(Duration.ofMillis(100))
                .untilAsserted(() -> subject.assertSettled(asked));
    }

    private static void sleep(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    // ---- cut off in the middle

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theReplyToCommitIsLost(Kind kind) {
        Subject subject = subject(kind);
        settles(subject, service);
        long before = subject.version(service);
        TcpProxy.Sighting lost = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> Fate.CUT);

        Answer answer = subject.change(service).join();

        assertThat(lost.times()).isEqualTo(1);
        // It sends the same secret again at once, so most doubts end inside the request.
        answer.expect(200);
        subject.assertSettled(service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theStoreStopsBetweenApplyAndPromote(Kind kind) {
        Subject subject = subject(kind);
        settles(subject, service);
        long before = subject.version(service);
        TcpProxy.Sighting stopped = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            scene.store.server().kill();
            return Fate.PASS;
        });

        Answer answer = subject.change(service).join();

        assertThat(stopped.times()).isEqualTo(1);
        assertThat(answer.status()).as(answer.text()).isIn(503, 504);
        scene.store.server().start();
        settles(subject, service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theTargetStopsBetweenApplyAndVerify(Kind kind) {
        Subject subject = subject(kind);
        settles(subject, service);
        long before = subject.version(service);
        TcpProxy.Sighting stopped = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            scene.target.server().kill();
            return Fate.CUT;
        });

        subject.change(service).join();

        assertThat(stopped.times()).isEqualTo(1);
        scene.target.server().start();
        settles(subject, service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    // ---- a replica that stands still past its lease

    enum Frozen {
        /** Nothing is sent yet; it will be, when another has long finished. */
        BEFORE_ALTER,
        /** The server has done it; the replica has not read that yet. */
        AFTER_ALTER,
        /** All is done but the promotion, whose statement is under way to the store. */
        BEFORE_PROMOTE
    }

    static Stream<Arguments> frozen() {
        return Stream.of(Kind.DUAL, Kind.MANAGED)
                .flatMap(kind -> Arrays.stream(Frozen.values()).map(where -> Arguments.of(kind, where)));
    }

    @ParameterizedTest
    @MethodSource("frozen")
    void anotherReplicaTakesOverFromOneThatStandsStillPastItsLease(Kind kind, Frozen where) {
        Subject subject = subject(kind);
        settles(subject, service);
        long before = subject.version(service);
        ServiceProcess other = scene.installation.start();
        CountDownLatch takenOver = new CountDownLatch(1);
        TcpProxy.Sighting frozen = switch (where) {
            case BEFORE_ALTER -> scene.toTarget.before(APPLY, () -> freezeUntil(takenOver));
            case AFTER_ALTER -> scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> freezeUntil(takenOver));
            case BEFORE_PROMOTE ->
                scene.toStore.before(
                        message -> message.request()
                                && message.type() == 'B'
                                && message.sql().contains("update password_version")
                                && message.text().contains("CURRENT"),
                        () -> freezeUntil(takenOver));
        };

        CompletableFuture<Answer> call = subject.change(service);
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> frozen.times() == 1);
        settles(subject, other);
        takenOver.countDown();
        service.thaw();

        call.join();
        assertThat(subject.version(other)).isEqualTo(before + 1);
        for (int second = 0; second < 10; second++) {
            subject.assertSettled(other);
            subject.assertSettled(service);
            sleep(Duration.ofSeconds(1));
        }
    }

    private Fate freezeUntil(CountDownLatch latch) {
        service.freeze();
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return Fate.PASS;
    }

    // ---- zombies

    /** The backend has been sent the statement and has not run it when its client dies; it does after the recovery. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aZombieThatRunsAfterTheRecoveryChangesNothing(boolean dual) {
        RotationSubject rotation = rotation(dual);
        settles(rotation, service);
        scene.toTarget.keepServerSide();
        AtomicLong backend = new AtomicLong();
        TcpProxy.Sighting sent = scene.toTarget.before(APPLY, () -> {
            backend.set(applyingBackend());
            signal("STOP", backend.get());
            return Fate.PASS;
        });

        CompletableFuture<Answer> call = rotation.change(service);
        assertThat(sent.happensWithin(Duration.ofSeconds(10))).isTrue();
        service.kill();
        call.join();
        service.restart();
        settles(rotation, service);
        String marker = marker(rotation);
        signal("CONT", backend.get());

        staysUsableForTenSeconds(rotation);
        assertThat(marker(rotation))
                .as("the zombie's epoch is older and was refused")
                .isEqualTo(marker);
        Awaitility.await().until(() -> gone(backend.get()));
    }

    /** The same statement from another database: an advisory lock, which is per database, would not have helped. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aZombieInAnotherDatabaseOfTheServerChangesNothing(boolean dual) {
        RotationSubject rotation = rotation(dual);
        settles(rotation, service);
        String elsewhere = scene.target.database();
        AtomicReference<String> statement = new AtomicReference<>();
        TcpProxy.Sighting seen = scene.toTarget.before(
                message -> {
                    if (APPLY.test(message)) {
                        statement.set(message.sql());
                        return true;
                    }
                    return false;
                },
                () -> {
                    service.killAtOnce();
                    return Fate.CUT;
                });
        rotation.change(service).join();
        assertThat(seen.times()).isEqualTo(1);
        service.kill();
        service.restart();
        settles(rotation, service);
        String marker = marker(rotation);

        TestPostgres.Login manager = scene.manager();
        String refused = "";
        try {
            scene.target.as(manager.role(), manager.password(), elsewhere, statement.get());
        } catch (PgException refusal) {
            refused = refusal.getSqlState();
        }

        assertThat(refused).as("our own SQLSTATE for a stale epoch").isEqualTo("RW001");
        staysUsableForTenSeconds(rotation);
        assertThat(marker(rotation)).isEqualTo(marker);
    }

    /** Somebody holds the role's row while the client is killed; the backend waits there, and the recovery behind it. */
    @Test
    void aZombieThatHangsOnTheRolesRowChangesNothing() {
        RotationSubject rotation = rotation(false);
        settles(rotation, service);
        scene.toTarget.keepServerSide();
        // Longer than the lease, so that the recovery begins while it is still held.
        CompletableFuture<Void> holder =
                CompletableFuture.runAsync(() -> scene.target.sql("BEGIN; ALTER ROLE " + rotation.first.role()
                        + " CONNECTION LIMIT 50; SELECT pg_sleep(" + (Scene.LEASE.toSeconds() + 3) + "); ROLLBACK"));
        Awaitility.await().until(() -> waiting("PgSleep") == 1);

        CompletableFuture<Answer> call = rotation.change(service);
        Awaitility.await().atMost(Duration.ofSeconds(6)).until(() -> waiting("transactionid") + waiting("tuple") > 0);
        service.kill();
        call.join();
        service.restart();
        holder.join();

        settles(rotation, service);
        staysUsableForTenSeconds(rotation);
    }

    private int waiting(String event) {
        return scene.target
                .sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = '" + event + "'")
                .size();
    }

    private void staysUsableForTenSeconds(RotationSubject rotation) {
        for (int second = 0; second < 10; second++) {
            rotation.assertSettled(service);
            sleep(Duration.ofSeconds(1));
        }
    }

    private long applyingBackend() {
        List<Row> backends =
                scene.target.sql("SELECT pid FROM pg_stat_activity WHERE application_name ~ '^rw:[0-9a-f]{32}:'");
        assertThat(backends).hasSize(1);
        return backends.get(0).getInteger(0);
    }

    private boolean gone(long backend) {
        return scene.target
                .sql("SELECT 1 FROM pg_stat_activity WHERE pid = " + backend)
                .isEmpty();
    }

    private String marker(RotationSubject rotation) {
        return scene.target
                .sql("SELECT string_agg(shobj_description(oid, 'pg_authid'), ' ' ORDER BY rolname) FROM pg_roles"
                        + " WHERE rolname IN ('" + rotation.first.role() + "', '" + rotation.second.role() + "')")
                .get(0)
                .getString(0);
    }

    private static void signal(String name, long pid) {
        try {
            assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                            .start()
                            .waitFor())
                    .isZero();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- consumers

    private static final class Consumers implements AutoCloseable {
        private final AtomicBoolean over = new AtomicBoolean();
        private final AtomicInteger logins = new AtomicInteger();
        private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
        private final List<Thread> threads = new ArrayList<>();
        /** When a login failed, by System.nanoTime(). */
        private final List<Long> failedAt = Collections.synchronizedList(new ArrayList<>());

        /** Read the credential, connect; again and again. */
        private Consumers(Scene scene, RotationSubject rotation, ServiceProcess service, int count, Duration validFor) {
            for (int i = 0; i < count; i++) {
                Thread thread = new Thread(() -> {
                    while (!over.get()) {
                        TestPostgres.Login served = rotation.served(service);
                        long read = System.nanoTime();
                        String outcome = scene.target.login(served.role(), served.password());
                        logins.incrementAndGet();
                        // Whoever takes longer than the overlap from reading to connecting was warned.
                        if (!outcome.equals("ok") && System.nanoTime() - read < validFor.toNanos()) {
                            failures.add(served.role() + " " + outcome);
                            failedAt.add(System.nanoTime());
                        }
                    }
                });
                thread.setDaemon(true);
                threads.add(thread);
                thread.start();
            }
        }

        @Override
        public void close() {
            over.set(true);
            threads.forEach(thread -> {
                try {
                    thread.join(20_000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }
    }

    @Test
    void consumersOfTwoRolesNeverFail() {
        consumersNeverFail(ServiceProcess.isNative() ? 20 : 5);
    }

    @Test
    void consumersOfTwoRolesNeverFailDuringTwoHundredRotations() {
        consumersNeverFail(200);
    }

    private void consumersNeverFail(int rotations) {
        Duration overlap = Duration.ofMillis(500);
        ServiceProcess spaced = startedWith("ROLEWRIGHT_ROTATION_MINIMUM_OVERLAP", "500ms");
        RotationSubject rotation = RotationSubject.create(scene, spaced, connection, true);
        Consumers consumers = new Consumers(scene, rotation, spaced, 3, overlap);
        try (consumers) {
            for (int done = 0; done < rotations; ) {
                Answer answer = rotation.change(spaced).join();
                if (answer.status() == 200) {
                    done++;
                } else {
                    assertThat(answer.json().getString("code")).isEqualTo("overlap_not_over");
                    sleep(Duration.ofMillis(20));
                }
            }
        }
        assertThat(consumers.failures).isEmpty();
        assertThat(consumers.logins.get()).isGreaterThan(rotations);
        System.out.println(rotations + " rotations of two roles spaced at " + overlap.toMillis() + " ms: "
                + consumers.logins + " logins of consumers, 0 failed");
    }

    @Test
    void aRotationInsideTheOverlapIsRefusedUnlessForced() {
        RotationSubject rotation = rotation(true);
        ServiceProcess strict = startedWith("ROLEWRIGHT_ROTATION_MINIMUM_OVERLAP", "60s");
        rotation.change(strict).join().expect(200);
        TestPostgres.Login replaced = rotation.first;
        long before = rotation.version(strict);

        Answer refused = rotation.change(strict).join().expect(400);

        assertThat(refused.json().getString("code")).isEqualTo("overlap_not_over");
        assertThat(rotation.version(strict)).isEqualTo(before);
        assertThat(replaced.role()).isNotEqualTo(rotation.served(strict).role());
        strict.post(RotationSubject.ROTATIONS + "/" + rotation.id + "/rotate-secrets?force=true", new JsonObject())
                .expect(200);
        assertThat(rotation.version(strict)).isEqualTo(before + 1);
    }

    @Test
    void consumersOfASingleRoleFailOnlyBetweenApplyAndPromote() {
        RotationSubject rotation = rotation(false);
        int rotations = ServiceProcess.isNative() ? 40 : 10;
        List<long[]> windows = new ArrayList<>();
        AtomicLong applied = new AtomicLong();
        scene.toTarget.always(APPLY, () -> {
            applied.set(System.nanoTime());
            return Fate.PASS;
        });
        Consumers consumers = new Consumers(scene, rotation, service, 3, Duration.ofDays(1));
        try (consumers) {
            for (int i = 0; i < rotations; i++) {
                rotation.change(service).join().expect(200);
                windows.add(new long[] {applied.get(), System.nanoTime()});
                sleep(Duration.ofMillis(100));
            }
        }
        // A consumer that has just read the old password may still be on its way when the window closes.
        long slack = Duration.ofMillis(500).toNanos();
        assertThat(consumers.failedAt).allMatch(at -> windows.stream().anyMatch(w -> at >= w[0] && at <= w[1] + slack));
        long longest = windows.stream().mapToLong(w -> w[1] - w[0]).max().orElseThrow();
        long median = windows.stream()
                .mapToLong(w -> w[1] - w[0])
                .sorted()
                .skip(rotations / 2)
                .findFirst()
                .orElseThrow();
        System.out.printf(
                "single role: %d rotations, window from ALTER ROLE to the answer p50 %d ms, longest %d ms; %d of %d logins failed%n",
                rotations, median / 1_000_000, longest / 1_000_000, consumers.failures.size(), consumers.logins.get());
    }

    // ---- everybody at once

    @Test
    void twoReplicasFiftyRotatesAtOnceAndAForeignAlterRoleLoop() {
        RotationSubject rotation = rotation(false);
        settles(rotation, service);
        long before = rotation.version(service);
        ServiceProcess other = scene.installation.start();
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger foreign = new AtomicInteger();
        Thread loop = new Thread(() -> {
            while (!over.get()) {
                try {
                    scene.target.sql(
                            "ALTER ROLE " + rotation.first.role() + " CONNECTION LIMIT " + (50 + foreign.get() % 50));
                    foreign.incrementAndGet();
                } catch (PgException concurrent) {
                    // "tuple concurrently updated": ours was quicker.
                }
            }
        });
        loop.start();
        List<CompletableFuture<Answer>> calls = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            calls.add(rotation.change(i % 2 == 0 ? service : other));
        }
        List<Answer> answers = calls.stream().map(CompletableFuture::join).toList();
        over.set(true);
        settles(rotation, service);
        rotation.assertSettled(other);

        List<String> codes = answers.stream()
                .map(answer -> answer.status() == 200
                        ? "200"
                        : answer.status() + " " + answer.json().getString("code"))
                .toList();
        assertThat(codes)
                .as(answers.toString())
                .allMatch(code -> List.of("200", "400 rotation_in_progress", "504 rotation_in_doubt")
                        .contains(code));
        assertThat(codes).contains("200");
        int successes = (int) codes.stream().filter("200"::equals).count();
        long more = rotation.version(service) - before;
        // What was in doubt at its answer may have come about afterwards.
        assertThat(more).isBetween(1L, 50L).isGreaterThanOrEqualTo(Math.min(successes, 1L));
        assertThat(foreign.get()).isPositive();
        System.out.println("50 rotates of one role at two replicas, beside " + foreign + " foreign ALTER ROLEs: "
                + successes + " answered 200, " + more + " new versions; " + scene.attempts());
    }

    // ---- the target goes back in time, or somebody else changes it

    @Test
    void aReplicaThatLacksTheLastAlterIsHealedFromHistory() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject rotation = rotation(true);
        try (TestPostgres standby = scene.target.standby()) {
            rotation.change(service).join().expect(200);
            TestPostgres.Login replayed = rotation.served(service);
            Awaitility.await().until(() -> login(standby, replayed).equals("ok"));
            standby.server().stop();
            rotation.change(service).join().expect(200);
            TestPostgres.Login served = rotation.served(service);
            scene.target.server().kill();
            standby.server().start();
            standby.sql("SELECT pg_promote()");
            assertThat(login(standby, served))
                    .as("the new primary has the older password")
                    .isEqualTo("28P01");

            scene.toTarget.redirect(standby);

            Awaitility.await()
                    .atMost(Scene.BOUND)
                    .untilAsserted(() ->
                            assertThat(login(standby, rotation.served(service))).isEqualTo("ok"));
            assertThat(rotation.served(service))
                    .as("the served password is put back, not changed")
                    .isEqualTo(served);
            assertThat(scene.count("FROM attempt WHERE cause = 'TARGET_WENT_BACK' AND state = 'DONE'"))
                    .isPositive();
        }
    }

    @Test
    void aTargetRestoredFromABaseBackupIsHealedFromHistory() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject dual = rotation(true);
        RotationSubject single = rotation(false);
        single.change(service).join().expect(200);
        dual.change(service)
                .join()
                .expect(200); // a role that was never ours before the backup could be anybody's after it
        try (TestPostgres backup = scene.target.copy()) {
            for (int i = 0; i < 3; i++) {
                dual.change(service).join().expect(200);
                single.change(service).join().expect(200);
            }
            List<TestPostgres.Login> served = List.of(dual.served(service), single.served(service));
            scene.target.server().stop();
            assertThat(served)
                    .allSatisfy(each -> assertThat(login(backup, each)).isEqualTo("28P01"));

            scene.toTarget.redirect(backup);

            Awaitility.await()
                    .atMost(Scene.BOUND)
                    .untilAsserted(() -> assertThat(served)
                            .allSatisfy(each -> assertThat(login(backup, each)).isEqualTo("ok")));
            assertThat(List.of(dual.served(service), single.served(service))).isEqualTo(served);
        }
    }

    private static String login(TestPostgres server, TestPostgres.Login login) {
        return server.login(login.role(), login.password());
    }

    @Test
    void aThirdPartysAlterIsReportedAndReassertedWhereAsked() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject reports = rotation(false);
        RotationSubject reasserts = RotationSubject.create(
                scene, service, connection, false, new JsonObject().put("driftPolicy", "reassert"));
        settles(reports, service);
        settles(reasserts, service);

        for (RotationSubject each : List.of(reports, reasserts)) {
            scene.target.sql("ALTER ROLE " + each.first.role() + " PASSWORD 'somebody else''s'");
        }

        Awaitility.await().atMost(Scene.BOUND).untilAsserted(() -> {
            assertThat(reports.seen(service).getString("state")).isEqualTo("parked");
            assertThat(reports.seen(service).encode()).contains("changed_by_third_party");
        });
        Awaitility.await().atMost(Scene.BOUND).untilAsserted(() -> reasserts.assertServedLogsIn(service));
        assertThat(scene.target.login(reports.first.role(), "somebody else's"))
                .as("what is only reported is left alone")
                .isEqualTo("ok");
    }
}
