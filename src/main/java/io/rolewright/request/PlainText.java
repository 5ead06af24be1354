package io.rolewright.request;

/**
 * The one pattern for names and notes that people read: a character that does not show, or that changes how what is around it shows, makes
 * one name look like another, or a line of a log like two.
 */
public final class PlainText {

    /** Control, format (direction, joiners, tags), line and paragraph separators: for a class of characters of a Java pattern. */
    static final String NOT = "\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}";

    /** The same for a pattern of ECMAScript without the flag {@code u}, up to U+FFFF. */
    static final String NOT_IN_DOCUMENT =
            "\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890-\\u0891\\u08e2\\u180e\\u200b-\\u200f"
                    + "\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb";

    /** Any such text, the empty one too. */
    public static final String ANY = "[^" + NOT + "]*";

    /** One that is not blank. */
    public static final String SOME = "[^" + NOT + "]*[^" + NOT + "\\s][^" + NOT + "]*";

    public static final String RULE = "must not contain control, format or line separator characters";

    private PlainText() {}
}
