package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.RawHttp;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

@QuarkusTest
class MetricsTest {

    @Test
    void countRequestsByPathTemplateAndNeverByIds() {
        String id = UUID.randomUUID().toString();
        String token = given().contentType("application/json")
                .body(Map.of("clientId", TestStore.CLIENT_ID, "clientSecret", TestStore.CLIENT_SECRET))
                .post("/api/v1/auth/universal-auth/login")
                .path("accessToken");

        given().header("Authorization", "Bearer " + token)
                .get("/api/v1/app-connections/postgres/" + id + "?marker=" + id);
        given().get("/api/v1/app-connections/postgres/" + id);
        given().header("Authorization", "Bearer " + id).delete("/api/v1/app-connections/postgres/" + id);
        given().put("/api/v1/app-connections/postgres/" + id);
        given().options("/api/v1/app-connections/postgres/" + id);
        given().head("/api/v1/app-connections/postgres/" + id);
        given().contentType("text/plain").body("x").patch("/api/v1/app-connections/postgres/" + id);
        given().get("/api/v1/nothing/here/" + id);
        given().get("/nothing/" + id);

        await().untilAsserted(() -> assertThat(metrics())
                .contains("uri=\"/api/v1/app-connections/postgres/{connectionId}\"")
                .contains("uri=\"NOT_FOUND\""));
        assertThat(metrics()).doesNotContain(id).doesNotContain(token).doesNotContain(TestStore.CLIENT_ID);
    }

    @Test
    void pathsThatAnybodyMakesUpLeaveRoomForOurs() throws Exception {
        for (int i = 0; i < 300; i++) {
            try (RawHttp stranger = RawHttp.open()) {
                stranger.send("GET /evil-" + i + "%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        .readAll(Duration.ofSeconds(5));
            }
        }
        given().get("/api/v1/keys").then().statusCode(401);

        await().untilAsserted(() -> assertThat(metrics()).contains("uri=\"/api/v1/keys\""));
        assertThat(metrics()).doesNotContain("evil-").contains("uri=\"UNMATCHED\"");
    }

    @Test
    void methodsThatAnybodyMakesUpLeaveRoomForOurs() throws Exception {
        for (int i = 0; i < 150; i++) {
            for (String path : List.of("/api/v1/keys", "/api/v1/auth/universal-auth/login", "/nothing")) {
                try (RawHttp stranger = RawHttp.open()) {
                    stranger.send("EVIL" + i + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                            .readAll(Duration.ofSeconds(5));
                }
            }
        }
        given().get("/api/v1/store").then().statusCode(401);

        await().untilAsserted(() -> assertThat(metrics()).contains("uri=\"/api/v1/store\""));
        assertThat(metrics()).doesNotContain("EVIL").contains("method=\"OTHER\"");
    }

    private static String metrics() {
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        return given().port(port)
                .get("/q/metrics")
                .then()
                .statusCode(200)
                .extract()
                .asString();
    }
}
