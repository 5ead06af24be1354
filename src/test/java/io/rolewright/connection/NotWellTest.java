package io.rolewright.connection;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.credential.CredentialStatus;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What troubles, lists and counts ask for is found by indexes: read in full, a store of 50,000 credentials took longer than a statement may.
 * How quick that is with a million of them is measured by {@code bench/lists}.
 */
@QuarkusTest
class NotWellTest {

    @Inject
    Pool pool;

    @ParameterizedTest
    @ValueSource(strings = {CredentialStatus.NOT_WELL, ConnectionStatus.NOT_WELL})
    void isFoundWithoutReadingAll(String sql) {
        List<String> plan = pool.withTransaction(session -> session.query("SET LOCAL enable_seqscan = off")
                        .execute()
                        .chain(() -> session.query("EXPLAIN " + sql).execute()))
                .map(rows -> {
                    List<String> lines = new ArrayList<>();
                    rows.forEach(row -> lines.add(row.getString(0)));
                    return lines;
                })
                .await()
                .atMost(Duration.ofSeconds(20));

        assertThat(plan).isNotEmpty().noneMatch(line -> line.contains("Seq Scan on"));
        // The whole of an index that has every row is no better. Those of open attempts, and of what is not well, have
        // few.
        assertThat(plan)
                .noneMatch(line -> line.matches(".*Scan using (credential|managed_role|attempt|app_connection)_pkey .*")
                        && plan.indexOf(line) + 1 < plan.size()
                        && !plan.get(plan.indexOf(line) + 1).contains("Index Cond"));
    }
}
