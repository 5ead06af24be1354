package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.vertx.pgclient.PgException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Everybody at once. */
class ContentionIT extends ChangeProof {

    @Test
    void twoReplicasFiftyRotatesAtOnceAndAForeignAlterRoleLoop() {
        RotationSubject rotation = rotation(false);
        rotation.settles(service);
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
        rotation.settles(service);
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
}
