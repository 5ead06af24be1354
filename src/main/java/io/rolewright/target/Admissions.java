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
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Who may begin on which server, and when the others may. A request waits for its turn within its deadline; if it does not come in
 * time to do the work too, it is refused with the moment of its turn. A server that gives no answer is no queue: who waits for it is
 * told what the others were told.
 *
 * <p>The callers of a server have their turns one after the other ({@link Slots}). Of one who is refused a place is kept, one per
 * server: his first request that comes after the turn that he was told, and soon, goes before all who have no such place.
 *
 * <p>Of a host with several addresses, requests are admitted at the one that answered last, or that is tried next.
 *
 * <p>Any thread may call. Memory is bounded: {@link #MOST_PLACES} servers, as many hosts and {@link #MOST_KEPT} kept places are known at
 * once.
 */
final class Admissions {

    private static final int MOST_PLACES = 1000;

    /** Each costs some 200 bytes. */
    private static final int MOST_KEPT = 5000;

    /** For the way of answer and request, and programs that add something of their own; and a fifth of what was told. */
    private static final long LAPSES_AFTER = Duration.ofSeconds(5).toNanos();

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
        /** By caller. */
        private final Map<String, Kept> kept = new HashMap<>();

        private LoginOutcome.@Nullable Unreachable silence;
        private long silentSince;
    }

    /**
     * Of a caller who was refused.
     *
     * @param turn the first that he was told; from then on until {@code lapses} it is his
     * @param next no request of his is told a turn before that
     */
    private record Kept(long turn, long lapses, long next) {}

    /** Why nobody waits any longer for a server. */
    private static final class Silent extends RuntimeException {
        private final transient LoginOutcome.Unreachable outcome;

        Silent(LoginOutcome.Unreachable outcome) {
            super(null, null, false, false);
            this.outcome = outcome;
        }
    }

    private final Slots slots;
    private final LongSupplier clock;

    private final Map<String, Place> places = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Place> eldest) {
            boolean tooMany = size() > MOST_PLACES;
            kept -= tooMany ? eldest.getValue().kept.size() : 0;
            return tooMany;
        }
    };

    private int kept;

    /** Where requests to a host and port begin. */
    private final Map<String, String> beginnings = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > MOST_PLACES;
        }
    };

    Admissions(Slots slots) {
        this(slots, System::nanoTime);
    }

    /** @param clock nanoseconds that never go back, for tests */
    Admissions(Slots slots, LongSupplier clock) {
        this.slots = slots;
        this.clock = clock;
    }

    long now() {
        return clock.getAsLong();
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
     * @param targets the addresses of the host, at least one
     * @return on whatever thread; fails with {@link TargetBusy}
     */
    Uni<Admission> admit(String host, List<String> targets, Errand errand, Deadline deadline) {
        return admit(host, targets, errand, deadline, targets.size());
    }

    /** @param moves how often it goes on to another address before its work begins */
    private Uni<Admission> admit(String host, List<String> targets, Errand errand, Deadline deadline, int moves) {
        String target = beginning(host, targets);
        String caller = deadline.caller();
        Duration most = deadline.left().minus(needed(target, errand));
        if (most.isNegative()) {
            return refused(target, errand, caller, null);
        }
        boolean first = hasItsTurn(target, caller);
        if (!first && expected(target, errand, caller, null) > most.toNanos()) {
            return refused(target, errand, caller, null);
        }
        Slots.Ticket ticket = slots.take(target, Purpose.REQUEST, caller, first);
        if (ticket.held()) {
            return Uni.createFrom().item(Admission.of(this, errand, caller, target, ticket));
        }
        return Uni.combine()
                .any()
                .of(ticket.turn(most), silence(target))
                .onItem()
                .transform(turn -> Admission.of(this, errand, caller, target, ticket))
                .onFailure(Slots.AllTaken.class)
                .recoverWithUni(() -> refused(target, errand, caller, ticket))
                .onFailure(Silent.class)
                .recoverWithItem(silent -> Admission.toNobody(this, errand, caller, target, ((Silent) silent).outcome))
                .onFailure()
                .invoke(ticket::release)
                .onItem()
                .invoke(admission -> {
                    if (admission.silent()) {
                        ticket.release();
                    }
                })
                .onCancellation()
                .invoke(ticket::release)
                .chain(admission -> {
                    if (moves == 0 || beginning(host, targets).equals(target)) {
                        return Uni.createFrom().item(admission);
                    }
                    ticket.release(); // Whoever was before it has found that nobody answers here.
                    return admit(host, targets, errand, deadline, moves - 1);
                });
    }

    private Uni<Admission> refused(String target, Errand errand, String caller, Slots.@Nullable Ticket ticket) {
        LoginOutcome.Unreachable silence = silentNow(target);
        return silence == null
                ? Uni.createFrom().failure(busy(target, errand, caller, ticket))
                : Uni.createFrom().item(Admission.toNobody(this, errand, caller, target, silence));
    }

    /**
     * Tells a caller a turn that is not come yet, and keeps a place for it: after those of the others for whom one is kept, and after
     * what he was told before.
     *
     * @param ticket its place in line; null behind this caller's last one
     */
    TargetBusy busy(String target, Errand errand, String caller, Slots.@Nullable Ticket ticket) {
        Slots.Ahead ahead = slots.ahead(target, caller, ticket);
        long wait = expected(target, errand, ahead);
        long second = Duration.ofSeconds(1).toNanos();
        synchronized (this) {
            Place place = place(target);
            long now = now();
            lapse(place, now);
            Kept before = place.kept.get(caller);
            long each = turn(place, errand) / slots.requestsPerTarget();
            long others = place.kept.size() - (before == null ? 0 : 1);
            long turn = now + wait + others * each;
            turn = Math.min(before == null ? turn : Math.max(turn, before.next), now + FURTHEST);
            wait = turn - now;
            long jitter = ThreadLocalRandom.current().nextLong(second / 4 + Math.min(wait / 10, second));
            long told = Math.max(1, (wait + jitter + second - 1) / second);
            if (before != null) {
                place.kept.put(caller, new Kept(before.turn, before.lapses, turn + each));
            } else if (kept < MOST_KEPT) {
                kept++;
                long lapses = now + told * second + LAPSES_AFTER + told * second / 5;
                place.kept.put(caller, new Kept(turn, lapses, turn + each));
            }
            return new TargetBusy(told, ahead.onTarget() + ahead.inAll() + others > 0);
        }
    }

    private void lapse(Place place, long now) {
        int before = place.kept.size();
        place.kept.values().removeIf(each -> now - each.lapses >= 0);
        kept -= before - place.kept.size();
    }

    /** Whether a place is kept for this caller and its turn has come: then it is used up. */
    private synchronized boolean hasItsTurn(String target, String caller) {
        Place place = place(target);
        long now = now();
        lapse(place, now);
        Kept mine = place.kept.get(caller);
        if (mine == null || now - mine.turn < 0) {
            return false;
        }
        place.kept.remove(caller);
        kept--;
        return true;
    }

    /** How long until the turn of who stands there, in nanoseconds. */
    private long expected(String target, Errand errand, String caller, Slots.@Nullable Ticket ticket) {
        return expected(target, errand, slots.ahead(target, caller, ticket));
    }

    private long expected(String target, Errand errand, Slots.Ahead ahead) {
        long takes;
        synchronized (this) {
            takes = turn(place(target), errand);
        }
        return Math.max(
                ahead.onTarget() * takes / slots.requestsPerTarget(), ahead.inAll() * takes / slots.requestsInAll());
    }

    // ---- hosts with several addresses

    static String host(Login login) {
        return login.host() + " " + login.port();
    }

    private synchronized String beginning(String host, List<String> targets) {
        String known = beginnings.get(host);
        return known != null && targets.contains(known) ? known : targets.get(0);
    }

    /** This address answered, or the one before it did not: it is where the next request to the host begins. */
    synchronized void begins(String host, String target) {
        beginnings.put(host, target);
    }

    // ---- what things take

    /** What must be left of a deadline when the turn comes. */
    synchronized Duration needed(String target, Errand errand) {
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
        place(target).sessions.put(route, now());
    }

    synchronized void answers(String target) {
        place(target).silence = null;
    }

    /** @param silence what it means that the server said nothing at all; null if it did, or nobody waited for it */
    void left(String target, Route route, LoginOutcome.@Nullable Unreachable silence) {
        List<Awaited<Void>> told;
        synchronized (this) {
            Place place = place(target);
            place.sessions.remove(route);
            if (silence == null || place.sessions.keySet().stream().anyMatch(Route::answered)) {
                return;
            }
            place.silence = silence;
            place.silentSince = now();
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
        long now = now();
        if (place.sessions.keySet().stream().anyMatch(Route::answered)) {
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
