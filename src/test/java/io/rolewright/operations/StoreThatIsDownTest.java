package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.lessThan;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.TestResourceScope;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** One story: the service starts without its store, gets it, loses it without a word, and gets it back. */
@QuarkusTest
@WithTestResource(value = StoreThatIsDownTest.OwnStore.class, scope = TestResourceScope.RESTRICTED_TO_CLASS)
class StoreThatIsDownTest {

    private static TestPostgres postgres;

    @Test
    void leavesTheServiceRunningAndNotReadyUntilItIsBack() throws Exception {
        ready().statusCode(503)
                .body("checks.find { it.name == 'rolewright' }.data.step", equalTo("schema"))
                .body(
                        "checks.find { it.name == 'rolewright' }.data.reason",
                        equalTo("store not reachable (connection refused)"));
        live().statusCode(200);
        given().get("/api/status").then().statusCode(200);
        refused();

        postgres.server().start();

        await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> ready().statusCode(200));
        String token = login();
        list(token).statusCode(200);

        postgres.freeze();
        try {
            list(token).statusCode(503).time(lessThan(10_000L)).header("Retry-After", "2");
            ready().statusCode(503).body("checks.find { it.name == 'rolewright' }.data.step", equalTo("store"));
            live().statusCode(200);
        } finally {
            postgres.thaw();
        }

        await().atMost(Duration.ofSeconds(15)).untilAsserted(() -> ready().statusCode(200));
        list(token).statusCode(200);
    }

    private static void refused() {
        for (String path :
                List.of("/api/v1/app-connections", "/api/v1/app-connections/postgres/" + UUID.randomUUID())) {
            given().get(path)
                    .then()
                    .statusCode(503)
                    .header("Retry-After", "2")
                    .contentType("application/json")
                    .body("statusCode", equalTo(503))
                    .body("code", equalTo("not_ready"))
                    .body("message", equalTo("The service is starting. Try again in a few seconds."));
        }
    }

    private static String login() {
        return given().contentType("application/json")
                .body(Map.of("clientId", TestStore.CLIENT_ID, "clientSecret", TestStore.CLIENT_SECRET))
                .post("/api/v1/auth/universal-auth/login")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
    }

    private static ValidatableResponse list(String token) {
        return given().header("Authorization", "Bearer " + token)
                .get("/api/v1/app-connections")
                .then();
    }

    private static ValidatableResponse ready() {
        return health("ready");
    }

    private static ValidatableResponse live() {
        return health("live");
    }

    private static ValidatableResponse health(String kind) {
        // Random in tests: known once the port is open.
        int port = ConfigProvider.getConfig().getValue("quarkus.management.test-port", Integer.class);
        return given().port(port).get("/q/health/" + kind).then();
    }

    /** A server of its own, stopped again once it is known where it will be. */
    public static class OwnStore implements QuarkusTestResourceLifecycleManager {

        private TestPostgres own;

        @Override
        public int order() {
            return 100; // after the store that all tests share: its settings stay, but for where the store is
        }

        @Override
        public Map<String, String> start() {
            own = TestPostgres.own(TestPostgres.NEWEST);
            TestPostgres.Login owner = own.role("LOGIN");
            String database = own.database();
            own.sql("ALTER DATABASE " + database + " OWNER TO " + owner.role());
            own.server().stop();
            return Map.of(
                    "quarkus.datasource.reactive.url",
                    "postgresql://" + own.host() + ":" + own.port() + "/" + database,
                    "quarkus.datasource.username",
                    owner.role(),
                    "quarkus.datasource.password",
                    owner.password(),
                    "rolewright.startup.patience",
                    "0s",
                    "rolewright.startup.max-pause",
                    "1s");
        }

        @Override
        public void inject(Object test) {
            postgres = own;
        }

        @Override
        public void stop() {
            own.close();
        }
    }
}
