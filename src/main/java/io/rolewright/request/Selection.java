package io.rolewright.request;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which rows of a list are wanted, in which order. Rows are chosen here and not by the store, because some of what they are looked
 * for by is sealed there, and because people count: {@code app-9} comes before {@code app-10}.
 *
 * @param sort the column
 * @param down whether its last comes first
 * @param offset rows to leave out, 0 to 10,000
 * @param limit rows to show, 1 to 1000
 */
public record Selection(Search search, String sort, boolean down, int offset, int limit) {

    /** Rows to read at most, of which the last says that there are more than can be looked through. */
    public static final int ROWS_TO_READ = Page.LONGEST_LIST + 1;

    /**
     * @param count how many there are on all pages
     */
    public record Chosen<T>(List<T> rows, long count) {}

    /**
     * Chooses the rows that have the words, puts them in order and takes the page.
     *
     * @param all among which is looked
     * @param texts of the row, what the list shows of it; null for what it does not have
     * @param column of the row, what they are sorted by: texts, numbers or times of one kind; null comes last, whichever way
     */
    public <T> Chosen<T> choose(
            Collection<T> all,
            Function<T, @Nullable String[]> texts,
            Function<T, @Nullable Comparable<?>> column,
            Function<T, String> name,
            Function<T, UUID> id) {
        Comparator<Comparable<?>> way = down ? (a, b) -> compare(b, a) : Selection::compare;
        Comparator<T> order = Comparator.comparing(column, Comparator.nullsLast(way));
        List<T> found = all.stream()
                .filter(row -> search.finds(id.apply(row), texts.apply(row)))
                .toList();
        List<T> rows = found.stream()
                .sorted(order.thenComparing(name, Selection::natural).thenComparing(id))
                .skip(offset)
                .limit(limit)
                .toList();
        return new Chosen<>(rows, found.size());
    }

    /** @throws Problem 400 {@code too_many_rows} when more were read than are looked through */
    public static void requireFew(int rows) {
        if (rows >= ROWS_TO_READ) {
            throw Problem.of(
                    ErrorCode.TOO_MANY_ROWS,
                    "There are more than " + Page.LONGEST_LIST
                            + " rows, which is too many to search or sort. Narrow them by projectId"
                            + " or status, or read them in their usual order, by limit and cursor.");
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static int compare(Comparable a, Comparable b) {
        return a instanceof String text ? natural(text, (String) b) : a.compareTo(b);
    }

    /** Without regard to case, and with numbers by their value. */
    static int natural(String a, String b) {
        String left = a.toLowerCase(Locale.ROOT);
        String right = b.toLowerCase(Locale.ROOT);
        int i = 0;
        int j = 0;
        while (i < left.length() && j < right.length()) {
            int endOfLeft = endOfNumber(left, i);
            int endOfRight = endOfNumber(right, j);
            int difference;
            if (endOfLeft > i && endOfRight > j) {
                String one = left.substring(i, endOfLeft).replaceFirst("^0+", "");
                String other = right.substring(j, endOfRight).replaceFirst("^0+", "");
                difference = one.length() == other.length() ? one.compareTo(other) : one.length() - other.length();
                i = endOfLeft;
                j = endOfRight;
            } else {
                difference = left.charAt(i++) - right.charAt(j++);
            }
            if (difference != 0) {
                return difference;
            }
        }
        int rest = (left.length() - i) - (right.length() - j);
        return rest != 0 ? rest : a.compareTo(b);
    }

    private static int endOfNumber(String text, int from) {
        int end = from;
        while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end;
    }
}
