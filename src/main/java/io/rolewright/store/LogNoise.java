package io.rolewright.store;

import java.util.Arrays;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Errors with stack traces that libraries log where nobody is affected and nothing is wrong. */
final class LogNoise {

    /** Kept, so that they are not collected together with their filters. */
    private static final Logger VERTX = Logger.getLogger("io.quarkus.vertx.core.runtime.VertxCoreRecorder");

    private static final Logger MUTINY = Logger.getLogger("io.quarkus.mutiny.runtime.MutinyInfrastructure");

    private static final String POOL = "io.vertx.sqlclient.impl.pool.SqlConnectionPool";

    /** From where an exception was thrown that are looked at. */
    private static final int FRAMES = 3;

    private LogNoise() {}

    static void silence() {
        VERTX.setFilter(line -> !isOfThePool(line));
        MUTINY.setFilter(line -> !isOfARequestThatWasLeft(line));
    }

    /**
     * The driver's pool fails a request for a session a second time, after the time that it may wait, when the session could not be opened
     * (eclipse-vertx/vertx-sql-client#1706): hundreds while the store is away.
     */
    static boolean isOfThePool(LogRecord line) {
        Throwable thrown = line.getThrown();
        if (!(thrown instanceof IllegalStateException) || !"Result is already complete".equals(thrown.getMessage())) {
            return false;
        }
        StackTraceElement[] stack = thrown.getStackTrace();
        return stack.length > 1 && stack[1].getClassName().startsWith(POOL);
    }

    /**
     * A client that leaves before it is answered ends what is being done for it, and its transaction is rolled back, as it should be:
     * Hibernate Reactive closes the session under it, and each step that is still under way says so in its own way, to nobody. Anybody can
     * leave as often as he likes.
     */
    static boolean isOfARequestThatWasLeft(LogRecord line) {
        Throwable thrown = line.getThrown();
        return thrown instanceof IllegalStateException
                && Arrays.stream(thrown.getStackTrace())
                        .limit(FRAMES)
                        .anyMatch(frame -> frame.getClassName().startsWith("org.hibernate.")
                                || frame.getClassName().startsWith("io.quarkus.hibernate."));
    }
}
