package io.rolewright.target;

/** What a successful login shows about the password. Under a {@code trust} rule any password logs in, so success alone shows nothing. */
public enum PasswordProof {
    /** The server says so itself: {@code system_user} (16+) is {@code scram-sha-256:}, {@code md5:} or {@code password:} and the role. */
    SYSTEM_USER,
    /** The server asked for a SCRAM or MD5 answer on the wire and accepted ours. SCRAM proves both sides. */
    CHALLENGE,
    /** The server let us in without asking: {@code trust}, {@code peer} or {@code cert}. The password was not used. */
    NOT_ASKED,
    /** A pooler or proxy stands in between: it may have judged the password by a list of its own, and the server's session may be older than it. */
    POOLED,
    /** A password was asked for, but another system may have judged it (LDAP, RADIUS, PAM). */
    UNKNOWN;

    /** Stable code of what {@link #POOLED} means for a change of passwords. */
    public static final String POOLER = "pooler_in_between";

    /** What that means, and the way out. */
    public static final String POOLER_MESSAGE =
            "A pooler or proxy stands before the server. It keeps passwords and sessions of its own, so a new password could neither be"
                    + " proven nor would it know of it. Give the connection the address of the server itself.";

    /** Whether the password is shown to be the one that the target keeps for the role. */
    public boolean proven() {
        return this == SYSTEM_USER || this == CHALLENGE;
    }
}
