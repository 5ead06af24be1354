package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ForcedColors;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What an operator opens the console for: real servers that are away, roles that somebody else has changed, two who edit at once. */
@QuarkusTest
@Tag("suite-browser")
class BadDaysTest {

    private static final String RUN_DUE = "/api/v1/rotations/run-due";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    /** Other tests look at all that is wrong. */
    @AfterEach
    void nothingIsDueAnyMore() {
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = NULL, due_at = NULL, auto_rotation = false");
    }

    private static Chromium at(String path) {
        return Chromium.light().signIn(path, TestStore.CLIENT_ID, TestStore.CLIENT_SECRET);
    }

    private static String single(Rotating roles) {
        Map<String, Object> body = roles.body(Rotating.name("bad"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role()));
        return Rotating.created(body);
    }

    private static void probe(String id) {
        TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + id + "'");
        Api.as().queryParam("budgetSeconds", 20).post(RUN_DUE).then().statusCode(200);
    }

    /** The password that is served is refused: the page says exactly that, and its button lets consumers in again. */
    @Test
    void aRefusedPasswordIsCalledRefusedAndMendedByTheButtonBesideIt() {
        Rotating roles = Rotating.on(target);
        String id = single(roles);
        target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
        probe(id);
        try (Chromium chromium = at("rotations/" + id)) {
            Locator note = chromium.page.locator(".note.bad");
            assertThat(note).containsText("Consumers are refused");
            assertThat(note).containsText("refused the served password");
            assertThat(note).containsText(roles.first.role());
            assertThat(chromium.page.getByText(Pattern.compile("stays? valid|still works")))
                    .hasCount(0);
            chromium.screenshot("bad-refused");
            widths(chromium, "bad-refused");

            note.getByRole(AriaRole.BUTTON, named("Rotate now")).click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            assertThat(dialog).containsText("the only role");
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(note).hasCount(0);
        }
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }

    /** Who may not have a new password yet puts the present one back, and "Verify now" says what the server says at that moment. */
    @Test
    void thePasswordThatWasServedIsPutBackAndVerified() {
        Rotating roles = Rotating.on(target);
        String id = single(roles);
        try (Chromium chromium = at("rotations/" + id)) {
            chromium.button("Verify now").click();
            assertThat(chromium.text("a login has just proved it")).isVisible();
            target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
            assertThat(chromium.button("Verify now")).isEnabled();
            chromium.button("Verify now").click();
            Locator note = chromium.page.locator(".note.bad");
            assertThat(note).containsText("Consumers are refused: somebody else changed the password");
            note.getByRole(AriaRole.BUTTON, named("Put ours back")).click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            assertThat(dialog).containsText("put back by itself");
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(chromium.text("Our password is set again and proven.")).isVisible();
            assertThat(note).hasCount(0);
        }
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        Rotating.read(id).body("secretRotation.credentialVersion", org.hamcrest.Matchers.equalTo(1));
    }

    private static Locator.GetByRoleOptions named(String name) {
        return new Locator.GetByRoleOptions().setName(name);
    }

    /** The statement that is missing is one click away, ready to be pasted. */
    @Test
    void theMissingGrantIsCopiedFromTheTrouble() {
        Rotating roles = Rotating.on(target);
        String id = roles.created();
        target.sql("REVOKE " + roles.second.role() + " FROM " + roles.managing.role());
        Rotating.rotateAtOnce(id).then().statusCode(400);
        try (Chromium chromium = at("rotations/" + id)) {
            Locator note = chromium.page.locator(".note.bad").first();
            assertThat(note).containsText("ADMIN OPTION on the role is missing");
            note.getByRole(AriaRole.BUTTON, named("Copy the statement")).click();
            assertThat(chromium.page.locator("#checked pre")).isVisible();
            await().untilAsserted(() ->
                    assertThat(chromium.clipboard()).contains("GRANT " + roles.second.role(), "WITH ADMIN"));
            chromium.screenshot("bad-grant");
        }
    }

    /** A server that goes and comes back: the page follows by itself, and a revoke that ends is a success. */
    @Test
    void aRevokeThatWaitsForItsServerEndsAsASuccess() {
        try (TestPostgres own = TestPostgres.own(TestPostgres.NEWEST)) {
            Rotating roles = Rotating.on(own);
            String id = roles.created();
            String name = Rotating.read(id).extract().path("secretRotation.name");
            own.server().stop();
            try (Chromium chromium = at("rotations/" + id)) {
                chromium.button("Actions for " + name).click();
                chromium.page.getByRole(AriaRole.MENUITEM).last().click();
                chromium.page.getByLabel("Revoke them").check();
                chromium.page
                        .getByRole(AriaRole.DIALOG)
                        .getByRole(AriaRole.BUTTON)
                        .last()
                        .click();
                assertThat(chromium.page.locator(".note")).containsText("Being revoked");
                assertThat(chromium.button("Reveal")).hasCount(0);
                chromium.screenshot("bad-revoking");

                own.server().start();
                for (int i = 0; i < 2; i++) {
                    TestStore.sql("UPDATE secret_rotation SET due_at = now() WHERE id = '" + id + "'");
                    probe(id);
                }
                assertThat(chromium.heading()).hasText("Rotations");
                assertThat(chromium.page.getByText(name + " is deleted; its passwords are revoked."))
                        .isVisible();
            }
        }
    }

    /** What is done elsewhere is seen here within seconds of a transient state, and a revealed password that was replaced is hidden. */
    @Test
    void thePageFollowsWhatIsDoneElsewhere() {
        Rotating roles = Rotating.on(target);
        String id = roles.created();
        try (Chromium chromium = at("rotations/" + id)) {
            chromium.button("Reveal").click();
            assertThat(chromium.page.locator("span.password")).hasCount(1);
            Rotating.rotateAtOnce(id).then().statusCode(200);
            chromium.page.locator("rw-age").getByRole(AriaRole.BUTTON).first().click();
            assertThat(chromium.page.locator(".tile").last()).containsText("2");
            assertThat(chromium.page.locator("span.password")).hasCount(0);
        }
    }

    /** A link that names a connection leads to that one, in whichever project it is, or says why not. */
    @Test
    void aLinkToAConnectionChoosesThatOneOrNone() {
        String project = Identities.project();
        Rotating.on(target); // others that could be taken for it
        Rotating roles = Rotating.on(target);
        String own = Api.as()
                .body(Map.of(
                        "name",
                        Rotating.name("own"),
                        "projectId",
                        project,
                        "method",
                        "username-and-password",
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                target.port(),
                                "database",
                                "postgres",
                                "username",
                                roles.second.role(),
                                "password",
                                roles.second.password(),
                                "sslEnabled",
                                false)))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
        try (Chromium chromium = at("rotations/new?connection=" + own)) {
            assertThat(chromium.label("Project")).hasValue(project);
            assertThat(chromium.label("Connection")).hasValue(own);
        }
        try (Chromium chromium = at("rotations/new?connection=" + project)) {
            assertThat(chromium.text("Choose the connection yourself")).isVisible();
            assertThat(chromium.label("Connection")).hasValue("");
        }
    }

    /** What one has changed is not undone by another who has opened the dialog before. */
    @Test
    void twoWhoEditAtOnceDoNotUndoEachOther() {
        String id = Rotating.on(target).created();
        try (Chromium chromium = at("rotations/" + id)) {
            chromium.button("Edit").click();
            Api.as()
                    .body(Map.of("rotationInterval", 7))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200);
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            dialog.getByLabel("Description").fill("mine");
            chromium.button("Save").click();
            assertThat(dialog).containsText("rotationInterval");
            assertThat(dialog).containsText("was “30”, is now “7”");
            assertThat(dialog.getByLabel("Description")).hasValue("mine");
            chromium.screenshotOfWindow("bad-edited-meanwhile");
            chromium.button("Save").click();
            assertThat(dialog).hasCount(0);
        }
        Rotating.read(id)
                .body("secretRotation.description", org.hamcrest.Matchers.equalTo("mine"))
                .body("secretRotation.rotationInterval", org.hamcrest.Matchers.equalTo(7));
    }

    /** Each number of the overview leads to exactly its rows, and three requests are enough for all of them. */
    @Test
    void theNumbersOfTheOverviewAreTheRowsBehindThem() {
        String late = Rotating.on(target).created();
        TestStore.sql(
                "UPDATE secret_rotation SET next_rotation_at = now() - interval '1 hour', due_at = now() + interval '1 hour'"
                        + " WHERE id = '" + late + "'");
        try (Chromium chromium = at("keys")) {
            List<String> requests = new CopyOnWriteArrayList<>();
            chromium.page.onRequest((Request request) -> {
                if (request.url().contains("/api/")) {
                    requests.add(request.url());
                }
            });
            chromium.go("");
            assertThat(chromium.text("Needs attention")).isVisible();
            await().until(() -> requests.size() >= 3);
            assertThat(requests).hasSizeLessThanOrEqualTo(3);
            List<String> links = chromium.page.locator("a.tile").all().stream()
                    .map(tile -> tile.getAttribute("href").replace("/console/", "") + " "
                            + tile.locator(".value").innerText())
                    .toList();
            assertThat(links).hasSize(6);
            widths(chromium, "bad-overview");
            for (String each : links) {
                String[] parts = each.split(" ");
                chromium.go(parts[0]);
                assertThat(chromium.page.locator(".pager, .empty").first()).isVisible();
                if (!parts[1].equals("0")) {
                    assertThat(chromium.page.locator(".pager [role=status]"))
                            .hasText(Pattern.compile("^" + parts[1] + " (of [\\d,]+ )?rows?$"));
                }
            }
        }
    }

    /** While the service is away the page says how old it is, and a click reads again; what was there stays. */
    @Test
    void aServiceThatIsAwayIsSaidAndTriedAgain() {
        String id = Rotating.on(target).created();
        try (Chromium chromium = at("rotations/" + id)) {
            assertThat(chromium.text("Password history")).isVisible();
            chromium.window.setOffline(true);
            chromium.page.locator("rw-age").getByRole(AriaRole.BUTTON).first().click();
            assertThat(chromium.page.locator("rw-age").first()).containsText("Not up to date");
            assertThat(chromium.text("Password history")).isVisible();
            chromium.window.setOffline(false);
            chromium.page.locator("rw-age").getByRole(AriaRole.BUTTON).first().click();
            assertThat(chromium.page.locator("rw-age").first()).containsText("Updated");
            chromium.expected("ERR_INTERNET_DISCONNECTED");
        }
    }

    /** Signed in once: a second window takes the session over from the first, and one that signs out ends both. */
    @Test
    void aSecondTabIsSignedInAndOneThatSignsOutEndsBoth() {
        try (Chromium chromium = at("")) {
            Page second = chromium.window.newPage();
            second.navigate("/console/keys");
            assertThat(second.locator("main#main h1")).hasText("Keys");
            second.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Sign out"))
                    .click();
            assertThat(second.getByLabel("Client secret")).isVisible();
            assertThat(chromium.page.getByLabel("Client secret")).isVisible();
        }
    }

    /** Webhooks from the first to the last: made, tested, its deliveries seen, deleted. */
    @Test
    void aWebhookIsMadeTestedAndDeleted() {
        String name = Rotating.name("hook");
        try (Chromium chromium = at("webhooks")) {
            chromium.button("Add webhook").first().click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            dialog.getByLabel("Name").fill(name);
            dialog.getByLabel("URL").fill("https://127.0.0.1:1/hook");
            chromium.screenshotOfWindow("webhook-new");
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(dialog).containsText("whsec_");
            chromium.button("Close").click();
            assertThat(chromium.heading()).hasText(name);
            chromium.button("Send a test").click();
            assertThat(chromium.text("The receiver did not take the test message"))
                    .isVisible();
            chromium.screenshot("webhook");
            chromium.button("Actions for " + name).click();
            chromium.page.getByRole(AriaRole.MENUITEM).last().click();
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(chromium.heading()).hasText("Webhooks");
        }
    }

    /** Three widths, dark and forced colours: nothing scrolls sideways but what is meant to. */
    private static void widths(Chromium chromium, String name) {
        for (int width : List.of(390, 1024, 1440)) {
            chromium.page.setViewportSize(width, 860);
            Object beyond = chromium.page.evaluate("document.documentElement.scrollWidth - innerWidth");
            assertThat(((Number) beyond).intValue()).as(name + " at " + width).isLessThanOrEqualTo(0);
            chromium.screenshot(name + "-" + width);
        }
        chromium.page.emulateMedia(new Page.EmulateMediaOptions().setForcedColors(ForcedColors.ACTIVE));
        chromium.screenshot(name + "-forced");
        chromium.page.emulateMedia(new Page.EmulateMediaOptions().setForcedColors(ForcedColors.NONE));
    }

    /** No page scrolls sideways on a phone. */
    @Test
    void noPageScrollsSideways() {
        String id = Rotating.on(target).created();
        String connection = Rotating.read(id).extract().path("secretRotation.connectionId");
        String me = Api.as().get("/api/v1/auth/caller").path("caller.identityId");
        Map<String, String> beyond = new HashMap<>();
        try (Chromium chromium = at("")) {
            for (int width : List.of(390, 1024)) {
                chromium.page.setViewportSize(width, 860);
                for (String path : List.of(
                        "",
                        "troubles",
                        "connections",
                        "connections/" + connection,
                        "rotations",
                        "rotations/" + id,
                        "rotations/new",
                        "webhooks",
                        "audit",
                        "identities",
                        "identities/" + me,
                        "projects",
                        "keys")) {
                    chromium.go(path);
                    assertThat(chromium.heading()).isVisible();
                    assertThat(chromium.page.locator(".ghost")).hasCount(0);
                    int over = ((Number) chromium.page.evaluate("document.documentElement.scrollWidth - innerWidth"))
                            .intValue();
                    if (over > 0) {
                        beyond.put(width + " " + path, over + " px");
                        chromium.screenshot("sideways-" + width + "-" + path.replace('/', '-'));
                    }
                }
            }
        }
        assertThat(beyond).isEmpty();
    }
}
