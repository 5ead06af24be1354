package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import java.util.List;

/** Whole numbers in queries. */
public final class Numbers {

    private Numbers() {}

    /**
     * A number from 1 on, in plain digits and no more of them than the largest has.
     *
     * @throws ValidationProblem naming the query parameter that is anything else
     */
    public static int upTo(int largest, String parameter, String text) {
        int digits = String.valueOf(largest).length();
        if (!text.matches("[0-9]{1," + digits + "}")
                || Integer.parseInt(text) < 1
                || Integer.parseInt(text) > largest) {
            throw ValidationProblem.at(List.of(parameter), "custom", "Must be a number from 1 to " + largest);
        }
        return Integer.parseInt(text);
    }
}
