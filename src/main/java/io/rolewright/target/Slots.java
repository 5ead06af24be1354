package io.rolewright.target;

import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How many sessions are open at once: to one address and port, and in all. Whoever finds none free waits in line; those for another
 * target overtake. Requests leave one session per target, and a quarter of all, to due work.
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
     * @param onTarget that have a slot of its target or stand before it in line for one
     * @param inAll that stand before it in line, for whatever target; 0 while a slot for some target is free
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
        private State state = State.WAITING;
        private @Nullable Awaited<Void> waiting;

        private Ticket(String target, Purpose purpose) {
            this.target = target;
            this.purpose = purpose;
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

        @Override
        public void release() {
            Slots.this.release(this);
        }
    }

    private final int perTarget;
    private final int overall;
    private final int line;
    private final Map<String, Use> uses = new HashMap<>();
    private final Deque<Ticket> waiters = new ArrayDeque<>();
    private final Use all = new Use();

    /** @param line how many may wait */
    Slots(int perTarget, int overall, int line) {
        this.perTarget = perTarget;
        this.overall = overall;
        this.line = line;
    }

    synchronized Ticket take(String target, Purpose purpose) {
        Ticket ticket = new Ticket(target, purpose);
        if (free(ticket)) {
            occupy(ticket);
        } else if (waiters.size() < line) {
            waiters.add(ticket);
        } else {
            ticket.state = State.GONE;
        }
        return ticket;
    }

    synchronized int inUse() {
        return all.sessions;
    }

    synchronized int waiting() {
        return waiters.size();
    }

    /** How many requests may have a session of one target at a time. */
    int requestsPerTarget() {
        return perTarget - 1;
    }

    /** How many requests may have a session at a time, of whatever target. */
    int requestsInAll() {
        return overall - overall / 4;
    }

    /** @param ticket a request's; null for one that would come now */
    synchronized Ahead ahead(String target, @Nullable Ticket ticket) {
        int held = uses.getOrDefault(target, new Use()).requests;
        int before = 0;
        int line = 0;
        for (Ticket waiter : waiters) {
            if (waiter == ticket) {
                break;
            }
            line++;
            before += waiter.target.equals(target) && waiter.purpose == Purpose.REQUEST ? 1 : 0;
        }
        boolean turnNow = held < requestsPerTarget() && before == 0;
        return new Ahead(turnNow ? 0 : held + before, all.requests < requestsInAll() ? 0 : line);
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
    }

    private void release(Ticket ticket) {
        List<Awaited<Void>> next = new ArrayList<>();
        synchronized (this) {
            if (ticket.state == State.WAITING) {
                waiters.remove(ticket);
            } else if (ticket.state == State.HELD) {
                count(ticket, -1);
                for (Iterator<Ticket> tickets = waiters.iterator(); tickets.hasNext(); ) {
                    Ticket waiter = tickets.next();
                    if (free(waiter)) {
                        tickets.remove();
                        occupy(waiter);
                        if (waiter.waiting != null) {
                            next.add(waiter.waiting);
                        }
                    }
                }
            }
            ticket.state = State.GONE;
        }
        // Outside the lock: what they do next is not ours.
        next.forEach(turn -> turn.complete(null));
    }
}
