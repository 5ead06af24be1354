package io.rolewright.delivery;

import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.project;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.instanceOf;
import static org.hamcrest.Matchers.notNullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.path.json.JsonPath;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres.Login;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * The requests of clients that cannot be run here, through whole cycles: what they keep of the answers must not differ by anything but what
 * they have asked for.
 */
@QuarkusTest
class ReplayedClientsTest {

    // ---- Terraform provider
    // -------------------------------------------------------------------------------------------

    private static Map<String, Object> kept(Response answer, String root, List<String> fields) {
        JsonPath json = answer.then().statusCode(200).extract().jsonPath();
        Map<String, Object> kept = new LinkedHashMap<>();
        for (String field : fields) {
            kept.put(field, json.get(root + "." + field));
        }
        return kept;
    }

    private static Map<String, Object> connection(Response answer) {
        return kept(answer, "appConnection", Fixture.TERRAFORM_KEEPS_OF_CONNECTION);
    }

    private static Map<String, Object> rotation(Response answer) {
        return kept(answer, "secretRotation", Fixture.TERRAFORM_KEEPS_OF_ROTATION);
    }

    @Test
    void terraformSeesNoDifferenceButItsOwn() {
        Rotating roles = Rotating.on(18);
        Somebody operator = Identities.with("admin");
        Fixture terraform = Fixture.of("terraform-provider-infisical")
                .with("clientId", operator.clientId())
                .with("clientSecret", operator.clientSecret())
                .with("projectId", project())
                .with("name", name("terraform"))
                .with("port", roles.target.port())
                .with("username", roles.managing.role())
                .with("password", roles.managing.password())
                .with("role1", roles.first.role())
                .with("role2", roles.second.role());
        terraform
                .login()
                .then()
                .statusCode(200)
                .body("accessToken", notNullValue())
                .body("expiresIn", instanceOf(Integer.class))
                .body("accessTokenMaxTTL", instanceOf(Integer.class))
                .body("tokenType", equalTo("Bearer"));

        Response created = terraform.call("connection create");
        Map<String, Object> connection = connection(created);
        terraform.with("connectionId", connection.get("id"));
        Response planned = terraform.call("rotation create");
        Map<String, Object> rotation = rotation(planned);
        terraform.with("rotationId", rotation.get("id"));
        Runnable noDifference = () -> {
            assertThat(connection(terraform.call("connection read"))).isEqualTo(connection);
            assertThat(rotation(terraform.call("rotation read"))).isEqualTo(rotation);
        };
        assertThat(connection.get("credentialsHash")).isInstanceOf(String.class);
        noDifference.run();
        noDifference.run();

        // Whatever the service does by itself is no difference.
        for (String command : List.of("new-data-key", "re-encrypt", "rewrap")) {
            run(command);
            noDifference.run();
        }
        rotateAtOnce((String) rotation.get("id")).then().statusCode(200);
        noDifference.run();
        Rotating.makeDue((String) rotation.get("id"));
        Api.as()
                .queryParam("budgetSeconds", 20)
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200);
        Rotating.read((String) rotation.get("id")).body("secretRotation.credentialVersion", equalTo(3));
        noDifference.run();

        Map<String, Object> updated = rotation(terraform.call("rotation update"));
        assertThat(updated).containsEntry("rotationInterval", 7);
        assertThat(rotation(terraform.call("rotation read"))).isEqualTo(updated);
        assertThat(rotation(terraform.call("rotation read"))).isEqualTo(updated);
        Map<String, Object> repeated = connection(terraform.call("connection update"));
        assertThat(repeated).containsEntry("description", "");
        assertThat(connection(terraform.call("connection read"))).isEqualTo(repeated);

