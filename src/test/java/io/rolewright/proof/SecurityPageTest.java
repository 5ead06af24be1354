package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.NamedTests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What {@code docs/SECURITY.md} claims, a test shows. */
class SecurityPageTest {

    private static final Path PAGE = Path.of("docs/SECURITY.md");

    /** With a word why, so that "no test" alone is no excuse. */
    private static final Pattern NO_TEST = Pattern.compile("\\bno test(: \\w+ \\w+| of | waits |;|\\))");

    /** Any other way to write the name of a test, which would not be looked for. */
    private static final Pattern OTHER_NAME =
            Pattern.compile("`[^`#\\s]*[A-Z][a-z]\\w*(Test|IT)\\b[^`#]*`|`…[A-Z.][^`]*[a-z][^`]*`");

    @Test
    void everyClaimNamesATestThatIsThere() throws IOException {
        List<String> claims = NamedTests.claims(Files.readString(PAGE));

        assertThat(claims).hasSizeGreaterThan(70);
        assertThat(claims.stream()
                        .filter(claim -> NamedTests.in(claim).isEmpty())
                        .filter(claim -> !NO_TEST.matcher(claim).find()))
                .as("claims that name no test, nor say why there is none")
                .isEmpty();
    }

    @Test
    void everyTestThatIsNamedIsThere() throws IOException {
        String page = Files.readString(PAGE);

        assertThat(NamedTests.in(page)).hasSizeGreaterThan(100);
        assertThat(NamedTests.in(page).stream()
                        .filter(name -> !name.equals("package.Class#method"))
                        .filter(name -> !NamedTests.exists(name)))
                .as("named, and not there")
                .isEmpty();
        assertThat(OTHER_NAME.matcher(page).results().map(found -> found.group()))
                .as("names of tests that are not written as `package.Class#method`")
                .isEmpty();
    }

    @Test
    void aClaimWithoutATestIsFound() {
        String page = "# Title\n\nFirst\nparagraph.\n\nLeads on:\n\n- one (`a.BTest#c`)\n  goes on\n- two\n\n"
                + "| head | head |\n|---|---|\n| row | `a.BTest#d` |\n\n```\ncode\n```\nlast\n";

        assertThat(NamedTests.claims(page))
                .containsExactly(
                        "First paragraph.", "- one (`a.BTest#c`) goes on", "- two", "| row | `a.BTest#d` |", "last");
        assertThat(NamedTests.in(page)).containsExactly("a.BTest#c", "a.BTest#d");
        assertThat(NamedTests.exists("proof.SecurityPageTest#aClaimWithoutATestIsFound"))
                .isTrue();
        assertThat(NamedTests.exists("access.AccessTest#leavesTheOwnerInFromAnotherAddress"))
                .as("of a nested class")
                .isTrue();
        assertThat(NamedTests.exists("proof.SecurityPageTest#thatIsNotThere")).isFalse();
        assertThat(NamedTests.exists("proof.ThatIsNotThereTest#some")).isFalse();
    }
}
