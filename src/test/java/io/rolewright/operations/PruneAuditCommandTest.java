package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.store.Schema;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import org.junit.jupiter.api.Test;

@QuarkusTest
class PruneAuditCommandTest {

    @Inject
    Schema schema;

    @Test
    void deletesWhatIsOlderThanTheRetentionAndSaysSo() {
        TestStore.sql(
                "insert into audit_event (at, type, outcome) select now() - interval '500 days', 'prune-old',"
                        + " 'SUCCESS' from generate_series(1, 12345);"
                        + " insert into audit_event (at, type, outcome) values (now() - interval '399 days', 'prune-young', 'SUCCESS')");

        long gone =
                PruneAuditCommand.prune(schema, Duration.ofDays(400)).await().atMost(Duration.ofSeconds(60));

        assertThat(gone).isEqualTo(12345);
        assertThat(TestStore.sql("select from audit_event where type = 'prune-old'"))
                .isEmpty();
        assertThat(TestStore.sql("select from audit_event where type = 'prune-young'"))
                .hasSize(1);
        assertThat(TestStore.sql(
                                "select sum((facts ->> 'rows')::int)::int from audit_event where type = 'prune-audit-logs'")
                        .get(0)
                        .getInteger(0))
                .isEqualTo(12345);
        assertThat(PruneAuditCommand.prune(schema, Duration.ofDays(400)).await().atMost(Duration.ofSeconds(60)))
                .isZero();
    }
}
