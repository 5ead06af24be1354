package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;

/** Ids in paths. */
public final class Ids {

    /** RFC 9562 §4; {@link UUID#fromString} alone also takes shortened forms. */
    private static final Pattern UUID_FORM =
            Pattern.compile("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");

    private Ids() {}

    /** @throws ValidationProblem naming the path parameter that is not a UUID */
    public static UUID parse(String parameter, String text) {
        if (!UUID_FORM.matcher(text).matches()) {
            throw ValidationProblem.at(List.of(parameter), "invalid_string", "Must be a UUID");
        }
        return UUID.fromString(text);
    }
}
