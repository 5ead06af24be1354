package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.rotate;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** What a scrape says of the store is what the API says of it. */
@QuarkusTest
class StoreGaugesTest {

    @Inject
    StoreGauges gauges;

    private double value(String sample) {
        String scrape = given().port(ConfigProvider.getConfig().getValue("quarkus.management.port", int.class))
                .get("/q/metrics")
                .asString();
        return Pattern.compile("^" + Pattern.quote(sample) + " (\\S+)$", Pattern.MULTILINE)
                .matcher(scrape)
                .results()
                .mapToDouble(found -> Double.parseDouble(found.group(1)))
                .sum();
    }

    private void look() {
        gauges.look().await().atMost(Duration.ofSeconds(20));
    }

    @Test
    void aChangeThatFailsIsCountedUntilOneGoesThrough() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = roles.body(name("gauge"));
        body.put("projectId", Identities.project());
        String rotation = created(body);
        look();
        double before = value("rolewright_credentials{reason=\"\",status=\"failed\"}");

        roles.target.sql("ALTER ROLE " + roles.managing.role() + " NOCREATEROLE");
        rotate(rotation).then().statusCode(400);
        look();
        assertThat(value("rolewright_credentials{reason=\"\",status=\"failed\"}"))
                .isEqualTo(before + 1);

        roles.target.sql("ALTER ROLE " + roles.managing.role() + " CREATEROLE");
        Api.as()
                .queryParam("force", true)
                .post(Rotating.BASE + "/" + rotation + "/rotate-secrets")
                .then()
                .statusCode(200);
        look();
        assertThat(value("rolewright_credentials{reason=\"\",status=\"failed\"}"))
                .isEqualTo(before);
    }

    @Test
    void sizesAndAge() {
        look();

        assertThat(value("rolewright_store_size_bytes")).isGreaterThan(value("rolewright_audit_size_bytes"));
        assertThat(value("rolewright_audit_size_bytes")).isPositive();
        assertThat(value("rolewright_store_look_age_seconds")).isBetween(0.0, 20.0);
        assertThat(value("rolewright_ready")).isEqualTo(1);
    }

    /** Added up over replicas by Prometheus. */
    @Test
    void durationsAreHistograms() {
        Api.as().get("/api/v1/projects").then().statusCode(200);

        assertThat(value("http_server_requests_seconds_bucket{method=\"GET\",outcome=\"SUCCESS\",status=\"200\","
                        + "uri=\"/api/v1/projects\",le=\"+Inf\"}"))
                .isPositive();
    }
}
