package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One replica rotates, another serves: at once what is new, and to those who wait for it too. */
class ReplicasIT {

    private static final String ROTATIONS = "/api/v2/secret-rotations/postgres-credentials";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
    private final Installation installation = Installation.on(target);

    @AfterEach
    void close() {
        installation.close();
    }

    @Test
    void whatOneHasRotatedIsServedByTheOther() throws Exception {
        ServiceProcess rotating = installation.start();
        ServiceProcess serving = installation.start();
        String path = ROTATIONS + "/" + rotation(rotating);

        for (long version = 2; version <= 6; version++) {
            CompletableFuture<Answer> waiting =
                    serving.callAsync("GET", path + "/active?timeout=60&waitForVersion=" + version, null);
            rotating.post(path + "/rotate-secrets?force=true", null).expect(200);

            JsonObject read = serving.get(path + "/active").expect(200).json();
            assertThat(read.getLong("credentialVersion")).isEqualTo(version);
            assertThat(target.login(read.getString("username"), read.getString("password")))
                    .isEqualTo("ok");
            assertThat(waiting.get(30, TimeUnit.SECONDS).expect(200).json()).isEqualTo(read);
        }
    }

    private String rotation(ServiceProcess service) {
        Login managing = target.role("LOGIN CREATEROLE");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        target.sql("GRANT " + first.role() + ", " + second.role() + " TO " + managing.role() + " WITH ADMIN OPTION");
        String project = service.get("/api/v1/projects")
                .expect(200)
                .json()
                .getJsonArray("projects")
                .getJsonObject(0)
                .getString("id");
        JsonObject credentials = new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", target.port())
                .put("database", "postgres")
                .put("username", managing.role())
                .put("password", managing.password())
                .put("sslEnabled", false);
        JsonObject connection = new JsonObject()
                .put("name", "by")
                .put("method", "username-and-password")
                .put("credentials", credentials);
        JsonObject rotation = new JsonObject()
                .put("name", "served")
                .put("projectId", project)
                .put(
                        "connectionId",
                        service.post("/api/v1/app-connections/postgres", connection)
                                .expect(200)
                                .json()
                                .getJsonObject("appConnection")
                                .getString("id"))
                .put("environment", "production")
                .put("secretPath", "/")
                .put("rotationInterval", 30)
                .put(
                        "parameters",
                        new JsonObject().put("username1", first.role()).put("username2", second.role()))
                .put(
                        "secretsMapping",
                        new JsonObject().put("username", "DB_USER").put("password", "DB_PASSWORD"));
        return service.post(ROTATIONS, rotation)
                .expect(200)
                .json()
                .getJsonObject("secretRotation")
                .getString("id");
    }
}
