package io.rolewright.target;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who changes a role, and the number that orders its changes. It is kept in the role's comment on the target, as
 * {@code rolewright:<store id>/<credential id> epoch=<n> version=<v>} behind whatever a human wrote there. No epoch of an owner is written
 * twice.
 *
 * @param owner {@code <store id>/<credential id>}: letters, digits and hyphens
 * @param epoch 1 or more; grows with every attempt. What stands in a comment is text that anybody may have written: {@link Long#MAX_VALUE}
 *     is any number that is too large to be one of ours
 * @param version of the credential, as its consumers see it, 0 before the first; 0 also where the build before wrote the marker
 * @param ended whether the owner has given the role up: the next one needs nobody's leave
 */
public record Fence(String owner, long epoch, long version, boolean ended) {

    /** PostgreSQL's regular expression for the marker; owner, epoch, version and the word for an end are its groups. */
    static final String MARKER =
            "rolewright:([0-9A-Za-z-]+/[0-9A-Za-z-]+) epoch=([0-9]+)(?: version=([0-9]+)(?: (ended))?)?";

    /**
     * The marker, with what the build before leaves of an older one: it knows the first two groups only, and puts its own marker behind the
     * rest.
     */
    static final String MARKER_AND_REST = "(?:version=[0-9]+ (?:ended )?)?" + MARKER;

    private static final Pattern OWNER = Pattern.compile("[0-9A-Za-z-]{1,64}/[0-9A-Za-z-]{1,64}");
    private static final int MOST_DIGITS = 18;

    public Fence {
        if (!OWNER.matcher(owner).matches() || epoch < 1 || version < 0) {
            throw new IllegalArgumentException(
                    "not an owner, epoch and version: " + owner + ", " + epoch + ", " + version);
        }
    }

    public Fence(String owner, long epoch, long version) {
        this(owner, epoch, version, false);
    }

    /** @param groups of {@link #MARKER}; null where nothing matched */
    static @Nullable Fence read(String @Nullable [] groups) {
        return groups == null || !OWNER.matcher(groups[0]).matches()
                ? null
                : new Fence(groups[0], Math.max(1, number(groups[1])), number(groups[2]), groups[3] != null);
    }

    private static long number(@Nullable String digits) {
        return digits == null ? 0 : digits.length() > MOST_DIGITS ? Long.MAX_VALUE : Long.parseLong(digits);
    }

    String marker() {
        return "rolewright:" + owner + " epoch=" + epoch + " version=" + version + (ended ? " ended" : "");
    }
}
