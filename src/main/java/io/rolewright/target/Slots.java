package io.rolewright.target;

import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How many sessions are open at once: to one address and port, and in all. Whoever finds none free waits in line; those for another
 * target overtake. Requests leave one session per target, and a quarter of all, to due work.
 *
 * <p>Each target has a line of its own, which serves its callers in turn, one of each, however many the others have there; due work
 * counts as one more caller. Where the bound for all targets is what they wait for, who has the fewest sessions goes first. One
 * caller has at most a quarter of all places in line.
 */
final class Slots {

    /** Nothing became free in time, or too many wait already. */
    static final class AllTaken extends RuntimeException {
        AllTaken() {
            super(null, null, false, false);
        }
    }

    private static final class Use {
        private int sessions;
        private int requests;
    }

    /** One session's way in and out. */
    interface Entry {
        /** Completes when it is this one's turn; fails with {@link AllTaken}, among others. For one subscriber. */
        Uni<Void> turn(Duration atMost);

        /** Gives the slot back, or leaves the line. Safe to repeat, from any thread. */
        void release();
    }

    /**
     * How many requests come before one.
     *
     * @param onTarget that have a slot of its target or get one before it
     * @param inAll that get one before it, of whatever target; 0 while a slot for some target is free
     */
    record Ahead(int onTarget, int inAll) {}

    private enum State {
        WAITING,
        HELD,
        GONE
    }

    /** A place in line, later the right to one session. Whoever takes one releases it, however it ends; fields belong to the lock. */
    final class Ticket implements Entry {
        private final String target;
        private final Purpose purpose;
        private final String caller;
        private final boolean first;
        private final long number;
        private State state = State.WAITING;
        private @Nullable Awaited<Void> waiting;

        /** Ends the session, which nobody uses at the moment. */
        private @Nullable Runnable ending;

        private Ticket(String target, Purpose purpose, String caller, boolean first) {
            this.target = target;
            this.purpose = purpose;
            this.caller = caller;
            this.first = first;
            this.number = tickets++;
        }

        @Override
        public Uni<Void> turn(Duration atMost) {
            return Awaited.<Void>by(turn -> {
                        State now;
                        synchronized (Slots.this) {
                            now = state;
                            waiting = turn;
                        }
                        if (now == State.HELD) {
                            turn.complete(null);
                        } else if (now == State.GONE) {
                            turn.fail(new AllTaken());
                        }
                    })
                    .ifNoItem()
                    .after(atMost.compareTo(Duration.ofMillis(1)) < 0 ? Duration.ofMillis(1) : atMost)
                    .failWith(AllTaken::new);
        }

        boolean held() {
            synchronized (Slots.this) {
                return state == State.HELD;
            }
        }

        /**
         * The session is kept open for the next one who wants it, and ended if somebody else wants its slot.
         *
         * @param end gives the slot back in the end; called without any lock, if {@link #use} was not called before
         * @return false if the slot is wanted already
         */
        boolean idle(Runnable end) {
            synchronized (Slots.this) {
                idle.add(this);
                if (wanted(this)) {
                    idle.remove(this);
                    return false;
                }
                ending = end;
                return true;
            }
        }

        /** @return false if the session is not idle any more */
        boolean use() {
            synchronized (Slots.this) {
                ending = null;
                return idle.remove(this);
            }
        }

        /** Has waited long enough for a session in use to end: one that is not in use is ended. */
        void hurry() {
            Runnable end;
            synchronized (Slots.this) {
                end = state == State.WAITING ? ending(victim(this, false)) : null;
            }
            if (end != null) {
                end.run();
            }
        }

        /** It leads to no slot any more. */
        boolean gone() {
            synchronized (Slots.this) {
                return state == State.GONE;
            }
        }

        @Override
        public void release() {
            Slots.this.release(this);
        }
    }

    /** Whose requests are nobody's in particular. */
    static final String NOBODY = "";

    /** Of all places in line, this part is one caller's. */
    private static final int SHARE = 4;

    /** No identity's id. */
    private static final String DUE_WORK = "due work";

    private final int perTarget;
    private final int overall;
    private final int line;
    private final Map<String, Use> uses = new HashMap<>();
    private final Use all = new Use();

    /** Of each target that somebody waits for: who does, the caller whose turn is next first, and none without a ticket. */
    private final Map<String, LinkedHashMap<String, Deque<Ticket>>> lines = new HashMap<>();

    /** Whose sessions nobody uses at the moment, longest idle first. They count as sessions. */
    private final Set<Ticket> idle = new LinkedHashSet<>();

