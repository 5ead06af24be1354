package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.ConfigurationException;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StoreTlsTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String STORE = "store.internal";

    @Nested
    class OnStoreThatTakesNothingElse {

        private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST, TestPostgres.Tls.REQUIRED);
        private final TestPostgres.Login role = postgres.role("LOGIN CREATEROLE");

        @ParameterizedTest
        @ValueSource(strings = {"require", "verify-ca", "verify-full"})
        void everyModeWithTlsReachesIt(String mode) {
            assertThat(answers(mode, postgres.caFile())).isEqualTo("TLS");
        }

        @Test
        void requireAsksForNoCertificate() {
            assertThat(answers("require", null)).isEqualTo("TLS");
        }

        @Test
        void rootCertificateAloneMeansVerifyFull() {
            assertThat(answers(null, postgres.caFile())).isEqualTo("TLS");
        }

        @Test
        void plaintextIsRefusedByTheStore() {
            assertThat(answers("disable", null)).isEqualTo("store refuses our role or password (28000)");
            assertThat(answers(null, null)).isEqualTo("store refuses our role or password (28000)");
        }

        @ParameterizedTest
        @ValueSource(strings = {"require", "verify-ca", "verify-full"})
        void certificateOfAnotherAuthorityIsRefused(String mode) {
            assertThat(answers(mode, TestCertificates.create().caFile()))
                    .isEqualTo("store not reachable (TLS handshake failed)");
        }

        @ParameterizedTest
        @ValueSource(strings = {"verify-ca", "verify-full"})
        void certificateOfNoKnownAuthorityIsRefused(String mode) {
            assertThat(answers(mode, null)).isEqualTo("store not reachable (TLS handshake failed)");
        }

        @Test
        void anotherAuthorityInTheFileCountsForTheNextSession(@TempDir Path folder) throws IOException {
            Path file = Files.copy(postgres.caFile(), folder.resolve("ca.pem"));
            try (var process =
                    new StoreUnderTest(StoreUnderTest.at(postgres, "postgres", role), settings("verify-full", file))) {
                assertThat(asked(process)).isEqualTo("TLS");

                Files.copy(TestCertificates.create().caFile(), file, StandardCopyOption.REPLACE_EXISTING);
                endSessions();
                Awaitility.await()
                        .atMost(SOON)
                        .until(() -> asked(process).equals("store not reachable (TLS handshake failed)"));

                Files.copy(postgres.caFile(), file, StandardCopyOption.REPLACE_EXISTING);
                assertThat(asked(process)).isEqualTo("TLS");
            }
        }

        private void endSessions() {
            postgres.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role.role() + "'");
        }

        @Test
        void migrationsAreReachedTheSameWay() {
            String database = postgres.database();
            postgres.sql("ALTER DATABASE " + database + " OWNER TO " + role.role());
            PgConnectOptions server = StoreUnderTest.at(postgres, database, role);

            try (var process = new StoreUnderTest(server, settings("verify-full", postgres.caFile()))) {
                assertThatCode(() -> process.schema().run().await().atMost(SOON))
                        .doesNotThrowAnyException();
            }
            try (var process = new StoreUnderTest(
                    server, settings("verify-full", TestCertificates.create().caFile()))) {
                assertThatThrownBy(() -> process.schema().migrate().await().atMost(SOON))
                        .satisfies(failure -> assertThat(StoreFault.describe(failure))
                                .isEqualTo("store not reachable (TLS handshake failed)"));
            }
        }

        private String answers(String mode, Path rootCertificate) {
            return StoreTlsTest.answers(postgres, role, mode, rootCertificate);
        }
    }

    @Test
    void onlyVerifyFullMindsTheName() {
        TestCertificates authority = TestCertificates.create();
        var elsewhere = authority.server("elsewhere.example");

        try (var postgres = TestPostgres.own(
                TestPostgres.NEWEST,
                TestPostgres.Tls.REQUIRED,
                server -> server.tls(elsewhere.certificate(), elsewhere.key()))) {
            var role = postgres.role("LOGIN");

            assertThat(answers(postgres, role, "verify-full", authority.caFile()))
                    .isEqualTo("store not reachable (TLS handshake failed)");
            assertThat(answers(postgres, role, null, authority.caFile()))
                    .describedAs("a root certificate alone means verify-full")
                    .isEqualTo("store not reachable (TLS handshake failed)");
            assertThat(answers(postgres, role, "verify-ca", authority.caFile())).isEqualTo("TLS");
            assertThat(answers(postgres, role, "require", authority.caFile())).isEqualTo("TLS");
        }
    }

    @Test
    void storeWithoutTlsIsNeverReachedInPlaintextInstead() {
        TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);

        assertThat(answers(postgres, postgres.role("LOGIN"), "require", null))
                .isEqualTo("store not reachable (it offers no TLS; ROLEWRIGHT_STORE_SSLMODE=disable does without)");
    }

    @Nested
    class AsSettings {

        @ParameterizedTest
        @ValueSource(strings = {"prefer", "allow", "VERIFY_FULL", "true", ""})
        void otherWordsAreRefused(String word) {
            assertThatThrownBy(() -> StoreTls.of(Optional.of(word), Optional.empty(), Optional.empty(), STORE))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessage("rolewright.store.sslmode must be disable, require, verify-ca or verify-full, not '"
                            + word + "'");
        }

        @Test
        void modeOfTheUrlCountsIfThereIsNoOther() {
            Optional<SslMode> url = Optional.of(
                    PgConnectOptions.fromUri("postgresql://h/d?sslmode=require").getSslMode());

            assertThat(StoreTls.of(Optional.empty(), Optional.empty(), url, STORE)
                            .mode())
                    .isEqualTo(SslMode.REQUIRE);
            assertThat(StoreTls.of(Optional.of("verify-full"), Optional.empty(), url, STORE)
                            .mode())
                    .isEqualTo(SslMode.VERIFY_FULL);
        }

        @ParameterizedTest
        @CsvSource({
            "store.internal, REQUIRE", "10.0.0.1, REQUIRE", "128.0.0.1, REQUIRE", "2001:db8::1, REQUIRE",
            "localhost.example, REQUIRE", "localhost, DISABLE", "127.0.0.1, DISABLE", "127.1.2.3, DISABLE",
            "::1, DISABLE", "/var/run/postgresql, DISABLE"
        })
        void withoutAWordTlsIsRequiredButOnThisMachine(String host, SslMode mode) {
            assertThat(StoreTls.of(Optional.empty(), Optional.empty(), Optional.empty(), host)
                            .mode())
                    .isEqualTo(mode);
        }

        @ParameterizedTest
        @CsvSource({
            "disable, store.internal, in clear",
            "require, store.internal, not checked",
            "disable, localhost,",
            "verify-ca, store.internal,",
            "verify-full, store.internal,"
        })
        void whatLetsOthersReadIsSaid(String mode, String host, @Nullable String words) {
            Optional<String> warning = StoreTls.of(Optional.of(mode), Optional.empty(), Optional.empty(), host)
                    .warning(host);

            if (words == null) {
                assertThat(warning).isEmpty();
            } else {
                assertThat(warning).get().asString().contains(words);
            }
        }

        @Test
        void silentFallBackInTheUrlIsRefused() {
            assertThatThrownBy(
                            () -> StoreTls.of(Optional.empty(), Optional.empty(), Optional.of(SslMode.PREFER), STORE))
                    .hasMessageEndingWith("not 'prefer'");
        }

        @Test
        void rootCertificateWithoutTlsIsAContradiction() {
            assertThatThrownBy(() -> StoreTls.of(Optional.of("disable"), Optional.of("any"), Optional.empty(), STORE))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessage("rolewright.store.sslrootcert is set but rolewright.store.sslmode is disable:"
                            + " one of them is wrong");
        }

        @Test
        void rootCertificateThatCannotBeReadIsNamed(@TempDir Path folder) throws IOException {
            Path empty = Files.createFile(folder.resolve("empty.pem"));
            Path garbage = Files.writeString(folder.resolve("garbage.pem"), "-----BEGIN CERTIFICATE-----\nno\n");
            Path absent = folder.resolve("absent.pem");

            assertThatThrownBy(() -> of(absent))
                    .hasMessage("rolewright.store.sslrootcert: cannot read the file " + absent);
            for (Path malformed : new Path[] {empty, garbage}) {
                assertThatThrownBy(() -> of(malformed))
                        .isInstanceOf(ConfigurationException.class)
                        .hasMessage("rolewright.store.sslrootcert: " + malformed
                                + " holds no PEM certificates that can be read");
            }
        }

        private static StoreTls of(Path file) {
            return StoreTls.of(Optional.of("verify-full"), Optional.of(file.toString()), Optional.empty(), STORE);
        }
    }

    private static Map<String, String> settings(String mode, Path rootCertificate) {
        Map<String, String> settings = new HashMap<>();
        if (mode != null) {
            settings.put("rolewright.store.sslmode", mode);
        }
        if (rootCertificate != null) {
            settings.put("rolewright.store.sslrootcert", rootCertificate.toString());
        }
        return settings;
    }

    /** @return {@code TLS} or {@code plaintext} if the pool got an answer, else what kind of fault it met */
    private static String answers(TestPostgres postgres, TestPostgres.Login role, String mode, Path rootCertificate) {
        PgConnectOptions server = StoreUnderTest.at(postgres, "postgres", role);
        try (var process = new StoreUnderTest(server, settings(mode, rootCertificate))) {
            return asked(process);
        }
    }

    private static String asked(StoreUnderTest process) {
        try {
            boolean tls = process.pool()
                    .query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                    .execute()
                    .await()
                    .atMost(SOON)
                    .iterator()
                    .next()
                    .getBoolean(0);
            return tls ? "TLS" : "plaintext";
        } catch (RuntimeException failure) {
            return StoreFault.describe(failure);
        }
    }
}
