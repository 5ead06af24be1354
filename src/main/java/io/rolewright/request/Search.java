package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What somebody looks for in a list.
 *
 * @param words in lower case; a row has to have all of them; without any it is every row
 */
public record Search(List<String> words) {

    /** Characters. */
    static final int LONGEST = 200;

    /** So many characters of an id are written by nobody who does not mean it. */
    private static final int PART_OF_AN_ID = 8;

    /** @throws ValidationProblem at {@code search} for a longer text, or one that no row can have */
    static Search of(@Nullable String text) {
        if (text == null) {
            return new Search(List.of());
        }
        if (text.length() > LONGEST || text.indexOf('\0') >= 0) {
            throw ValidationProblem.at(
                    List.of("search"), "custom", "Must have at most " + LONGEST + " characters, and none that is NUL");
        }
        return new Search(Arrays.stream(text.toLowerCase(Locale.ROOT).split("\\s+"))
                .filter(word -> !word.isEmpty())
                .distinct()
                .toList());
    }

    public boolean isForAnything() {
        return words.isEmpty();
    }

    /** @param texts what the list shows of the row; null for what it does not have */
    public boolean finds(UUID id, @Nullable String... texts) {
        if (words.isEmpty()) {
            return true;
        }
        List<String> lower = Stream.of(texts)
                .filter(text -> text != null)
                .map(text -> text.toLowerCase(Locale.ROOT))
                .toList();
        return words.stream()
                .allMatch(word -> lower.stream().anyMatch(text -> text.contains(word))
                        || word.length() >= PART_OF_AN_ID && id.toString().startsWith(word));
    }
}
