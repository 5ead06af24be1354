package io.rolewright.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A page under {@code docs/} that is made of the code, and so cannot say anything else. */
public final class MadePage {

    private MadePage() {}

    /**
     * Fails unless the page in the repository is the one that was made; that one is in {@code target/} then.
     *
     * @param name of the file in {@code docs/}
     */
    public static void assertIs(String name, String made) {
        Path page = Path.of("docs", name);
        Path fresh = Path.of("target", name);
        try {
            Files.writeString(fresh, made);
            assertThat(Files.exists(page) ? Files.readString(page) : "")
                    .as("%s is not what the code says. See what has changed, then: cp %s %s", page, fresh, page)
                    .isEqualTo(made);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
