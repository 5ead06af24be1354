package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A store that stops answering without closing anything: a machine that lost power, a firewall that forgot a session. */
class DeadStoreTest {

    private static final Duration BOUND = Duration.ofSeconds(8);

    @Test
    void sessionsOnWhichNothingIsHeardAreGivenUpAndThePoolRecovers() {
        try (var postgres = TestPostgres.own(TestPostgres.NEWEST);
                var process = new StoreUnderTest(
                        StoreUnderTest.at(postgres, "postgres", postgres.role("LOGIN")),
                        Map.of(
                                "rolewright.store.silence-timeout", "2s",
                                "rolewright.store.statement-timeout", "1s",
                                "rolewright.store.connect-timeout", "500ms",
                                "rolewright.store.acquire-timeout", "1s"))) {
            assertThat(answer(process)).isEqualTo("1");

            signal(postgres, "STOP");
            try {
                // One on the session that is open, one that needs another, one that waits for either.
                var waiting = Uni.join()
                        .all(ask(process), ask(process), ask(process))
                        .andCollectFailures()
                        .await()
                        .atMost(BOUND);

                assertThat(waiting).allSatisfy(met -> assertThat(met).startsWith("store not reachable ("));
            } finally {
                signal(postgres, "CONT");
            }

            assertThat(answer(process)).isEqualTo("1");
        }
    }

    /** To the sessions' processes as well: a postmaster that stands still does not stop them. */
    private static void signal(TestPostgres postgres, String name) {
        ProcessHandle postmaster =
                ProcessHandle.of(postgres.server().pid().orElseThrow()).orElseThrow();
        List<String> command = new ArrayList<>(List.of("kill", "-" + name, Long.toString(postmaster.pid())));
        postmaster.children().forEach(child -> command.add(Long.toString(child.pid())));
        try {
            assertThat(new ProcessBuilder(command).start().waitFor()).isZero();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String answer(StoreUnderTest process) {
        return ask(process).await().atMost(BOUND);
    }

    private static Uni<String> ask(StoreUnderTest process) {
        return process.pool()
                .query("SELECT 1")
                .execute()
                .map(rows -> rows.iterator().next().getInteger(0).toString())
                .onFailure()
                .recoverWithItem(StoreFault::describe);
    }
}
