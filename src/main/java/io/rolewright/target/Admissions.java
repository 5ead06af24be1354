package io.rolewright.target;

import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import java.net.InetAddress;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Who may begin on which server, and when the others may. A request waits for its turn within its deadline; if it does not come in
 * time to do the work too, it is refused with the moment of its turn. A server that gives no answer is no queue: who waits for it is
 * told what the others were told.
 *
 * <p>Any thread may call. Memory is bounded: {@link #MOST_PLACES} servers are known at once.
 */
final class Admissions {

    private static final int MOST_PLACES = 1000;

    /** A session that has had no answer for so long is taken as silence, when somebody asks. */
    private static final long SILENT_NANOS = Duration.ofSeconds(1).toNanos();

    /** So long a silence counts for who comes later. */
    private static final long REMEMBERED_NANOS = Duration.ofSeconds(10).toNanos();

    private static final long SHORTEST = Duration.ofMillis(10).toNanos();
    private static final long LONGEST = Duration.ofSeconds(9).toNanos();

    /** Nobody is sent away for longer: what is measured may be better by then. */
    private static final long FURTHEST = Duration.ofMinutes(1).toNanos();

    /** What is known of one address and port. Fields belong to the lock of the outer class. */
    private static final class Place {
        private final Map<Errand, Long> takes = new EnumMap<>(Errand.class);
        /** Whatever the errand: what it takes until the next in line may begin. */
        private @Nullable Long turn;

        private final Map<Route, Long> sessions = new HashMap<>();
        private final Set<Awaited<Void>> waiting = new HashSet<>();
        private long promised = System.nanoTime();
        private LoginOutcome.@Nullable Unreachable silence;
        private long silentSince;
    }

    /** Why nobody waits any longer for a server. */
    private static final class Silent extends RuntimeException {
        private final transient LoginOutcome.Unreachable outcome;

        Silent(LoginOutcome.Unreachable outcome) {
            super(null, null, false, false);
            this.outcome = outcome;
        }
    }

    private final Slots slots;

    private final Map<String, Place> places = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Place> eldest) {
            return size() > MOST_PLACES;
        }
    };

    Admissions(Slots slots) {
        this.slots = slots;
    }

    static String target(InetAddress address, int port) {
        return address.getHostAddress() + " " + port;
    }

    Slots slots() {
        return slots;
    }

    /**
     * Waits for a turn, for as long as the deadline leaves time for the errand.
     *
     * @return on whatever thread; fails with {@link TargetBusy}
     */
    Uni<Admission> admit(String target, Errand errand, Deadline deadline) {
        Duration most = deadline.left().minus(needed(target, errand));
        if (most.isNegative() || expected(target, errand, null) > most.toNanos()) {
            return refused(target, errand, null);
        }
        Slots.Ticket ticket = slots.take(target, Purpose.REQUEST);
        if (ticket.held()) {
            return Uni.createFrom().item(Admission.of(this, errand, target, ticket));
        }
        return Uni.combine()
                .any()
                .of(ticket.turn(most), silence(target))
                .onItem()
                .transform(turn -> Admission.of(this, errand, target, ticket))
                .onFailure(Slots.AllTaken.class)
                .recoverWithUni(() -> refused(target, errand, ticket))
                .onFailure(Silent.class)
                .recoverWithItem(silent -> Admission.toNobody(this, errand, target, ((Silent) silent).outcome))
                .onFailure()
                .invoke(ticket::release)
                .onItem()
                .invoke(admission -> {
                    if (admission.silent()) {
                        ticket.release();
                    }
                })
                .onCancellation()
                .invoke(ticket::release);
    }

    private Uni<Admission> refused(String target, Errand errand, Slots.@Nullable Ticket ticket) {
        LoginOutcome.Unreachable silence = silentNow(target);
        return silence == null
                ? Uni.createFrom().failure(busy(target, errand, ticket))
                : Uni.createFrom().item(Admission.toNobody(this, errand, target, silence));
    }

    /**
     * Gives a turn away that is not come yet: nobody else who is refused is told the same.
     *
     * @param ticket its place in line; null behind the last one
     */
    TargetBusy busy(String target, Errand errand, Slots.@Nullable Ticket ticket) {
        long wait = expected(target, errand, ticket);
        synchronized (this) {
            Place place = place(target);
            long now = System.nanoTime();
            long turn = Math.min(Math.max(now + wait, place.promised), now + FURTHEST);
            place.promised = turn + turn(place, errand) / slots.requestsPerTarget();
            wait = turn - now;
        }
        long second = Duration.ofSeconds(1).toNanos();
        long jitter = ThreadLocalRandom.current().nextLong(second / 4 + Math.min(wait / 10, second));
        return new TargetBusy(Math.max(1, (wait + jitter + second - 1) / second));
    }

    /** How long until the turn of who stands there, in nanoseconds. */
    private long expected(String target, Errand errand, Slots.@Nullable Ticket ticket) {
        Slots.Ahead ahead = slots.ahead(target, ticket);
        long takes;
        synchronized (this) {
            takes = turn(place(target), errand);
        }
        return Math.max(
                ahead.onTarget() * takes / slots.requestsPerTarget(), ahead.inAll() * takes / slots.requestsInAll());
    }

    /** What must be left of a deadline when the turn comes. */
    private synchronized Duration needed(String target, Errand errand) {
        Duration twice = Duration.ofNanos(Math.min(2 * takes(place(target), errand), LONGEST / 2));
        return twice.compareTo(errand.least()) < 0 ? errand.least() : twice;
    }

    private static long takes(Place place, Errand errand) {
        return place.takes.getOrDefault(errand, errand.usual().toNanos());
    }

    private static long turn(Place place, Errand errand) {
        Long measured = place.turn;
        return measured == null ? errand.usual().toNanos() : measured;
    }

    private Place place(String target) {
        return places.computeIfAbsent(target, unused -> new Place());
    }

    synchronized void took(String target, Errand errand, long nanos) {
        Place place = place(target);
        long bounded = Math.max(SHORTEST, Math.min(nanos, LONGEST));
        place.takes.merge(errand, bounded, Admissions::smoothed);
        place.turn = place.turn == null ? bounded : smoothed(place.turn, bounded);
    }

    private static long smoothed(long before, long now) {
        return before + (now - before) / 4;
    }

    // ---- servers that give no answer

    synchronized void dials(String target, Route route) {
        place(target).sessions.put(route, System.nanoTime());
    }

    synchronized void answers(String target) {
        place(target).silence = null;
    }

    /** @param silence what it means that there was no answer; null if there was one, or nobody waited for it */
    void left(String target, Route route, LoginOutcome.@Nullable Unreachable silence) {
        List<Awaited<Void>> told;
        synchronized (this) {
            Place place = place(target);
            place.sessions.remove(route);
            if (silence == null || place.sessions.keySet().stream().anyMatch(Route::working)) {
                return;
            }
            place.silence = silence;
            place.silentSince = System.nanoTime();
            told = List.copyOf(place.waiting);
            place.waiting.clear();
        }
        // Outside the lock: what they do next is not ours.
        told.forEach(waiter -> waiter.fail(new Silent(silence)));
    }

    /** Fails with {@link Silent} when somebody else learns that the server gives no answer; else never completes. */
    private Uni<Void> silence(String target) {
        return Awaited.by(waiter -> {
            synchronized (this) {
                Place place = place(target);
                place.waiting.add(waiter);
                waiter.onTermination(() -> {
                    synchronized (this) {
                        place.waiting.remove(waiter);
                    }
                });
            }
        });
    }

    /** Null while the server gives answers, or nobody knows. */
    private synchronized LoginOutcome.@Nullable Unreachable silentNow(String target) {
        Place place = place(target);
        long now = System.nanoTime();
        if (place.sessions.keySet().stream().anyMatch(Route::working)) {
            return null;
        }
        if (place.silence != null && now - place.silentSince < REMEMBERED_NANOS) {
            return place.silence;
        }
        return place.sessions.entrySet().stream()
                .filter(session -> now - session.getValue() > SILENT_NANOS)
                .map(session -> session.getKey().silence())
                .filter(java.util.Objects::nonNull)
                .findFirst()
                .orElse(null);
    }
}
