package io.rolewright.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
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
 * <p>A turn that is given back counts as if it had not been taken: those who came after it are sooner, and nobody who came
 * before it.
 *
 * <p>Memory is bounded: {@link #MOST_COUNTED} identities and as many addresses are counted at once, who has not come for the
 * longest time being forgotten first, and {@link #MOST_PLACES} places are kept, of those a minute's worth for one identity
 * or address. Who comes beyond that is told when to come, without a place. Of names of callers and work only a hash is kept,
 * however long they are. Any thread may call.
 */
final class Turns {

    /** In bytes, rounded up: an identity or address that is counted, with its key. */
    static final int COST_OF_COUNTED = 256;

    /** So many identities, and as many addresses. */
    static final int MOST_COUNTED = 5_000;

    /** In bytes, rounded up: a place of one who has no other, with its keys and what is kept of it where it is counted. */
    static final int COST_OF_PLACE = 1024;

    static final int MOST_PLACES = 2_000;

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
        var answer = ask(identity, address, work);
        if (answer.taken != null) {
            settle(answer.taken);
        }
        return answer.seconds;
    }

    /**
     * @param taken to be {@linkplain #settle settled} or {@linkplain #cancel given back}; null: it is not his turn
     * @param seconds as {@link #take} returns them
     */
    record Answer(@Nullable Reserved taken, long seconds) {}

    /** The same, of which the turn can still be given back. */
    synchronized Answer ask(String identity, String address, @Nullable String work) {
        long now = nanoTime.getAsLong();
        var who = hash(identity);
        var what = work == null ? null : hash(work);
        var taken = takeIfTurn(now, who, address, what);
        if (taken != null) {
            return new Answer(taken, 0);
        }
        var kept = what == null ? null : namedPlace(who, address, what);
        return new Answer(null, kept == null ? keep(now, reserve(now, who, address, what)) : seconds(kept.turn - now));
    }

    /**
     * Takes a turn if it is his, and no place otherwise.
     *
     * @return to be {@linkplain #settle settled} or {@linkplain #cancel given back}; null: it is not his turn
     */
    synchronized @Nullable Reserved tryTake(String identity, String address) {
        return takeIfTurn(nanoTime.getAsLong(), hash(identity), address, null);
    }

    /** Sets the next turn aside for one who waits here for it; to be settled, kept or given back in the end. */
    synchronized Reserved reserve(String identity, String address) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return reserve(now, hash(identity), address, null);
    }

    /** @return nanoseconds until that turn, fewer whenever others give theirs back; 0 if it has come: then it is taken */
    synchronized long until(Reserved reserved) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return until(now, reserved);
    }

    /** Gives a turn back, taken or not: it counts as if it had never been set aside. The second time it does nothing. */
    synchronized void cancel(Reserved reserved) {
        perIdentity.giveBack(reserved.ofIdentity);
        perAddress.giveBack(reserved.ofAddress);
    }

    /** It was taken, and is not given back any more. */
    synchronized void settle(Reserved reserved) {
        perIdentity.settle(reserved.ofIdentity);
        perAddress.settle(reserved.ofAddress);
    }

    /** He waits elsewhere: it is a place from now on. @return whole seconds after which his turn comes, 1 or more */
    synchronized long keep(Reserved reserved) {
        long now = nanoTime.getAsLong();
        lapse(now);
        return keep(now, reserved);
    }

    synchronized int counted() {
        return Math.max(perIdentity.buckets.size(), perAddress.buckets.size());
    }

    synchronized int places() {
        return places.size();
    }

    private Reserved reserve(long now, String who, String address, @Nullable String what) {
        return new Reserved(key(who, address), what, perIdentity.take(who, now), perAddress.take(address, now));
    }

    private long until(long now, Reserved reserved) {
        return Math.max(
                0, Math.max(perIdentity.until(reserved.ofIdentity, now), perAddress.until(reserved.ofAddress, now)));
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

    private @Nullable Reserved takeIfTurn(long now, String who, String address, @Nullable String what) {
        lapse(now);
        var kept = what == null ? firstPlace(who, address) : namedPlace(who, address, what);
        if (kept != null && kept.turn <= now) {
            drop(kept);
            return kept.reserved; // It was set aside when the place was given.
        }
        boolean waits = kept != null && what != null;
        return waits || perIdentity.wait(who, now) > 0 || perAddress.wait(address, now) > 0
                ? null
                : reserve(now, who, address, what);
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

    private @Nullable Place firstPlace(String who, String address) {
        var those = waiting.get(key(who, address));
        return those == null
                ? null
                : those.alike.stream()
                        .min(Comparator.comparingLong(place -> place.turn))
                        .orElse(null);
    }

    private @Nullable Place namedPlace(String who, String address, String what) {
        var those = waiting.get(key(who, address));
        return those == null ? null : those.named.get(what);
    }

    private static String key(String who, String address) {
        return who + address; // the hash is of one length
    }

    /** Callers choose the names of what they ask for, and those of who logs in: what is kept of them is short. */
    private static String hash(String name) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
            return new String(digest, StandardCharsets.ISO_8859_1); // a byte for a byte
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    private static long seconds(long nanos) {
        return Math.max(1, (nanos + SECOND - 1) / SECOND);
    }

    /**
     * A turn that was set aside.
     *
     * @param key and work hashes
     * @param ofIdentity and ofAddress what it took there; null where there is no limit
     */
    record Reserved(
            String key,
            @Nullable String work,
            @Nullable Taken ofIdentity,
            @Nullable Taken ofAddress) {}

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

    /**
     * What was taken of one identity's or address's share: a leaky bucket as a meter. Each that is taken at a moment {@code t}
     * makes of {@code emptyAt} the later of it and {@code t}, and one interval more. What may still be given back is kept by
     * itself, since those that came after it are to be as if it had not been there; what may not is kept together: {@code
     * count} of them make of {@code emptyAt} the later of {@code emptyAt + count * interval} and {@code leastEmptyAt}.
     */
    static final class Bucket {

        private final long interval;

        /** When all that was taken before the first of {@link #open} will have come back (the theoretical arrival time). */
        private long emptyAtFirst;

        /** What may be given back, in the order in which it was taken. */
        private final List<Taken> open = new ArrayList<>(1);

        private int places;

        Bucket(long interval, long now) {
            this.interval = interval;
            emptyAtFirst = now;
        }

        /** When all that was taken will have come back. */
        long emptyAt() {
            return open.isEmpty() ? emptyAtFirst : open.get(open.size() - 1).emptyAtNext();
        }

        Taken take(long now) {
            var taken = new Taken(this, now, emptyAt());
            open.add(taken);
            return taken;
        }

        /** @param givenBack or it stays taken for good */
        void close(Taken taken, boolean givenBack) {
            int at = open.indexOf(taken);
            if (at < 0) {
                return;
            }
            open.remove(at);
            if (at == 0) {
                emptyAtFirst = givenBack ? taken.after(emptyAtFirst) : taken.emptyAtNext();
            } else {
                var before = open.get(at - 1);
                if (!givenBack) {
                    before.together(1, taken.at + interval);
                }
                before.together(taken.count, taken.leastEmptyAt);
            }
            for (int later = at; givenBack && later < open.size(); later++) {
                open.get(later).emptyAtBefore =
                        later == 0 ? emptyAtFirst : open.get(later - 1).emptyAtNext();
            }
        }
    }

    /** One that may still be given back, and those up to the next such that may not. */
    static final class Taken {

        private final Bucket bucket;
        private final long at;
        private long emptyAtBefore;
        private long count;
        private long leastEmptyAt = Long.MIN_VALUE;

        Taken(Bucket bucket, long at, long emptyAtBefore) {
            this.bucket = bucket;
            this.at = at;
            this.emptyAtBefore = emptyAtBefore;
        }

        long emptyAt() {
            return Math.max(emptyAtBefore, at) + bucket.interval;
        }

        long emptyAtNext() {
            return after(emptyAt());
        }

        private long after(long emptyAt) {
            return count == 0 ? emptyAt : Math.max(emptyAt + count * bucket.interval, leastEmptyAt);
        }

        private void together(long more, long leastEmptyAtThen) {
            if (more > 0) {
                leastEmptyAt = count == 0
                        ? leastEmptyAtThen
                        : Math.max(leastEmptyAt + more * bucket.interval, leastEmptyAtThen);
                count += more;
            }
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

        private Bucket of(String who, long now) {
            return buckets.computeIfAbsent(who, any -> new Bucket(interval, now));
        }

        /** @return nanoseconds; 0 or less: none */
        long wait(String who, long now) {
            return perMinute == 0 ? 0 : of(who, now).emptyAt() - (perMinute - 1) * interval - now;
        }

        /** The same for what was taken, as it was before it was. */
        long until(@Nullable Taken taken, long now) {
            return taken == null ? 0 : taken.emptyAt() - perMinute * interval - now;
        }

        boolean hasPlace(@Nullable Taken taken) {
            return taken == null || taken.bucket.places < Math.max(LEAST_PLACES, perMinute);
        }

        /** @return null if there is no limit */
        @Nullable
        Taken take(String who, long now) {
            return perMinute == 0 ? null : of(who, now).take(now);
        }

        void giveBack(@Nullable Taken taken) {
            if (taken != null) {
                taken.bucket.close(taken, true);
            }
        }

        void settle(@Nullable Taken taken) {
            if (taken != null) {
                taken.bucket.close(taken, false);
            }
        }

        void places(@Nullable Taken taken, int more) {
            if (taken != null) {
                taken.bucket.places += more;
            }
        }
    }
}
