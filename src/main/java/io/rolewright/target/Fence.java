package io.rolewright.target;

import java.util.regex.Pattern;

/**
 * Who changes a role and the number that orders its changes. It is kept in the role's comment on the target, as
 * {@code rolewright:<store id>/<rotation id> epoch=<n>} behind whatever a human wrote there.
 *
 * @param owner {@code <store id>/<rotation id>}: letters, digits and hyphens
 * @param epoch 1 or more; grows with every attempt
 */
public record Fence(String owner, long epoch) {

    /** PostgreSQL's regular expression for the marker; owner and epoch are its groups. */
    static final String MARKER = "rolewright:([0-9A-Za-z-]+/[0-9A-Za-z-]+) epoch=([0-9]{1,18})";

    private static final Pattern OWNER = Pattern.compile("[0-9A-Za-z-]{1,64}/[0-9A-Za-z-]{1,64}");
    private static final long MAXIMUM_EPOCH = 999_999_999_999_999_999L;

    public Fence {
        if (!OWNER.matcher(owner).matches() || epoch < 1 || epoch > MAXIMUM_EPOCH) {
            throw new IllegalArgumentException("not an owner and epoch: " + owner + ", " + epoch);
        }
    }

    String marker() {
        return "rolewright:" + owner + " epoch=" + epoch;
    }
}
