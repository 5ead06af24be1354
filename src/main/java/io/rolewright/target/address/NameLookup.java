package io.rolewright.target.address;

import io.rolewright.store.CallersContext;
import io.rolewright.store.SharedAnswer;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Asks the system's resolver, which blocks, on a small pool of its own. A silent name server can hold a thread for as long as the
 * system's resolver waits, so callers have a deadline of their own, one name never holds more than one thread, and the
 * line in front of the pool has an end.
 */
final class NameLookup implements AutoCloseable {

    private static final int LINE = 64;

    private final ThreadPoolExecutor pool;
    private final Resolver resolver;
    private final ConcurrentMap<String, SharedAnswer<List<InetAddress>>> running = new ConcurrentHashMap<>();

    /** The system's resolver; a seam because a test cannot make that one silent. */
    interface Resolver {
        InetAddress[] allByName(String name) throws UnknownHostException;
    }

    NameLookup(int threads, Resolver resolver) {
        AtomicInteger number = new AtomicInteger();
        this.resolver = resolver;
        this.pool = new ThreadPoolExecutor(
                threads, threads, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(LINE), task -> {
                    Thread thread = new Thread(task, "rolewright-lookup-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        pool.allowCoreThreadTimeOut(true);
    }

    /** @return fails with {@link UnknownHostException}, or {@link TimeoutException} when it took too long or the line is full */
    Uni<List<InetAddress>> allByName(String name, Duration atMost) {
        if (atMost.isZero() || atMost.isNegative()) {
            return Uni.createFrom().failure(TimeoutException::new);
        }
        return CallersContext.answer(() -> running.computeIfAbsent(name, this::lookup)
                .get()
                .ifNoItem()
                .after(atMost)
                .fail());
    }

    private SharedAnswer<List<InetAddress>> lookup(String name) {
        return new SharedAnswer<>(Uni.createFrom()
                .<List<InetAddress>>emitter(found -> {
                    try {
                        pool.execute(() -> {
                            try {
                                found.complete(List.of(resolver.allByName(name)));
                            } catch (UnknownHostException | RuntimeException e) {
                                found.fail(e);
                            }
                        });
                    } catch (RejectedExecutionException full) {
                        found.fail(new TimeoutException());
                    }
                })
                .onTermination()
                .invoke(() -> running.remove(name)));
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
