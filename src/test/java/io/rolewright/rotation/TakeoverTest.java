package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Roles that another installation has marked. */
@QuarkusTest
class TakeoverTest {

    private Rotating roles;

    @BeforeEach
    void roles() {
        roles = Rotating.on(TestPostgres.NEWEST);
    }

    private void marked(Login role, String marker) {
        roles.target.sql("COMMENT ON ROLE " + role.role() + " IS '" + marker + "'");
    }

    private String comment(Login role) {
        return roles.target
                .sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '" + role.role() + "'")
                .get(0)
                .getString(0);
    }

    /** The second role too: its turn would come after the password of the first has changed. */
    @Test
    void aRoleThatIsTakenByAnotherIsRefusedBeforeAnyPasswordIsTouched() {
        marked(roles.second, "rolewright:other/rotation epoch=4 version=2");

        Rotating.post(roles.body(Rotating.name("rotation")))
                .then()
                .statusCode(400)
                .body("code", equalTo("role_already_managed"));

        assertThat(roles.target.login(roles.first.role(), roles.first.password()))
                .isEqualTo("ok");
        assertThat(comment(roles.second)).isEqualTo("rolewright:other/rotation epoch=4 version=2");
    }

    @Test
    void bothRolesAreMarkedWhenTheRotationIsThere() {
        String id = roles.created();

        assertThat(comment(roles.first)).contains("/" + id + " epoch=").endsWith("version=1");
        assertThat(comment(roles.second)).contains("/" + id + " epoch=").endsWith("version=0");
        assertThat(roles.target.login(roles.second.role(), roles.second.password()))
                .isEqualTo("ok");
        Rotating.rotate(id).then().statusCode(200);
        assertThat(comment(roles.second)).endsWith("version=2");
    }

    @Test
    void leaveToTakeARoleOverIsUsedOnceAndAudited() {
        marked(roles.first, "rolewright:other/rotation epoch=4 version=2");
        marked(roles.second, "rolewright:other/rotation epoch=5 version=2");
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("takeover", true);

        String id = Rotating.post(body)
                .then()
                .statusCode(200)
                .body("secretRotation.takeover", equalTo(false))
                .extract()
                .path("secretRotation.id");

        assertThat(Api.as()
                        .queryParam("subjectId", id)
                        .get("/api/v1/audit-events")
                        .then()
                        .statusCode(200)
                        .extract()
                        .asString())
                .contains("other/rotation epoch=4")
                .contains("other/rotation epoch=5");
        marked(roles.second, "rolewright:other/rotation epoch=6 version=3");
        Rotating.rotate(id).then().statusCode(400).body("details.reason", equalTo("role_already_managed"));
        Api.as()
                .body(Map.of("takeover", true))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
        Rotating.rotate(id).then().statusCode(200).body("secretRotation.takeover", equalTo(false));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }

    /** What is given up may be taken by anybody. */
    @Test
    void aRoleWhoseRotationHasEndedIsFree() {
        marked(roles.first, "rolewright:other/rotation epoch=4 version=2 ended");

        String id = roles.created();

        assertThat(comment(roles.first)).contains("/" + id);
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }
}
