package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
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

            postgres.freeze();
            try {
                // One on the session that is open, one that needs another, one that waits for either.
                var waiting = Uni.join()
                        .all(ask(process), ask(process), ask(process))
                        .andCollectFailures()
                        .await()
                        .atMost(BOUND);

                assertThat(waiting).allSatisfy(met -> assertThat(met).startsWith("store not reachable ("));
            } finally {
                postgres.thaw();
            }

            assertThat(answer(process)).isEqualTo("1");
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