    private final Map<String, Integer> waitingOf = new HashMap<>();
    private final Map<String, Integer> heldOf = new HashMap<>();
    private int waiting;
    private long tickets;

    /** @param line how many may wait */
    Slots(int perTarget, int overall, int line) {
        this.perTarget = perTarget;
        this.overall = overall;
        this.line = line;
    }

    Ticket take(String target, Purpose purpose) {
        return take(target, purpose, NOBODY, false);
    }

    /**
     * @param caller an identity's id; of due work it is not looked at
     * @param first before all who have not had their turn yet, and however many places this caller has
     */
    Ticket take(String target, Purpose purpose, String caller, boolean first) {
        String who = purpose == Purpose.DUE_WORK ? DUE_WORK : caller;
        Ticket ticket;
        Runnable end = null;
        synchronized (this) {
            ticket = new Ticket(target, purpose, who, first);
            if (free(ticket)) {
                occupy(ticket);
            } else if (waiting < line && (first || purpose == Purpose.DUE_WORK || mayWait(who))) {
                enqueue(ticket);
                end = ending(victim(ticket, true));
            } else {
                ticket.state = State.GONE;
            }
        }
        if (end != null) {
            end.run();
        }
        return ticket;
    }

    /**
     * An idle session that has to end for this one to have its turn.
     *
     * @param patient whether due work waits for one in use on the same server: that ends soon, and the idle one is wanted again
     * @return null when none would help, or it need not be
     */
    private @Nullable Ticket victim(Ticket waiting, boolean patient) {
        Use use = uses.getOrDefault(waiting.target, new Use());
        if (idle.isEmpty()
                || waiting.purpose == Purpose.REQUEST
                        && (use.requests >= requestsPerTarget() || all.requests >= requestsInAll())) {
            return null;
        }
        if (use.sessions < perTarget) {
            return all.sessions < overall ? null : idle.iterator().next();
        }
        List<Ticket> there =
                idle.stream().filter(each -> each.target.equals(waiting.target)).toList();
        boolean awaitsOther = patient && waiting.purpose == Purpose.DUE_WORK && there.size() < use.sessions;
        return there.isEmpty() || awaitsOther ? null : there.get(0);
    }

    private static @Nullable Runnable ending(@Nullable Ticket victim) {
        return victim == null ? null : victim.ending;
    }

