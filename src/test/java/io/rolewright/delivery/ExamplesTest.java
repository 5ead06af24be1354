package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code docs/consuming.md} shows nothing as code that is not part of a file which CI runs, unless it says that it was not run. */
class ExamplesTest {

    private static final Pattern BLOCK =
            Pattern.compile("(?m)^(?:`(\\S+)`, (?:not )?run in CI:|Not run:)\n\n```[a-z]*\n((?s:.*?))^```$");

    @Test
    void eachIsFromAFileOrMarkedAsNotRun() throws IOException {
        String page = Files.readString(Path.of("docs/consuming.md"));
        List<String> shown = new ArrayList<>();
        Matcher block = BLOCK.matcher(page);
        while (block.find()) {
            shown.add(block.group());
            String file = block.group(1);
            if (file != null) {
                assertThat(stripped(Files.readString(Path.of(file)))).as(file).contains(stripped(block.group(2)));
            }
        }

        assertThat(page.lines().filter(line -> line.startsWith("```")).count())
                .as("blocks of code with nothing before them that says where they are from")
                .isEqualTo(2L * shown.size());
        assertThat(shown).hasSizeGreaterThan(10);
    }

    /** Without indentation, which a page has no use for. */
    private static String stripped(String code) {
        return code.lines().map(String::strip).reduce("", (before, line) -> before + line + "\n");
    }
}
