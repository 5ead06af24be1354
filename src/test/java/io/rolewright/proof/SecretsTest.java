package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The search is only worth something if it finds. */
class SecretsTest {

    private static final String SECRET = "it's \"recognisable\" \\ at 100 %";

    private final Secrets secrets = new Secrets();

    @Test
    void findsEveryFormOfASecretAnywhereInAText() {
        secrets.add("one", SECRET);

        assertThat(secrets.in("before " + SECRET + " after")).contains("one");
        assertThat(secrets.in(SECRET)).contains("one");
        assertThat(secrets.in(("x" + SECRET).getBytes(StandardCharsets.UTF_16LE)))
                .containsExactly("one in UTF-16");
        assertThat(secrets.in(Base64.getEncoder().encodeToString((SECRET + "more").getBytes(StandardCharsets.UTF_8))))
                .contains("one in Base64");
        assertThat(secrets.in("{\"a\":\"it's \\\"recognisable\\\" \\\\ at 100 %\"}"))
                .contains("one escaped");
        assertThat(secrets.in("'it''s \"recognisable\" \\ at 100 %'")).containsExactly("one quoted");
        assertThat(secrets.in("?q=it%27s+%22recognisable%22+%5C+at+100+%25")).containsExactly("one in percent signs");
        assertThat(secrets.in(SECRET.substring(1))).isEmpty();
    }

    @Test
    void findsItInAFileBetweenOtherBytes(@TempDir Path folder) throws Exception {
        secrets.add("one", "0123456789abcdef");
        byte[] page = new byte[100_000];
        System.arraycopy("0123456789abcdef".getBytes(StandardCharsets.UTF_8), 0, page, 65_530, 16);
        Files.write(Files.createDirectories(folder.resolve("base")).resolve("1"), page);
        Files.write(folder.resolve("2"), new byte[10]);

        assertThat(secrets.below(folder)).isEqualTo(Map.of(Path.of("base/1"), Set.of("one")));
    }
}