        terraform.call("rotation delete").then().statusCode(200);
        terraform
                .call("rotation read")
                .then()
                .statusCode(404)
                .body("message", instanceOf(String.class))
                .body("reqId", instanceOf(String.class));
        terraform.call("connection delete").then().statusCode(200);
        terraform.call("connection read").then().statusCode(404);
    }

    @Test
    void terraformSeesTheHashMoveWithItsOwnPassword() {
        Rotating roles = Rotating.on(14);
        Login login = roles.target.role("LOGIN");
        Fixture terraform = Fixture.of("terraform-provider-infisical")
                .with("token", Api.token())
                .with("projectId", project())
                .with("name", name("terraform"))
                .with("port", roles.target.port())
                .with("username", login.role())
                .with("password", login.password());
        Map<String, Object> before = connection(terraform.call("connection create"));
        roles.target.sql("ALTER ROLE " + login.role() + " PASSWORD 'another one of 2026'");
        terraform.with("connectionId", before.get("id")).with("password", "another one of 2026");

        Map<String, Object> after = connection(terraform.call("connection update"));

        assertThat(after.get("credentialsHash")).isNotEqualTo(before.get("credentialsHash"));
        assertThat(connection(terraform.call("connection read"))).isEqualTo(after);
        terraform.call("connection delete").then().statusCode(200);
    }

    private static void run(String command) {
        String id = Api.as()
                .body(Map.of("command", command))
                .post("/api/v1/keys/runs")
                .then()
                .statusCode(200)
                .extract()
                .path("run.id");
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .until(() -> Api.as().get("/api/v1/keys/runs/" + id).path("run.state"), equalTo("done"));
    }

    // ---- Kubernetes operators
    // -----------------------------------------------------------------------------------------

    @Test
    void theOperatorKeepsItsSecretsUpToDate() {
        Rotating roles = Rotating.on(14);
        String name = name("operator");
        String id = Rotating.created(roles.body(name));
        Somebody consumer = Identities.in(project(), "consumer");
        Fixture operator = Fixture.of("infisical-operator")
                .with("clientId", consumer.clientId())
                .with("clientSecret", consumer.clientSecret())
                .with("projectSlug", "default")
                .with("projectId", project())
                .with("name", name)
                .with("etag", "");
        operator.call("health").then().statusCode(200).body("message", equalTo("Ok"));
        operator.call("static secret").then().statusCode(401);
        operator.login().then().statusCode(200);
        operator.call("project").then().statusCode(200).body("id", equalTo(project()));
        // InfisicalSecret with projectSlug, at each reconcile
        operator.call("project by slug").then().statusCode(200).body("id", equalTo(project()));

        Response listed = operator.call("secret list");
        assertThat(secrets(operator.call("static secret"))).isEqualTo(secrets(listed));
        assertThat(operator.call("secret").<String>path("secret.secretValue"))
                .isEqualTo(secrets(listed).get("DB_PASSWORD"));
        operator.with("etag", listed.header("ETag"));
        operator.call("secret list").then().statusCode(304);

        rotateAtOnce(id).then().statusCode(200);

        Response after = operator.call("secret list");
        after.then().statusCode(200);
        assertThat(after.header("ETag")).isNotEqualTo(listed.header("ETag"));
        Map<String, String> fetched = secrets(after);
        assertThat(roles.target.login(fetched.get("DB_USER"), fetched.get("DB_PASSWORD")))
                .isEqualTo("ok");
        operator.with("etag", after.header("ETag")).call("secret list").then().statusCode(304);

        // Its answer to this is to log in again, and not to delete what it has.
        operator.with("token", "expired").call("static secret").then().statusCode(403);
    }

    private static Map<String, String> secrets(Response list) {
        List<Map<String, String>> all = list.then().statusCode(200).extract().path("secrets");
        Map<String, String> byName = new LinkedHashMap<>();
        all.forEach(secret -> byName.put(secret.get("secretKey"), secret.get("secretValue")));
        return byName;
    }

    @Test
    void theExternalSecretsOperatorReadsByBothOfItsProviders() {
        Rotating roles = Rotating.on(14);
        String name = name("eso");
        String id = Rotating.created(roles.body(name));
        Somebody consumer = Identities.in(project(), "consumer");
        Fixture eso = Fixture.of("external-secrets")
                .with("clientId", consumer.clientId())
                .with("clientSecret", consumer.clientSecret())
                .with("projectSlug", "default")
                .with("name", name)
                .with("key", "DB_PASSWORD")
                .with("rotationId", id);
        eso.login().then().statusCode(200);
        eso.call("validate").then().statusCode(200);
        String password =
                eso.call("get secret").then().statusCode(200).extract().path("secret.secretValue");
        assertThat(roles.target.login(roles.first.role(), password)).isEqualTo("ok");
        eso.with("key", "GONE").call("get secret").then().statusCode(404);

        rotateAtOnce(id).then().statusCode(200);

        String token = Api.as()
                .body(Map.of("name", "eso", "role", "consumer"))
                .post("/api/v1/auth/token-auth/identities/" + consumer.id() + "/tokens")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
        Response pushed = eso.with("token", token).call("webhook");
        pushed.then().statusCode(200).body("credentialVersion", equalTo(2));
        assertThat(roles.target.login(pushed.path("username"), pushed.path("password")))
                .isEqualTo("ok");
        assertThat(eso.with("key", "DB_PASSWORD").call("get secret").<String>path("secret.secretValue"))
                .isEqualTo(pushed.path("password"));
    }
}
