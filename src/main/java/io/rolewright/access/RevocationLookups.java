package io.rolewright.access;

import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks the store about tokens that {@link Revocations} do not know: all that came meanwhile in one query, and about each once per
 * revocation delay. Any thread may call.
 */
final class RevocationLookups {

    /** Each costs some 150 bytes. */
    static final int MOST_KEPT = 4_096;

    private static final int MOST_AT_ONCE = 1_000;

    private static final String READ = "select token_id from revoked_token where token_id = any($1)";

    private final Pool pool;
    private final Duration kept;
    private final Duration longestRead;
    private final LongSupplier nanoTime;

    private final Map<UUID, Looked> looked = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Looked> eldest) {
            return size() > MOST_KEPT;
        }
    };
    private List<Asked> asked = new ArrayList<>();
    private boolean running;

    /** @param kept for how long an answer counts */
    RevocationLookups(Pool pool, Duration kept, Duration longestRead, LongSupplier nanoTime) {
        this.pool = pool;
        this.kept = kept;
        this.longestRead = longestRead;
        this.nanoTime = nanoTime;
    }

    /** @return whether it is revoked; null if the store has to be asked */
    synchronized @Nullable Boolean known(UUID tokenId) {
        var answer = looked.get(tokenId);
        return answer == null || !answer.revoked && nanoTime.getAsLong() - answer.askedAt >= kept.toNanos()
                ? null
                : Boolean.valueOf(answer.revoked);
    }

    /** Waits for what others ask meanwhile too; the answer comes in the caller's own context. */
    Uni<Boolean> isRevoked(UUID tokenId) {
        return Awaited.<Boolean>by(awaited -> {
                    synchronized (this) {
                        asked.add(new Asked(tokenId, awaited));
                    }
                    ask();
                })
                .ifNoItem()
                .after(longestRead)
                .fail();
    }

    private void ask() {
        List<Asked> batch;
        synchronized (this) {
            if (running || asked.isEmpty()) {
                return;
            }
            running = true;
            int size = Math.min(MOST_AT_ONCE, asked.size());
            batch = List.copyOf(asked.subList(0, size));
            asked = new ArrayList<>(asked.subList(size, asked.size()));
        }
        long askedAt = nanoTime.getAsLong();
        var ids = batch.stream().map(Asked::tokenId).distinct().toArray(UUID[]::new);
        pool.preparedQuery(READ)
                .execute(Tuple.of(ids))
                .ifNoItem()
                .after(longestRead)
                .fail()
                .map(rows -> {
                    Set<UUID> revoked = new HashSet<>();
                    rows.forEach(row -> revoked.add(row.getUUID(0)));
                    return revoked;
                })
                .subscribe()
                .with(
                        revoked -> {
                            synchronized (this) {
                                for (var id : ids) {
                                    looked.remove(id); // To be the youngest.
                                    looked.put(id, new Looked(askedAt, revoked.contains(id)));
                                }
                                running = false;
                            }
                            batch.forEach(each -> each.awaited.complete(revoked.contains(each.tokenId)));
                            ask();
                        },
                        failure -> {
                            synchronized (this) {
                                running = false;
                            }
                            batch.forEach(each -> each.awaited.fail(failure));
                            ask();
                        });
    }

    private record Asked(UUID tokenId, Awaited<Boolean> awaited) {}

    /** @param askedAt by {@link #nanoTime}, before the question was sent */
    private record Looked(long askedAt, boolean revoked) {}
}
