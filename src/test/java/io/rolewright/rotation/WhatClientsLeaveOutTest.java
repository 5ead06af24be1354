package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.post;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that cannot say all, and show nothing of an answer but its sentence. */
@QuarkusTest
class WhatClientsLeaveOutTest {

    private static ValidatableResponse patch(String id, Object body) {
        return Api.as().body(body).patch(BASE + "/" + id).then();
    }

    // ---- What is absent means
    // ----------------------------------------------------------------------------------------

    @Test
    void theTerraformProviderLeavesFalseOut() {
        String id = Rotating.on(14).created();
        patch(id, Map.of("Provider", "postgres-credentials", "ID", id, "rotationInterval", 30))
                .statusCode(200)
                .body("secretRotation.isAutoRotationEnabled", equalTo(false))
                .body("secretRotation.nextRotationAt", nullValue());
        patch(id, Map.of("Provider", "postgres-credentials", "ID", id, "isAutoRotationEnabled", true))
                .statusCode(200)
                .body("secretRotation.isAutoRotationEnabled", equalTo(true));
        patch(id, Map.of("description", "of somebody else"))
                .statusCode(200)
                .body("secretRotation.isAutoRotationEnabled", equalTo(true));
        patch(id, Map.of("ID", id)).statusCode(200).body("secretRotation.isAutoRotationEnabled", equalTo(true));
    }

    @Test
    void twoEqualUsersAreOneRole() {
        Rotating roles = Rotating.on(14);
        Map<String, Object> body = roles.body(name("one-role"));
        Map<String, Object> users = Map.of("username1", roles.first.role(), "username2", roles.first.role());
        body.put("parameters", users);
        Api.as()
                .body(Map.of("connectionId", roles.connection, "parameters", users))
                .post(BASE + "/preflight")
                .then()
                .statusCode(200)
                .body("preflight.ok", equalTo(true));
        String id = post(body)
                .then()
                .statusCode(200)
                .body("secretRotation.strategy", equalTo("single"))
                .body("secretRotation.parameters.username2", equalTo(roles.first.role()))
                .extract()
                .path("secretRotation.id");
        patch(id, Map.of("parameters", users)).statusCode(200);
        Api.as()
                .get("/api/v1/audit-events?subjectId=" + id)
                .then()
                .statusCode(200)
                .body("auditEvents.findAll { it.type == 'create-secret-rotation' }.facts.strategy", hasItem("single"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"0", "\"0\"", "1764000000", "\"1764000000\"", "1764000000.5", "\"\"", "\"2030-01-01\"", "true"})
    void aMomentIsAString(String moment) {
        String id = Rotating.on(14).created();
        String before = Api.as().get(BASE + "/" + id).path("secretRotation.nextRotationAt");
        patch(id, "{\"nextRotationAt\": " + moment + "}")
                .statusCode(422)
                .body("message[0].path", equalTo(List.of("nextRotationAt")))
                .body("message[0].message", containsString("2026-11-27T02:30:00Z"));
        assertThat(Api.as().get(BASE + "/" + id).<String>path("secretRotation.nextRotationAt"))
                .isEqualTo(before);
    }

    @Test
    void aMomentThatIsPastIsRefused() {
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        for (String past : List.of("1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z")) {
            patch(id, Map.of("nextRotationAt", past))
                    .statusCode(422)
                    .body("message[0].path", equalTo(List.of("nextRotationAt")))
                    .body("message[0].message", containsString("rotate-secrets"));
        }
        var soon = Instant.now().plus(Duration.ofDays(2)).toString();
        patch(id, Map.of("nextRotationAt", soon)).statusCode(200);
        patch(id, Map.of("nextRotationAt", soon.replace("Z", "+00:00"))).statusCode(200);
    }

    // ---- The sentence carries the help
    // -------------------------------------------------------------------------------

    @Test
    void aFieldThatCannotChangeSaysWhatTerraformNeeds() {
        String id = Rotating.on(14).created();
        patch(id, Map.of("environment", "staging")).statusCode(400).body("message", containsString("-replace="));
    }

    @Test
    void aConnectionInUseNamesItsUsers() {
        Rotating roles = Rotating.on(14);
        String name = name("user");
        String id = created(roles.body(name));
        Api.as()
                .delete("/api/v1/app-connections/postgres/" + roles.connection)
                .then()
                .statusCode(400)
                .body("message", allOf(containsString("rotation " + name), containsString(id)));
    }

    @Test
    void aMissingRightIsSaidWithItsStatement() {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        var managing = target.role("LOGIN CREATEROLE");
        var first = target.role("LOGIN");
        var second = target.role("LOGIN");
        Map<String, Object> body = new HashMap<>(Rotating.on(14).body(name("no-grant")));
        body.put("connectionId", Rotating.connection(target, managing));
        body.put("parameters", Map.of("username1", first.role(), "username2", second.role()));
        post(body)
                .then()
                .statusCode(400)
                .body(
                        "message",
                        allOf(
                                containsString("Run on the server: GRANT " + first.role()),
                                containsString("Run on the server: GRANT " + second.role())));
    }

    @Test
    void aLoginThatIsRefusedSaysTheWayOut() {
        TestPostgres target = TestPostgres.shared(14);
        var role = target.role("LOGIN");
        var answer = Api.as()
                .body(Map.of(
                        "name",
                        name("refused"),
                        "method",
                        "username-and-password",
                        "credentials",
                        credentials(target.port(), role, " with blanks ")))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(400)
                .body("code", equalTo("connection_test_failed"));
        String remedy = answer.extract().path("details.failure.remedy");
        answer.body("message", containsString(remedy)).body("message", containsString("white space"));
    }

    // ---- Stored credentials sent again
    // -------------------------------------------------------------------------------

    /** Terraform sends them whole with every change; a new description must not need the server. */
    @Test
    void storedCredentialsAreNotTriedAgain() throws Exception {
        TestPostgres target = TestPostgres.shared(14);
        var role = target.role("LOGIN");
        try (var proxy = TcpProxy.to(target)) {
            String id = Api.as()
                    .body(Map.of(
                            "name",
                            name("again"),
                            "method",
                            "username-and-password",
                            "credentials",
                            credentials(proxy.port(), role, role.password())))
                    .post("/api/v1/app-connections/postgres")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
            String one = "/api/v1/app-connections/postgres/" + id;
            String hash = Api.as().get(one).path("appConnection.credentialsHash");
            int port = proxy.port();
            proxy.close();

            Api.as()
                    .body(Map.of("description", "new", "credentials", credentials(port, role, role.password())))
                    .patch(one)
                    .then()
                    .statusCode(200)
                    .body("appConnection.description", equalTo("new"))
                    .body("appConnection.credentialsHash", equalTo(hash));
            Api.as()
                    .body(Map.of("credentials", credentials(port, role, role.password() + "x")))
                    .patch(one)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("connection_test_failed"));
        }
    }

    private static Map<String, Object> credentials(int port, TestPostgres.Login role, String password) {
        return Map.of(
                "host",
                "127.0.0.1",
                "port",
                port,
                "database",
                "postgres",
                "username",
                role.role(),
                "password",
                password,
                "sslEnabled",
                false);
    }
}
