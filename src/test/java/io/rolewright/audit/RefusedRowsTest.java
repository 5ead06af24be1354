package io.rolewright.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.store.OwnContext;
import io.rolewright.testing.TestStore;
import io.vertx.core.Vertx;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;

@QuarkusTest
class RefusedRowsTest {

    @Inject
    AuditLog audit;

    @Inject
    Vertx vertx;

    @Test
    void oneIdentityWritesSoManyAndOneRowSaysHowManyMoreThereWere() {
        RefusedRows rows = new RefusedRows(audit, vertx);
        UUID greedy = UUID.randomUUID();
        UUID other = UUID.randomUUID();
        int more = 17;

        for (int i = 0; i < RefusedRows.MOST + more; i++) {
            refuse(rows, greedy);
        }
        refuse(rows, other);
        OwnContext.run(vertx.getOrCreateContext(), rows::sayHowMany);

        assertThat(rowsOf(greedy)).isEqualTo(RefusedRows.MOST);
        assertThat(rowsOf(other)).isEqualTo(1);
        await().untilAsserted(() -> assertThat(TestStore.sql(
                                "select count(*) from audit_event where reason = 'more_refused' and facts ->> 'count' = '"
                                        + more + "'")
                        .get(0)
                        .getLong(0))
                .isPositive());
    }

    private void refuse(RefusedRows rows, UUID who) {
        AuditEvent event = AuditEvent.refused(AuditType.ACCESS_REFUSED, "permission_denied").by(who, "somebody");
        OwnContext.on(vertx.getOrCreateContext(), () -> rows.record(who, event))
                .await()
                .atMost(Duration.ofSeconds(10));
    }

    private static long rowsOf(UUID who) {
        return TestStore.sql("select count(*) from audit_event where actor_id = '" + who + "'")
                .get(0)
                .getLong(0);
    }
}
