package io.rolewright.access;

import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.rolewright.problem.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * How often somebody may do what costs more than a query: log in, have targets logged in to, rotate. Counted per identity
 * and per address ({@link ClientAddresses}, so behind proxies only if they are trusted), in this replica alone: the limits
 * keep a service upright and are no quota. Logins are never counted per identity alone, or anybody could keep its owner out.
 *
 * <p>Memory is bounded: of each kind {@link #MOST_COUNTED} are counted at once, and who has not come for the longest time
 * is forgotten first. Any thread may call.
 */
@ApplicationScoped
public class RateLimits {

    /** Each costs some 200 bytes. */
    static final int MOST_COUNTED = 10_000;

    /** What is limited. */
    public enum Kind {
        LOGIN,
        TEST,
        ROTATE
    }

    private final Map<Kind, Counted> byAddress = new EnumMap<>(Kind.class);
    private final Map<Kind, Counted> byIdentity = new EnumMap<>(Kind.class);

    @Inject
    RateLimits(AccessConfig config) {
        this(config.limits());
    }

    RateLimits(AccessConfig.Limits limits) {
        byAddress.put(Kind.LOGIN, new Counted(limits.loginsPerAddress()));
        byIdentity.put(Kind.LOGIN, new Counted(limits.loginsPerIdentity()));
        byAddress.put(Kind.TEST, new Counted(limits.testsPerAddress()));
        byIdentity.put(Kind.TEST, new Counted(limits.testsPerIdentity()));
        byAddress.put(Kind.ROTATE, new Counted(limits.rotatesPerAddress()));
        byIdentity.put(Kind.ROTATE, new Counted(limits.rotatesPerIdentity()));
    }

    /**
     * Counts one call; to be asked after {@link Rights} and before the work.
     *
     * @throws Problem 429 {@code rate_limited} with {@code Retry-After}
     */
    public void count(Kind kind, Caller caller) {
        take(kind, ClientAddresses.origin(caller.address()), caller.id().toString());
    }

    /** @param claimed client id or identity as the caller says it; counted together with where he comes from */
    void countLogin(String claimed, RequestOrigin from) {
        var origin = ClientAddresses.origin(from.address());
        take(Kind.LOGIN, origin, claimed + "\n" + origin);
    }

    private void take(Kind kind, String address, String identity) {
        long nanos = Math.max(
                byIdentity.get(kind).take(identity), byAddress.get(kind).take(address));
        if (nanos > 0) {
            throw new RateLimited(Math.max(1, (long) Math.ceil(nanos / (double) TimeUnit.SECONDS.toNanos(1))));
        }
    }

    int counted(Kind kind) {
        return byAddress.get(kind).size();
    }

    private static final class Counted {

        private final int perMinute;

        private final LinkedHashMap<String, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
                return size() > MOST_COUNTED;
            }
        };

        Counted(int perMinute) {
            this.perMinute = perMinute;
        }

        /** @return 0 if it may be done, else nanoseconds to wait */
        long take(String who) {
            if (perMinute == 0) {
                return 0;
            }
            Bucket bucket;
            synchronized (buckets) {
                bucket = buckets.computeIfAbsent(
                        who,
                        any -> Bucket.builder()
                                .addLimit(Bandwidth.builder()
                                        .capacity(perMinute)
                                        .refillGreedy(perMinute, Duration.ofMinutes(1))
                                        .build())
                                .build());
            }
            var probe = bucket.tryConsumeAndReturnRemaining(1);
            return probe.isConsumed() ? 0 : probe.getNanosToWaitForRefill();
        }

        int size() {
            synchronized (buckets) {
                return buckets.size();
            }
        }
    }

    private static final class RateLimited extends Problem {
        RateLimited(long seconds) {
            super(
                    429,
                    "rate_limited",
                    "Too many requests of this kind: try again in " + seconds + " s.",
                    Map.of("retryAfterSeconds", seconds),
                    Map.of("Retry-After", Long.toString(seconds)));
        }
    }
}
