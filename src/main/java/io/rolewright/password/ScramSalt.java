package io.rolewright.password;

import java.util.Base64;

/**
 * What a server's SCRAM challenge tells of the secret that it keeps for a role, to anybody and before any proof is sent. The salt of a
 * secret of ours is random, so it tells which secret that is. A role without a usable password (unknown, expired, without one, stored as
 * MD5) shows a salt too, which the server makes up and which stays the same for the role.
 *
 * @param salt in Base64
 * @param iterations 1 or more
 */
public record ScramSalt(String salt, int iterations) {

    /** @param salt in Base64; throws {@link IllegalArgumentException} when it is not */
    public ScramSalt {
        Base64.getDecoder().decode(salt);
    }

    /** The salt itself. */
    public byte[] bytes() {
        return Base64.getDecoder().decode(salt);
    }
}
