package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.SelectOption;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What people do with the console, from the first sign-in to the last delete, on real servers. */
@QuarkusTest
@Tag("suite-browser")
class ConsoleFlowTest {

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    @Test
    void theWholeWay() {
        Login manager = target.role("LOGIN");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        target.sql("GRANT " + first.role() + " TO " + manager.role() + " WITH ADMIN OPTION");
        String name = Rotating.name("way");
        try (Chromium chromium = Chromium.light().signIn("", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            // A test that fails, says why, and passes once that is mended.
            chromium.link("App Connections").click();
            chromium.link("Add Connection").first().click();
            chromium.page
                    .getByRole(AriaRole.BUTTON)
                    .filter(new Locator.FilterOptions().setHasText("PostgreSQL"))
                    .click();
            chromium.label("Name").fill(name);
            chromium.label("Host").fill(target.host());
            chromium.label("Port").fill(Integer.toString(target.port()));
            chromium.label("Database Name").fill("postgres");
            chromium.label("Username").fill(manager.role());
            chromium.label("Password").fill("not " + manager.password());
            chromium.page.getByLabel("Roles to rotate").fill(first.role() + "\n" + second.role());
            chromium.page.getByRole(AriaRole.TAB).nth(1).click();
            chromium.page.getByLabel("No TLS").check();
            chromium.button("Test").click();
            assertThat(chromium.text("Log in failed")).isVisible();
            assertThat(chromium.text("Check role and password")).isVisible();
            chromium.page.getByRole(AriaRole.TAB).nth(0).click();
            chromium.label("Password").fill(manager.password());
            chromium.button("Test").click();
            assertThat(chromium.text("Rights failed")).isVisible();
            target.sql("ALTER ROLE " + manager.role() + " CREATEROLE");
            target.sql("GRANT " + second.role() + " TO " + manager.role() + " WITH ADMIN OPTION");
            chromium.button("Test").click();
            assertThat(chromium.text("It works")).isVisible();
            chromium.button("Connect to PostgreSQL").click();
            assertThat(chromium.heading()).hasText(name);

            // Its own password becomes the service's.
            chromium.page.locator("input[type=password]").first().fill(manager.password());
            chromium.page.getByRole(AriaRole.SWITCH).check();
            assertThat(chromium.text("The password changes the moment you connect"))
                    .isVisible();
            chromium.button("Save").click();
            assertThat(chromium.button("Release")).isVisible();
            assertThat(target.login(manager.role(), manager.password())).isEqualTo("28P01");

            // The wizard finds out by itself that the roles can be rotated.
            chromium.link("New rotation").click();
            assertThat(chromium.label("Connection")).hasValue(idOf(name)); // the one it came from
            assertThat(chromium.page.locator("select option:checked").last())
                    .containsText(target.host() + ":" + target.port());
            chromium.button("Next").click();
            chromium.label("First role").fill(first.role());
            chromium.label("Second role").fill(second.role());
            assertThat(chromium.text("Ready to rotate")).isVisible();
            chromium.button("Next").click();
            assertThat(chromium.page.locator(".dates tbody tr")).hasCount(5);
            chromium.button("Next").click();
            chromium.label("Name").fill(name);
            chromium.label("Secret path").fill("/" + name);
            chromium.button("Next").click();
            chromium.button("Create rotation").click();
            assertThat(chromium.heading()).hasText(name);
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(1);
            assertThat(target.login(first.role(), first.password())).isEqualTo("28P01");
            assertThat(target.login(second.role(), second.password())).isEqualTo("ok");

            chromium.button("Rotate now").click();
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(2);
            assertThat(target.login(second.role(), second.password())).isEqualTo("28P01");
            // What was replaced a moment ago is still meant to work: to end it takes a second word.
            chromium.button("Rotate now").click();
            chromium.button("End the replaced password now and rotate").click();
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(3);

            // What the page shows opens a session.
            chromium.button("Reveal").click();
            String shown =
                    chromium.page.locator("span.password").first().innerText().replace("Password", "");
            assertThat(target.login(first.role(), shown.strip())).isEqualTo("ok");
            chromium.button("Copy Password").first().click();
            assertThat(chromium.clipboard()).isEqualTo(shown.strip());
            chromium.button("Hide").click();
            assertThat(chromium.page.locator("span.password")).hasCount(0);

            // Deleting says what it does to the passwords; the connection cannot go before, and not without a word.
            chromium.link(name).first().click();
            assertThat(chromium.button("Release")).isVisible();
            act(chromium, name, "Delete");
            assertThat(chromium.text("1 thing still uses it")).isVisible();
            chromium.page.getByRole(AriaRole.DIALOG).getByRole(AriaRole.LINK).click();
            act(chromium, name, "Delete");
            chromium.page.getByLabel("Revoke them").check();
            chromium.page
                    .getByRole(AriaRole.DIALOG)
                    .getByRole(AriaRole.BUTTON)
                    .last()
                    .click();
            assertThat(chromium.heading()).hasText("Rotations");
            assertThat(target.login(first.role(), shown.strip())).isEqualTo("28P01");
            chromium.link("App Connections").click();
            chromium.page.getByRole(AriaRole.SEARCHBOX).fill(name);
            act(chromium, name, "Delete");
            assertThat(chromium.page
                            .getByRole(AriaRole.DIALOG)
                            .getByRole(AriaRole.BUTTON)
                            .last())
                    .isDisabled();
            chromium.page.getByLabel("Discard the only copy of the password").check();
            chromium.page
                    .getByRole(AriaRole.DIALOG)
                    .getByRole(AriaRole.BUTTON)
                    .last()
                    .click();
            assertThat(chromium.text("Nothing matches").or(chromium.text("No connections yet")))
                    .isVisible();
        }
        Api.as()
                .get("/api/v1/app-connections/postgres/connection-name/" + name)
                .then()
                .statusCode(404);
    }

    /** The first service name, names and passwords with everything that SQL could trip over. */
    @Test
    void theStatementsAreQuotedAndRun() {
        String role = "we\"ird 'role' \\ " + TestPostgres.uniqueName("r");
        String managed = "app; DROP \"it\" " + TestPostgres.uniqueName("m");
        String password = "it's \\ \"quoted\" <b>'); --";
        String database = target.database();
        target.sql("CREATE ROLE " + quoted(managed) + " LOGIN");
        try (Chromium chromium =
                Chromium.light().signIn("connections/new/postgres", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            chromium.label("Database Name").fill(database);
            chromium.label("Username").fill(role);
            chromium.label("Password").fill(password);
            chromium.page.getByLabel("Roles to rotate").fill(managed);
            assertThat(chromium.page.locator("pre.code").innerText())
                    .contains("'••••••••'")
                    .doesNotContain(password);
            chromium.button("Show password").click();
            String shown = chromium.page.locator("pre.code").innerText();
            chromium.button("Copy SQL").click();
            assertThat(chromium.clipboard().replace("\r\n", "\n")).isEqualTo(shown);
            assertThat(chromium.page.locator("b")).hasCount(0);
            target.sql(shown);
        }
        assertThat(target.login(role, password)).isEqualTo("ok");
        List<?> admins =
                target.sql("SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON"
                        + " u.oid = m.member WHERE m.admin_option AND NOT m.inherit_option AND NOT m.set_option AND r.rolname = '"
                        + managed + "' AND u.rolname = E'"
                        + role.replace("\\", "\\\\").replace("'", "''") + "'");
        assertThat(admins).hasSize(1);
    }

    /** A token that ends in the middle of a form takes nothing of it along. */
    @Test
    void anEndedSessionLosesNoForm() {
        Somebody somebody = Identities.with("admin");
        String secrets = "/api/v1/auth/universal-auth/identities/" + somebody.id() + "/client-secrets";
        String firstSecret =
                Api.as().get(secrets).then().statusCode(200).extract().path("clientSecretData[0].id");
        String another = Api.as()
                .body(Map.of("description", "second"))
                .post(secrets)
                .then()
                .statusCode(200)
                .extract()
                .path("clientSecret");
        Login login = target.role("LOGIN");
        String name = Rotating.name("kept");
        try (Chromium chromium =
                Chromium.light().signIn("connections/new/postgres", somebody.clientId(), somebody.clientSecret())) {
            chromium.label("Name").fill(name);
            chromium.label("Host").fill(target.host());
            chromium.label("Port").fill(Integer.toString(target.port()));
            chromium.label("Database Name").fill("postgres");
            chromium.label("Username").fill(login.role());
            chromium.label("Password").fill(login.password());
            chromium.page.getByRole(AriaRole.TAB).nth(1).click();
            chromium.page.getByLabel("No TLS").check();
            Api.as().post(secrets + "/" + firstSecret + "/revoke").then().statusCode(200);
            chromium.button("Connect to PostgreSQL").click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            assertThat(dialog).containsText("Nothing you typed is lost");
            dialog.getByLabel("Client secret").fill(another);
            dialog.getByLabel("Client secret").press("Enter");
            assertThat(chromium.heading()).hasText(name);
        }
    }

    /** A change that takes its time is shown step by step; it goes on without the page, and is found again. */
    @Test
    void aRotationUnderWayCanBeLeftAndFoundAgain() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = roles.created();
        try (Chromium chromium =
                Chromium.light().signIn("rotations/" + id, TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(1);
            String waits = "BEGIN; ALTER ROLE " + roles.second.role() + " CONNECTION LIMIT 7; SELECT pg_sleep(60)";
            CompletableFuture<?> inTheWay = CompletableFuture.runAsync(() -> target.sql(waits));
            String sleeping = " FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            await().until(() -> !target.sql("SELECT 1" + sleeping).isEmpty());
            double before = chromium.page.locator(".tiles").boundingBox().y;
            chromium.button("Rotate now").click();
            Locator step = chromium.page.locator("ol.steps li[aria-current=step]");
            assertThat(step).isVisible();
            assertThat(chromium.page.locator(".tiles").boundingBox().y)
                    .as("nothing jumps")
                    .isEqualTo(before);
            String begun = "SELECT 1 FROM attempt WHERE role_id IN (SELECT id FROM managed_role WHERE owner_id = '" + id
                    + "')";
            await().until(() ->
                    TestStore.sql(begun).size() == 2); // what a page that is left too soon has not asked for yet
            chromium.link("Rotations").first().click();
            assertThat(chromium.heading()).hasText("Rotations");
            chromium.page.goBack();
            Locator attempts = chromium.page.locator("table.attempts tbody tr");
            assertThat(attempts).hasCount(2); // under way still, or given up on the locked role meanwhile
            target.sql("SELECT pg_terminate_backend(pid)" + sleeping);
            inTheWay.handle((done, ended) -> done).join();
            assertThat(step).hasCount(0);
            assertThat(attempts).hasCount(2);
        }
    }

    /** An identity made in the page signs in to the page, with what its roles in one project allow. */
    @Test
    void anAdministratorLetsSomebodyIn() throws IOException {
        String name = Rotating.name("team");
        String clientId;
        String secret;
        try (Chromium chromium = Chromium.light().signIn("projects", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            chromium.button("Add project").click();
            dialog.getByLabel("Name").fill(name);
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(chromium.heading()).hasText(name);

            chromium.link("Identities").click();
            chromium.button("Add identity").click();
            dialog.getByLabel("Name").fill(name);
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(chromium.heading()).hasText(name);
            clientId = chromium.page.locator("dd .mono").first().innerText();
            chromium.button("New client secret").click();
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(dialog).containsText("only this once");
            secret = dialog.locator(".secret span").innerText();
            chromium.button("Close").click();

            chromium.link("Projects").click();
            chromium.page.getByRole(AriaRole.SEARCHBOX).fill(name);
            chromium.link(name).click();
            chromium.button("Add member").click();
            dialog.locator("select").selectOption(new SelectOption().setLabel(name));
            dialog.getByLabel("Operator").check();
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(chromium.page.locator("tbody tr")).hasCount(1);

            chromium.link("Audit").click();
            chromium.label("Type").fill("create-project");
            assertThat(chromium.page.locator("tbody tr").first()).containsText(name);
            Download export = chromium.page.waitForDownload(
                    () -> chromium.button("Export CSV").click());
            assertThat(Files.readString(export.path()))
                    .contains("create-project", name)
                    .doesNotContain("create-identity");
        }
        try (Chromium chromium = Chromium.light().signIn("projects", clientId, secret)) {
            assertThat(chromium.page.locator("tbody tr")).hasCount(1);
            assertThat(chromium.page.locator("tbody tr")).containsText(name);
            assertThat(chromium.link("Identities")).hasCount(0);
            chromium.link("App Connections").click();
            chromium.link("Add Connection").first().click();
            assertThat(chromium.heading()).hasText("Add Connection");
        }
    }

    /** What somebody may not do is not offered to him. */
    @Test
    void aReaderIsOfferedNothingThatWillBeRefused() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = roles.created();
        Somebody reader = Identities.with("reader");
        try (Chromium chromium = Chromium.light().signIn("rotations/" + id, reader.clientId(), reader.clientSecret())) {
            assertThat(chromium.page.getByText("Password history")).isVisible();
            assertThat(chromium.button("Rotate now")).hasCount(0);
            assertThat(chromium.button("Reveal")).hasCount(0);
            assertThat(chromium.link("Audit")).hasCount(0);
            assertThat(chromium.link("Keys")).hasCount(0);
            chromium.link("App Connections").click();
            assertThat(chromium.page.locator("tbody a").first()).isVisible();
            assertThat(chromium.link("Add Connection")).hasCount(0);
        }
    }

    private static String idOf(String connection) {
        return Api.as()
                .get("/api/v1/app-connections/postgres/connection-name/" + connection)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static void act(Chromium chromium, String name, String action) {
        chromium.button("Actions for " + name).click();
        chromium.page
                .getByRole(AriaRole.MENUITEM)
                .filter(new Locator.FilterOptions().setHasText(action))
                .last()
                .click();
    }

    private static String quoted(String name) {
        return "\"" + name.replace("\"", "\"\"") + "\"";
    }
}
