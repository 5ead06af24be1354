package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.util.Map;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** With the clock inside, nobody has to call. */
@QuarkusTest
@TestProfile(TickerTest.ClockInside.class)
class TickerTest {

    public static class ClockInside implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("rolewright.scheduler.enabled", "true", "rolewright.scheduler.poll-interval", "1s");
        }
    }

    @Test
    void rotatesWhatIsDueAndCountsWhatIsNot() {
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        Rotating.makeDue(id);

        await().atMost(Duration.ofSeconds(20))
                .until(() ->
                        TestStore.sql("SELECT credential_version FROM secret_rotation" + " WHERE id = '" + id + "'")
                                        .get(0)
                                        .getLong(0)
                                == 2);
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");

        String metrics = RestAssured.given()
                .port(ConfigProvider.getConfig().getValue("quarkus.management.port", Integer.class))
                .get("/q/metrics")
                .asString();
        assertThat(metrics)
                .contains("rolewright_rotations_overdue", "rolewright_roles_in_doubt", "rolewright_roles_parked")
                .contains("rolewright_due_turns_total{outcome=\"done\"");
    }
}
