package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.NamedTests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code docs/proof.md} and {@code docs/operators.md} claim to be tested, is. */
class ProofPageTest {

    /** With a word why. */
    private static final Pattern NO_TEST = Pattern.compile("\\(no test(: \\w+ \\w+| of \\w+)");

    @Test
    void everyClaimNamesATestThatIsThere() throws IOException {
        String page = Files.readString(Path.of("docs/proof.md"));
        List<String> claims = NamedTests.claims(page.substring(page.indexOf("## The promise")));

        assertThat(claims).hasSizeGreaterThan(30);
        assertThat(claims.stream()
                        .filter(claim -> NamedTests.in(claim).isEmpty())
                        .filter(claim -> !NO_TEST.matcher(claim).find()))
                .as("claims that name no test, nor say why there is none")
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"docs/proof.md", "docs/operators.md"})
    void everyTestThatIsNamedIsThere(String page) throws IOException {
        List<String> named = NamedTests.in(Files.readString(Path.of(page)));

        assertThat(named).hasSizeGreaterThan(10);
        assertThat(named.stream().filter(name -> !NamedTests.exists(name)))
                .as("named, and not there")
                .isEmpty();
    }
}
