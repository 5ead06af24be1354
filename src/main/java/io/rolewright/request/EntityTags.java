package io.rolewright.request;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What a client has already, by its {@code If-None-Match}. */
public final class EntityTags {

    private EntityTags() {}

    /**
     * One version of a password, told from one of the same number that a store had before it was restored.
     *
     * @param since when it began to be served; null before the first
     */
    public static String version(long number, @Nullable Instant since) {
        return since == null
                ? Long.toString(number)
                : number + "." + Long.toString(since.getEpochSecond() * 1_000_000 + since.getNano() / 1000, 36);
    }

    /**
     * RFC 9110 §13.1.2: weak comparison with any of a list, or anything.
     *
     * @param ifNoneMatch as it was sent; null when it was not
     * @param etag with its quotes
     */
    public static boolean isKnown(String ifNoneMatch, String etag) {
        if (ifNoneMatch == null) {
            return false;
        }
        for (String each : ifNoneMatch.split(",")) {
            String tag = each.strip();
            if (tag.equals("*") || tag.equals(etag) || tag.equals("W/" + etag)) {
                return true;
            }
        }
        return false;
    }
}