    /** Whether somebody waits for the slot of a session that has become idle now. */
    private boolean wanted(Ticket idling) {
        for (LinkedHashMap<String, Deque<Ticket>> callers : lines.values()) {
            for (Deque<Ticket> own : callers.values()) {
                Ticket first = own.getFirst();
                if ((first.target.equals(idling.target) || all.sessions >= overall) && victim(first, true) != null) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean mayWait(String caller) {
        return waitingOf.getOrDefault(caller, 0) < Math.max(1, line / SHARE);
    }

    private void enqueue(Ticket ticket) {
        LinkedHashMap<String, Deque<Ticket>> callers =
                lines.computeIfAbsent(ticket.target, unused -> new LinkedHashMap<>());
        Deque<Ticket> own = callers.computeIfAbsent(ticket.caller, unused -> new ArrayDeque<>());
        if (ticket.first) {
            own.addFirst(ticket);
            moveForward(callers, ticket.caller);
        } else {
            own.addLast(ticket);
        }
        waiting++;
        waitingOf.merge(ticket.caller, 1, Integer::sum);
    }

    /** Behind those who were moved forward before. */
    private static void moveForward(LinkedHashMap<String, Deque<Ticket>> callers, String caller) {
        List<Map.Entry<String, Deque<Ticket>>> others = new ArrayList<>(callers.entrySet());
        others.removeIf(other -> other.getKey().equals(caller));
        int at = 0;
        while (at < others.size() && others.get(at).getValue().getFirst().first) {
            at++;
        }
        others.add(at, Map.entry(caller, callers.get(caller)));
        callers.clear();
        others.forEach(each -> callers.put(each.getKey(), each.getValue()));
    }

    private void dequeue(Ticket ticket) {
        LinkedHashMap<String, Deque<Ticket>> callers = Objects.requireNonNull(lines.get(ticket.target));
        Deque<Ticket> own = Objects.requireNonNull(callers.get(ticket.caller));
        own.remove(ticket);
        if (own.isEmpty()) {
            callers.remove(ticket.caller);
        }
        if (callers.isEmpty()) {
            lines.remove(ticket.target);
        }
        waiting--;
        add(waitingOf, ticket.caller, -1);
    }

    /** The next who is served, who then has his next turn after all others. Null if nobody can be. */
    private @Nullable Ticket next() {
        Ticket next = null;
        if (all.sessions < overall) {
            for (LinkedHashMap<String, Deque<Ticket>> callers : lines.values()) {
                for (Deque<Ticket> own : callers.values()) {
                    Ticket ticket = own.getFirst();
                    if (free(ticket)) {
                        next = next == null || before(ticket, next) ? ticket : next;
                        break;
                    }
                }
            }
        }
        if (next != null) {
            dequeue(next);
            LinkedHashMap<String, Deque<Ticket>> callers = lines.get(next.target);
            if (callers != null) {
                Deque<Ticket> own = callers.remove(next.caller);
                if (own != null) {
                    callers.put(next.caller, own);
                }
            }
        }
        return next;
    }

    /** Of two for different targets. */
    private boolean before(Ticket ticket, Ticket other) {
        int difference = held(ticket) - held(other);
        return difference < 0 || difference == 0 && ticket.number < other.number;
    }

    private int held(Ticket ticket) {
        return ticket.purpose == Purpose.DUE_WORK ? 0 : heldOf.getOrDefault(ticket.caller, 0);
    }

    synchronized int inUse() {
        return all.sessions;
    }

    synchronized int waiting() {
        return waiting;
    }

    /** How many requests may have a session of one target at a time. */
    int requestsPerTarget() {
        return perTarget - 1;
    }

    /** How many requests may have a session at a time, of whatever target. */
    int requestsInAll() {
        return overall - overall / 4;
    }

    /** @param ticket a waiting request's of this caller; null for one that would come now */
    synchronized Ahead ahead(String target, String caller, @Nullable Ticket ticket) {
        int held = uses.getOrDefault(target, new Use()).requests;
        Map<String, Deque<Ticket>> callers = lines.getOrDefault(target, new LinkedHashMap<>());
        int own = 0;
        for (Ticket mine : callers.getOrDefault(caller, new ArrayDeque<>())) {
            if (mine == ticket) {
                break;
            }
            own++;
        }
        int before = own;
        boolean earlier = true;
        for (Map.Entry<String, Deque<Ticket>> other : callers.entrySet()) {
            if (other.getKey().equals(caller)) {
                earlier = false; // Those who follow have one turn less before him.
            } else if (!other.getKey().equals(DUE_WORK)) {
                before += Math.min(other.getValue().size(), earlier ? own + 1 : own);
            }
        }
        int inAll = 0;
        if (all.requests >= requestsInAll()) {
            int mine = waitingOf.getOrDefault(caller, 0);
            for (Map.Entry<String, Integer> other : waitingOf.entrySet()) {
                inAll += Math.min(other.getValue(), mine + 1);
            }
            inAll -= ticket == null ? 0 : 1; // itself
        }
        boolean turnNow = held < requestsPerTarget() && before == 0;
        return new Ahead(turnNow ? 0 : held + before, inAll);
    }

    private boolean free(Ticket ticket) {
        Use use = uses.getOrDefault(ticket.target, new Use());
        boolean any = all.sessions < overall && use.sessions < perTarget;
        return ticket.purpose == Purpose.DUE_WORK
                ? any
                : any && use.requests < requestsPerTarget() && all.requests < requestsInAll();
    }

    private void occupy(Ticket ticket) {
        ticket.state = State.HELD;
        count(ticket, 1);
    }

    private void count(Ticket ticket, int difference) {
        Use use = uses.computeIfAbsent(ticket.target, unused -> new Use());
        for (Use counted : List.of(use, all)) {
            counted.sessions += difference;
            counted.requests += ticket.purpose == Purpose.REQUEST ? difference : 0;
        }
        if (use.sessions == 0) {
            uses.remove(ticket.target);
        }
        add(heldOf, ticket.caller, difference);
    }

    private static void add(Map<String, Integer> counts, String caller, int difference) {
        counts.merge(caller, difference, (before, more) -> before + more == 0 ? null : before + more);
    }

    private void release(Ticket ticket) {
        List<Awaited<Void>> served = new ArrayList<>();
        synchronized (this) {
            if (ticket.state == State.WAITING) {
                dequeue(ticket);
            } else if (ticket.state == State.HELD) {
                count(ticket, -1);
                for (Ticket next = next(); next != null; next = next()) {
                    occupy(next);
                    if (next.waiting != null) {
                        served.add(next.waiting);
                    }
                }
            }
            ticket.state = State.GONE;
            idle.remove(ticket);
        }
        // Outside the lock: what they do next is not ours.
        served.forEach(turn -> turn.complete(null));
    }
}
