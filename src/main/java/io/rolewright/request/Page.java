package io.rolewright.request;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which part of a list a caller wants: {@code limit} rows after {@code cursor}, or all of it. Lists are ordered by name
 * and then id, and a cursor is the last row's: rows that come and go between two pages shift nothing.
 *
 * @param limit 1 to 1000; null when the caller asked for the whole list
 * @param afterName, afterId the row before the page; null for the first page
 */
public record Page(
        @Nullable Integer limit,
        @Nullable String afterName,
        @Nullable UUID afterId) {

    /** A list of more rows has to be asked for in pages. */
    static final int LONGEST_LIST = 10_000;

    private static final int LARGEST_PAGE = 1000;

    /** All rows, to choose from. */
    public static Page whole() {
        return new Page(null, null, null);
    }

    /** @throws ValidationProblem naming the query parameter that does not fit */
    public static Page of(@Nullable String limit, @Nullable String cursor) {
        Integer size = limit == null ? null : (Integer) Numbers.upTo(LARGEST_PAGE, "limit", limit);
        if (cursor == null) {
            return new Page(size, null, null);
        }
        if (size == null) {
            throw ValidationProblem.at(List.of("limit"), "invalid_type", "Required together with cursor");
        }
        try {
            String[] last = new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8).split("\n", -1);
            return new Page(size, last[1], UUID.fromString(last[0]));
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException malformed) {
            throw anotherCursor();
        }
    }

    /**
     * The moment of the row before the page, in lists that are ordered by one; null for the first page.
     *
     * @throws ValidationProblem at {@code cursor}
     */
    public @Nullable Instant afterMoment() {
        try {
            return afterName == null ? null : Instant.parse(afterName);
        } catch (DateTimeParseException another) {
            throw anotherCursor();
        }
    }

    private static ValidationProblem anotherCursor() {
        return ValidationProblem.at(
                List.of("cursor"), "custom", "Must be the nextCursor of an earlier answer, unchanged");
    }

    /** How many rows to read: one more than are shown, which tells whether there are more. */
    public int rowsToRead() {
        return (limit != null ? limit : LONGEST_LIST) + 1;
    }

    /**
     * The rows to show of those that were read.
     *
     * @throws Problem 400 {@code too_many_rows} when the caller asked for all and there are more than 10,000
     */
    public <T> Slice<T> cut(List<T> rows, Function<T, String> name, Function<T, UUID> id) {
        if (rows.size() < rowsToRead()) {
            return new Slice<>(rows, null);
        }
        if (limit == null) {
            throw Problem.of(
                    ErrorCode.TOO_MANY_ROWS,
                    "There are more than " + LONGEST_LIST + " rows. Ask for them in pages: send limit (1 to "
                            + LARGEST_PAGE + "), then limit and the nextCursor of each answer as cursor.");
        }
        T last = rows.get(limit - 1);
        String position = id.apply(last) + "\n" + name.apply(last);
        String cursor =
                Base64.getUrlEncoder().withoutPadding().encodeToString(position.getBytes(StandardCharsets.UTF_8));
        return new Slice<>(rows.subList(0, limit), cursor);
    }

    /** @param nextCursor null on the last page */
    public record Slice<T>(List<T> rows, @Nullable String nextCursor) {

        public <R> Slice<R> map(Function<T, R> shape) {
            return new Slice<>(rows.stream().map(shape).toList(), nextCursor);
        }
    }
}
