package io.rolewright.target;

/** What a successful login shows about the password. Under a {@code trust} rule any password logs in, so success alone shows nothing. */
public enum PasswordProof {
    /** The server says so itself: {@code system_user} (16+) is {@code scram-sha-256:}, {@code md5:} or {@code password:} and the role. */
    SYSTEM_USER,
    /** The server asked for a SCRAM or MD5 answer on the wire and accepted ours. SCRAM proves both sides. */
    CHALLENGE,
    /** The server let us in without asking: {@code trust}, {@code peer} or {@code cert}. The password was not used. */
    NOT_ASKED,
    /** A password was asked for, but another system may have judged it (LDAP, RADIUS, PAM, a proxy). */
    UNKNOWN;

    /** Whether the password is shown to be the one that the target keeps for the role. */
    public boolean proven() {
        return this == SYSTEM_USER || this == CHALLENGE;
    }
}
