package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.Test;

/** {@code kill -9} between the COMMIT of a creation and its answer: the same POST gets it from the process that comes after. */
class KilledCreationIT {

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    @Test
    void theSamePostGetsWhatWasMade() {
        try (TcpProxy way = TcpProxy.to(target);
                Installation installation = Installation.on(target)) {
            ServiceProcess service = installation.start();
            Login managing = target.role("LOGIN CREATEROLE");
            Login role = target.role("LOGIN");
            Rotating.grant(target, managing, role);
            String by = service.post(
                            "/api/v1/app-connections/postgres",
                            new JsonObject()
                                    .put("name", "by")
                                    .put("method", "username-and-password")
                                    .put(
                                            "credentials",
                                            new JsonObject()
                                                    .put("host", "127.0.0.1")
                                                    .put("port", way.port())
                                                    .put("database", "postgres")
                                                    .put("username", managing.role())
                                                    .put("password", managing.password())
                                                    .put("sslEnabled", false)))
                    .expect(200)
                    .json()
                    .getJsonObject("appConnection")
                    .getString("id");
            JsonObject body = new JsonObject()
                    .put("name", "killed")
                    .put("projectId", Rotating.project(service))
                    .put("connectionId", by)
                    .put("environment", "production")
                    .put("secretPath", "/")
                    .put("rotationInterval", 30)
                    .put("strategy", "single")
                    .put(
                            "parameters",
                            new JsonObject().put("username1", role.role()).put("username2", role.role()))
                    .put(
                            "secretsMapping",
                            new JsonObject().put("username", "DB_USER").put("password", "DB_PASSWORD"));

            // The row is committed before anything is sent, and the answer comes after the server's COMMIT.
            way.before(TcpProxy.request("COMMIT").and(message -> message.sql().contains(" PASSWORD ")), () -> {
                service.killAtOnce();
                return TcpProxy.Fate.CUT;
            });
            assertThat(service.post(Rotating.BASE, body).status()).isZero();
            service.kill();
            service.restart();

            JsonObject made =
                    service.post(Rotating.BASE, body).expect(200).json().getJsonObject("secretRotation");
            assertThat(installation.sql("SELECT id::text FROM secret_rotation"))
                    .singleElement()
                    .satisfies(row -> assertThat(row.getString(0)).isEqualTo(made.getString("id")));
            Answer again = service.post(Rotating.BASE, body).expect(400);
            assertThat(again.json().getString("code")).isEqualTo("name_taken");
            assertThat(again.json().getJsonObject("details").getString("id")).isEqualTo(made.getString("id"));
        }
    }
}
