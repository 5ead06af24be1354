package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers without TLS, with it and only with it, against every mode; certificates with one fault each; client certificates. */
class TlsTest {

    private static final Targets TARGETS = TestTargets.local();
    private static final TestCertificates CA = TestCertificates.create();
    private static final TestCertificates OTHER_CA = TestCertificates.create();

    /** One server whose certificate is changed between cases. */
    private static TestPostgres postgres;

    @BeforeAll
    static void start() {
        TestCertificates.Issued good = CA.server("localhost", "127.0.0.1", "::1");
        postgres = TestPostgres.own(
                TestPostgres.NEWEST,
                TestPostgres.Tls.OPTIONAL,
                builder -> builder.tls(good.certificate(), good.key())
                        .setting("ssl_ca_file", CA.caFile().toAbsolutePath().toString()));
        postgres.sql("CREATE ROLE app LOGIN PASSWORD 'secret'");
        postgres.sql("CREATE ROLE certified LOGIN");
        postgres.authentication("hostssl all certified 127.0.0.1/32 cert", "host all all 127.0.0.1/32 scram-sha-256");
    }

    @AfterAll
    static void close() {
        TARGETS.close();
        postgres.close();
    }

    private static TargetReport examine(TestPostgres server, String host, String role, TlsSettings tls) {
        Login login = new Login(host, server.port(), "postgres", role, tls, "secret");
        return TARGETS.examine(login, List.of(), Deadline.in(Duration.ofSeconds(8)))
                .await()
                .indefinitely();
    }

    static Stream<Arguments> modes() {
        return Stream.of(
                Arguments.of(TestPostgres.Tls.OFF, SslMode.DISABLE, "accepted"),
                Arguments.of(TestPostgres.Tls.OFF, SslMode.REQUIRE, "tls_not_offered"),
                Arguments.of(TestPostgres.Tls.OFF, SslMode.VERIFY_CA, "tls_not_offered"),
                Arguments.of(TestPostgres.Tls.OFF, SslMode.VERIFY_FULL, "tls_not_offered"),
                Arguments.of(TestPostgres.Tls.OPTIONAL, SslMode.DISABLE, "accepted"),
                Arguments.of(TestPostgres.Tls.OPTIONAL, SslMode.REQUIRE, "accepted"),
                Arguments.of(TestPostgres.Tls.OPTIONAL, SslMode.VERIFY_CA, "accepted"),
                Arguments.of(TestPostgres.Tls.OPTIONAL, SslMode.VERIFY_FULL, "accepted"),
                Arguments.of(TestPostgres.Tls.REQUIRED, SslMode.DISABLE, "tls_demanded"),
                Arguments.of(TestPostgres.Tls.REQUIRED, SslMode.REQUIRE, "accepted"),
                Arguments.of(TestPostgres.Tls.REQUIRED, SslMode.VERIFY_CA, "accepted"),
                Arguments.of(TestPostgres.Tls.REQUIRED, SslMode.VERIFY_FULL, "accepted"));
    }

    @ParameterizedTest(name = "TLS {0}, {1}: {2}")
    @MethodSource("modes")
    void knowsEveryPairOfServerAndMode(TestPostgres.Tls offered, SslMode mode, String outcome) {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST, offered);
        TestPostgres.Login role = server.role("LOGIN");
        String ca = offered == TestPostgres.Tls.OFF ? CA.caPem() : server.caPem();
        Login login = new Login(
                "localhost",
                server.port(),
                "postgres",
                role.role(),
                new TlsSettings(mode, ca, null, null),
                role.password());

        TargetReport report = TARGETS.examine(login, List.of(), Deadline.in(Duration.ofSeconds(8)))
                .await()
                .indefinitely();

