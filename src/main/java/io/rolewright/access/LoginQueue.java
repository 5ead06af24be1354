package io.rolewright.access;

import io.rolewright.problem.Problem;
import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Logins that wait to be judged. Clients of the reference do not try a login again that was answered with 429, so it waits
 * here as long as its deadline allows.
 *
 * <p>Two things are bounded, and each has a share for each caller. <b>Guesses</b>: a login takes a place of its identity and
 * of its address ({@link RateLimits}) <em>before</em> it is judged and gets it back when it succeeds, so that what is counted
 * is guesses, all of them, and good logins are not. Of one identity at one address one login is judged after the other, so
 * that each knows what became of the one before it and {@link Lockouts} hear exactly as many guesses as they should, however
 * many are sent at once; in each replica. <b>Load</b>: so many logins are under way at once, of one address half as many.
 *
 * <p>Memory is bounded: {@link #MOST_WAITING} wait at once. Any thread may call.
 */
@ApplicationScoped
class LoginQueue {

    /** What a login brings. Issuers of foreign tokens may be slow, so those do not hold up the others. */
    enum Way {
        SECRET(8),
        FOREIGN_TOKEN(32);

        private final int mostUnderWay;

        Way(int mostUnderWay) {
            this.mostUnderWay = mostUnderWay;
        }
    }

    /** Each holds a request, of 20 KiB at most. Of one address half, of one identity at one address a quarter. */
    static final int MOST_WAITING = 400;

    /** What a login needs when its turn has come. */
    static final Duration RESERVE = Duration.ofSeconds(2);

    private static final Duration LOOK_AGAIN = Duration.ofMillis(50);

    private final RateLimits limits;
    private final LongSupplier nanoTime;
    private final Consumer<Runnable> later;

    /** Each with what tells it that its turn has come; those who came first are first. */
    private final Map<Login, Awaited<Void>> waiting = new LinkedHashMap<>();

    private final Set<Login> underWay = new LinkedHashSet<>();
    private boolean looksAgain;

    @Inject
    LoginQueue(RateLimits limits, Vertx vertx) {
        this(limits, System::nanoTime, task -> vertx.setTimer(LOOK_AGAIN.toMillis(), ignored -> task.run()));
    }

    /**
     * @param nanoTime as {@link System#nanoTime}
     * @param later runs a task in a moment
     */
    LoginQueue(RateLimits limits, LongSupplier nanoTime, Consumer<Runnable> later) {
        this.limits = limits;
        this.nanoTime = nanoTime;
        this.later = later;
    }

    /**
     * Judges a login when its turn has come. To be called on the request's own context, where it is judged too.
     *
     * @param claimed client id or identity as the caller says it
     * @param timeLeft until the request must be answered
     * @param isGuess whether the outcome counts; a failure with a status of 500 and above does not
     * @return fails with 429 {@code rate_limited} if the turn cannot come in time
     */
    <T> Uni<T> judge(
            Way way,
            String claimed,
            RequestOrigin from,
            Duration timeLeft,
            Supplier<Uni<T>> judge,
            Predicate<T> isGuess) {
        return Uni.createFrom().deferred(() -> {
            var login = new Login(
                    way,
                    claimed,
                    from,
                    nanoTime.getAsLong() + timeLeft.minus(RESERVE).toNanos());
            return Awaited.<Void>by(turn -> come(login, turn))
                    .chain(ignored -> judge.get())
                    .onItemOrFailure()
                    .invoke((outcome, failure) ->
                            end(login, failure == null ? isGuess.test(outcome) : !isOurFault(failure)))
                    .onCancellation()
                    .invoke(() -> end(login, true));
        });
    }

    synchronized int waiting() {
        return waiting.size();
    }

    synchronized int underWay() {
        return underWay.size();
    }

    private static boolean isOurFault(Throwable failure) {
        return !(failure instanceof Problem problem) || problem.status() >= 500;
    }

    private void come(Login login, Awaited<Void> turn) {
        boolean mayWait;
        synchronized (this) {
            mayWait = mayWait(login);
            if (mayWait) {
                waiting.put(login, turn);
            }
        }
        if (mayWait) {
            look();
        } else {
            turn.fail(limits.refusal(limits.reserveLogin(login.claimed, login.from)));
        }
    }

    private boolean mayWait(Login login) {
        int ofAddress = 0;
        int ofIdentity = 0;
        for (var other : waiting.keySet()) {
            ofAddress += other.origin.equals(login.origin) ? 1 : 0;
            ofIdentity += other.isOfOneIdentityWith(login) ? 1 : 0;
        }
        return waiting.size() < MOST_WAITING
                && ofAddress < MOST_WAITING / 2
                && ofIdentity < MOST_WAITING / 4
                && !login.isEnded;
    }

    private void end(Login login, boolean isGuess) {
        synchronized (this) {
            login.isEnded = true;
            boolean waited = waiting.remove(login) != null;
            boolean wasUnderWay = underWay.remove(login);
            if (login.reserved != null && wasUnderWay && isGuess) {
                limits.settleLogin(login.reserved);
            } else if (login.reserved != null && (waited || wasUnderWay)) {
                limits.cancelLogin(login.reserved);
            }
        }
        look();
    }

    /** Lets in whose turn it is, and refuses whose turn cannot come in time. Those who came first go first. */
    private void look() {
        List<Runnable> told = new ArrayList<>();
        boolean again;
        synchronized (this) {
            for (var each = waiting.entrySet().iterator(); each.hasNext(); ) {
                var entry = each.next();
                var login = entry.getKey();
                var turn = entry.getValue();
                if (isFree(login) && isTurn(login)) {
                    each.remove();
                    underWay.add(login);
                    told.add(() -> turn.complete(null));
                } else if (isHopeless(login)) {
                    each.remove();
                    var reserved = reserved(login);
                    told.add(() -> turn.fail(limits.refusal(reserved)));
                }
            }
            again = !waiting.isEmpty() && !looksAgain;
            looksAgain |= again;
        }
        told.forEach(Runnable::run);
        if (again) {
            later.accept(() -> {
                synchronized (this) {
                    looksAgain = false;
                }
                look();
            });
        }
    }

    private boolean isFree(Login login) {
        int all = 0;
        int ofAddress = 0;
        for (var other : underWay) {
            if (other.isOfOneIdentityWith(login)) {
                return false;
            }
            if (other.way == login.way) {
                all++;
                ofAddress += other.origin.equals(login.origin) ? 1 : 0;
            }
        }
        return all < login.way.mostUnderWay && ofAddress < login.way.mostUnderWay / 2;
    }

    /** Sets its turn aside if it has not come, so that nobody who comes later is before it. */
    private boolean isTurn(Login login) {
        if (login.reserved == null) {
            login.reserved = limits.tryLogin(login.claimed, login.from);
            if (login.reserved != null) {
                return true;
            }
        }
        return limits.untilLogin(reserved(login)) == 0;
    }

    private Turns.Reserved reserved(Login login) {
        if (login.reserved == null) {
            login.reserved = limits.reserveLogin(login.claimed, login.from);
        }
        return login.reserved;
    }

    /** As long as one is under way that may give its place back, there is hope. */
    private boolean isHopeless(Login login) {
        long left = login.deadline - nanoTime.getAsLong();
        return left <= 0
                || login.reserved != null
                        && limits.untilLogin(login.reserved) > left
                        && underWay.stream().noneMatch(other -> other.origin.equals(login.origin));
    }

    /** One that waits or is under way; guarded by the queue. */
    private static final class Login {

        private final Way way;
        private final String claimed;
        private final RequestOrigin from;
        private final String origin;

        /** By {@link LoginQueue#nanoTime}: until when it may wait. */
        private final long deadline;

        /** Once it was its turn to be judged: its place, or the one that it waits for. */
        private Turns.@Nullable Reserved reserved;

        private boolean isEnded;

        Login(Way way, String claimed, RequestOrigin from, long deadline) {
            this.way = way;
            this.claimed = claimed;
            this.from = from;
            this.origin = ClientAddresses.origin(from.address());
            this.deadline = deadline;
        }

        boolean isOfOneIdentityWith(Login other) {
            return claimed.equals(other.claimed) && origin.equals(other.origin);
        }
    }
}
