package io.rolewright.store;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import io.vertx.pgclient.PgException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SchemaTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Migration FIRST = Migration.of("V1__first.sql", "CREATE TABLE one (n int);");
    private static final Migration SECOND =
            Migration.of("V2__second.sql", "CREATE TABLE two (n int); INSERT INTO two VALUES (2);");
    private static final Migration BROKEN =
            Migration.of("V3__broken.sql", "CREATE TABLE three (n int); SELECT * FROM absent;");

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final List<StoreUnderTest> processes = new ArrayList<>();
    private TestPostgres.Login owner;
    private String database;

    @BeforeEach
    void emptyStore() {
        owner = postgres.role("LOGIN");
        database = postgres.database();
        postgres.sql("ALTER DATABASE " + database + " OWNER TO " + owner.role());
    }

    @AfterEach
    void endProcesses() {
        processes.forEach(StoreUnderTest::close);
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void realMigrationsRunOnEmptyStoreOfEveryVersion(int major) {
        TestPostgres server = TestPostgres.shared(major);
        TestPostgres.Login role = server.role("LOGIN");
        String empty = server.database();
        server.sql("ALTER DATABASE " + empty + " OWNER TO " + role.role());

        try (var process = new StoreUnderTest(StoreUnderTest.at(server, empty, role), Map.of())) {
            run(process.schema());
        }

        assertThat(server.sqlIn(empty, "SELECT version FROM rolewright_migration ORDER BY version"))
                .extracting(row -> row.getInteger(0))
                .containsExactlyElementsOf(
                        Migration.all().stream().map(Migration::version).toList());
    }

    @Test
    void appliesOnlyWhatIsMissing() {
        run(process().schema(List.of(FIRST)));

        assertThat(await(process().schema(List.of(FIRST, SECOND)).migrate())).isEqualTo(1);
        assertThat(await(process().schema(List.of(FIRST, SECOND)).migrate())).isZero();
        assertThat(applied()).isEqualTo("1 2");
        assertThat(rows("two")).isEqualTo(1);
    }

    @Test
    void upToDateStoreCostsOneQueryAndNoLock() {
        run(process().schema(List.of(FIRST)));
        TestPostgres.Login reader = postgres.role("LOGIN");
        postgres.sqlIn(database, "GRANT SELECT ON rolewright_migration TO " + reader.role());

        // A role that can do nothing else, while somebody holds the lock of migrations.
        try (var migrating = hold("SELECT pg_advisory_lock(" + Schema.LOCK + ")");
                var process = new StoreUnderTest(StoreUnderTest.at(postgres, database, reader), Map.of())) {
            assertThatCode(() -> run(process.schema(List.of(FIRST)))).doesNotThrowAnyException();
        }
    }

    @Test
    void replicasThatStartTogetherApplyEachMigrationOnce() {
        List<Uni<Integer>> starts = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            starts.add(process().schema(List.of(FIRST, SECOND)).migrate());
        }

        List<Integer> applied = await(Uni.join().all(starts).andFailFast());

        assertThat(applied.stream().mapToInt(n -> n).sum()).isEqualTo(2);
        assertThat(rows("two")).isEqualTo(1);
    }

    @Test
    void refusesMigrationThatWasChangedAfterwards() {
        run(process().schema(List.of(FIRST)));
        Migration changed = Migration.of("V1__first.sql", FIRST.sql() + " -- harmless?");

        assertThatThrownBy(() -> run(process().schema(List.of(changed, SECOND))))
                .isInstanceOf(NotReady.class)
                .hasMessage("migration V1 (first) is not the one that this store was made with:"
                        + " a migration must never be changed once it has been applied");
        assertThat(applied()).isEqualTo("1");
    }

    @Test
    void buildBeforeRunsAgainstNewerSchema() {
        run(process().schema(List.of(FIRST, SECOND)));

        assertThatCode(() -> run(process().schema(List.of(FIRST)))).doesNotThrowAnyException();
    }

    @Test
    void brokenMigrationLeavesNothingHalfDone() {
        assertThatThrownBy(() -> run(process().schema(List.of(FIRST, BROKEN))))
                .isInstanceOf(NotReady.class)
                .hasMessage("migration V3 (broken) failed with SQLSTATE 42P01; the log has the server's words");

        assertThat(applied()).isEqualTo("1");
        assertThat(exists("three")).isFalse();
    }

    @Test
    void gaveUpWaitingForLockSaysSoAndLaterSucceeds() {
        StoreUnderTest process = process("rolewright.migration.lock-timeout", "200ms");

        try (var other = hold("SELECT pg_advisory_lock(" + Schema.LOCK + ")")) {
            assertThatThrownBy(() -> run(process.schema(List.of(FIRST))))
                    .isInstanceOf(NotReady.class)
                    .hasMessage("migration V1 (first) waits for a lock that another session holds");
        }

        run(process.schema(List.of(FIRST)));
        assertThat(applied()).isEqualTo("1");
    }

    @Test
    void migratingAtStartCanBeSwitchedOff() {
        StoreUnderTest process = process("rolewright.migration.at-start", "false");

        assertThatThrownBy(() -> run(process.schema(List.of(FIRST))))
                .isInstanceOf(NotReady.class)
                .hasMessage("the schema lacks V1 (first), and migrating at start is switched off:"
                        + " run the service once with --migrate");
        assertThat(exists("rolewright_migration")).isFalse();

        assertThat(await(process.schema(List.of(FIRST)).migrate())).isEqualTo(1);
        assertThatCode(() -> run(process.schema(List.of(FIRST)))).doesNotThrowAnyException();
    }

    @Nested
    class WithRoleOfItsOwnForMigrations {

        private TestPostgres.Login service;
        private StoreUnderTest process;

        @BeforeEach
        void twoRoles() {
            service = postgres.role("LOGIN");
            process = new StoreUnderTest(
                    StoreUnderTest.at(postgres, database, service),
                    Map.of(
                            "rolewright.migration.username", owner.role(),
                            "rolewright.migration.password", owner.password()));
            processes.add(process);
            run(process.schema());
        }

        @Test
        void serviceNeitherOwnsNorChangesTheSchema() {
            assertRefused("CREATE TABLE mine (n int)");
            assertRefused("DROP TABLE project");
            assertRefused("DELETE FROM rolewright_migration");
            assertRefused("ALTER TABLE audit_event DROP COLUMN reason");
            assertRefused("ALTER TABLE audit_event OWNER TO " + service.role());
            assertRefused("CREATE RULE quiet AS ON INSERT TO audit_event DO INSTEAD NOTHING");
            assertRefused("ALTER TABLE audit_event DISABLE TRIGGER ALL");
        }

        @Test
        void serviceUsesTheTables() {
            asService("INSERT INTO project (id, name, slug) VALUES (gen_random_uuid(), 'n', 's')");
            asService("UPDATE project SET name = 'm'");
            asService("DELETE FROM project");
        }

        @Test
        void serviceWritesAuditAndCannotChangeIt() {
            asService("INSERT INTO audit_event (type, outcome) VALUES ('t', 'SUCCESS')");
            asService("SELECT * FROM audit_event");
            assertRefused("UPDATE audit_event SET type = 'other'");
            assertRefused("DELETE FROM audit_event");
            assertRefused("TRUNCATE audit_event");
            assertRefused("INSERT INTO audit_event (type, outcome) VALUES ('t', 'SUCCESS')"
                    + " ON CONFLICT (id) DO UPDATE SET type = 'other'");
            assertRefused("SELECT * FROM audit_event FOR UPDATE");
        }

        @Test
        void theOwnersPasswordMayStandInAFile(@TempDir Path folder) throws IOException {
            Path file = Files.writeString(folder.resolve("password"), owner.password() + "\n");
            StoreUnderTest other = new StoreUnderTest(
                    StoreUnderTest.at(postgres, database, service),
                    Map.of(
                            "rolewright.migration.username", owner.role(),
                            "rolewright.migration.password", "not this one",
                            "rolewright.migration.password-file", file.toString()));
            processes.add(other);
            assertThat(await(other.schema().migrate())).isZero();

            // A process that is not ready, and tries again, reads it anew.
            postgres.sql("ALTER ROLE " + owner.role() + " PASSWORD 'another one'");
            Files.writeString(file, "another one");
            assertThat(await(other.schema().migrate())).isZero();
            postgres.sql("ALTER ROLE " + owner.role() + " PASSWORD '" + owner.password() + "'");

            Files.delete(file);
            assertThatThrownBy(() -> await(other.schema().migrate()))
                    .hasMessageContaining("rolewright.migration.password-file: cannot read the file");
        }

        @Test
        void migratingAgainKeepsThis() {
            assertThat(await(process.schema().migrate())).isZero();

            assertRefused("DELETE FROM audit_event");
        }

        private void asService(String sql) {
            postgres.as(service.role(), service.password(), database, sql);
        }

        private void assertRefused(String sql) {
            assertThatThrownBy(() -> asService(sql))
                    .isInstanceOfSatisfying(
                            PgException.class,
                            refusal -> assertThat(refusal.getSqlState()).isEqualTo("42501"));
        }
    }

    private StoreUnderTest process(String... setting) {
        StoreUnderTest process = new StoreUnderTest(
                StoreUnderTest.at(postgres, database, owner),
                setting.length == 0 ? Map.of() : Map.of(setting[0], setting[1]));
        processes.add(process);
        return process;
    }

    /** Keeps a session open on the store that has run the statement; closing it ends the session. */
    private StoreUnderTest hold(String sql) {
        var other = new StoreUnderTest(StoreUnderTest.at(postgres, database, owner), Map.of());
        await(other.pool().query(sql).execute());
        return other;
    }

    private static void run(Schema schema) {
        await(schema.run());
    }

    private static <T> T await(Uni<T> uni) {
        return uni.await().atMost(SOON);
    }

    private String applied() {
        return postgres.sqlIn(database, "SELECT version FROM rolewright_migration ORDER BY version").stream()
                .map(row -> row.getInteger(0).toString())
                .collect(joining(" "));
    }

    private long rows(String table) {
        return postgres.sqlIn(database, "SELECT count(*) FROM " + table).get(0).getLong(0);
    }

    private boolean exists(String table) {
        return postgres.sqlIn(database, "SELECT to_regclass('" + table + "') IS NOT NULL")
                .get(0)
                .getBoolean(0);
    }
}
