package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rotations that begin with the password that the role has. */
@QuarkusTest
class AdoptedPasswordTest {

    private Rotating roles;

    @BeforeEach
    void roles() {
        roles = Rotating.on(TestPostgres.NEWEST);
    }

    private Map<String, Object> body(String initialPassword) {
        Map<String, Object> body = roles.body(Rotating.name("adopted"));
        body.put("initialPassword", initialPassword);
        return body;
    }

    private Map<String, Object> ofOneRole() {
        Map<String, Object> body = body(roles.first.password());
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role()));
        return body;
    }

    /** All that the server keeps of the role and that anybody could change. */
    private String kept(Login role) {
        return roles.target
                .sql(
                        "SELECT (a.rolpassword, a.rolvaliduntil, shobj_description(a.oid, 'pg_authid'))::text FROM pg_authid a"
                                + " WHERE a.rolname = '" + role.role() + "'")
                .get(0)
                .getString(0);
    }

    @Test
    void nothingIsChangedOnTheServerUntilTheFirstRotation() {
        String first = kept(roles.first);
        String second = kept(roles.second);

        Response created = Rotating.post(body(roles.first.password()));

        created.then()
                .statusCode(200)
                .body("secretRotation.state", equalTo("ok"))
                .body("secretRotation.stateReason", nullValue())
                .body("secretRotation.activeIndex", equalTo(0));
        assertThat(created.asString()).doesNotContain(roles.first.password());
        String id = created.path("secretRotation.id");
        assertThat(Rotating.credentials(id))
                .containsExactly(Map.of("username", roles.first.role(), "password", roles.first.password()));
        Api.as()
                .get(Rotating.BASE + "/" + id + "/versions")
                .then()
                .statusCode(200)
                .body("versions.cause", equalTo(List.of("adopted")))
                .body("versions.state", equalTo(List.of("current")));
        Rotating.preflight(id)
                .then()
                .statusCode(200)
                .body("preflight.ok", equalTo(true))
                .body("preflight.roles[0].warnings", nullValue());
        Api.as()
                .post(Rotating.BASE + "/" + id + "/verify")
                .then()
                .statusCode(200)
                .body("secretRotation.state", equalTo("ok"));
        assertThat(kept(roles.first)).isEqualTo(first);
        assertThat(kept(roles.second)).isEqualTo(second);

        Rotating.rotate(id).then().statusCode(200).body("secretRotation.activeIndex", equalTo(1));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        assertThat(kept(roles.first)).as("it is replaced, and works on").isEqualTo(first);

        Rotating.rotateAtOnce(id).then().statusCode(200).body("secretRotation.activeIndex", equalTo(0));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        assertThat(roles.target.login(roles.first.role(), roles.first.password()))
                .isEqualTo("28P01");
    }

    @Test
    void oneRoleAlone() {
        String before = kept(roles.first);
        String id = Rotating.created(ofOneRole());
        assertThat(kept(roles.first)).isEqualTo(before);

        Rotating.rotate(id).then().statusCode(200);

        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        assertThat(kept(roles.first)).contains("/" + id + " epoch=");
    }

    @Test
    void aPasswordThatDoesNotLogInIsRefusedAndNothingIsLeft() {
        String before = kept(roles.first);
        Map<String, Object> body = body("not the password of the role");

        Response refused = Rotating.post(body);

        refused.then().statusCode(400).body("code", equalTo("initial_password_refused"));
        assertThat(refused.asString()).contains(roles.first.role()).doesNotContain("not the password of the role");
        assertThat(kept(roles.first)).isEqualTo(before);
        body.put("initialPassword", roles.first.password());
        Rotating.post(body).then().statusCode(200);
    }

    /** To take a role over is to write its comment now. */
    @Test
    void changesNothingAndSoTakesNothingOver() {
        Map<String, Object> body = body(roles.first.password());
        body.put("takeover", true);

        Rotating.post(body).then().statusCode(422).body("message[0].path", equalTo(List.of("initialPassword")));
    }

    /** It is known by its number, though it carries no marker yet. */
    @Test
    void anotherRoleOfTheNameIsLeftAlone() {
        String id = Rotating.created(ofOneRole());
        roles.target.sql("DROP ROLE " + roles.first.role() + "; CREATE ROLE " + roles.first.role()
                + " LOGIN PASSWORD 'of somebody else'; GRANT " + roles.first.role() + " TO " + roles.managing.role()
                + " WITH ADMIN OPTION");

        Rotating.rotate(id).then().statusCode(400).body("details.reason", equalTo("role_replaced"));

        assertThat(roles.target.login(roles.first.role(), "of somebody else")).isEqualTo("ok");
    }

    /** What is put back is the very secret that the server had. */
    @Test
    void whatAnotherChangedIsPutBackAsItWas() {
        String secret = "SELECT rolpassword FROM pg_authid WHERE rolname = '" + roles.first.role() + "'";
        String before = roles.target.sql(secret).get(0).getString(0);
        Map<String, Object> body = new HashMap<>(ofOneRole());
        body.put("driftPolicy", "reassert");
        String id = Rotating.created(body);
        roles.target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'set by a human'");

        Api.as()
                .post(Rotating.BASE + "/" + id + "/verify")
                .then()
                .statusCode(200)
                .body("secretRotation.state", equalTo("ok"));

        assertThat(roles.target.sql(secret).get(0).getString(0)).isEqualTo(before);
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }
}
