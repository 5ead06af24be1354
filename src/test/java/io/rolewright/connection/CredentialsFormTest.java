package io.rolewright.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.problem.ValidationProblem;
import io.rolewright.target.SslMode;
import io.rolewright.testing.TestCertificates;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CredentialsFormTest {

    @ParameterizedTest(name = "sslMode {0}, sslEnabled {1}, sslRejectUnauthorized {2}, stored {3}: {4}")
    @CsvSource(nullValues = "-", textBlock = """
            -,           -,     -,     -,           VERIFY_FULL
            -,           true,  true,  -,           VERIFY_FULL
            -,           true,  false, -,           REQUIRE
            -,           false, true,  -,           DISABLE
            -,           false, false, -,           DISABLE
            -,           -,     false, -,           REQUIRE
            -,           false, -,     -,           DISABLE
            verify-ca,   true,  true,  -,           VERIFY_CA
            require,     -,     -,     -,           REQUIRE
            disable,     false, true,  -,           DISABLE
            disable,     false, false, -,           DISABLE
            -,           -,     -,     VERIFY_CA,   VERIFY_CA
            -,           true,  true,  VERIFY_CA,   VERIFY_CA
            -,           true,  true,  REQUIRE,     VERIFY_FULL
            -,           true,  false, VERIFY_CA,   REQUIRE
            -,           false, true,  VERIFY_CA,   DISABLE
            -,           true,  true,  DISABLE,     VERIFY_FULL
            -,           -,     -,     DISABLE,     DISABLE
            verify-full, -,     -,     VERIFY_CA,   VERIFY_FULL
            """)
    void readsTheModeFromWhatIsSentAndWhatIsStored(
            String sslMode, Boolean enabled, Boolean reject, SslMode stored, SslMode expected) {
        CredentialsForm form = form(sslMode, enabled, reject, null);

        assertThat(form.resolve(stored == null ? null : stored(stored, null)).sslMode())
                .isEqualTo(expected);
    }

    @ParameterizedTest(name = "{0} with sslEnabled {1} and sslRejectUnauthorized {2}")
    @CsvSource(nullValues = "-", textBlock = """
            disable,     true,  -,     sslEnabled
            require,     false, -,     sslEnabled
            require,     true,  true,  sslRejectUnauthorized
            verify-ca,   true,  false, sslRejectUnauthorized
            verify-full, -,     false, sslRejectUnauthorized
            prefer,      -,     -,     sslMode
            """)
    void refusesWhatContradictsItself(String sslMode, Boolean enabled, Boolean reject, String field) {
        CredentialsForm form = form(sslMode, enabled, reject, null);

        assertThatThrownBy(() -> form.resolve(null))
                .isInstanceOfSatisfying(
                        ValidationProblem.class,
                        problem -> assertThat(problem.issues())
                                .singleElement()
                                .satisfies(issue -> assertThat(issue.path()).isEqualTo(List.of("credentials", field))));
    }

    @Test
    void anEmptyCertificateMeansNone() {
        Credentials stored = stored(SslMode.DISABLE, "not looked at here");

        assertThat(form("disable", null, null, "").resolve(stored).caPem()).isNull();
        assertThat(form("disable", null, null, "").resolve(null).caPem()).isNull();
    }

    /** Terraform leaves the certificate out when its attribute is removed. */
    @Test
    void aCertificateThatTheReferencesClientsLeaveOutIsGone() {
        Credentials stored = stored(SslMode.VERIFY_FULL, "not looked at here");

        assertThat(form(null, true, true, null).resolve(stored).caPem()).isNull();
        assertThat(form(null, null, null, null).resolve(stored).caPem()).isNull();
    }

    @Test
    void aCertificateThatOurClientsLeaveOutStays() {
        String ca = TestCertificates.create().caPem();
        Credentials stored = stored(SslMode.VERIFY_FULL, ca);

        assertThat(form("verify-full", null, null, null).resolve(stored).caPem())
                .isEqualTo(ca);
    }

    @Test
    void keepsThePasswordAsSentAndTrimsTheRest() {
        CredentialsForm form = new CredentialsForm(
                " db ", null, " app ", " rotator ", " spaces matter ", false, null, null, null, null, null);

        Credentials credentials = form.resolve(null);

        assertThat(credentials.host()).isEqualTo("db");
        assertThat(credentials.port()).isEqualTo(5432);
        assertThat(credentials.database()).isEqualTo("app");
        assertThat(credentials.username()).isEqualTo("rotator");
        assertThat(credentials.password()).isEqualTo(" spaces matter ");
    }

    @Test
    void refusesNamesThatPostgresqlWouldCut() {
        String sixtyFourBytes = "ä".repeat(32);
        CredentialsForm form =
                new CredentialsForm("db", 5432, "app", sixtyFourBytes, "secret", false, null, null, null, null, null);

        assertThatThrownBy(() -> form.resolve(null))
                .isInstanceOfSatisfying(
                        ValidationProblem.class,
                        problem -> assertThat(problem.issues().get(0).path())
                                .isEqualTo(List.of("credentials", "username")));
    }

    @Test
    void showsNoSecretWhenPrinted() {
        CredentialsForm form = form("require", null, null, null);

        assertThat(form.toString()).doesNotContain("s3cret");
        assertThat(form.resolve(null).toString()).doesNotContain("s3cret");
    }

    @Test
    void encodesEveryFieldAndReadsItBack() {
        Credentials all = new Credentials(
                "db", 1, "app", "rotator", "päss\n\"'\\", SslMode.VERIFY_CA, "ca", "certificate", "key", true);
        Credentials few = new Credentials("db", 65535, "app", "r", "p", SslMode.DISABLE, null, null, null, false);
        Credentials asBefore = new Credentials("db", 65535, "app", "r", "p", SslMode.DISABLE, null, null, null, true);

        assertThat(Credentials.decode(all.encode())).isEqualTo(all);
        assertThat(Credentials.decode(few.encode())).isEqualTo(few);
        assertThat(Credentials.decode(asBefore.encode())).isEqualTo(asBefore);
        assertThat(few.encode()).as("what the build before reads").startsWith(asBefore.encode());
        assertThat(few.leadsWhere(asBefore)).isTrue();
    }

    private static CredentialsForm form(String sslMode, Boolean enabled, Boolean reject, String certificate) {
        return new CredentialsForm(
                "db", 5432, "app", "rotator", "s3cret", enabled, reject, certificate, sslMode, null, null);
    }

    private static Credentials stored(SslMode mode, String ca) {
        return new Credentials("db", 5432, "app", "rotator", "old", mode, ca, null, null, true);
    }
}
