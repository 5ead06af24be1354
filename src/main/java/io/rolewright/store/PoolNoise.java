package io.rolewright.store;

import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * The driver's pool fails a request for a session a second time, after the time that it may wait, when the session could not be opened
 * (eclipse-vertx/vertx-sql-client#1706). Nobody is affected, and each is an ERROR with a stack trace: hundreds while the store is away.
 */
final class PoolNoise {

    /** Kept, so that it is not collected together with its filter. */
    private static final Logger LOGGER = Logger.getLogger("io.quarkus.vertx.core.runtime.VertxCoreRecorder");

    private static final String POOL = "io.vertx.sqlclient.impl.pool.SqlConnectionPool";

    private PoolNoise() {}

    static void silence() {
        LOGGER.setFilter(line -> !isNoise(line));
    }

    static boolean isNoise(LogRecord line) {
        Throwable thrown = line.getThrown();
        if (!(thrown instanceof IllegalStateException) || !"Result is already complete".equals(thrown.getMessage())) {
            return false;
        }
        StackTraceElement[] stack = thrown.getStackTrace();
        return stack.length > 1 && stack[1].getClassName().startsWith(POOL);
    }
}
