package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ForcedColors;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.credential.Parking;
import io.rolewright.problem.ErrorCode;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every bad state that a page can be opened in, made on real servers: what it says, that its next step is reached by keyboard, and that it can
 * be perceived and used in three widths, light, dark and forced colours. A picture of each is left in {@code target/screenshots}.
 */
@QuarkusTest
@Tag("suite-browser")
class BadStatesTest {

    private static final String RUN_DUE = "/api/v1/rotations/run-due";
    private static final int MOST_TABS = 60;

    @Inject
    Parking parking;

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);

    /** How a page is looked at. */
    private enum Dress {
        LIGHT(1440, ColorScheme.LIGHT, ForcedColors.NONE),
        DARK(1024, ColorScheme.DARK, ForcedColors.NONE),
        PHONE(390, ColorScheme.LIGHT, ForcedColors.NONE),
        FORCED(390, ColorScheme.DARK, ForcedColors.ACTIVE);

        private final int width;
        private final ColorScheme scheme;
        private final ForcedColors forced;

        Dress(int width, ColorScheme scheme, ForcedColors forced) {
            this.width = width;
            this.scheme = scheme;
            this.forced = forced;
        }
    }

    /**
     * @param page path below /console/
     * @param says what its note says, by a pattern
     * @param step the button or link of the next step; empty: there is none
     */
    private record Bad(String name, String page, String says, String step) {}

    /** Other tests look at all that is wrong. */
    @AfterEach
    void nothingIsDueAnyMore() {
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = NULL, due_at = NULL, auto_rotation = false");
    }

    private static void dressed(Chromium chromium, Dress dress) {
        chromium.page.setViewportSize(dress.width, 860);
        chromium.page.emulateMedia(
                new Page.EmulateMediaOptions().setColorScheme(dress.scheme).setForcedColors(dress.forced));
    }

    private static void see(Chromium chromium, String name, Dress dress) {
        dressed(chromium, dress);
        String where = name + ", " + dress;
        chromium.screenshot("state-" + name + "-" + dress.name().toLowerCase(Locale.ROOT));
        chromium.axe(where);
        assertThat(chromium.beyondItsWindow()).as(where).isEmpty();
    }

    private static void open(Chromium chromium, Bad bad, Dress... dresses) {
        dressed(chromium, Dress.LIGHT);
        chromium.go(bad.page);
        Locator note = chromium.page
                .locator(".note")
                .filter(new Locator.FilterOptions().setHasText(Pattern.compile(bad.says, Pattern.CASE_INSENSITIVE)))
                .first();
        assertThat(note).isVisible();
        assertThat(chromium.page.locator("main .spinner, main .ghost")).hasCount(0);
        for (Locator fact : chromium.page.locator("main .tiles, main form").all()) {
            assertThat(fact.boundingBox().y)
                    .as("an incident stands above facts")
                    .isGreaterThan(note.boundingBox().y);
        }
        assertThat(chromium.page.getByText(Pattern.compile("stays? valid|undefined|\\[object")))
                .hasCount(0);
        if (!bad.step.isEmpty()) {
            reached(chromium, bad);
        }
        for (Dress dress : dresses) {
            see(chromium, bad.name, dress);
        }
    }

    /** The next step is on the way of Tab, from the heading on. */
    private static void reached(Chromium chromium, Bad bad) {
        chromium.page.evaluate("document.querySelector('main h1').focus()");
        List<String> passed = new ArrayList<>();
        for (int i = 0; i < MOST_TABS; i++) {
            chromium.page.keyboard().press("Tab");
            passed.add((String) chromium.page.evaluate(
                    "document.activeElement.closest('.note') ? document.activeElement.innerText.trim() : '-'"));
            if (passed.get(i).equals(bad.step)) {
                return;
            }
        }
        throw new AssertionError(bad + ": " + passed);
    }

    private static Map<String, Object> single(Rotating roles) {
        Map<String, Object> body = roles.body(Rotating.name("state"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role()));
        return body;
    }

    private static String page(String id) {
        return "rotations/" + id;
    }

    private static void look(String id) {
        TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + id + "'");
        runDue();
    }

    private static void runDue() {
        Api.as().queryParam("budgetSeconds", 20).post(RUN_DUE).then().statusCode(200);
    }

    /** A change whose answer is missing, and one that is to be revoked on a server that is away. */
    @Test
    void inDoubtAndRevoking() {
        Rotating roles = Rotating.on(target);
        Rotating other = Rotating.on(target);
        try (TcpProxy proxy = TcpProxy.to(target);
                Chromium chromium = Chromium.light().signIn("keys", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            Map<String, Object> revoked = other.body(Rotating.name("state"));
            revoked.put("connectionId", Rotating.connection(proxy.port(), other.managing));
            String revoking = Rotating.created(revoked);
            Map<String, Object> body = single(roles);
            body.put("connectionId", Rotating.connection(proxy.port(), roles.managing));
            String id = Rotating.created(body);
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return TcpProxy.Fate.CUT;
            });
            Rotating.rotate(id).then().statusCode(504);
            open(chromium, new Bad("in-doubt", page(id), "Consumers may be refused", "Verify now"), Dress.values());

            Api.as()
                    .queryParam("revokeGeneratedCredentials", true)
                    .delete(Rotating.BASE + "/" + revoking)
                    .then()
                    .statusCode(200);
            open(chromium, new Bad("revoking", page(revoking), "Being revoked", "Abandon"), Dress.values());
            Api.as().delete(Rotating.BASE + "/" + revoking);

            // The page goes with what the service finds out by itself.
            dressed(chromium, Dress.LIGHT);
            chromium.go(page(id));
            assertThat(chromium.page.locator(".note")).not().hasCount(0);
            assertThat(chromium.page.locator("rw-age").first()).containsText("Updated");
            proxy.accept(true);
            look(id);
            assertThat(chromium.page.locator(".note")).hasCount(0);
        }
    }

    /** What stands in the way of a change, each by the service's own turn: its page names the cause and what helps. */
    @Test
    void parkedByEachReason() {
        record Reason(String name, String breaks, String says, String step) {}
        String drop = "DROP ROLE %2$s";
        List<Reason> reasons = List.of(
                new Reason("createrole", "ALTER ROLE %1$s NOCREATEROLE", "CREATEROLE is missing", "Copy the statement"),
                new Reason("admin-option", "REVOKE %2$s FROM %1$s", "ADMIN OPTION on the role", "Copy the statement"),
                new Reason("role-missing", drop, "The role does not exist", "Copy the statement"),
                new Reason("no-login", "ALTER ROLE %2$s NOLOGIN", "The role may not log in", "Copy the statement"),
                new Reason(
                        "expired",
                        "ALTER ROLE %2$s VALID UNTIL '2020-01-01'",
                        "The role has expired",
                        "Copy the statement"),
                new Reason("renamed", "ALTER ROLE %2$s RENAME TO %2$s_x", "The role was renamed", "Copy the statement"),
                new Reason(
                        "replaced",
                        drop + "; CREATE ROLE %2$s LOGIN; GRANT %2$s TO %1$s WITH ADMIN OPTION",
                        "was dropped and recreated",
                        "Run the pre-flight check"),
                new Reason("superuser", "ALTER ROLE %2$s SUPERUSER", "is a superuser", ""),
                new Reason("replication", "ALTER ROLE %2$s REPLICATION", "has REPLICATION", ""),
                new Reason("full", "ALTER ROLE %1$s CONNECTION LIMIT 0", "has no session left", "Verify now"),
                new Reason("refused", "ALTER ROLE %1$s PASSWORD 'another'", "refused the password", "Verify now"));
        List<Bad> bad = new ArrayList<>();
        for (Reason each : reasons) {
            Rotating roles = Rotating.on(target);
            String id = roles.created();
            target.sql(each.breaks.formatted(roles.managing.role(), roles.second.role()));
            Rotating.makeDue(id);
            bad.add(new Bad(each.name, page(id), each.says, each.step));
        }
        Rotating gone = Rotating.on(target);
        try (TcpProxy proxy = TcpProxy.to(target);
                Chromium chromium = Chromium.light().signIn("keys", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            Map<String, Object> body = gone.body(Rotating.name("state"));
            body.put("connectionId", Rotating.connection(proxy.port(), gone.managing));
            String id = Rotating.created(body);
            proxy.refuse();
            Rotating.makeDue(id);
            bad.add(new Bad("away", page(id), "Nothing listens|closed|no route", "Verify now"));
            runDue();
            for (int i = 0; i < bad.size(); i++) {
                open(chromium, bad.get(i), Dress.values()[i % Dress.values().length]);
            }
            chromium.go("troubles");
            assertThat(chromium.page.locator("table.troubles tbody tr")).not().hasCount(0);
            for (Dress dress : Dress.values()) {
                see(chromium, "troubles", dress);
            }
        }
    }

    /** What is said of troubles that no change is parked for: the service's own, deliveries', and those of changes whose answer is missing. */
    private static final Set<String> OF_OTHERS = Set.of(
            "answer_missing",
            "audit_not_pruned",
            "not_answered_yet",
            "not_known_yet",
            "overdue",
            "root_key_unfit",
            "store_full",
            "store_read_only",
            "store_was_altered",
            "vault_behind",
            "vault_token_ends",
            "vault_token_refused",
            "webhook_dead_letters",
            "webhook_failing");

    /** All that a run may stop for: what a server, a login or a role stands in the way with, and what the service says of its own runs. */
    private static List<String> reasons() throws ClassNotFoundException {
        Stream<String> met = Arrays.stream(ErrorCode.values())
                .filter(each -> each.compareTo(ErrorCode.ROLE_OF_THIS_SERVICE) >= 0)
                .map(ErrorCode::code);
        Stream<String> own = Arrays.stream(
                        Class.forName("io.rolewright.operations.TroubleCause").getEnumConstants())
                .map(each -> ((Enum<?>) each).name().toLowerCase(Locale.ROOT));
        return Stream.concat(met, own).filter(each -> !OF_OTHERS.contains(each)).toList();
    }

    /** Those too that no server here can be brought to give: the service's own code parks a change for each, as it would for a server's. */
    @Test
    void parkedByEveryReasonThatThereIs() throws ClassNotFoundException {
        String id = Rotating.created(single(Rotating.on(target)));
        UUID role = TestStore.sql("SELECT id FROM managed_role WHERE owner_id = '" + id + "'")
                .get(0)
                .getUUID(0);
        List<String> reasons = reasons();
        assertThat(reasons).hasSizeGreaterThan(60).contains("changed_by_third_party", "tls_name_mismatch");
        try (Chromium chromium = Chromium.light().signIn(page(id), TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            dressed(chromium, Dress.PHONE);
            for (String reason : reasons) {
                parking.park(role, reason);
                chromium.button("Refresh").first().click();
                Locator note = chromium.page
                        .locator(".note")
                        .filter(new Locator.FilterOptions()
                                .setHas(chromium.page.locator("code", new Page.LocatorOptions().setHasText(reason))));
                assertThat(note).hasCount(1);
                assertThat(note).containsText("What the service says of " + reason + ".");
                assertThat(note.innerText())
                        .as(reason)
                        .contains("Fix:")
                        .doesNotContain("undefined")
                        .doesNotContain("[object")
                        .doesNotContainPattern("stays? valid");
                assertThat(note.locator("strong").first().innerText().replace("pg_hba.conf", ""))
                        .as("a heading of its own")
                        .isNotBlank()
                        .doesNotContain("_");
                assertThat(chromium.beyondItsWindow()).as(reason).isEmpty();
            }
        }
    }

    /** Passwords that are refused, late, or right and yet nobody gets in; of rotations and of connections. */
    @Test
    void driftedStaleOverdueAndWithoutASession() {
        Rotating roles = Rotating.on(target);
        String drifted = Rotating.created(single(roles));
        target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
        look(drifted);
        Rotating old = Rotating.on(target);
        String stale = old.created();
        target.sql("ALTER ROLE " + old.first.role() + " PASSWORD 'of a newer store'");
        TestStore.sql("UPDATE managed_role SET look = 'refused', looked_at = now(), refused_since = now() - interval"
                + " '5 minutes' WHERE owner_id = '" + stale + "' AND role_name = '" + old.first.role() + "'");
        String late = Rotating.on(target).created();
        TestStore.sql(
                "UPDATE secret_rotation SET next_rotation_at = now() - interval '1 day', due_at = now() + interval"
                        + " '1 hour' WHERE id = '" + late + "'");
        Rotating full = Rotating.on(target);
        String closed = full.created();
        target.sql("ALTER ROLE " + full.first.role() + " CONNECTION LIMIT 0");
        look(closed);
        Login own = target.role("LOGIN");
        String connection = Rotating.connection(target, own);
        target.sql("ALTER ROLE " + own.role() + " PASSWORD 'another'");
        Api.as().body("{}").post("/api/v1/app-connections/postgres/" + connection + "/test");
        try (Chromium chromium = Chromium.light().signIn("keys", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            open(chromium, new Bad("drifted", page(drifted), "Consumers are refused", "Put ours back"), Dress.values());
            open(chromium, new Bad("stale", page(stale), "Consumers are refused", "Rotate now"), Dress.values());
            open(chromium, new Bad("overdue", page(late), "Overdue", "Rotate now"), Dress.values());
            open(
                    chromium,
                    new Bad("no-session", page(closed), "Consumers get no session", "Verify now"),
                    Dress.values());
            open(
                    chromium,
                    new Bad("test-failed", "connections/" + connection, "The last test failed", "Test now"),
                    Dress.values());
            chromium.go("");
            assertThat(chromium.text("Needs attention")).isVisible();
            assertThat(chromium.page.locator(".tiles").boundingBox().y)
                    .isGreaterThan(chromium.text("Needs attention").boundingBox().y);
            for (Dress dress : Dress.values()) {
                see(chromium, "overview", dress);
            }
        }
    }

    /** A copy of the store changes nothing, and every page says so. */
    @Test
    void aCopyOfTheStore() {
        String before =
                TestStore.sql("SELECT installation FROM store_origin").get(0).getString(0);
        try (Chromium chromium = Chromium.light().signIn("keys", TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            TestStore.sql("UPDATE store_origin SET installation = 'another'");
            Api.as().get("/api/v1/store").then().statusCode(200);
            open(chromium, new Bad("copy", "rotations", "This store is a copy", ""), Dress.values());
            chromium.go("troubles");
            assertThat(chromium.page.locator("table.troubles")).containsText("This store is a copy");
        } finally {
            TestStore.sql("UPDATE store_origin SET installation = '" + before + "'");
            Api.as().get("/api/v1/store").then().statusCode(200);
        }
    }

    /** The service's own database is away: what was read stays and is called old, what is opened says why, and both recover. */
    @Test
    void theStoreIsAway() {
        String id = Rotating.on(target).created();
        try (Chromium chromium = Chromium.light().signIn(page(id), TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)) {
            assertThat(chromium.text("Password history")).isVisible();
            String store = TestStore.database();
            target.sql("ALTER DATABASE \"" + store + "\" ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid) FROM"
                    + " pg_stat_activity WHERE datname = '" + store + "'");
            try {
                chromium.page
                        .locator("rw-age")
                        .getByRole(AriaRole.BUTTON)
                        .first()
                        .click();
                assertThat(chromium.page.locator("rw-age").first()).containsText("Not up to date");
                assertThat(chromium.text("Password history")).isVisible();
                open(chromium, new Bad("store-away", "keys", "database does not answer", "Try again"), Dress.values());
            } finally {
                target.sql("ALTER DATABASE \"" + store + "\" ALLOW_CONNECTIONS true");
            }
            dressed(chromium, Dress.LIGHT);
            org.awaitility.Awaitility.await().pollInSameThread().untilAsserted(() -> {
                // Not by the mouse: the page may have recovered by itself between the look and the click.
                chromium.page.evaluate(
                        "[...document.querySelectorAll('main button')].find((each) => each.innerText.trim() =="
                                + " 'Try again')?.click()");
                assertThat(chromium.text("Data keys").isVisible()).isTrue();
            });
        }
    }

    /** A session that ended, and one that an administrator has revoked in the middle of something. */
    @Test
    void theSessionEndedOrWasRevoked() {
        Somebody somebody = Identities.with("admin");
        String secrets = "/api/v1/auth/universal-auth/identities/" + somebody.id() + "/client-secrets";
        String secret = Api.as().get(secrets).then().statusCode(200).extract().path("clientSecretData[0].id");
        try (Chromium chromium = Chromium.light().signIn("projects", somebody.clientId(), somebody.clientSecret())) {
            Api.as().post(secrets + "/" + secret + "/revoke").then().statusCode(200);
            chromium.go("rotations");
            Locator dialog = chromium.page.getByRole(AriaRole.DIALOG);
            assertThat(dialog).containsText("Nothing you typed is lost");
            dialog.getByLabel("Client secret").fill("not the secret");
            dialog.getByLabel("Client secret").press("Enter");
            assertThat(dialog).containsText("Check both");
            for (Dress dress : Dress.values()) {
                see(chromium, "session-ended", dress);
            }
            chromium.page.keyboard().press("Tab");
            chromium.page.keyboard().press("Tab");
            assertThat(chromium.button("Sign out instead")).isFocused();
            chromium.page.keyboard().press("Enter");
            assertThat(chromium.heading()).hasCount(0);
            assertThat(chromium.label("Client secret")).isVisible();
        }
    }
}
