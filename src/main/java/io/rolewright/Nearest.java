package io.rolewright;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** The word that somebody may have meant. */
final class Nearest {

    private Nearest() {}

    /** @return the known word that takes the fewest changes of a letter; empty if that is more than a third of it */
    static Optional<String> of(String word, Collection<String> known) {
        String start = word.substring(0, Math.min(word.length(), 100));
        return known.stream()
                .min(Comparator.<String>comparingInt(each -> changes(start, each))
                        .thenComparing(Comparator.naturalOrder()))
                .filter(each -> changes(start, each) <= Math.max(2, each.length() / 3));
    }

    /** Levenshtein's distance. */
    private static int changes(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[other.length()];
    }
}
