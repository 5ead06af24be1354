package io.rolewright.request;

/** What a client has already, by its {@code If-None-Match}. */
public final class EntityTags {

    private EntityTags() {}

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
