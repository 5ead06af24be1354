package io.rolewright.target;

import java.time.Duration;

/**
 * What a request is going to do on a server, all of it together. Whoever has less of his deadline left than his errand takes is not
 * admitted: it could be begun and not be brought to its end.
 */
public enum Errand {
    /** It logs in and looks, or rehearses: one session or two for each role. */
    LOOK(Duration.ofMillis(1500), Duration.ofMillis(200)),
    /** It changes a password and proves it: some six sessions, one after the other. */
    CHANGE(Duration.ofSeconds(4), Duration.ofMillis(600));

    private final Duration least;
    private final Duration usual;

    Errand(Duration least, Duration usual) {
        this.least = least;
        this.usual = usual;
    }

    /** What must be left of the deadline, however fast the server is. */
    Duration least() {
        return least;
    }

    /** What it takes on a server of which nothing is known yet; from then on it is measured. */
    Duration usual() {
        return usual;
    }
}
