package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LoginTest {

    private static final Targets TARGETS = TestTargets.local();

    @AfterAll
    static void close() {
        TARGETS.close();
    }

    private static LoginOutcome outcome(Login login) {
        return TARGETS.login(login, Deadline.in(Duration.ofSeconds(5))).await().indefinitely();
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void provesThePasswordOfASuccessfulLogin(int major) {
        TestPostgres server = TestPostgres.shared(major);
        TestPostgres.Login app = server.role("LOGIN");

        LoginOutcome outcome = outcome(TestTargets.login(server, app));

        assertThat(outcome).isInstanceOf(LoginOutcome.Accepted.class);
        SessionFacts facts = ((LoginOutcome.Accepted) outcome).facts();
        assertThat(facts.proof()).isEqualTo(major >= 16 ? PasswordProof.SYSTEM_USER : PasswordProof.CHALLENGE);
        assertThat(facts.serverVersionNumber() / 10000).isEqualTo(major);
        assertThat(facts.dialled()).isEqualTo("127.0.0.1");
        assertThat(facts.tls()).isNull();
    }
}
