package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.PgBouncer;
import io.rolewright.testing.PgPool;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TlsRelay;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** SCRAM-SHA-256-PLUS with real servers, and with somebody in between whose certificate is another one. */
class ChannelBindingTest {

    private static final Targets TARGETS = TestTargets.local();
    private static final TestCertificates.Issued ANOTHER =
            TestCertificates.create().server("localhost", "127.0.0.1");
    private static final String OFFERED = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    private static final UnaryOperator<String> AS_IT_IS = UnaryOperator.identity();

    @AfterAll
    static void close() {
        TARGETS.close();
    }

    private static LoginOutcome login(int port, TestPostgres.Login role, TlsSettings tls) {
        return TARGETS.login(
                        new Login("127.0.0.1", port, "postgres", role.role(), tls, role.password()),
                        Deadline.in(Duration.ofSeconds(8)))
                .await()
                .indefinitely();
    }

    private static String through(
            TestPostgres server, boolean tlsBehind, UnaryOperator<String> toServer, UnaryOperator<String> toClient) {
        try (TlsRelay relay = new TlsRelay(server, ANOTHER, tlsBehind, toServer, toClient)) {
            LoginOutcome outcome = login(relay.port(), server.role("LOGIN"), TlsSettings.of(SslMode.REQUIRE));
            return outcome.code() + (relay.heard().contains("SCRAM-SHA-256-PLUS") ? " bound" : " not bound");
        }
    }

    /** As one who strikes the offer out, with the message's length. */
    private static String withoutTheOffer(String said) {
        return said.replace("R\0\0\0\u002a\0\0\0\n" + OFFERED, "R\0\0\0\u0017\0\0\0\nSCRAM-SHA-256\0\0");
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void whoShowsAnotherCertificateLearnsNothingThoughItIsNotVerified(int major) {
        TestPostgres server = TestPostgres.shared(major, TestPostgres.Tls.OPTIONAL);

        assertThat(login(server.port(), server.role("LOGIN"), TlsSettings.of(SslMode.REQUIRE))
                        .code())
                .isEqualTo("accepted");
        assertThat(through(server, true, AS_IT_IS, AS_IT_IS)).isEqualTo("channel_binding_refused bound");
        assertThat(through(server, true, AS_IT_IS, ChannelBindingTest::withoutTheOffer))
                .as("the offer is struck out: we say that we could")
                .isEqualTo("channel_binding_refused not bound");
        assertThat(through(server, true, said -> said.replace("y,,n=", "n,,n="), ChannelBindingTest::withoutTheOffer))
                .as("and that too: we say it once more")
                .isEqualTo("channel_binding_refused not bound");
        assertThat(through(
                        server,
                        true,
                        said -> said.replace("y,,n=", "n,,n=").replace("c=eSws,", "c=biws,"),
                        ChannelBindingTest::withoutTheOffer))
                .as("and wherever we say it: the proof is over what we said")
                .isEqualTo("password_refused not bound");
    }

    /** Its server offers no binding, and so it is taken for one that can't: as libpq does. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aProxyThatEndsTlsBeforeAServerWithoutItIsTaken(int major) {
        assertThat(through(TestPostgres.shared(major), false, AS_IT_IS, AS_IT_IS))
                .isEqualTo("accepted not bound");
    }

    /** Both offer SCRAM without binding to whoever comes by TLS, and take who says that he could bind. */
    @Test
    @EnabledIfSystemProperty(
            named = "pgbouncer",
            matches = ".+",
            disabledReason = "PgBouncer comes from Debian's packages: CI's step postgres installs it")
    void poolersThatEndTlsAreTaken() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login role = server.role("LOGIN");
        TlsSettings tls = TlsSettings.of(SslMode.REQUIRE);

        try (PgBouncer pooler = PgBouncer.withTls(server, ANOTHER, role)) {
            assertThat(login(pooler.port(), role, tls).code()).isEqualTo("accepted");
        }
        if (System.getProperty("pgpool") != null) {
            try (PgPool pooler = PgPool.withTls(server, ANOTHER, role)) {
                assertThat(login(pooler.port(), role, tls).code()).isEqualTo("accepted");
            }
        }
    }

    @Test
    void theLookAtASaltIsNotHeldUp() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST, TestPostgres.Tls.OPTIONAL);
        TestPostgres.Login role = server.role("LOGIN");
        Login login = new Login(
                "127.0.0.1", server.port(), "postgres", role.role(), TlsSettings.of(SslMode.REQUIRE), role.password());

        Demand demand = TARGETS.passwordRule(login, Purpose.REQUEST, Deadline.in(Duration.ofSeconds(8)))
                .await()
                .indefinitely();

        assertThat(demand.rule()).isEqualTo(PasswordRule.SCRAM);
        assertThat(demand.salt()).isNotNull();
    }

    /** With its own certificate each time; what is bound to is PostgreSQL's to compute, which OpenSSL does. */
    @ParameterizedTest
    @CsvSource({
        "EC, SHA256withECDSA, SHA-256, accepted, accepted",
        "EC, SHA384withECDSA, SHA-384, accepted, accepted",
        "EC, SHA1withECDSA, SHA-256, accepted, -",
        "RSA, SHA512withRSA, SHA-512, accepted, accepted",
        "RSA, SHA256withRSAandMGF1, SHA-256, accepted, accepted",
        "Ed25519, Ed25519, -, channel_binding_impossible, accepted"
    })
    void bindsToWhateverACertificateIsSignedWith(
            String key, String signature, String function, String unverified, String verified)
            throws GeneralSecurityException {
        TestCertificates authority = TestCertificates.signing(key, signature);
        TestCertificates.Issued own = authority.server("localhost", "127.0.0.1");
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(own.pem().getBytes(StandardCharsets.US_ASCII)));

        assertThat(ChannelBinding.endPoint(certificate))
                .isEqualTo(
                        function.equals("-")
                                ? null
                                : MessageDigest.getInstance(function).digest(certificate.getEncoded()));
        try (TestPostgres server = TestPostgres.own(
                TestPostgres.NEWEST, TestPostgres.Tls.OPTIONAL, builder -> builder.tls(own.certificate(), own.key()))) {
            TestPostgres.Login role = server.role("LOGIN");
            assertThat(login(server.port(), role, TlsSettings.of(SslMode.REQUIRE))
                            .code())
                    .isEqualTo(unverified);
            if (!verified.equals("-")) { // Java trusts no certificate signed over SHA-1
                TlsSettings checked = new TlsSettings(SslMode.VERIFY_FULL, authority.caPem(), null, null);
                assertThat(login(server.port(), role, checked).code()).isEqualTo(verified);
            }
        }
    }
}
