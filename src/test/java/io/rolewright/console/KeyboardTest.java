package io.rolewright.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same way as {@link ConsoleFlowTest} in short, with nothing but a keyboard: each key goes to whatever has the focus. */
@QuarkusTest
@Tag("suite-browser")
class KeyboardTest {

    private static final int MOST_TABS = 80;

    @Test
    void theWholeWayByKeyboardAlone() {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login manager = target.role("LOGIN CREATEROLE");
        Login role = target.role("LOGIN");
        Rotating.grant(target, manager, role);
        String name = Rotating.name("keys");
        try (Chromium chromium = Chromium.light()) {
            Keys keys = new Keys(chromium);
            chromium.page.navigate("/console/");
            assertThat(chromium.label("Client ID")).isFocused();
            keys.type(TestStore.CLIENT_ID);
            keys.to("Client secret").type(TestStore.CLIENT_SECRET).press("Enter");
            assertThat(chromium.heading()).isFocused();

            keys.from("App Connections").press("Enter");
            keys.to("Add Connection").press("Enter");
            keys.to("PostgreSQL").press("Enter");
            keys.to("Name").type(name);
            keys.to("Configuration").press("ArrowRight");
            keys.to("Verified").press("ArrowDown").press("ArrowDown").press("ArrowDown");
            assertThat(chromium.page.getByLabel("No TLS")).isChecked();
            keys.back("SSL (Disabled)").press("ArrowLeft");
            keys.to("Host").type(target.host());
            keys.to("Port").clear().type(Integer.toString(target.port()));
            keys.to("Database Name").type("postgres");
            keys.to("Username").type(manager.role());
            keys.to("Password").type(manager.password());
            keys.to("Test").press("Enter");
            assertThat(chromium.text("It works")).isVisible();
            keys.to("Connect to PostgreSQL").press("Enter");
            assertThat(chromium.heading()).hasText(name);
            assertThat(chromium.heading()).isFocused();

            keys.to("Password").type(manager.password());
            keys.to("Platform Managed Credentials").press("Space");
            keys.to("Save").press("Enter");
            assertThat(chromium.button("Release")).isVisible();
            assertThat(target.login(manager.role(), manager.password())).isEqualTo("28P01");

            keys.back("New rotation").press("Enter");
            assertThat(chromium.page.getByLabel("Connection", new Page.GetByLabelOptions().setExact(true)))
                    .isVisible();
            keys.to("Next").press("Enter");
            keys.to("Two roles in turn").press("ArrowDown");
            keys.to("Role").type(role.role());
            assertThat(chromium.text("Ready to rotate")).isVisible();
            keys.to("Next").press("Enter");
            keys.to("Next").press("Enter");
            keys.to("Name").type(name);
            keys.to("Secret path").clear().type("/" + name);
            keys.to("Next").press("Enter");
            keys.to("Create rotation").press("Enter");
            assertThat(chromium.heading()).hasText(name);
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(1);

            // One role: what it ends is said first.
            keys.to("Rotate now").press("Enter");
            assertThat(chromium.page.getByRole(AriaRole.DIALOG)).containsText("the only role");
            keys.to("Rotate now").press("Enter");
            assertThat(chromium.page.locator("svg.chart rect.served")).hasCount(2);
            keys.to("Reveal").press("Enter");
            Locator password = chromium.page.locator("span.password");
            assertThat(password).isVisible();
            keys.to("Copy Password").press("Enter");
            String copied = chromium.clipboard();
            assertThat(target.login(role.role(), copied)).isEqualTo("ok");

            keys.back("Actions for " + name).press("Enter").press("End").press("Enter");
            keys.to("Delete").press("Enter");
            assertThat(chromium.heading()).hasText("Rotations");
            assertThat(target.login(role.role(), copied)).isEqualTo("ok");
        }
    }

    /** Finds its way with Tab alone. */
    private static final class Keys {

        private final Chromium chromium;

        Keys(Chromium chromium) {
            this.chromium = chromium;
        }

        Keys to(String name) {
            return search(name, "Tab");
        }

        Keys back(String name) {
            return search(name, "Shift+Tab");
        }

        /** From the start of the page, as after a look at something else. */
        Keys from(String name) {
            chromium.page.evaluate("document.activeElement.blur()");
            return to(name);
        }

        private Keys search(String name, String key) {
            for (int i = 0; i < MOST_TABS; i++) {
                press(key);
                if (name.equals(focused())) {
                    return this;
                }
            }
            throw new AssertionError("no way by " + key + " to " + name);
        }

        /** What a screen reader would call it. */
        private Object focused() {
            return chromium.page.evaluate("""
                    () => {
                      const at = document.activeElement;
                      const label = at.labels?.[0]?.innerText ?? at.getAttribute('aria-label') ?? at.innerText;
                      return label.split('\\n')[0].replace(/ optional$/, '').trim();
                    }""");
        }

        Keys press(String key) {
            chromium.page.keyboard().press(key);
            return this;
        }

        Keys clear() {
            return press("Control+A").press("Delete");
        }

        Keys type(String text) {
            chromium.page.keyboard().type(text);
            return this;
        }
    }
}
