package io.rolewright.delivery;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.emptyOrNullString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasKey;
import static org.hamcrest.Matchers.not;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Tls;
import io.rolewright.testing.TestStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Clients that verify the server get the CA that the connection trusts, and nothing else that was stored beside it. */
@QuarkusTest
class CaTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres/";

    private static final TestPostgres SERVER = TestPostgres.shared(TestPostgres.NEWEST, Tls.REQUIRED);

    private static String rotation(String id) {
        return Rotating.BASE + "/" + id + "/ca.pem";
    }

    @Test
    void aClientVerifiesTheServerByIt() throws Exception {
        String id = Rotating.verifying(SERVER).created();
        var consumer = Identities.in(Rotating.project(), "consumer");

        Response file = consumer.as().get(rotation(id));
        file.then()
                .statusCode(200)
                .header("Content-Type", equalTo("application/pem-certificate-chain"))
                .header("Cache-Control", equalTo("private, no-cache"));
        Response active = consumer.as().queryParam("include", "ca").get(Rotating.BASE + "/" + id + "/active");
        active.then().statusCode(200).body("caCert", equalTo(file.asString()));

        Path ca = Files.writeString(Files.createTempFile(Path.of("target"), "ca-", ".pem"), file.asString());
        Properties login = new Properties();
        login.setProperty("user", active.path("username"));
        login.setProperty("password", active.path("password"));
        login.setProperty("sslmode", active.path("sslMode"));
        login.setProperty("sslrootcert", ca.toString());
        try (var session = DriverManager.getConnection(
                        "jdbc:postgresql://127.0.0.1:" + SERVER.port() + "/postgres", login);
                var rows = session.createStatement()
                        .executeQuery("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) {
            assertThat(rows.next() && rows.getBoolean(1)).isTrue();
        }
    }

    @Test
    void hasAnETagOfTheCertificatesAlone() {
        Rotating roles = Rotating.verifying(SERVER);
        String id = roles.created();
        for (String path : List.of(rotation(id), CONNECTIONS + roles.connection + "/ca.pem")) {
            String etag = Api.as().get(path).header("ETag");
            Rotating.rotateAtOnce(id).then().statusCode(200);
            Api.as()
                    .header("If-None-Match", etag)
                    .get(path)
                    .then()
                    .statusCode(304)
                    .header("ETag", equalTo(etag))
                    .body(emptyOrNullString());

            String both = SERVER.caPem() + TestCertificates.create().caPem();
            Api.as()
                    .body(roles.trusting(both))
                    .patch(CONNECTIONS + roles.connection)
                    .then()
                    .statusCode(200);
            Response changed = Api.as().header("If-None-Match", etag).get(path);
            changed.then().statusCode(200).header("ETag", not(equalTo(etag)));
            assertThat(changed.asString().split("-----BEGIN CERTIFICATE-----")).hasSize(3);
            Api.as()
                    .body(roles.trusting(SERVER.caPem()))
                    .patch(CONNECTIONS + roles.connection)
                    .then()
                    .statusCode(200);
        }
    }

    /** What somebody pasted beside the certificates may be anything. */
    @Test
    void givesCertificatesAndNothingThatStoodBetween() {
        Rotating roles = Rotating.verifying(SERVER);
        String pasted = "pasted password: hunter2\r\n" + SERVER.caPem().replace("\n", "\r\n") + "# more of it";
        Api.as()
                .body(roles.trusting(pasted))
                .patch(CONNECTIONS + roles.connection)
                .then()
                .statusCode(200);

        assertThat(Api.as().get(CONNECTIONS + roles.connection + "/ca.pem").asString())
                .isEqualTo(SERVER.caPem().strip() + "\n");
    }

    @Test
    void isNotThereWhereTheSystemIsTrusted() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = roles.created();
        for (String path : List.of(rotation(id), CONNECTIONS + roles.connection + "/ca.pem")) {
            Api.as().get(path).then().statusCode(404).body("code", equalTo("ca_cert_not_set"));
        }
        Api.as()
                .queryParam("include", "ca")
                .get(Rotating.BASE + "/" + id + "/active")
                .then()
                .statusCode(200)
                .body("$", not(hasKey("caCert")));
    }

    @Test
    void whoMayNotReadTheCredentialsIsRefused() {
        Rotating roles = Rotating.verifying(SERVER);
        String id = roles.created();
        Identities.in(Rotating.project(), "reader")
                .as()
                .get(rotation(id))
                .then()
                .statusCode(403)
                .body("code", equalTo("permission_denied"));
        Identities.in(Identities.project(), "consumer")
                .as()
                .get(rotation(id))
                .then()
                .statusCode(403);
        Identities.in(Identities.project(), "reader")
                .as()
                .get(CONNECTIONS + roles.connection + "/ca.pem")
                .then()
                .statusCode(404)
                .body("code", equalTo("connection_not_found"));
        Api.as()
                .get(rotation(UUID.randomUUID().toString()))
                .then()
                .statusCode(404)
                .body("code", equalTo("rotation_not_found"));
        given().get(rotation(id)).then().statusCode(401);
    }

    @Test
    void onlyJsonHasRoomForIt() {
        String id = Rotating.verifying(SERVER).created();
        String active = Rotating.BASE + "/" + id + "/active";
        Api.as()
                .queryParam("include", "ca")
                .queryParam("format", "uri")
                .get(active)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("include"));
        Api.as().queryParam("include", "key").get(active).then().statusCode(422);
        Api.as().get(active).then().statusCode(200).body("$", not(hasKey("caCert")));
        String etag = Api.as().get(active).header("ETag");
        Api.as()
                .queryParam("include", "ca")
                .header("If-None-Match", etag)
                .get(active)
                .then()
                .statusCode(200);

        var reads = TestStore.sql("SELECT count(*) FROM audit_event WHERE subject_id = '" + id
                + "' AND type = 'get-secret-rotation-generated-credentials'");
        Api.as().get(rotation(id)).then().statusCode(200);
        assertThat(TestStore.sql("SELECT count(*) FROM audit_event WHERE subject_id = '" + id
                                + "' AND type = 'get-secret-rotation-generated-credentials'")
                        .get(0)
                        .getLong(0))
                .as("a certificate is no secret")
                .isEqualTo(reads.get(0).getLong(0));
    }
}
