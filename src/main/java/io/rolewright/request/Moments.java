package io.rolewright.request;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** How a moment is written wherever a caller or receiver reads it: RFC 3339, in UTC, with three digits of a second, as the reference does. */
public final class Moments {

    private static final DateTimeFormatter FORMAT = DateTimeFormatter.ofPattern(
                    "uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private Moments() {}

    /** @return such as {@code 2026-11-27T02:30:00.000Z}; what is less than a millisecond is left out */
    public static String text(Instant moment) {
        return FORMAT.format(moment);
    }
}
