package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.problem.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whoever is told of a trouble is told what it is: not that a server has refused a change which nobody has asked it for. */
class TroubleCauseTest {

    private static final Path CODE = Path.of("src/main/java/io/rolewright");

    /** Where a change that ends without a new password gets its reason, and a role in doubt its own. */
    private static final List<Pattern> REASONS = List.of(
            Pattern.compile("(?:Stop\\.(?:definite|passing)|new Stop)\\(\\s*[\\w.]+,\\s*\"([a-z_]+)\""),
            Pattern.compile("ChangeOutcome\\.(?:InDoubt|Failed|Parked)\\(\\s*[\\w.]+,\\s*\"([a-z_]+)\""),
            Pattern.compile("\\breason = \"([a-z_]+)\""),
            Pattern.compile("String (?:THIRD_PARTY|OUT_OF_TIME|POOLER) = \"([a-z_]+)\""),
            Pattern.compile("case \"[0-9A-Z\", ]+\" -> \"([a-z_]+)\";"));

    /** Of what is gone there is no trouble. */
    private static final Set<String> GONE = Set.of("owner_gone", "deleted");

    /** What the statements say themselves. */
    private static final List<String> OTHERS = List.of(
            "not_answered_yet",
            "interrupted",
            "rotation_revoking",
            "overdue",
            "valid_until",
            "vault_behind",
            "stale_credential",
            "webhook_failing",
            "webhook_dead_letters",
            "store_is_a_copy");

    private static Set<String> reasons() throws IOException {
        Set<String> found = new TreeSet<>(OTHERS);
        try (Stream<Path> files = Files.list(CODE.resolve("credential"))) {
            for (Path file :
                    files.filter(each -> each.toString().endsWith(".java")).toList()) {
                String text = Files.readString(file);
                REASONS.forEach(reason -> reason.matcher(text).results().forEach(match -> found.add(match.group(1))));
            }
        }
        Pattern own = Pattern.compile("new Own\\([^;]*?\"(?:store|vault|key)\",\\s*\"([a-z_]+)\"");
        own.matcher(Files.readString(CODE.resolve("operations/OwnTroubles.java")))
                .results()
                .forEach(match -> found.add(match.group(1)));
        found.removeAll(GONE);
        return found;
    }

    @Test
    void everyReasonHasWordsOfItsOwn() throws IOException {
        Set<String> reasons = reasons();
        assertThat(reasons)
                .hasSizeGreaterThan(25)
                .contains("answer_missing", "role_locked", "internal_error", "audit_not_pruned");
        reasons.remove("server_refused");

        assertThat(reasons)
                .allSatisfy(code -> assertThat(TroubleCause.of(code).meaning())
                        .as(code)
                        .isNotEqualTo(ErrorCode.SERVER_REFUSED.meaning()));
    }

    /** No request was sent, so there are no details to look into and nothing to send again. */
    @Test
    void noneSpeaksOfAnAnswer() throws IOException {
        assertThat(reasons())
                .allSatisfy(code -> assertThat(TroubleCause.of(code).next())
                        .as(code)
                        .doesNotContain("Retry-After", "reqId", "Repeat the request"));
    }

    @Test
    void areSentences() {
        assertThat(TroubleWords.all())
                .allSatisfy(word -> assertThat(List.of(word.meaning(), word.next()))
                        .as(word.code())
                        .allMatch(each -> each.matches("(?s)[A-Za-z].*\\.")));
    }
}
