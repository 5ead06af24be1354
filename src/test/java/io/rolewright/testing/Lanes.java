package io.rolewright.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Calls that meet in the service: each lane makes one after the other, all lanes at the same time. */
public final class Lanes {

    private Lanes() {}

    /** @return what the calls gave, in their order; fails with what the first of them threw */
    public static <T> List<T> run(int lanes, List<? extends Callable<T>> calls) {
        ExecutorService threads = Executors.newFixedThreadPool(lanes);
        try {
            List<T> results = new ArrayList<>();
            for (Future<T> called : threads.invokeAll(calls)) {
                results.add(called.get());
            }
            return results;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            throw new AssertionError("a call of a lane failed: " + e.getCause(), e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }
}
