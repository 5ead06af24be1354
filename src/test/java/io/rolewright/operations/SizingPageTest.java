package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.audit.AuditConfig;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Inject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What docs/sizing.md reckons with. Its seconds are measured by hand: they are of one machine. */
@QuarkusTest
class SizingPageTest {

    private static final int ROWS = 20_000;

    @Inject
    Pool pool;

    @Inject
    AuditConfig audit;

    private String page;

    @BeforeEach
    void read() throws Exception {
        page = Files.readString(Path.of("docs/sizing.md"));
    }

    @AfterEach
    void drop() {
        TestStore.sql("DROP TABLE IF EXISTS audit_sized");
    }

    private static long number(String sql) {
        return TestStore.sql(sql).get(0).getLong(0);
    }

    /** A read of a password as it is recorded, by 500 readers of 50 identities, with all indexes. */
    @Test
    void aRowOfTheAuditTakesAsMuch() {
        String rotation = Rotating.created(Rotating.on(TestPostgres.NEWEST).body(Rotating.name("orders-db-12")));
        Api.as().get(Rotating.BASE + "/" + rotation + "/active").then().statusCode(200);
        TestStore.sql("CREATE TABLE audit_sized (LIKE audit_event INCLUDING ALL)");
        TestStore.sql(
                "INSERT INTO audit_sized (at, type, outcome, actor_id, actor_name, address, request_id, project_id, subject_kind,"
                        + " subject_id, facts) SELECT now() + n * interval '0.12 s', type, outcome, md5('actor' || n % 50)::uuid,"
                        + " 'external-secrets-' || n % 50, '10.20.' || n % 4 || '.' || n % 20, gen_random_uuid()::text,"
                        + " md5('project' || n % 10)::uuid, subject_kind, md5('rotation' || n % 500)::uuid::text, facts"
                        + " FROM (SELECT * FROM audit_event WHERE subject_id = '" + rotation
                        + "' AND type = 'get-secret-rotation-generated-credentials' LIMIT 1) r, generate_series(1, "
                        + ROWS + ") n");

        assertThat(number("SELECT count(*) FROM audit_sized")).isEqualTo(ROWS);
        assertThat(number("SELECT pg_total_relation_size('audit_sized') / " + ROWS))
                .as("bytes of a row")
                .isBetween(850L, 1000L);
        assertThat(page).contains("**925 bytes**");
    }

    @Test
    void itIsKeptAsLong() {
        assertThat(page).contains(audit.retention().toDays() + " days");
    }

    /** However much is asked of it at once: the pool, and what stands beside it. */
    @Test
    void aProcessOpensSoManySessions() {
        Uni<Void> all = Uni.join()
                .all(IntStream.range(0, 60)
                        .mapToObj(i -> pool.query("SELECT pg_sleep(0.7)")
                                .execute()
                                .onFailure()
                                .recoverWithNull())
                        .toList())
                .andCollectFailures()
                .replaceWithVoid();
        var under = all.subscribeAsCompletionStage();
        long most = 0;
        while (!under.isDone()) {
            most = Math.max(
                    most,
                    number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                            + " AND application_name = 'rolewright'"));
        }
        under.join();

        assertThat(most).isBetween(20L, 22L);
        assertThat(page).contains("**22 sessions**");
    }
}
