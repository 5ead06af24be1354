package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Words of a query that are one or several of a few. */
public final class Words {

    private Words() {}

    /**
     * @param field the name of the parameter
     * @param text absent for no
     * @throws ValidationProblem at {@code field} for anything but true and false
     */
    public static boolean flag(String field, @Nullable String text) {
        if (text == null || text.equals("false")) {
            return false;
        }
        if (!text.equals("true")) {
            throw ValidationProblem.at(List.of(field), "invalid_enum_value", "Must be true or false");
        }
        return true;
    }

    /**
     * One word of a few.
     *
     * @param field the name of the parameter
     * @throws ValidationProblem at {@code field} for any other word, with those that there are
     */
    public static <T> T one(String field, String text, T[] values, Function<T, String> word) {
        return Arrays.stream(values)
                .filter(value -> word.apply(value).equals(text))
                .findFirst()
                .orElseThrow(() -> ValidationProblem.at(
                        List.of(field),
                        "invalid_enum_value",
                        "Must be one of " + Arrays.stream(values).map(word).collect(Collectors.joining(", "))));
    }

    /**
     * @param field the name of the parameter
     * @param text words with commas between them, without blanks
     * @param values all that there are
     * @param word how each is written
     * @return in the order of the text, each once
     * @throws ValidationProblem at {@code field} for any other word, with those that there are
     */
    public static <T> Set<T> some(String field, String text, T[] values, Function<T, String> word) {
        Set<T> wanted = new LinkedHashSet<>();
        for (String each : text.split(",", -1)) {
            wanted.add(Arrays.stream(values)
                    .filter(value -> word.apply(value).equals(each))
                    .findFirst()
                    .orElseThrow(() -> ValidationProblem.at(
                            List.of(field),
                            "invalid_enum_value",
                            "Must be one or more, separated by commas, of "
                                    + Arrays.stream(values).map(word).collect(Collectors.joining(", ")))));
        }
        return wanted;
    }
}
