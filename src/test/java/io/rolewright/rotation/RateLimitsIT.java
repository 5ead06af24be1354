package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What counts as a test, and that it is counted after the right to it and before the work. */
class RateLimitsIT {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    /** Two a minute: the next turn is 30 s away. */
    @Test
    void everyTestOfATargetIsCounted() {
        try (Installation installation =
                Installation.on(target).setting("ROLEWRIGHT_ACCESS_LIMITS_TESTS_PER_IDENTITY", "2")) {
            ServiceProcess service = installation.start();
            String project = Rotating.project(service);
            Login managing = target.role("LOGIN CREATEROLE");
            Login role = target.role("LOGIN");
            Rotating.grant(target, managing, role);
            String webhook = service.post(
                            "/api/v1/webhooks",
                            new JsonObject()
                                    .put("projectId", project)
                                    .put("name", "hook")
                                    .put("url", "https://hooks.example.com/rolewright")
                                    .put("events", new JsonArray().add("rotation.failed")))
                    .expect(200)
                    .json()
                    .getJsonObject("webhook")
                    .getString("id");
            for (int i = 0; i < 10; i++) {
                JsonObject elsewhere =
                        connection(managing).put("projectId", UUID.randomUUID().toString());
                assertThat(service.post(CONNECTIONS, elsewhere).status()).isEqualTo(400);
                assertThat(service.post(CONNECTIONS + "/" + UUID.randomUUID() + "/test", new JsonObject())
                                .status())
                        .isEqualTo(404);
                assertThat(service.post(
                                        Rotating.BASE,
                                        rotation(
                                                UUID.randomUUID().toString(),
                                                UUID.randomUUID().toString(),
                                                role))
                                .status())
                        .isEqualTo(400);
            }
            String connection = service.post(CONNECTIONS, connection(managing))
                    .expect(200)
                    .json()
                    .getJsonObject("appConnection")
                    .getString("id");
            String rotation = service.post(Rotating.BASE, rotation(project, connection, role))
                    .expect(200)
                    .json()
                    .getJsonObject("secretRotation")
                    .getString("id");

            JsonObject credentials =
                    new JsonObject().put("credentials", connection(managing).getJsonObject("credentials"));
            JsonObject preflight = new JsonObject()
                    .put("connectionId", connection)
                    .put("strategy", "single")
                    .put("parameters", new JsonObject().put("username1", role.role()));
            Map<String, Answer> answers = new LinkedHashMap<>();
            answers.put("creation of a rotation", service.post(Rotating.BASE, rotation(project, connection, role)));
            answers.put("preflight", service.post(Rotating.BASE + "/preflight", preflight));
            answers.put(
                    "preflight of a rotation",
                    service.post(Rotating.BASE + "/" + rotation + "/preflight", new JsonObject()));
            answers.put("creation of a connection", service.post(CONNECTIONS, connection(managing)));
            answers.put("change of credentials", service.patch(CONNECTIONS + "/" + connection, credentials));
            answers.put("test", service.post(CONNECTIONS + "/test", credentials));
            answers.put(
                    "test of a connection", service.post(CONNECTIONS + "/" + connection + "/test", new JsonObject()));
            answers.put("test of a webhook", service.post("/api/v1/webhooks/" + webhook + "/test", new JsonObject()));

            answers.forEach((what, answer) -> {
                assertThat(answer.status()).as(what).isEqualTo(429);
                assertThat(answer.json().getString("code")).as(what).isEqualTo("rate_limited");
                assertThat(answer.headers().firstValueAsLong("Retry-After").orElseThrow())
                        .as(what)
                        .isPositive();
            });
            assertThat(installation.sql("SELECT 1 FROM audit_event WHERE reason = 'rate_limited'"))
                    .isEmpty();
            assertThat(installation.sql("SELECT 1 FROM secret_rotation")).hasSize(1);
        }
    }

    private JsonObject connection(Login login) {
        return new JsonObject()
                .put("name", Rotating.name("limited"))
                .put("method", "username-and-password")
                .put(
                        "credentials",
                        new JsonObject()
                                .put("host", "127.0.0.1")
                                .put("port", target.port())
                                .put("database", "postgres")
                                .put("username", login.role())
                                .put("password", login.password())
                                .put("sslEnabled", false));
    }

    private static JsonObject rotation(String project, String connection, Login role) {
        String name = Rotating.name("limited");
        return new JsonObject()
                .put("name", name)
                .put("projectId", project)
                .put("connectionId", connection)
                .put("environment", "production")
                .put("secretPath", "/" + name)
                .put("strategy", "single")
                .put("rotationInterval", 30)
                .put("parameters", new JsonObject().put("username1", role.role()))
                .put(
                        "secretsMapping",
                        new JsonObject().put("username", "DB_USER").put("password", "DB_PASSWORD"));
    }
}
