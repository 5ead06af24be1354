package io.rolewright.store;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many sessions of the pool are open. It tells who waits in vain for one whether others have them all, or none can be opened. One for
 * the process, since failures of the pool are told apart by {@link StoreFault}, which has no instance. Any thread may call.
 */
final class OpenSessions {

    private static final AtomicInteger OPEN = new AtomicInteger();

    private static volatile int most = Integer.MAX_VALUE;

    private OpenSessions() {}

    /** @param most sessions of the pool that is made now */
    static void begin(int most) {
        OpenSessions.most = most;
        OPEN.set(0);
    }

    static void opened() {
        OPEN.incrementAndGet();
    }

    static void closed() {
        OPEN.updateAndGet(open -> Math.max(0, open - 1));
    }

    /** Whether there are as many as there may be: who has to wait waits for another request. */
    static boolean areAll() {
        return OPEN.get() >= most;
    }
}
