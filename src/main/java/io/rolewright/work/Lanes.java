package io.rolewright.work;

import io.rolewright.store.Awaited;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One round of due work: until nothing is due, or its time is up. Rows are claimed only as there is room for them, so that a claim never
 * waits for its work; what a slow or dead receiver holds up does not count against the room for others, and it is passed over meanwhile.
 * Any thread may call.
 *
 * @param <T> a claimed row
 */
public final class Lanes<T> {

    private static final Logger log = Logger.getLogger(Lanes.class);

    /**
     * How much is under way at once.
     *
     * @param room pieces that go on quickly, each a few milliseconds of work and much waiting
     * @param most all together, those that are slow included
     * @param slow what takes longer waits for somebody else and takes no room; null: everything takes room
     * @param lookAgain a claim passes by what another transaction has locked for a moment, so while there is work under way anyway it is
     *     looked for again after that time; null: it is not
     */
    public record Width(
            int room,
            int most,
            @Nullable Duration slow,
            @Nullable Duration lookAgain) {

        public static Width of(int room) {
            return new Width(room, room, null, null);
        }
    }

    /**
     * @param more whether something due was left, for lack of time or because the store failed
     * @param storeFailed whether due work could not be claimed
     */
    public record Done(boolean more, boolean storeFailed) {}

    /** What is claimed at once of one table: small, so that replicas share what there is. It may pass a key's bound by one. */
    private static final int PAIR = 2;

    private final String name;
    private final Due<T> due;
    private final Ramp ramp;
    private final Width width;
    private final BooleanSupplier timeIsUp;
    private final Vertx vertx;
    private final Context context;

    private final Map<UUID, Integer> busy = new HashMap<>();
    private @Nullable Awaited<Done> caller;
    private boolean answered;
    private boolean claiming;
    private boolean lookingAgain;
    private boolean stopped;
    private boolean storeFailed;

    /** Grows with all that may have made something due; nothing was, the last time that was asked with as many. */
    private int changes;

    private int dryAt = -1;

    private int running;
    private int slow;

    /**
     * @param name begins the sentences of the log, such as {@code Due work}
     * @param timeIsUp whether nothing more is to be begun
     */
    public Lanes(String name, Due<T> due, Ramp ramp, Width width, BooleanSupplier timeIsUp, Vertx vertx) {
        this.name = name;
        this.due = due;
        this.ramp = ramp;
        this.width = width;
        this.timeIsUp = timeIsUp;
        this.vertx = vertx;
        this.context = vertx.getOrCreateContext();
    }

    /** To be subscribed once. Never fails; answers on the context that subscribes, when all that was begun has ended. */
    public Uni<Done> run() {
        return Awaited.by(awaited -> {
            synchronized (this) {
                caller = awaited;
            }
            fill();
        });
    }

    /**
     * Looks again, also while earlier work is still under way.
     *
     * @return false if the round has ended
     */
    public boolean again() {
        synchronized (this) {
            if (answered) {
                return false;
            }
            changes++;
        }
        context.runOnContext(ignored -> fill());
        return true;
    }

    /** Begins nothing more. */
    public void stop() {
        synchronized (this) {
            stopped = true;
        }
        fill();
    }

    public boolean isOver() {
        return stopped || timeIsUp.getAsBoolean();
    }

    private void fill() {
        Set<UUID> full = new HashSet<>();
        int asOf;
        int most;
        synchronized (this) {
            if (claiming
                    || answered
                    || caller == null) { // who has answered begins nothing more: nobody waits for its end
                return;
            }
            if (dryAt == changes || storeFailed || isOver()) {
                answerWhenIdle(caller);
                return;
            }
            if (running - slow >= width.room || running >= width.most) {
                return;
            }
            claiming = true;
            asOf = changes;
            most = ramp.claimAtOnce(PAIR);
            busy.forEach((key, count) -> {
                if (count >= ramp.width(key)) {
                    full.add(key);
                }
            });
        }
        OwnContext.on(context, () -> due.claim(most, full))
                .subscribe()
                .with(claimed -> begin(claimed, asOf), this::claimFailed);
    }

    private void begin(List<T> claimed, int asOf) {
        synchronized (this) {
            claiming = false;
            dryAt = claimed.isEmpty() ? asOf : -1;
            running += claimed.size();
            claimed.forEach(each -> busy.merge(due.key(each), 1, Integer::sum));
            if (claimed.isEmpty() && running > 0) {
                lookAgainSoon();
            }
        }
        claimed.forEach(this::work);
        fill();
    }

    /** Called with the lock held. */
    private void lookAgainSoon() {
        if (width.lookAgain == null || lookingAgain) {
            return;
        }
        lookingAgain = true;
        vertx.setTimer(width.lookAgain.toMillis(), ignored -> {
            synchronized (this) {
                lookingAgain = false;
            }
            again();
        });
    }

    private void claimFailed(Throwable failure) {
        StoreFault.warn(log, name + " could not be claimed", failure);
        synchronized (this) {
            claiming = false;
            storeFailed = true;
        }
        fill();
    }

    private void work(T claimed) {
        Piece piece = new Piece();
        long timer = width.slow == null ? -1 : vertx.setTimer(width.slow.toMillis(), ignored -> becomesSlow(piece));
        OwnContext.on(context, () -> due.work(claimed))
                .onItemOrFailure()
                .invoke((went, failure) -> {
                    vertx.cancelTimer(timer);
                    ended(piece, due.key(claimed), failure == null ? went : Went.REFUSED);
                })
                .subscribe()
                .with(ignored -> fill(), failure -> {
                    StoreFault.warn(log, name + " waits", failure);
                    fill();
                });
    }

    /** One that is under way; guarded by the round. */
    private static final class Piece {
        private boolean slow;
        private boolean ended;
    }

    private void becomesSlow(Piece piece) {
        synchronized (this) {
            if (piece.ended) {
                return;
            }
            piece.slow = true;
            slow++;
        }
        fill();
    }

    private void ended(Piece piece, UUID key, Went went) {
        ramp.ended(key, went);
        synchronized (this) {
            piece.ended = true;
            running--;
            slow -= piece.slow ? 1 : 0;
            busy.computeIfPresent(key, (any, count) -> count == 1 ? null : Integer.valueOf(count - 1));
            changes++; // what was passed over for its sake may go on now
        }
    }

    /** Called with the lock held. */
    private void answerWhenIdle(Awaited<Done> waiting) {
        if (running == 0) {
            answered = true;
            waiting.complete(new Done(dryAt != changes, storeFailed));
        }
    }
}
