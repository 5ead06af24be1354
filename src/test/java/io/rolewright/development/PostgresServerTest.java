package io.rolewright.development;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.vertx.pgclient.PgException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PostgresServerTest {

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void runsTheWantedVersionAndAsksForAPassword(int major) {
        TestPostgres postgres = TestPostgres.shared(major);
        TestPostgres.Login role = postgres.role("LOGIN");

        String version = postgres.sql("SHOW server_version_num").get(0).getString(0);

        assertThat(version).startsWith(Integer.toString(major));
        assertThat(postgres.login(role.role(), role.password())).isEqualTo("ok");
        assertThat(postgres.login(role.role(), "wrong")).isEqualTo("28P01");
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void speaksTlsAndNothingElseWhereItIsRequired(int major) {
        TestPostgres postgres = TestPostgres.shared(major, TestPostgres.Tls.REQUIRED);

        assertThat(postgres.sql("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                        .get(0)
                        .getString(0))
                .isEqualTo("TLSv1.3");
        assertThat(postgres.caPem()).startsWith("-----BEGIN CERTIFICATE-----");
    }

    @Test
    void keepsWhatWasCommittedAndItsPortThroughAKillAndARestart() {
        try (TestPostgres postgres = TestPostgres.own(TestPostgres.NEWEST)) {
            postgres.sql("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
            int port = postgres.port();

            postgres.server().kill();
            postgres.server().start();
            postgres.server().restart();

            assertThat(postgres.sql("SELECT id FROM kept")).hasSize(1);
            assertThat(postgres.port()).isEqualTo(port);
        }
    }

    @Test
    void takesNewRulesAtOnce() {
        try (TestPostgres postgres = TestPostgres.own(TestPostgres.NEWEST)) {
            TestPostgres.Login role = postgres.role("LOGIN");

            postgres.authentication("host all all 127.0.0.1/32 reject");

            assertThat(postgres.login(role.role(), role.password())).isEqualTo("28000");
        }
    }

    @Test
    void runsPreparationOnceAndKeepsItsPasswordsOutOfTheLog(@org.junit.jupiter.api.io.TempDir Path folder) {
        Path installation = PostgresBinaries.fromClassPath(Path.of("target/postgres-binaries"));
        PostgresServer.Builder failing = PostgresServer.in(folder.resolve("failing"), installation)
                .superuser("postgres", "a")
                .prepare("CREATE ROLE sample LOGIN PASSWORD 'secret-of-the-sample' NO SUCH OPTION");
        assertThatThrownBy(failing::start)
                .hasMessageContaining("syntax error")
                .hasMessageNotContaining("secret-of-the-sample");

        PostgresServer.Builder builder = PostgresServer.in(folder.resolve("server"), installation)
                .superuser("postgres", "a")
                .prepare("CREATE ROLE sample LOGIN PASSWORD 'secret-of-the-sample'");
        int port;
        try (PostgresServer first = builder.start()) {
            port = first.port();
            assertThat(first.log()).doesNotContain("secret-of-the-sample");
        }
        try (PostgresServer second = builder.start()) {
            assertThat(second.port()).isEqualTo(port);
        }
    }

    @Test
    void letsOnlyItsOwnerReadItsFiles(@org.junit.jupiter.api.io.TempDir Path folder) throws Exception {
        Path installation = PostgresBinaries.fromClassPath(Path.of("target/postgres-binaries"));

        try (PostgresServer server = PostgresServer.in(folder.resolve("server"), installation)
                .superuser("postgres", "a")
                .start()) {
            try (var files = Files.list(folder.resolve("server"))) {
                assertThat(files)
                        .isNotEmpty()
                        .allSatisfy(
                                file -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                                        .matches("rw[x-]------"));
            }
            assertThat(server.pid()).isPresent();
        }
    }

    @Test
    void refusesAStatementWithTheServersOwnCode() {
        assertThatThrownBy(() -> TestPostgres.shared(TestPostgres.NEWEST).sql("SELECT * FROM absent"))
                .isInstanceOfSatisfying(
                        PgException.class, e -> assertThat(e.getSqlState()).isEqualTo("42P01"));
    }
}
