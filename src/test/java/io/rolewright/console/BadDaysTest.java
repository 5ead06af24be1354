package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.gson.JsonObject;
import com.microsoft.playwright.CDPSession;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.Cookie;
import com.microsoft.playwright.options.ForcedColors;
import com.microsoft.playwright.options.SameSiteAttribute;
import io.quarkus.arc.Arc;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.sealing.Resealed;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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

    /** How long an identity's sessions last is seen and changed, by one of two at a time. */
    @Test
    void theSessionsOfAnIdentityAreAsLongAsSomebodySaysLast() {
        Somebody somebody = Identities.with("reader");
        String auth = "/api/v1/auth/universal-auth/identities/" + somebody.id();
        try (Chromium chromium = at("identities/" + somebody.id())) {
            chromium.button("Edit: Sessions by Client secret").click();
            Api.as().body(Map.of("accessTokenTTL", 600)).patch(auth).then().statusCode(200);
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            dialog.getByLabel("Renewable for (seconds)").fill("7200");
            dialog.getByLabel("Networks allowed to use client secrets").fill("10.0.0.0/8\n127.0.0.1");
            chromium.button("Save").click();
            assertThat(dialog).containsText("Lifetime (seconds): was “3600”, is now “600”");
            chromium.axe("sessions of an identity");
            chromium.screenshotOfWindow("bad-sessions-meanwhile");
            chromium.button("Save").click();
            assertThat(dialog).hasCount(0);
            assertThat(chromium.page.getByText("10 minutes")).isVisible();
            assertThat(chromium.page.getByText("2 hours")).isVisible();
        }
        Api.as()
                .get(auth)
                .then()
                .body("identityUniversalAuth.accessTokenTTL", org.hamcrest.Matchers.equalTo(600))
                .body("identityUniversalAuth.accessTokenMaxTTL", org.hamcrest.Matchers.equalTo(7200))
                .body(
                        "identityUniversalAuth.clientSecretTrustedIps.ipAddress",
                        org.hamcrest.Matchers.contains("10.0.0.0", "127.0.0.1"))
                .body("identityUniversalAuth.accessTokenTrustedIps", org.hamcrest.Matchers.hasSize(2));
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
            assertThat(dialog).containsText("Interval (days): was “30”, is now “7”");
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

    /** However much there is, the overview is counts and what is worst, and a list one page: measured where the browser receives it. */
    @Test
    void theOverviewAndTheListsOfTwoThousandConnectionsAreSmall() {
        String id = Rotating.on(target).created();
        String connection = Rotating.read(id).extract().path("secretRotation.connectionId");
        copies("app_connection", connection, 2000, "");
        copies(
                "secret_rotation",
                id,
                300,
                ", 'role1_id', gen_random_uuid(), 'role2_id', gen_random_uuid(), 'secret_path', '/copy-' || n,"
                        + " 'next_rotation_at', now() - interval '1 day' + n * interval '1 hour', 'due_at', now() + interval '1 day'");
        sealed(connection);
        try (Chromium chromium = at("keys")) {
            CDPSession wire = chromium.window.newCDPSession(chromium.page);
            wire.send("Network.enable");
            Map<String, String> asked = new ConcurrentHashMap<>();
            Map<String, Integer> received = new ConcurrentHashMap<>();
            wire.on("Network.requestWillBeSent", event -> {
                String url = event.getAsJsonObject("request").get("url").getAsString();
                if (url.contains("/api/")) {
                    asked.put(event.get("requestId").getAsString(), url);
                }
            });
            wire.on("Network.loadingFinished", event -> {
                String request = event.get("requestId").getAsString();
                if (asked.containsKey(request)) {
                    received.put(request, event.get("encodedDataLength").getAsInt());
                }
            });
            wire.on(
                    "Network.loadingFailed",
                    event -> { // overtaken by a later question
                        asked.remove(event.get("requestId").getAsString());
                    });
            chromium.go("");
            assertThat(chromium.page.locator("a.tile .value", new Page.LocatorOptions().setHasText("2,0")))
                    .isVisible();
            small(chromium, asked, received);
            chromium.screenshot("bad-overview-many");

            chromium.go("connections");
            Locator count = chromium.page.locator(".pager [role=status]");
            assertThat(count).hasText(Pattern.compile("^2,\\d{3} rows$"));
            assertThat(chromium.page.locator("tbody tr")).hasCount(25);
            small(chromium, asked, received);
            chromium.page.getByRole(AriaRole.SEARCHBOX).fill("127.0.0.1 copy-1999");
            assertThat(count).hasText("1 row");
            assertThat(chromium.page.locator("tbody")).containsText("copy-1999");
            small(chromium, asked, received);
            chromium.page.getByRole(AriaRole.SEARCHBOX).fill("copy-");
            assertThat(count).hasText("2,000 rows");
            chromium.button("Name").click();
            chromium.button("Next").click();
            assertThat(chromium.text("Page 2 of 80")).isVisible();
            assertThat(chromium.page.locator("tbody tr").first()).containsText("copy-26");
            assertThat(chromium.page.url()).contains("page=2", "sort=name");
            assertThat(chromium.page.locator("tbody tr").first().boundingBox().height)
                    .isBetween(34.0, 37.0);
            widths(chromium, "connections-many");
            small(chromium, asked, received);

            chromium.go("rotations?q=copy-3");
            assertThat(count).hasText("12 rows"); // 3, 30 to 39, 300
            assertThat(chromium.page.locator("tbody tr").first().boundingBox().height)
                    .isBetween(34.0, 37.0);
            chromium.screenshot("rotations-many");
            small(chromium, asked, received);

            chromium.go("rotations/new");
            assertThat(chromium.text("The first 100 of 2,0")).isVisible();
            small(chromium, asked, received);
            chromium.label("Find connection").fill("copy-1999");
            assertThat(chromium.label("Connection").locator("option")).hasCount(2);
            assertThat(chromium.label("Connection").locator("option").last())
                    .hasText(Pattern.compile("^copy-1999 · 127\\.0\\.0\\.1:\\d+/postgres · as \\w+ · .+$"));
            small(chromium, asked, received);

            chromium.page.setViewportSize(1360, 860);
            chromium.go("connections?q=copy-1999");
            chromium.page.locator("tbody tr").locator("td").nth(3).click(); // anywhere on the row
            assertThat(chromium.heading()).hasText("copy-1999");
        } finally {
            TestStore.sql(
                    "DELETE FROM credential WHERE id IN (SELECT id FROM secret_rotation WHERE name LIKE 'copy-%');"
                            + " DELETE FROM secret_rotation WHERE name LIKE 'copy-%'; DELETE FROM app_connection WHERE name LIKE 'copy-%'");
        }
    }

    /** What has been asked since the last look: a few requests and little to receive, however much there is. */
    private static void small(Chromium chromium, Map<String, String> asked, Map<String, Integer> received) {
        await().pollInSameThread().untilAsserted(() -> {
            chromium.page.waitForTimeout(50); // lets the driver hand over what has come
            assertThat(received).hasSameSizeAs(asked);
        });
        assertThat(asked).as("requests").hasSizeBetween(1, 3);
        assertThat(received.values().stream().mapToInt(each -> each).sum())
                .as("bytes over the wire: %s of %s", received, asked)
                .isBetween(200, 30_000);
        asked.clear();
        received.clear();
    }

    /** So that lists can open the copies of a connection. */
    private static void sealed(String connection) {
        Sealer sealer = Arc.container().instance(Sealer.class).get();
        var row = TestStore.sql("SELECT credentials, credentials_version AS version FROM app_connection WHERE id = '"
                        + connection + "'")
                .get(0);
        long version = row.getLong("version");
        byte[] plain = sealer.open(
                SealedField.CONNECTION_CREDENTIALS,
                UUID.fromString(connection),
                version,
                row.getBuffer("credentials").getBytes());
        String values = TestStore.sql("SELECT id FROM app_connection WHERE name LIKE 'copy-%'").stream()
                .map(copy -> copy.getUUID("id"))
                .map(id -> "('" + id + "'::uuid, '\\x"
                        + HexFormat.of()
                                .formatHex(sealer.seal(SealedField.CONNECTION_CREDENTIALS, id, version, plain.clone()))
                        + "'::bytea)")
                .collect(Collectors.joining(", "));
        Resealed.sql("UPDATE app_connection AS c SET credentials = v.sealed FROM (VALUES " + values
                + ") AS v (id, sealed) WHERE c.id = v.id");
    }

    /** Rows like one that is there, as far as lists and counts look at them; what they have sealed opens for nobody. */
    private static void copies(String table, String id, int count, String others) {
        String columns = TestStore.sql(
                        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
                                + " WHERE table_name = '" + table + "' AND is_generated = 'NEVER'")
                .get(0)
                .getString(0);
        TestStore.sql("INSERT INTO " + table + " (" + columns + ") SELECT " + columns + " FROM (SELECT copy.* FROM "
                + table
                + " one, generate_series(1, " + count + ") n, json_populate_record(one, json_build_object('id',"
                + " gen_random_uuid(), 'name', 'copy-' || n" + others + ")) copy WHERE one.id = '" + id + "') copies");
    }

    /** Many at once: what is done is counted, and what failed is named with its cause and a link. */
    @Test
    void manyAreVerifiedAndRotatedTogether() {
        String prefix = Rotating.name("many");
        List<Rotating> all = List.of(Rotating.on(target), Rotating.on(target), Rotating.on(target));
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            Map<String, Object> body = all.get(i).body(prefix + "-" + i);
            if (i == 0) {
                body.put("strategy", "single");
                body.put("parameters", Map.of("username1", all.get(i).first.role()));
            }
            ids.add(Rotating.created(body));
        }
        Rotating broken = all.get(2);
        target.sql("REVOKE " + broken.second.role() + " FROM " + broken.managing.role());
        try (Chromium chromium = at("rotations?q=" + prefix)) {
            assertThat(chromium.page.locator(".pager [role=status]")).hasText(Pattern.compile("^3 .*rows$"));
            chromium.label("Select all 3 rows").check();
            Locator bulk = chromium.page.locator("rw-bulk");
            bulk.getByRole(AriaRole.BUTTON, named("Verify now")).click();
            assertThat(bulk).containsText("Verify now: 3 of 3 done");

            bulk.getByRole(AriaRole.BUTTON, named("Rotate now")).click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            assertThat(dialog).containsText("3 rotations get a new password now. 1 of them has only one role");
            dialog.getByRole(AriaRole.BUTTON).last().click();
            assertThat(bulk).containsText("Rotate now: 3 of 3 done");
            chromium.screenshotOfWindow("bulk-done");
            assertThat(bulk).containsText("1 failed");
            assertThat(bulk).containsText("ADMIN OPTION on the role is missing");
            assertThat(bulk.getByRole(AriaRole.LINK)).hasText(prefix + "-2");
            widths(chromium, "bulk");
        }
        Rotating.read(ids.get(0)).body("secretRotation.credentialVersion", org.hamcrest.Matchers.equalTo(2));
        assertThat(all.get(0).loginAsServed(ids.get(0))).isEqualTo("ok");
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

    /** A slow network: who waits is told so, nothing jumps, nothing is sent twice, and what did not come is asked for again. */
    @Test
    void aSlowNetworkIsSaidAndSendsNothingTwice() {
        String id = Rotating.on(target).created();
        String name = Rotating.read(id).extract().path("secretRotation.name");
        try (Chromium chromium = at("keys")) {
            CDPSession wire = chromium.window.newCDPSession(chromium.page);
            wire.send("Network.enable");
            List<String> changes = new CopyOnWriteArrayList<>();
            chromium.page.onRequest(request -> {
                if (request.method().equals("PATCH")) {
                    changes.add(request.url());
                }
            });
            slow(wire, 2500, false);
            chromium.go("rotations?q=" + name);
            Locator search = chromium.page.getByRole(AriaRole.SEARCHBOX);
            double before = search.boundingBox().y;
            assertThat(chromium.page.locator(".ghost").first()).isVisible();
            assertThat(chromium.page.locator(".late")).isVisible();
            chromium.screenshotOfWindow("slow-list");
            assertThat(chromium.page.locator(".pager [role=status]")).hasText("1 row");
            assertThat(chromium.page.locator(".late")).hasCount(0);
            assertThat(search.boundingBox().y).isEqualTo(before);

            slow(wire, 0, true);
            chromium.go("rotations/" + id);
            assertThat(chromium.text("The service did not answer")).isVisible();
            slow(wire, 0, false);
            chromium.button("Try again").click();
            chromium.button("Edit").click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            dialog.getByLabel("Description").fill("once");
            slow(wire, 1500, false);
            chromium.button("Save").dblclick();
            assertThat(dialog.getByRole(AriaRole.BUTTON).last()).hasText("Saving…");
            dialog.getByLabel("Description").press("Enter");
            assertThat(dialog).hasCount(0);
            assertThat(changes).hasSize(1);
            chromium.expected("ERR_INTERNET_DISCONNECTED");
        }
        Rotating.read(id).body("secretRotation.description", org.hamcrest.Matchers.equalTo("once"));
    }

    /** @param latency of each answer, in milliseconds */
    private static void slow(CDPSession wire, int latency, boolean offline) {
        JsonObject conditions = new JsonObject();
        conditions.addProperty("offline", offline);
        conditions.addProperty("latency", latency);
        conditions.addProperty("downloadThroughput", latency == 0 ? -1 : 50_000);
        conditions.addProperty("uploadThroughput", latency == 0 ? -1 : 50_000);
        wire.send("Network.emulateNetworkConditions", conditions);
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

    /** A reload, and a new tab when the first is gone, go on by a cookie that the page cannot read; signing out ends that too. */
    @Test
    void aReloadKeepsTheSessionUntilSomebodySignsOut() {
        try (Chromium chromium = at("rotations?strategy=dual")) {
            await().until(() -> !chromium.window.cookies().isEmpty());
            Cookie cookie = chromium.window.cookies().get(0);
            assertThat(chromium.window.cookies()).hasSize(1);
            assertThat(List.of(cookie.httpOnly, cookie.secure)).containsExactly(true, false);
            assertThat(cookie.sameSite).isEqualTo(SameSiteAttribute.STRICT);
            assertThat(cookie.path).isEqualTo("/api/v1/auth/console-session/resume");
            assertThat(chromium.page.evaluate("document.cookie")).isEqualTo("");

            chromium.page.reload();
            assertThat(chromium.heading()).hasText("Rotations");
            assertThat(chromium.page.url()).endsWith("rotations?strategy=dual");
            Page second = chromium.window.newPage();
            chromium.page.close();
            second.navigate("/console/keys");
            assertThat(second.locator("main#main h1")).hasText("Keys");

            second.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Sign out"))
                    .click();
            await().until(() -> chromium.window.cookies().isEmpty());
            second.reload();
            assertThat(second.getByLabel("Client secret")).isVisible();
        }
    }

    /** Webhooks from the first to the last: made, tested, its deliveries seen, deleted. */
    @Test
    void aWebhookIsMadeTestedAndDeleted() {
        String name = Rotating.name("hook");
        try (Chromium chromium = at("webhooks")) {
            chromium.button("Add webhook").first().click();
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            dialog.getByRole(
                            AriaRole.TEXTBOX,
                            new Locator.GetByRoleOptions().setName("Name").setExact(true))
                    .fill(name);
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

    /** On a phone and on a small screen no page and no table scrolls sideways, no word is broken, and charts can be read. */
    @Test
    void noPageScrollsSideways() {
        String id = Rotating.on(target).created();
        Rotating.rotateAtOnce(id).then().statusCode(200);
        String connection = Rotating.read(id).extract().path("secretRotation.connectionId");
        String me = Api.as().get("/api/v1/auth/caller").path("caller.identityId");
        Map<String, List<String>> beyond = new HashMap<>();
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
                        "projects/" + Rotating.project(),
                        "keys")) {
                    chromium.go(path);
                    assertThat(chromium.heading()).isVisible();
                    assertThat(chromium.page.locator(".ghost, .spinner")).hasCount(0);
                    List<String> over = chromium.beyondItsWindow();
                    if (!over.isEmpty()) {
                        beyond.put(width + " " + path, over);
                        chromium.screenshot("sideways-" + width + "-" + path.replace('/', '-'));
                    }
                }
            }
        }
        assertThat(beyond).isEmpty();
    }

    /** A service that cannot be reached when a page is opened: each says so, and its button reads again. */
    @Test
    void everyPageCanBeTriedAgain() {
        String id = Rotating.on(target).created();
        String connection = Rotating.read(id).extract().path("secretRotation.connectionId");
        String me = Api.as().get("/api/v1/auth/caller").path("caller.identityId");
        Map<String, String> pages = new LinkedHashMap<>();
        pages.put("", "Overview");
        pages.put("troubles", "Troubles");
        pages.put("connections/" + connection, "by");
        pages.put("rotations/new", "New rotation");
        pages.put("webhooks", "Webhooks");
        pages.put("audit", "Audit");
        pages.put("identities/" + me, "bootstrap");
        pages.put("projects/" + Rotating.project(), "");
        pages.put("keys", "Keys");
        try (Chromium chromium = at("identities")) {
            for (Map.Entry<String, String> each : pages.entrySet()) {
                chromium.window.setOffline(true);
                chromium.go(each.getKey());
                assertThat(chromium.text("The service did not answer")).isVisible();
                chromium.window.setOffline(false);
                chromium.button("Try again").first().click();
                assertThat(chromium.text("The service did not answer")).hasCount(0);
                assertThat(chromium.heading()).containsText(each.getValue());
            }
            chromium.expected("ERR_INTERNET_DISCONNECTED");
        }
    }

    /** What a page cannot draw does not leave half of it behind without a word, and the others go on. */
    @Test
    void aFaultOfThePageIsSaidOnIt() {
        try (Chromium chromium = at("keys")) {
            chromium.page.route(
                    "**/secret-rotations/summary*",
                    route -> route.fulfill(new Route.FulfillOptions()
                            .setContentType("application/json")
                            .setBody("{}")));
            chromium.go("");
            assertThat(chromium.text("Something went wrong on this page")).isVisible();
            chromium.link("Keys").click();
            assertThat(chromium.heading()).hasText("Keys");
            assertThat(chromium.text("Something went wrong on this page")).hasCount(0);
            chromium.expected("TypeError");
        }
    }
}
