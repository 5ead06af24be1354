package io.rolewright.console;

import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.deque.html.axecore.results.Rule;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ScreenshotAnimations;
import com.microsoft.playwright.options.ViewportSize;
import io.restassured.RestAssured;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One window of Debian's Chromium on the service under test. Closing it fails the test if the page has written an error to its
 * console, thrown, or done what its Content-Security-Policy forbids.
 */
final class Chromium implements AutoCloseable {

    /** Prepared by {@code .ci/steps/browser}. */
    private static final Path DRIVER = Path.of("target/browser").toAbsolutePath();

    private static final int SLOWEST_MILLIS = 30_000;

    /** One for all tests: to start it takes two seconds. Its driver ends with this process, and the browser with its driver. */
    private static @Nullable Browser shared;

    private final List<String> errors = new ArrayList<>();
    final BrowserContext window;
    final Page page;

    private Chromium(ColorScheme scheme) {
        window = browser()
                .newContext(new Browser.NewContextOptions()
                        .setBaseURL("http://localhost:" + RestAssured.port)
                        .setViewportSize(1360, 860)
                        .setColorScheme(scheme)
                        .setLocale("en-GB")
                        .setTimezoneId("Europe/Berlin"));
        window.grantPermissions(List.of("clipboard-read", "clipboard-write"));
        page = window.newPage();
        page.setDefaultTimeout(SLOWEST_MILLIS);
        PlaywrightAssertions.setDefaultAssertionTimeout(SLOWEST_MILLIS);
        page.onPageError(errors::add);
        page.onConsoleMessage(message -> {
            // The browser itself writes down each answer that says no; the page shows it, and tests ask for some.
            boolean refusedByApi = message.text().startsWith("Failed to load resource")
                    && message.location().contains("/api/");
            if (message.type().equals("error") && !refusedByApi) {
                errors.add(message.text() + " (" + message.location() + ")");
            }
        });
    }

    private static Browser browser() {
        if (shared != null && shared.isConnected()) {
            return shared;
        }
        assertThat(DRIVER.resolve("package/cli.js")).as("run .ci/run browser").exists();
        System.setProperty("playwright.cli.dir", DRIVER.toString());
        return shared = Playwright.create(
                        new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")))
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(Path.of("/usr/bin/chromium"))
                        .setArgs(List.of(
                                "--no-sandbox",
                                "--disable-gpu",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync")));
    }

    static Chromium light() {
        return new Chromium(ColorScheme.LIGHT);
    }

    static Chromium dark() {
        return new Chromium(ColorScheme.DARK);
    }

    /** Opens a path below {@code /console/} and signs in there. */
    Chromium signIn(String path, String clientId, String clientSecret) {
        page.navigate("/console/" + path);
        page.getByLabel("Client ID").fill(clientId);
        page.getByLabel("Client secret").fill(clientSecret);
        page.getByLabel("Client secret").press("Enter");
        heading().waitFor();
        assertThat(page.url()).as("nothing of it in the address").doesNotContain(clientSecret, clientId);
        return this;
    }

    /** Goes where a link would lead, without loading the page anew: the token is in its memory. */
    void go(String path) {
        page.evaluate(
                "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }",
                "/console/" + path);
        page.waitForTimeout(100);
    }

    /** The heading of the view, not of the sign-in. */
    Locator heading() {
        return page.locator("main#main h1");
    }

    Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    Locator link(String name) {
        return page.getByRole(
                AriaRole.LINK, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    Locator label(String name) {
        return page.getByLabel(name, new Page.GetByLabelOptions().setExact(true));
    }

    Locator text(String text) {
        return page.getByText(text).first();
    }

    String clipboard() {
        return (String) page.evaluate("navigator.clipboard.readText()");
    }

    /** All of the page, in a window as high as it is, so that what sticks to the window stands where it does on a screen. */
    void screenshot(String name) {
        ViewportSize size = page.viewportSize();
        int height = ((Number) page.evaluate("document.documentElement.scrollHeight")).intValue();
        page.setViewportSize(size.width, Math.max(size.height, height));
        screenshotOfWindow(name);
        page.setViewportSize(size.width, size.height);
    }

    void screenshotOfWindow(String name) {
        page.screenshot(new Page.ScreenshotOptions()
                .setPath(Path.of("target/screenshots/" + name + ".png"))
                .setAnimations(ScreenshotAnimations.DISABLED));
    }

    /** What of the page somebody could not perceive or use. */
    void axe(String name) {
        List<String> serious = new AxeBuilder(page)
                        .withTags(List.of("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"))
                        .analyze()
                        .getViolations()
                        .stream()
                        .filter(rule -> List.of("serious", "critical").contains(rule.getImpact()))
                        .map(Chromium::described)
                        .toList();
        assertThat(serious).as(name).isEmpty();
    }

    private static String described(Rule rule) {
        return rule.getId() + ": " + rule.getHelp() + " "
                + rule.getNodes().stream()
                        .map(node -> node.getTarget() + " " + node.getHtml() + " " + node.getFailureSummary())
                        .limit(3)
                        .toList();
    }

    /** Pixels that the page goes beyond its window, by what goes beyond; and words that are broken, within a table or a heading. */
    List<String> beyondItsWindow() {
        @SuppressWarnings("unchecked")
        List<String> found = (List<String>) page.evaluate("""
                () => {
                  const found = [];
                  const over = document.documentElement.scrollWidth - innerWidth;
                  if (over > 0) found.push(`the page: ${over} px`);
                  for (const part of document.querySelectorAll('.scroll'))
                    if (part.scrollWidth > part.clientWidth + 1 && innerWidth < 640) found.push(`${part.getAttribute('aria-label')}: ${part.scrollWidth - part.clientWidth} px`);
                  const range = document.createRange();
                  for (const cell of document.querySelectorAll('main :is(td, th, h1, h2, dt, .badge, .label, button)')) {
                    if (!cell.checkVisibility() || cell.closest('.break, .mono, .clip')) continue;
                    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT, (node) => node.parentElement.closest('.break, .mono, .clip, .sr, code, time') ? 2 : 1);
                    for (let text; (text = texts.nextNode()); )
                      for (const word of text.data.matchAll(/[A-Za-z]{2,}/g)) {
                        range.setStart(text, word.index);
                        range.setEnd(text, word.index + word[0].length);
                        if (new Set([...range.getClientRects()].map((each) => Math.round(each.top))).size > 1) found.push(`broken: ${word[0]}`);
                      }
                  }
                  for (const text of document.querySelectorAll('svg.chart text'))
                    if (text.getBoundingClientRect().height < 11) found.push(`small: ${text.textContent}`);
                  return found;
                }""");
        return found;
    }

    /** Errors that the test itself has brought about. @param part of their text */
    void expected(String part) {
        errors.removeIf(each -> each.contains(part));
    }

    @Override
    public void close() {
        try {
            assertThat(errors).as("errors in the browser's console").isEmpty();
        } finally {
            window.close();
        }
    }
}
