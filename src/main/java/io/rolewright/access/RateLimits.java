package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How often somebody may do what costs more than a query: log in, have targets logged in to, rotate. Counted per identity
 * and per address ({@link ClientAddresses}, so behind proxies only if they are trusted), in this replica alone: the limits
 * keep a service upright and are no quota. Who is refused is told when his own {@link Turns turn} comes, and finds it kept.
 * Logins are never counted per identity alone, or anybody could keep its owner out. Memory is bounded. Any thread may call.
 */
@ApplicationScoped
public class RateLimits {

    /** What is limited. */
    public enum Kind {
        LOGIN,
        TEST,
        ROTATE
    }

    /** Identities and addresses of all kinds that are counted at once, and what each costs in bytes, rounded up. */
    public static final int MOST_COUNTED = 2 * Turns.MOST_COUNTED * Kind.values().length;

    public static final int COST_OF_COUNTED = Turns.COST_OF_COUNTED;

    /** Those of all kinds for whom a turn is kept at once, and what each costs in bytes, rounded up. */
    public static final int MOST_PLACES = Turns.MOST_PLACES * Kind.values().length;

    public static final int COST_OF_PLACE = Turns.COST_OF_PLACE;

    private final Map<Kind, Turns> turns = new EnumMap<>(Kind.class);

    @Inject
    RateLimits(AccessConfig config) {
        this(config.limits(), System::nanoTime);
    }

    RateLimits(AccessConfig.Limits limits, LongSupplier nanoTime) {
        turns.put(Kind.LOGIN, turns(limits.loginsPerIdentity(), limits.loginsPerAddress(), nanoTime));
        turns.put(Kind.TEST, turns(limits.testsPerIdentity(), limits.testsPerAddress(), nanoTime));
        turns.put(Kind.ROTATE, turns(limits.rotatesPerIdentity(), limits.rotatesPerAddress(), nanoTime));
    }

    /**
     * Counts one call that looks like others of this caller; to be asked after {@link Rights} and before the work.
     *
     * @throws Problem 429 {@code rate_limited} with {@code Retry-After}: this caller's turn, in seconds
     */
    public void count(Kind kind, Caller caller) {
        long seconds = of(kind).take(caller.id().toString(), ClientAddresses.origin(caller.address()), null);
        if (seconds > 0) {
            throw new RateLimited(seconds);
        }
    }

    /**
     * Counts work on a target that can be told apart: who comes back before his turn keeps it. Who is refused with 429 there,
     * which is before anything is begun, has used none; else whoever comes back as he is told would be counted each time.
     *
     * @param work names what is asked for, the same when it is asked again, such as an operation with the id of what it is
     *     done to; of any length, since only a hash is kept; null if that cannot be told
     * @return fails with 429 {@code rate_limited} with {@code Retry-After}: this caller's turn, in seconds
     */
    public <T> Uni<T> counted(Kind kind, Caller caller, @Nullable String work, Supplier<Uni<T>> what) {
        return Uni.createFrom().deferred(() -> {
            var those = of(kind);
            var answer = those.ask(caller.id().toString(), ClientAddresses.origin(caller.address()), work);
            var taken = answer.taken();
            if (taken == null) {
                throw new RateLimited(answer.seconds());
            }
            return Uni.createFrom()
                    .deferred(what::get)
                    .onItemOrFailure()
                    .invoke((done, failure) -> {
                        if (failure instanceof Problem problem && problem.status() == 429) {
                            those.cancel(taken);
                        } else {
                            those.settle(taken);
                        }
                    })
                    .onCancellation()
                    .invoke(() -> those.settle(taken));
        });
    }

    /** Whether that is what {@link #count} throws and {@link #counted} fails with. It is not audited: a limit that has a row written for each call is none. */
    public static boolean isRefusal(Throwable failure) {
        return failure instanceof RateLimited;
    }

    /**
     * Takes a login's place if there is one; {@link LoginQueue} says whether it gets it back.
     *
     * @param claimed client id or identity as the caller says it; counted together with where he comes from
     * @return to be settled or cancelled; null: there is none
     */
    Turns.@Nullable Reserved tryLogin(String claimed, RequestOrigin from) {
        var origin = ClientAddresses.origin(from.address());
        return of(Kind.LOGIN).tryTake(login(claimed, origin), origin);
    }

    /** Sets the next place for a login aside. */
    Turns.Reserved reserveLogin(String claimed, RequestOrigin from) {
        var origin = ClientAddresses.origin(from.address());
        return of(Kind.LOGIN).reserve(login(claimed, origin), origin);
    }

    /** @return nanoseconds until then; 0 if it has come: then it is taken */
    long untilLogin(Turns.Reserved reserved) {
        return of(Kind.LOGIN).until(reserved);
    }

    /** It counts as if it had not been set aside. */
    void cancelLogin(Turns.Reserved reserved) {
        of(Kind.LOGIN).cancel(reserved);
    }

    /** It counts. */
    void settleLogin(Turns.Reserved reserved) {
        of(Kind.LOGIN).settle(reserved);
    }

    /** 429 {@code rate_limited} for a login that cannot wait any longer, with its turn, which is kept. */
    Problem refusal(Turns.Reserved reserved) {
        return new RateLimited(of(Kind.LOGIN).keep(reserved));
    }

    private Turns of(Kind kind) {
        return Objects.requireNonNull(turns.get(kind), "the constructor puts one for each kind");
    }

    private static String login(String claimed, String origin) {
        return claimed + "\n" + origin;
    }

    int counted(Kind kind) {
        return of(kind).counted();
    }

    private static Turns turns(int perIdentity, int perAddress, LongSupplier nanoTime) {
        return new Turns(
                perIdentity,
                perAddress,
                nanoTime,
                () -> ThreadLocalRandom.current().nextDouble());
    }

    private static final class RateLimited extends Problem {
        RateLimited(long seconds) {
            super(
                    ErrorCode.RATE_LIMITED,
                    "Too many requests of this kind: try again in " + seconds + " s.",
                    Map.of("retryAfterSeconds", seconds),
                    Map.of("Retry-After", Long.toString(seconds)));
        }
    }
}
