package io.rolewright.password;

import com.ongres.scram.common.StringPreparation;

/** How PostgreSQL prepares a password before it derives a SCRAM secret of it (RFC 4013, {@code pg_saslprep}). */
public final class Saslprep {

    /** Listed by RFC 3454 both as a space (C.1.2) and as nothing (B.1); PostgreSQL looks for spaces first, the library for nothing. */
    private static final char ZERO_WIDTH_SPACE = '\u200B';

    private Saslprep() {}

    /**
     * @param password of at least one character
     * @return as PostgreSQL and libpq have it: what is ASCII, and what SASLprep forbids or makes empty, stays as it is
     */
    public static String prepared(String password) {
        if (password.chars().allMatch(character -> character < 0x80)) {
            return password;
        }
        try {
            return new String(StringPreparation.SASL_PREPARATION.normalize(
                    password.replace(ZERO_WIDTH_SPACE, ' ').toCharArray()));
        } catch (RuntimeException forbiddenOrEmpty) { // the library has several kinds of it
            return password;
        }
    }
}
