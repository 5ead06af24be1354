package io.rolewright.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which fields an update has given another value, by the names that they have in the request: what a client repeats is not among them.
 * Every update says so in the audit, as {@link #FACT}. For one thread.
 */
public final class Changes {

    /** A list of names, empty if nothing is another than before. */
    public static final String FACT = "changed";

    private final List<String> fields = new ArrayList<>();

    /** @param before as it was under the lock; values are compared and not kept */
    public Changes put(String field, @Nullable Object before, @Nullable Object after) {
        return put(field, !Objects.equals(before, after));
    }

    public Changes put(String field, boolean changed) {
        if (changed && !fields.contains(field)) {
            fields.add(field);
        }
        return this;
    }

    public List<String> fields() {
        return List.copyOf(fields);
    }
}
