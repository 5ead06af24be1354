package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.audit.AuditConfig;
import io.rolewright.audit.Pruning;
import io.rolewright.store.Schema;
import io.rolewright.store.StoreOrigin;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Inject;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** By the command, and by itself: what is deleted, and what is left. */
@QuarkusTest
class PruneAuditCommandTest {

    private static final Duration RETENTION = Duration.ofDays(400);

    @Inject
    Schema schema;

    @Inject
    Pruning pruning;

    @Inject
    Housekeeping housekeeping;

    @Inject
    StoreOrigin origin;

    @Inject
    AuditConfig config;

    @AfterEach
    void asItWas() {
        TestStore.sql("delete from audit_event where type like 'prune-test-%'");
    }

    private static <T> T await(Uni<T> work) {
        return work.await().atMost(Duration.ofSeconds(60));
    }

    private static void rows(String type, int days, int many) {
        TestStore.sql("insert into audit_event (at, type, outcome) select now() - interval '" + days
                + " days', 'prune-test-" + type + "', 'SUCCESS' from generate_series(1, " + many + ")");
    }

    private static long left(String type) {
        return TestStore.sql("select count(*) from audit_event where type = 'prune-test-" + type + "'")
                .get(0)
                .getLong(0);
    }

    /** How many rows the audit says to have lost. */
    private static long said() {
        return TestStore.sql("select coalesce(sum((facts ->> 'rows')::bigint), 0)::bigint from audit_event"
                        + " where type = 'prune-audit-logs'")
                .get(0)
                .getLong(0);
    }

    @Test
    void deletesWhatIsOlderThanTheRetentionAndSaysSo() {
        long before = said();
        // Not so old that the service would do it itself meanwhile.
        TestStore.sql(
                "insert into audit_event (at, type, outcome) select now() - interval '400 days 12 hours', 'prune-test-old',"
                        + " 'SUCCESS' from generate_series(1, 12345)");
        rows("young", 399, 1);

        long gone = await(PruneAuditCommand.prune(schema, RETENTION));

        assertThat(gone).isEqualTo(12345);
        assertThat(left("old")).isZero();
        assertThat(left("young")).isOne();
        assertThat(said() - before).isEqualTo(12345);
        assertThat(await(PruneAuditCommand.prune(schema, RETENTION))).isZero();
    }

    @Test
    void isDoneByTheServiceItselfADayLaterWithoutAnySetting() {
        assertThat(config.retention()).isEqualTo(RETENTION);
        long before = said();
        TestStore.sql(
                "insert into audit_event (at, type, outcome) select now() - interval '400 days 12 hours', 'prune-test-over',"
                        + " 'SUCCESS' from generate_series(1, 3)");
        await(housekeeping.clear());
        assertThat(left("over")).as("not for each handful of rows").isEqualTo(3);

        rows("old", 402, 11_000);
        await(housekeeping.clear());

        assertThat(left("old")).isZero();
        assertThat(left("over")).as("then all that is over").isZero();
        assertThat(said() - before).isEqualTo(11_003);
    }

    /** Two roles: what the service's may not do is left to who may. */
    @Test
    void isLeftToTheCommandWhereTheServiceMayNotDelete() {
        TestStore.sql("do $$ begin execute format('revoke delete on audit_event from %I',"
                + " (select tableowner from pg_tables where tablename = 'audit_event')); end $$");
        try {
            rows("old", 402, 3);
            assertThat(await(pruning.byItself())).isZero();
            assertThat(left("old")).isEqualTo(3);
        } finally {
            TestStore.sql("do $$ begin execute format('grant delete on audit_event to %I',"
                    + " (select tableowner from pg_tables where tablename = 'audit_event')); end $$");
        }
    }

    /** A backup that was restored to look into the past keeps it. */
    @Test
    void isNotDoneInACopyOfTheStore() {
        rows("old", 402, 3);
        TestStore.sql("update store_origin set installation = installation || ' elsewhere'");
        try {
            assertThat(await(origin.look()).copy()).isTrue();
            await(housekeeping.clear());
            assertThat(left("old")).isEqualTo(3);
        } finally {
            TestStore.sql("update store_origin set installation = replace(installation, ' elsewhere', '')");
            assertThat(await(origin.look()).copy()).isFalse();
        }
    }
}
