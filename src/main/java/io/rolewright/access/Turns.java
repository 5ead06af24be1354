package io.rolewright.access;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is where calls of one kind are limited, per identity and per address at once: so many a minute, with bursts
 * of as many. Who is refused gets a place: he is told when his own turn comes, the n-th of those who wait after n others, and
 * is let in when he comes back then, whoever else came meanwhile. A place that is not used soon after its turn lapses, and
 * what was set aside for it is free again.
 *
 * <p>Calls of one identity look alike, so any of them uses the place whose turn has come first; if the caller can name the
 * work, the place belongs to that work, and who comes back early is told the same turn again.
 *
 * <p>Memory is bounded: {@link #MOST_COUNTED} identities and as many addresses are counted at once, who has not come for the
 * longest time being forgotten first, and {@link #MOST_PLACES} places are kept, of those a minute's worth for one identity
 * or address. Who comes beyond that is told when to come, without a place. Any thread may call.
 */
final class Turns {

    /** Each costs some 200 bytes, with its key. */
    static final int MOST_COUNTED = 10_000;

    /** Each costs some 300 bytes. */
    static final int MOST_PLACES = 5_000;

    /** Where a minute's worth is less: so many places for one identity or address. */
    private static final int LEAST_PLACES = 10;

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    /** For the way of answer and request, and programs that add something of their own. */
    private static final long LAPSES_AFTER = 5 * SECOND;

    private final Rate perIdentity;
    private final Rate perAddress;
    private final LongSupplier nanoTime;
    private final DoubleSupplier random;

    private final Map<String, Waiting> waiting = new HashMap<>();
    private final TreeSet<Place> places = new TreeSet<>(
            Comparator.comparingLong((Place place) -> place.lapsesAt).thenComparingLong(place -> place.number));
    private long numbers;

    /**
     * @param perIdentity and perAddress calls a minute; 0: without limit
     * @param nanoTime as {@link System#nanoTime}
     * @param random from 0 to below 1
     */
    Turns(int perIdentity, int perAddress, LongSupplier nanoTime, DoubleSupplier random) {
        this.perIdentity = new Rate(perIdentity);
        this.perAddress = new Rate(perAddress);
        this.nanoTime = nanoTime;
        this.random = random;
    }

    /**
     * Takes a turn, or else a place.
     *
     * @param work the same for a request that is sent again, and another for each other request of this identity; null if that
     *     cannot be told
     * @return 0 if it is his turn; else whole seconds after which it is, 1 or more
     */
    synchronized long take(String identity, String address, @Nullable String work) {
        long now = nanoTime.getAsLong();
        if (isTurn(now, identity, address, work)) {
            return 0;
        }
        var kept = work == null ? null : namedPlace(identity, address, work);
        return kept == null ? keep(now, reserve(now, identity, address, work)) : seconds(kept.turn - now);
    }

    /** Takes a turn if it is his, and no place otherwise. */
    synchronized boolean tryTake(String identity, String address) {
        return isTurn(nanoTime.getAsLong(), identity, address, null);
    }

    /** Sets the next turn aside for one who waits here for it. */
    synchronized Reserved reserve(String identity, String address) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return reserve(now, identity, address, null);
    }

    /** @return nanoseconds until that turn, fewer whenever others give theirs back; 0 if it has come: then it is taken */
    synchronized long until(Reserved reserved) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return until(now, reserved);
    }

    /** He waits no longer, and nowhere else. */
    synchronized void cancel(Reserved reserved) {
        perIdentity.giveBack(reserved.ofIdentity);
        perAddress.giveBack(reserved.ofAddress);
    }

    /** He waits elsewhere: it is a place from now on. @return whole seconds after which his turn comes, 1 or more */
    synchronized long keep(Reserved reserved) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return keep(now, reserved);
    }

    /** Gives back a turn that was taken: it counts as if it had not been. */
    synchronized void giveBack(String identity, String address) {
        long now = nanoTime.getAsLong();
        perIdentity.giveBack(perIdentity.of(identity, now));
        perAddress.giveBack(perAddress.of(address, now));
    }

    synchronized int counted() {
        return Math.max(perIdentity.buckets.size(), perAddress.buckets.size());
    }

    synchronized int places() {
        return places.size();
    }

    private Reserved reserve(long now, String identity, String address, @Nullable String work) {
        var ofIdentity = perIdentity.of(identity, now);
        var ofAddress = perAddress.of(address, now);
        perIdentity.take(ofIdentity, now);
        perAddress.take(ofAddress, now);
        return new Reserved(key(identity, address), work, ofIdentity, ofAddress, taken(ofIdentity), taken(ofAddress));
    }

    private static long taken(@Nullable Bucket bucket) {
        return bucket == null ? 0 : bucket.taken;
    }

    private long until(long now, Reserved reserved) {
        return Math.max(
                0,
                Math.max(
                        perIdentity.until(reserved.ofIdentity, reserved.numberOfIdentity, now),
                        perAddress.until(reserved.ofAddress, reserved.numberOfAddress, now)));
    }

    private long keep(long now, Reserved reserved) {
        long wait = until(now, reserved);
        // Spread, so that those who were refused together do not come back together.
        long told = seconds(wait + (long) (random.getAsDouble() * Math.min(SECOND, wait)));
        if (places.size() < MOST_PLACES
                && perIdentity.hasPlace(reserved.ofIdentity)
                && perAddress.hasPlace(reserved.ofAddress)) {
            long turn = now + told * SECOND;
            add(new Place(numbers++, reserved, turn, turn + LAPSES_AFTER + told * SECOND / 5));
        } else {
            cancel(reserved);
        }
        return told;
    }

    private boolean isTurn(long now, String identity, String address, @Nullable String work) {
        lapse(now);
        var kept = work == null ? firstPlace(identity, address) : namedPlace(identity, address, work);
        if (kept != null && kept.turn <= now) {
            drop(kept);
            return true; // It was set aside when the place was given.
        }
        if (kept != null && work != null) {
            return false;
        }
        var ofIdentity = perIdentity.of(identity, now);
        var ofAddress = perAddress.of(address, now);
        if (perIdentity.wait(ofIdentity, now) > 0 || perAddress.wait(ofAddress, now) > 0) {
            return false;
        }
        perIdentity.take(ofIdentity, now);
        perAddress.take(ofAddress, now);
        return true;
    }

    private void lapse(long now) {
        while (!places.isEmpty() && places.first().lapsesAt <= now) {
            var place = places.first();
            drop(place);
            cancel(place.reserved);
        }
    }

    private void add(Place place) {
        places.add(place);
        perIdentity.places(place.reserved.ofIdentity, 1);
        perAddress.places(place.reserved.ofAddress, 1);
        waiting.computeIfAbsent(place.reserved.key, any -> new Waiting()).add(place);
    }

    private void drop(Place place) {
        places.remove(place);
        perIdentity.places(place.reserved.ofIdentity, -1);
        perAddress.places(place.reserved.ofAddress, -1);
        waiting.computeIfPresent(place.reserved.key, (any, those) -> those.remove(place) ? null : those);
    }

    private @Nullable Place firstPlace(String identity, String address) {
        var those = waiting.get(key(identity, address));
        return those == null
                ? null
                : those.alike.stream()
                        .min(Comparator.comparingLong(place -> place.turn))
                        .orElse(null);
    }

    private @Nullable Place namedPlace(String identity, String address, String work) {
        var those = waiting.get(key(identity, address));
        return those == null ? null : those.named.get(work);
    }

    private static String key(String identity, String address) {
        return identity + "\n" + address;
    }

    private static long seconds(long nanos) {
        return Math.max(1, (nanos + SECOND - 1) / SECOND);
    }

    /**
     * A turn that was set aside.
     *
     * @param ofIdentity and ofAddress where; null where there is no limit
     * @param numberOfIdentity and numberOfAddress how many had been taken there then, with it
     */
    record Reserved(
            String key,
            @Nullable String work,
            @Nullable Bucket ofIdentity,
            @Nullable Bucket ofAddress,
            long numberOfIdentity,
            long numberOfAddress) {}

    /** @param turn and lapsesAt by {@link #nanoTime} */
    private record Place(long number, Reserved reserved, long turn, long lapsesAt) {}

    /** The places of one identity at one address. */
    private static final class Waiting {

        private final ArrayDeque<Place> alike = new ArrayDeque<>();
        private final Map<String, Place> named = new HashMap<>();

        void add(Place place) {
            if (place.reserved.work == null) {
                alike.add(place);
            } else {
                named.put(place.reserved.work, place);
            }
        }

        /** @return whether none is left */
        boolean remove(Place place) {
            if (place.reserved.work == null) {
                alike.remove(place);
            } else {
                named.remove(place.reserved.work);
            }
            return alike.isEmpty() && named.isEmpty();
        }
    }

    /** What was taken of one identity's or address's share. */
    static final class Bucket {

        /** When all that was taken will have come back (the theoretical arrival time of the leaky bucket as a meter). */
        private long emptyAt;

        /** How often something was taken. */
        private long taken;

        private int places;

        Bucket(long now) {
            emptyAt = now;
        }
    }

    /** So many a minute for each of those who come. */
    private static final class Rate {

        private final int perMinute;
        private final long interval;
        private final LinkedHashMap<String, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
                return size() > MOST_COUNTED;
            }
        };

        Rate(int perMinute) {
            this.perMinute = perMinute;
            interval = perMinute == 0 ? 0 : TimeUnit.MINUTES.toNanos(1) / perMinute;
        }

        /** @return null if there is no limit */
        @Nullable
        Bucket of(String who, long now) {
            return perMinute == 0 ? null : buckets.computeIfAbsent(who, any -> new Bucket(now));
        }

        /** @return nanoseconds; 0 or less: none */
        long wait(@Nullable Bucket bucket, long now) {
            return bucket == null ? 0 : bucket.emptyAt - (perMinute - 1) * interval - now;
        }

        /** The same for the one that was taken as the number-th, before those that were taken after it. */
        long until(@Nullable Bucket bucket, long number, long now) {
            return bucket == null ? 0 : wait(bucket, now) - interval * (1 + bucket.taken - number);
        }

        boolean hasPlace(@Nullable Bucket bucket) {
            return bucket == null || bucket.places < Math.max(LEAST_PLACES, perMinute);
        }

        void take(@Nullable Bucket bucket, long now) {
            if (bucket != null) {
                bucket.emptyAt = Math.max(bucket.emptyAt, now) + interval;
                bucket.taken++;
            }
        }

        void giveBack(@Nullable Bucket bucket) {
            if (bucket != null) {
                bucket.emptyAt -= interval;
            }
        }

        void places(@Nullable Bucket bucket, int more) {
            if (bucket != null) {
                bucket.places += more;
            }
        }
    }
}
