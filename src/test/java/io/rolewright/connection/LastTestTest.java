package io.rolewright.connection;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ExtractableResponse;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** A connection says how the last login to its server went. */
@QuarkusTest
class LastTestTest {

    private static final String BASE = "/api/v1/app-connections/postgres/";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    @Test
    void aTestIsNotedAndChangesNothingElse() {
        Login login = target.role("LOGIN");
        String id = Rotating.connection(target, login);
        var created = read(id);
        assertThat(created.<Boolean>path("appConnection.lastTest.ok")).isTrue();

        target.sql("ALTER ROLE " + login.role() + " PASSWORD 'another'");
        Api.as().post(BASE + id + "/test").then().statusCode(200);

        var failed = read(id);
        assertThat(failed.<Boolean>path("appConnection.lastTest.ok")).isFalse();
        assertThat(failed.<String>path("appConnection.lastTest.reason")).isEqualTo("password_refused");
        assertThat(at(failed)).isAfter(at(created));
        assertThat(failed.<Integer>path("appConnection.version")).isEqualTo(created.path("appConnection.version"));
        assertThat(failed.<String>path("appConnection.updatedAt")).isEqualTo(created.path("appConnection.updatedAt"));
    }

    private static Instant at(ExtractableResponse<Response> connection) {
        return Instant.parse(connection.path("appConnection.lastTest.at"));
    }

    private static ExtractableResponse<Response> read(String id) {
        return Api.as().get(BASE + id).then().statusCode(200).extract();
    }
}
