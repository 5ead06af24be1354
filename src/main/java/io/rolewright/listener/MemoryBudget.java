package io.rolewright.listener;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The memory that all connections occupy together with what takes its time: requests while they are read, heads and bodies, as a fair
 * estimate of what they make us keep; or, in another one of these, answers until their clients have read them.
 *
 * <p>One address may hold a quarter of what the others leave. Where that is too little for what it sends or asks for, what has been on its
 * way for the longest time is lost: of the address that holds most, or of the same one if that holds most. So what comes at once always
 * comes through, however many greedy addresses there are, and even beside a flood from the same address.
 *
 * <p>Thread-safe; nothing in it waits.
 */
final class MemoryBudget {

    private static final int SHARE = 4;

    private final long bytes;
    private final Map<String, Account> accounts = new HashMap<>();
    private long used;

    MemoryBudget(long bytes) {
        this.bytes = bytes;
    }

    private static final class Account {
        private final String origin;
        private long held;
        /** Whose requests or answers are still on their way, the one that began first at the front. */
        private final Set<Holding> arriving = new LinkedHashSet<>();

        private int holdings;

        Account(String origin) {
            this.origin = origin;
        }
    }

    /** What one connection holds. It is guarded by the budget. */
    static final class Holding {
        private final Runnable onLoss;
        private String origin;
        private @Nullable Account account; // null while it holds nothing
        private long held;

        /**
         * @param origin whose share it counts for
         * @param onLoss called on any thread when another takes its place; what it held counts no more
         */
        Holding(String origin, Runnable onLoss) {
            this.origin = origin;
            this.onLoss = onLoss;
        }
    }

    /** @return false if it may not keep so much more */
    boolean take(Holding holding, long more) {
        return take(holding, more, false);
    }

    /**
     * For what has been made already, however large it is: the only one of its address goes beyond that address's share as long as there is
     * room for it, and beyond all bounds if nobody else holds anything.
     *
     * @return false if it has to be let go
     */
    boolean takeMade(Holding holding, long more) {
        return take(holding, more, true);
    }

    private boolean take(Holding holding, long more, boolean isMade) {
        Set<Holding> lost = new LinkedHashSet<>();
        boolean granted;
        synchronized (this) {
            Account account = open(holding);
            account.arriving.add(holding);
            Holding loser;
            while (account.held + more > share(account) && (loser = loser(holding, account, more)) != null) {
                release(loser);
                lost.add(loser);
            }
            granted = account.held + more <= share(account)
                    || isMade && account.holdings == 1 && (used + more <= bytes || used == account.held);
            if (granted) {
                add(holding, account, more);
            } else if (holding.held == 0) {
                close(holding, account);
            }
        }
        lost.forEach(loser -> loser.onLoss.run());
        return granted;
    }

    /** All of it has arrived: it goes on counting, and cannot be lost any more. */
    synchronized void arrived(Holding holding) {
        if (holding.account != null) {
            holding.account.arriving.remove(holding);
        }
    }

    synchronized void release(Holding holding) {
        Account account = holding.account;
        if (account != null) {
            close(holding, account);
        }
    }

    /** So much of it is kept no more. */
    synchronized void give(Holding holding, long less) {
        Account account = holding.account;
        if (account == null) { // it was lost
            return;
        }
        if (holding.held > less) {
            add(holding, account, -less);
        } else {
            close(holding, account);
        }
    }

    /** Whose request it is, is known better now: it came through a proxy. */
    synchronized void move(Holding holding, String origin) {
        if (holding.origin.equals(origin)) {
            return;
        }
        long held = holding.held;
        Account before = holding.account;
        boolean arriving = before != null && before.arriving.contains(holding);
        release(holding);
        holding.origin = origin;
        if (before != null) {
            Account account = open(holding);
            add(holding, account, held);
            if (arriving) {
                account.arriving.add(holding);
            }
        }
    }

    synchronized long used() {
        return used;
    }

    private long share(Account account) {
        return (bytes - (used - account.held)) / SHARE;
    }

    private Account open(Holding holding) {
        Account account = holding.account;
        if (account == null) {
            account = accounts.computeIfAbsent(holding.origin, Account::new);
            account.holdings++;
            holding.account = account;
        }
        return account;
    }

    private void add(Holding holding, Account account, long more) {
        holding.held += more;
        account.held += more;
        used += more;
    }

    private void close(Holding holding, Account account) {
        add(holding, account, -holding.held);
        account.arriving.remove(holding);
        holding.account = null;
        if (--account.holdings == 0) {
            accounts.remove(account.origin);
        }
    }

    /** Of the address that holds most, if that is more than this one would; else of this one. */
    private @Nullable Holding loser(Holding holding, Account account, long more) {
        Account heaviest = null;
        for (Account other : accounts.values()) {
            if (other != account
                    && other.held > account.held + more
                    && !other.arriving.isEmpty()
                    && (heaviest == null || other.held > heaviest.held)) {
                heaviest = other;
            }
        }
        for (Holding oldest : heaviest == null ? account.arriving : heaviest.arriving) {
            if (oldest != holding) {
                return oldest;
            }
        }
        return null;
    }
}
