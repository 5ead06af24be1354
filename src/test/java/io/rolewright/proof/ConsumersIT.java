package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Consumers that read the credential and connect, again and again, while it is rotated. */
class ConsumersIT extends ChangeProof {

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
    void consumersOfTwoRolesNeverFailDuringTwoHundredRotations() {
        int rotations = 200;
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
}
