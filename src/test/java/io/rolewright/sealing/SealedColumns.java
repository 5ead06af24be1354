package io.rolewright.sealing;

import java.util.List;
import java.util.stream.Stream;

/** For tests of other packages: what of the store is ciphertext, or belongs to one. */
public final class SealedColumns {

    private SealedColumns() {}

    /** Each as {@code table column}: what is sealed, the id and the version that it is bound to, and which key it needs. */
    public static List<String> all() {
        return Stream.of(SealedField.values())
                .map(field -> field.place)
                .flatMap(place -> Stream.of(place.column(), place.column() + "_key_id", place.record(), place.version())
                        .map(column -> place.table() + " " + column))
                .toList();
    }
}