        assertThat(report.outcome().code()).isEqualTo(outcome);
        assertThat(report.ok()).isEqualTo(outcome.equals("accepted"));
        if (report.ok() && mode != SslMode.DISABLE) {
            assertThat(report.tls()).isNotNull();
            assertThat(report.tls().protocol()).isEqualTo("TLSv1.3");
            assertThat(report.tls().verified()).isEqualTo(mode.verifies());
            assertThat(report.tls().subject()).isEqualTo("CN=test server");
            assertThat(report.tls().issuer()).startsWith("CN=Test CA");
        } else {
            assertThat(report.tls()).isNull();
        }
        if (outcome.equals("tls_not_offered")) {
            assertThat(report.steps().get(2)).extracting("name", "ok", "reason").containsExactly("tls", false, outcome);
        }
    }

    private static TestCertificates.Issued certificate(String fault) {
        return switch (fault) {
            case "none" -> CA.server("localhost", "127.0.0.1", "::1");
            case "name only" -> CA.server("localhost");
            case "other name" -> CA.server("db.example");
            case "expired" -> CA.expired("localhost", "127.0.0.1");
            case "not yet valid" -> CA.notYetValid("localhost", "127.0.0.1");
            case "other CA" -> OTHER_CA.server("localhost", "127.0.0.1");
            default -> throw new IllegalArgumentException(fault);
        };
    }

    /** Names that containers have and Java knows none of: as libpq takes them. */
    @Test
    void comparesNamesWithUnderscores() {
        Map<String, String> expected = Map.of(
                "my_db", "accepted",
                "my_db.test", "accepted",
                "any_db.internal.test", "accepted",
                "deep.any_db.internal.test", "tls_name_mismatch",
                "other_db", "tls_name_mismatch",
                "other_db.test", "tls_name_mismatch");
        TestCertificates.Issued certificate = CA.server("MY_DB", "my_db.test", "*.internal.test");
        Map<String, List<String>> names =
                expected.keySet().stream().collect(Collectors.toMap(name -> name, name -> List.of("127.0.0.1")));
        Targets targets = TestTargets.named(Map.of(), names);
        try (TestPostgres server = TestPostgres.own(
                TestPostgres.NEWEST,
                TestPostgres.Tls.OPTIONAL,
                builder -> builder.tls(certificate.certificate(), certificate.key())
                        .prepare("CREATE ROLE app LOGIN PASSWORD 'secret'"))) {
            expected.forEach((name, code) -> Map.of(SslMode.VERIFY_FULL, code, SslMode.VERIFY_CA, "accepted")
                    .forEach((mode, answer) -> {
                        TlsSettings tls = new TlsSettings(mode, CA.caPem(), null, null);
                        Login login = new Login(name, server.port(), "postgres", "app", tls, "secret");

                        LoginOutcome outcome = targets.login(login, Deadline.in(Duration.ofSeconds(8)))
                                .await()
                                .indefinitely();

                        assertThat(outcome.code()).as("%s, %s", name, mode).isEqualTo(answer);
                    }));
        } finally {
            targets.close();
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            none          | localhost verify-full accepted, 127.0.0.1 verify-full accepted
            name only     | localhost verify-full accepted, 127.0.0.1 verify-full tls_name_mismatch, 127.0.0.1 verify-ca accepted
            other name    | localhost verify-full tls_name_mismatch, localhost verify-ca accepted, localhost require accepted
            expired       | localhost verify-full tls_certificate_expired, localhost verify-ca tls_certificate_expired, localhost require accepted
            not yet valid | localhost verify-full tls_certificate_not_yet_valid, localhost verify-ca tls_certificate_not_yet_valid
            other CA      | localhost verify-full tls_unknown_authority, localhost verify-ca tls_unknown_authority, localhost require accepted
            """)
    void namesWhatIsWrongWithACertificate(String fault, String cases) {
        TestCertificates.Issued certificate = certificate(fault);
        TestPostgres server = TestPostgres.own(
                TestPostgres.NEWEST,
                TestPostgres.Tls.OPTIONAL,
                builder -> builder.tls(certificate.certificate(), certificate.key())
                        .prepare("CREATE ROLE app LOGIN PASSWORD 'secret'"));
        try (server) {
            for (String one : cases.split(", ")) {
                String[] parts = one.split(" ");
                TlsSettings tls = new TlsSettings(SslMode.ofWireName(parts[1]).orElseThrow(), CA.caPem(), null, null);

                TargetReport report = examine(server, parts[0], "app", tls);

                assertThat(report.outcome().code()).as(one).isEqualTo(parts[2]);
            }
        }
    }

    @Test
    void takesABundleOfCas() {
        TlsSettings both =
                new TlsSettings(SslMode.VERIFY_FULL, OTHER_CA.caPem() + "\n# ours\n" + CA.caPem(), null, null);

        assertThat(examine(postgres, "localhost", "app", both).outcome().code()).isEqualTo("accepted");
    }

    @Test
    void trustsNoPrivateCaOfItsOwnAccord() {
        assertThat(examine(postgres, "localhost", "app", TlsSettings.of(SslMode.VERIFY_FULL))
                        .outcome()
                        .code())
                .isEqualTo("tls_unknown_authority");
    }

    @Test
    void showsAClientCertificate() {
        TestCertificates.Issued own = CA.client("certified");
        TestCertificates.Issued foreign = OTHER_CA.client("certified");
        TestCertificates.Issued another = CA.client("somebody");

        Map<String, TlsSettings> tries = Map.of(
                "own", new TlsSettings(SslMode.VERIFY_FULL, CA.caPem(), own.pem(), own.keyPem()),
                "none", new TlsSettings(SslMode.VERIFY_FULL, CA.caPem(), null, null),
                "another's", new TlsSettings(SslMode.VERIFY_FULL, CA.caPem(), another.pem(), another.keyPem()),
                "foreign", new TlsSettings(SslMode.VERIFY_FULL, CA.caPem(), foreign.pem(), foreign.keyPem()));

        LoginOutcome accepted =
                examine(postgres, "localhost", "certified", tries.get("own")).outcome();
        assertThat(accepted).isInstanceOf(LoginOutcome.Accepted.class);
        assertThat(((LoginOutcome.Accepted) accepted).proof()).isEqualTo(PasswordProof.NOT_ASKED);
        assertThat(examine(postgres, "localhost", "certified", tries.get("none"))
                        .outcome()
                        .code())
                .isEqualTo("no_matching_rule");
        assertThat(examine(postgres, "localhost", "certified", tries.get("another's"))
                        .outcome()
                        .code())
                .isEqualTo("no_matching_rule");
        assertThat(examine(postgres, "localhost", "certified", tries.get("foreign"))
                        .outcome()
                        .code())
                .isEqualTo("tls_handshake_failed");
    }
}
