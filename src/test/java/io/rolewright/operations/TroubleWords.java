package io.rolewright.operations;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Stream;

/** What {@link TroubleCause} says, for the page of all codes. */
public final class TroubleWords {

    private TroubleWords() {}

    public record Word(String code, String meaning, String next) {}

    /** By their codes. */
    public static Stream<Word> all() {
        return Arrays.stream(TroubleCause.values())
                .map(cause -> cause.name().toLowerCase(Locale.ROOT))
                .sorted(Comparator.naturalOrder())
                .map(code -> new Word(
                        code,
                        TroubleCause.of(code).meaning(),
                        TroubleCause.of(code).next()));
    }
}
