package io.rolewright.target;

import com.ongres.saslprep.SASLprep;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Which names of roles can be changed here, and proven by a login afterwards. Any thread. */
public final class RoleName {

    /** NAMEDATALEN - 1: PostgreSQL cuts longer names silently, and would then act on another role. */
    public static final int LONGEST = 63;

    private RoleName() {}

    /** @return what is wrong with the name, as a sentence without its subject; empty if nothing is */
    public static Optional<String> fault(String name) {
        if (name.isEmpty()) {
            return Optional.of("Must not be empty");
        }
        if (name.indexOf('\0') >= 0) {
            return Optional.of("Must not contain a NUL character");
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST) {
            return Optional.of("Must have at most " + LONGEST + " bytes: PostgreSQL cuts longer names");
        }
        if (!canLogIn(name)) {
            return Optional.of(
                    "Must not contain control or private-use characters, nor mix directions of writing as RFC 4013"
                            + " forbids: no login could prove its password");
        }
        return Optional.empty();
    }

    /** The driver sends the name in its SCRAM messages too, where RFC 5802 §5.1 wants it prepared by SASLprep, and gives up if it cannot be. */
    private static boolean canLogIn(String name) {
        try {
            return new SASLprep().prepareQuery(name.toCharArray()).length > 0;
        } catch (RuntimeException prohibited) { // it has several of its own for that
            return false;
        }
    }
}
