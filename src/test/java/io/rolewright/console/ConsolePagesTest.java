package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.options.AriaRole;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every page, in light and dark: seen by axe, without errors, and kept as a picture in {@code target/screenshots}. */
@QuarkusTest
@Tag("suite-browser")
class ConsolePagesTest {

    private static String connection;
    private static String rotation;
    private static String identity;

    /** Something to see: connections, a rotation with half a year behind it, one that fails and one that is late. */
    @BeforeEach
    void somethingToSee() {
        if (rotation != null) {
            return;
        }
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login manager = new Login("orders_rotator", "the password of orders_rotator");
        target.sql("CREATE ROLE " + manager.role() + " LOGIN CREATEROLE PASSWORD '" + manager.password() + "'");
        connection = connection("orders-primary", "Orders, read and write", target, manager);
        for (String name : List.of("analytics", "billing", "inventory-eu", "sessions")) {
            connection(name, null, target, target.role("LOGIN"));
        }
        rotation = rotation("orders-db", target, manager, "orders_blue", "orders_green");
        for (int i = 0; i < 5; i++) {
            Rotating.rotateAtOnce(rotation).then().statusCode(200);
        }
        spreadOverTime(rotation);
        String failing = rotation("billing-db", target, manager, "billing_a", "billing_b");
        target.sql("ALTER ROLE " + "billing_b" + " NOLOGIN");
        Rotating.rotateAtOnce(failing);
        String late = rotation("reports-db", target, manager, "reports_a", "reports_b");
        TestStore.sql(
                "UPDATE secret_rotation SET next_rotation_at = now() - interval '2 hours', due_at = now() - interval '2 hours' WHERE id = '"
                        + late + "'");
        for (int day = 2; day < 28; day += 3) {
            String id = rotation("service-" + day, target, manager, "service_a" + day, "service_b" + day);
            TestStore.sql("UPDATE secret_rotation SET due_at = NULL, next_rotation_at = now() + interval '" + day
                    + " days' WHERE id = '" + id + "'");
            TestStore.sql("UPDATE attempt SET started_at = started_at - interval '" + day
                    + " days', finished_at = finished_at - interval '" + day + " days' WHERE owner_id = '" + id + "'");
        }
        for (String role : List.of("sessions_a", "sessions_b")) {
            target.sql("CREATE ROLE " + role + " LOGIN");
            target.sql("GRANT " + role + " TO " + manager.role() + " WITH ADMIN OPTION");
        }
        identity = Api.as()
                .body(Map.of("name", "terraform", "roles", List.of("operator")))
                .post("/api/v1/identities")
                .then()
                .statusCode(200)
                .extract()
                .path("identity.id");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyPageIsAccessibleAndFreeOfErrors(boolean dark) {
        String project = Rotating.project();
        try (Chromium chromium = dark ? Chromium.dark() : Chromium.light()) {
            chromium.page.navigate("/console/");
            see(chromium, "sign-in", dark);
            chromium.signIn("", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET);
            assertThat(chromium.page.locator("svg.chart")).hasCount(1);
            assertThat(chromium.page.locator("svg.chart"))
                    .hasAttribute("aria-label", Pattern.compile("[1-9]\\d* attempts? succeeded and \\d+ failed .*"));
            see(chromium, "overview", dark);
            go(chromium, "connections", "connections");
            see(chromium, "connections", dark);
            go(chromium, "connections?q=orders-primary", "connections"); // whatever other tests have left
            chromium.button("Actions for orders-primary").click();
            chromium.axe("menu");
            chromium.screenshotOfWindow("connections-menu" + (dark ? "-dark" : ""));
            chromium.page.keyboard().press("Escape");
            go(chromium, "connections/new", "connection-pick");
            see(chromium, "connection-pick", dark);
            go(chromium, "connections/new/postgres", "connection-new");
            chromium.page.getByRole(AriaRole.SWITCH).check();
            chromium.button("Connect to PostgreSQL").click(); // with faults at the fields
            see(chromium, "connection-new", dark);
            chromium.page.getByRole(AriaRole.TAB).nth(1).click();
            see(chromium, "connection-tls", dark);
            failedTest(chromium);
            see(chromium, "connection-test-failed", dark);
            chromium.page.onceDialog(dialog -> dialog.accept());
            go(chromium, "connections/" + connection, "connection");
            chromium.button("Test connection").click();
            assertThat(chromium.text("It works")).isVisible();
            see(chromium, "connection", dark);
            go(chromium, "rotations", "rotations");
            assertThat(chromium.page.locator("tbody a").first()).isVisible();
            see(chromium, "rotations", dark);
            go(chromium, "rotations/" + rotation, "rotation");
            assertThat(chromium.page.locator("svg.chart")).isVisible();
            see(chromium, "rotation", dark);
            chromium.button("Reveal").click();
            assertThat(chromium.button("Hide")).isVisible();
            chromium.axe("rotation, revealed");
            chromium.button("Edit").click();
            see(chromium, "rotation-edit", dark);
            chromium.page.keyboard().press("Escape");
            chromium.button("Actions for orders-db").click();
            chromium.page.getByRole(AriaRole.MENUITEM).last().click();
            see(chromium, "rotation-delete", dark);
            chromium.page.keyboard().press("Escape");
            wizard(chromium, dark);
            go(chromium, "audit", "audit");
            assertThat(chromium.page.locator("tbody tr").first()).isVisible();
            see(chromium, "audit", dark);
            go(chromium, "identities", "identities");
            see(chromium, "identities", dark);
            go(chromium, "identities/" + identity, "identity");
            see(chromium, "identity", dark);
            chromium.button("New client secret").first().click();
            see(chromium, "identity-secret", dark);
            chromium.page.keyboard().press("Escape");
            go(chromium, "projects", "projects");
            see(chromium, "projects", dark);
            go(chromium, "projects/" + project, "project");
            see(chromium, "project", dark);
            go(chromium, "keys", "keys");
            assertThat(chromium.button("Re-encrypt")).isVisible();
            see(chromium, "keys", dark);
            go(chromium, "nothing/here", "lost");
            see(chromium, "lost", dark);
            chromium.page.setViewportSize(420, 860);
            go(chromium, "rotations/" + rotation, "rotation");
            assertThat(chromium.page.locator("svg.chart")).isVisible();
            see(chromium, "rotation-narrow", dark);
        }
    }

    private static void failedTest(Chromium chromium) {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        chromium.page.getByLabel("No TLS").check();
        chromium.page.getByRole(AriaRole.TAB).nth(0).click();
        chromium.page.getByRole(AriaRole.SWITCH).uncheck();
        chromium.label("Name").fill("orders-replica");
        chromium.label("Host").fill(target.host());
        chromium.label("Port").fill(Integer.toString(target.port()));
        chromium.label("Database Name").fill("orders");
        chromium.label("Username").fill("orders_rotator");
        chromium.label("Password").fill("mistyped");
        chromium.page.getByLabel("Roles to rotate").fill("orders_blue\norders_green");
        chromium.button("Test").click();
        assertThat(chromium.text("Log in failed")).isVisible();
    }

    private static void wizard(Chromium chromium, boolean dark) {
        go(chromium, "rotations/new", "wizard");
        chromium.label("Connection").selectOption(connection);
        see(chromium, "wizard-1-connection", dark);
        chromium.button("Next").click();
        chromium.label("First role").fill("nobody_a");
        chromium.label("Second role").fill("nobody_b");
        assertThat(chromium.text("Not ready")).isVisible();
        see(chromium, "wizard-2-roles", dark);
        chromium.label("First role").fill("sessions_a");
        chromium.label("Second role").fill("sessions_b");
        assertThat(chromium.text("Ready to rotate")).isVisible();
        chromium.button("Next").click();
        see(chromium, "wizard-3-schedule", dark);
        chromium.button("Next").click();
        chromium.label("Name").fill("sessions-db");
        see(chromium, "wizard-4-mapping", dark);
        chromium.button("Next").click();
        see(chromium, "wizard-5-review", dark);
        chromium.page.onceDialog(dialog -> dialog.accept());
    }

    private static void go(Chromium chromium, String path, String expected) {
        chromium.go(path);
        assertThat(chromium.heading()).isVisible();
        assertThat(chromium.page.locator(".spinner, .ghost")).hasCount(0);
        assertThat(chromium.page.url()).as(expected).contains(path);
    }

    private static void see(Chromium chromium, String name, boolean dark) {
        chromium.axe(name);
        chromium.screenshot(name + (dark ? "-dark" : ""));
    }

    // ---- What there is to see ---------------------------------------------------------------------------------------

    private static String connection(String name, String description, TestPostgres target, Login login) {
        Map<String, Object> body = new HashMap<>(Map.of(
                "name",
                name,
                "method",
                "username-and-password",
                "credentials",
                Map.of(
                        "host", target.host(),
                        "port", target.port(),
                        "database", "postgres",
                        "username", login.role(),
                        "password", login.password(),
                        "sslEnabled", false)));
        body.put("description", description);
        return Api.as()
                .body(body)
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static String rotation(String name, TestPostgres target, Login manager, String... roles) {
        for (String role : roles) {
            target.sql("CREATE ROLE " + role + " LOGIN");
            target.sql("GRANT " + role + " TO " + manager.role() + " WITH ADMIN OPTION");
        }
        return Rotating.created(Map.of(
                "name",
                name,
                "projectId",
                Rotating.project(),
                "connectionId",
                connection,
                "environment",
                "production",
                "secretPath",
                "/" + name,
                "rotationInterval",
                30,
                "rotateAtUtc",
                Map.of("hours", 2, "minutes", 30),
                "parameters",
                Map.of("username1", roles[0], "username2", roles[1]),
                "secretsMapping",
                Map.of("username", "DB_USER", "password", "DB_PASSWORD")));
    }

    /** As if a rotation had run every month, and not all within a second. */
    private static void spreadOverTime(String id) {
        String age = "(SELECT (6 - rank) * interval '30 days' + interval '18 days' FROM (SELECT id, row_number() OVER"
                + " (ORDER BY created_at) rank FROM password_version WHERE role_id IN (SELECT id FROM managed_role WHERE"
                + " owner_id = '" + id + "')) ranked WHERE ranked.id = %s)";
        String versionAge = age.formatted("password_version.id");
        String attemptAge = age.formatted("attempt.version_id");
        TestStore.sql("UPDATE attempt SET started_at = started_at - " + attemptAge + ", finished_at = finished_at - "
                + attemptAge + " WHERE owner_id = '" + id + "'");
        TestStore.sql(
                "UPDATE password_version SET applied_at = applied_at - " + versionAge + ", current_at = current_at - "
                        + versionAge + ", created_at = created_at - " + versionAge
                        + " WHERE role_id IN (SELECT id FROM managed_role"
                        + " WHERE owner_id = '" + id + "')");
        TestStore.sql(
                "UPDATE secret_rotation SET due_at = NULL, next_rotation_at = now() + interval '12 days', last_rotated_at = now() -"
                        + " interval '18 days' WHERE id = '" + id + "'");
    }
}
