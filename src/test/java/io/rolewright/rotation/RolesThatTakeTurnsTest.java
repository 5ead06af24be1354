package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether the two roles of a rotation are alike is said before whoever logs in as them finds out. */
@QuarkusTest
class RolesThatTakeTurnsTest {

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void whatTheyDifferInIsAWarningAndRefusesNothing(int major) {
        Rotating roles = Rotating.on(major);
        TestPostgres target = roles.target;
        String one = roles.first.role();
        String other = roles.second.role();
        Map<String, Object> body = roles.body(Rotating.name("turns"));
        Map<String, Object> asked =
                Map.of("connectionId", roles.connection, "parameters", body.get("parameters"), "strategy", "dual");
        assertThat(warnings(preflight(asked))).as("alike").isNull();
        Login group = target.role("NOLOGIN");
        String secret = "kept-in-a-setting";
        target.sql("GRANT " + group.role() + " TO " + one + "; ALTER ROLE " + one + " SET search_path = a; ALTER ROLE "
                + other + " IN DATABASE " + target.database() + " SET search_path = b; ALTER ROLE " + one
                + " SET work_mem = '8MB'; ALTER ROLE " + other + " SET work_mem = '8MB'; ALTER ROLE " + other
                + " SET app.token = '" + secret + "'; ALTER ROLE " + other
                + " CREATEDB CONNECTION LIMIT 5 VALID UNTIL '2100-01-02 00:00:00+00'");

        Response looked = preflight(asked);

        assertThat(looked.<Boolean>path("preflight.ok")).isTrue();
        assertThat(warnings(looked).stream().map(each -> each.get("code")))
                .containsExactly(
                        "memberships_differ",
                        "settings_differ",
                        "attributes_differ",
                        "connection_limit_differs",
                        "valid_until_differs");
        assertThat(warnings(looked).stream().map(each -> each.get("message")))
                .containsExactly(
                        "The roles are not members of the same roles: only " + one + " has " + group.role() + ".",
                        "The roles have different settings (ALTER ROLE … SET) in this database: app.token, search_path.",
                        "The roles have different attributes: only " + other + " has CREATEDB.",
                        "The roles have different connection limits: " + one + " none and " + other + " 5.",
                        "The passwords of the roles end at different times (VALID UNTIL): " + one + " never and "
                                + other + " 2100-01-02T00:00:00Z.");
        assertThat(looked.asString()).doesNotContain(secret);
        String id = Rotating.created(body);
        assertThat(warnings(Rotating.preflight(id))).hasSize(5);
    }

    @Test
    void aRoleThatEndsBeforeItsRotationIsAWarning() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = Rotating.created(roles.body(Rotating.name("ends")));
        assertThat(Rotating.preflight(id).<Object>path("preflight.roles[0].warnings"))
                .isNull();
        for (Login each : List.of(roles.first, roles.second)) {
            roles.target.sql("ALTER ROLE " + each.role() + " VALID UNTIL '"
                    + Instant.now().plusSeconds(86400) + "'");
        }

        Response looked = Rotating.preflight(id);

        assertThat(looked.<Boolean>path("preflight.ok")).isTrue();
        for (int role = 0; role < 2; role++) {
            assertThat(looked.<List<String>>path("preflight.roles[" + role + "].warnings.code"))
                    .as(looked.asString())
                    .containsExactly("valid_until_before_rotation");
        }
    }

    private static Response preflight(Map<String, Object> asked) {
        Response looked = Api.as().body(asked).post(Rotating.BASE + "/preflight");
        looked.then().statusCode(200);
        return looked;
    }

    private static List<Map<String, String>> warnings(Response looked) {
        return looked.path("preflight.roles[1].warnings");
    }
}
