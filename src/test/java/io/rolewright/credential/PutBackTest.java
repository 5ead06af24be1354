package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rules that change in the moment between the change and its proof: what is served goes on working. */
@QuarkusTest
class PutBackTest {

    private static final String SCRAM = "host all all 127.0.0.1/32 scram-sha-256";

    @Inject
    Scenes scenes;

    private static String rule(Scenes.Scene scene, String method) {
        return "host all " + scene.managed.role() + " 127.0.0.1/32 " + method;
    }

    @ParameterizedTest
    @CsvSource({"password, cleartext_password_demanded", "trust, password_not_asked", "reject, login_not_offered"})
    void whatIsServedIsPutBackAndTheChangeWaits(String method, String reason) {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(server)) {
            var scene = scenes.on(server, proxy.port());
            scene.change(Cause.CREATION);
            String served = scene.current();
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                server.authentication(rule(scene, method), SCRAM);
                return Fate.PASS;
            });

            ChangeOutcome outcome = scene.change(Cause.MANUAL);

            assertThat(outcome).isInstanceOfSatisfying(ChangeOutcome.Parked.class, parked -> {
                assertThat(parked.reason()).isEqualTo(reason);
                assertThat(parked.message()).contains("scram-sha-256");
            });
            assertThat(scene.current()).isEqualTo(served);
            scene.carryOn();
            assertThat(scene.status().state()).as("still in the way").isEqualTo(RoleState.PARKED);
            server.authentication(SCRAM);
            assertThat(scene.opens(served)).isEqualTo("ok");

            scene.carryOn();

            assertThat(scene.status().state()).isEqualTo(RoleState.OK);
            assertThat(scene.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
        }
    }

    @Test
    void theNewOneIsRejectedWhenTheFormerIsProvenAgain() {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(server)) {
            var scene = scenes.on(server, proxy.port());
            scene.change(Cause.CREATION);
            String served = scene.current();
            List<String> rules = new ArrayList<>(List.of(rule(scene, "password")));
            proxy.always(TcpProxy.reply("COMMIT"), () -> {
                rules.add(SCRAM);
                server.authentication(rules.toArray(new String[0]));
                rules.clear(); // what was put there has gone again when the former is put back
                return Fate.PASS;
            });

            ChangeOutcome outcome = scene.change(Cause.MANUAL);

            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            ChangeOutcome.Failed.class,
                            failed -> assertThat(failed.reason()).isEqualTo("cleartext_password_demanded"));
            assertThat(scene.status().state()).isEqualTo(RoleState.OK);
            assertThat(scene.versions()).containsExactly("1 CURRENT", "2 REJECTED");
            assertThat(scene.opens(served)).isEqualTo("ok");
        }
    }

    /** Nobody's password is known yet: the new one is kept, and proven when that can be had. */
    @Test
    void aFirstPasswordWaitsForItsProof() {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(server)) {
            var scene = scenes.on(server, proxy.port());
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                server.authentication(rule(scene, "password"), SCRAM);
                return Fate.PASS;
            });

            assertThat(scene.change(Cause.CREATION)).isInstanceOf(ChangeOutcome.Parked.class);
            assertThat(scene.versions()).containsExactly("1 APPLIED");

            server.authentication(SCRAM);
            scene.carryOn();
            assertThat(scene.versions()).containsExactly("1 CURRENT");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
        }
    }
}
