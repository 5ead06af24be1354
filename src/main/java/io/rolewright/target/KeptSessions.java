package io.rolewright.target;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of managing roles that one turn of due work keeps, so that each role of a server is not paid for with two logins of the role
 * that changes it. A {@link Deadline} carries them. Of each login one is kept: who wants it while another has it waits a moment, or opens
 * one of his own.
 *
 * <p>What is kept is a login and nothing else: all that is known of a server is looked at again for each change, which process answers
 * included, and the host is resolved and checked again. An idle session has its slot, but nobody waits for that: it ends as soon as a
 * request wants one, or anything that could not go on otherwise, after {@link #LONGEST_IDLE}, and with the turn. Any thread may call.
 */
public final class KeptSessions implements AutoCloseable {

    static final Duration LONGEST_IDLE = Duration.ofSeconds(2);

    /** A change has it for some milliseconds at a time; who has it longer waits for a lock, and nobody else has to. */
    static final Duration LONGEST_WAIT = Duration.ofMillis(250);

    /** One login at one of its addresses: with another password, or another CA, it is another one. */
    private record Key(Login login, InetAddress address) {}

    /** What nobody uses at the moment. */
    private record Idle(Dialler.Line line, Slots.Ticket ticket) {}

    /** Of each login whose session is open, or is being opened: null while somebody has it. */
    private final Map<Key, @Nullable Idle> sessions = new HashMap<>();

    private boolean closed;

    /** @param login of a role that changes others */
    Lease lease(Login login, InetAddress address) {
        return new Lease(new Key(login, address));
    }

    /** The right to use the one session of a login, or to open it. For one use, which ends with {@link #keep} or {@link #end}. */
    final class Lease {
        private final Key key;
        private boolean held;
        private boolean over;
        private @Nullable Idle session;

        private Lease(Key key) {
            this.key = key;
        }

        /** @return false while somebody else has it */
        boolean take() {
            synchronized (KeptSessions.this) {
                if (over || closed || held) {
                    return held;
                }
                if (!sessions.containsKey(key)) {
                    sessions.put(key, null);
                    held = true;
                    return true;
                }
                Idle idle = sessions.get(key);
                if (idle == null || !idle.ticket.use()) {
                    return false;
                }
                sessions.put(key, null);
                session = idle;
                held = true;
                return true;
            }
        }

        boolean held() {
            synchronized (KeptSessions.this) {
                return held;
            }
        }

        /** The open session; null where it has to be opened. */
        Dialler.@Nullable Line line() {
            synchronized (KeptSessions.this) {
                return session == null ? null : session.line;
            }
        }

        /** That of the open session. */
        Slots.@Nullable Ticket ticket() {
            synchronized (KeptSessions.this) {
                return session == null ? null : session.ticket;
            }
        }

        /** @return false if it is not to be kept, or its slot is wanted: then whoever asks closes it */
        boolean keep(Dialler.Line line, Slots.Ticket ticket) {
            Idle idle = new Idle(line, ticket);
            synchronized (KeptSessions.this) {
                if (!held || over || closed || !ticket.idle(() -> endIdle(key, idle))) {
                    end();
                    return false;
                }
                over = true;
                held = false;
                sessions.put(key, idle);
            }
            line.later(LONGEST_IDLE, () -> endIdle(key, idle));
            return true;
        }

        /** There is no session any more. Safe to repeat. */
        void end() {
            synchronized (KeptSessions.this) {
                if (held) {
                    sessions.remove(key);
                }
                held = false;
                over = true;
            }
        }
    }

    private void endIdle(Key key, Idle idle) {
        synchronized (this) {
            if (sessions.get(key) != idle || !idle.ticket.use()) {
                return;
            }
            sessions.remove(key);
        }
        end(idle);
    }

    private static void end(Idle idle) {
        idle.line
                .close()
                .onTermination()
                .invoke(() -> idle.line.whenClosed(idle.ticket::release))
                .subscribe()
                .with(done -> {}, never -> {});
    }

    /** Nothing is kept from now on; what is in use ends with its use. */
    @Override
    public void close() {
        List<Idle> ended = new ArrayList<>();
        synchronized (this) {
            closed = true;
            for (Idle idle : sessions.values()) {
                if (idle != null && idle.ticket.use()) {
                    ended.add(idle);
                }
            }
            sessions.clear();
        }
        ended.forEach(KeptSessions::end);
    }
}
