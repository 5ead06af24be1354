package io.rolewright.delivery.webhook;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.Awaited;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Tells receivers what waits to be told. Whoever has time calls; replicas share the work by the rows' locks. A delivery is claimed
 * first and counts as sent only when the receiver has said so, so one whose process died on the way is sent again after a minute. No
 * store transaction is open while a receiver is talked to.
 */
@ApplicationScoped
public class Courier {

    /** Deliveries under way in one round; each is a socket. */
    private static final int ROOM = 32;

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    /** Rows in one claim, and deliveries to one receiver at a time. */
    private static final int PAIR = 2;

    private static final Logger log = Logger.getLogger(Courier.class);

    private final Deliveries deliveries;
    private final Sender sender;
    private final Sealer sealer;
    private final WebhookConfig config;
    private final StoreOrigin origin;
    private final Vertx vertx;
    private final Set<Round> rounds = ConcurrentHashMap.newKeySet();
    private final Counter deliveredCount;
    private final Counter failedCount;
    private final Counter deadCount;
    private volatile boolean stopping;
    private Round background;

    Courier(
            Deliveries deliveries,
            Sender sender,
            Sealer sealer,
            WebhookConfig config,
            StoreOrigin origin,
            Vertx vertx,
            MeterRegistry metrics) {
        this.origin = origin;
        this.deliveries = deliveries;
        this.sender = sender;
        this.sealer = sealer;
        this.config = config;
        this.vertx = vertx;
        this.deliveredCount = metrics.counter("rolewright.webhook.deliveries", "outcome", "delivered");
        this.failedCount = metrics.counter("rolewright.webhook.deliveries", "outcome", "failed");
        this.deadCount = metrics.counter("rolewright.webhook.deliveries", "outcome", "dead");
    }

    /**
     * @param delivered receivers have said so
     * @param failed tries that came to nothing; they are tried again or dead letters
     * @param more whether something due was left, for lack of time or because the store failed
     */
    public record Told(int delivered, int failed, boolean more) {}

    /** Tells what is due until nothing is, or the time is nearly up. Safe to call from many places at once. Never fails; answers on the context that subscribes. */
    public Uni<Told> tell(Deadline budget) {
        return tell(budget, round -> {});
    }

    private Uni<Told> tell(Deadline budget, Consumer<Round> begun) {
        if (origin.standing().copy()) {
            return Uni.createFrom().item(new Told(0, 0, false));
        }
        return Awaited.by(caller -> {
            Round round = new Round(caller, budget);
            rounds.add(round);
            begun.accept(round);
            round.pump();
        });
    }

    /** The same in the background; what it finds while it is under way already need not wait for what holds that up. */
    public synchronized void wake(Duration longest) {
        if (background != null && background.again()) {
            return;
        }
        tell(Deadline.in(longest), round -> background = round).subscribe().with(told -> {}, impossible -> {});
    }

    /** When the next is due, in the past if one waits already; empty when nothing does. */
    public Uni<Optional<Instant>> nextDue() {
        return deliveries.nextDue();
    }

    /** Deletes what has been kept long enough. @return how many */
    public Uni<Integer> purge() {
        return deliveries.purge();
    }

    /** Begins nothing more. What is under way and does not end is taken up by another after a minute. */
    public void stop() {
        stopping = true;
        rounds.forEach(Round::pump);
    }

    public boolean isIdle() {
        return rounds.isEmpty();
    }

    /** Claims as there is room, so that a claim never waits for its turn. */
    private final class Round {

        private final Awaited<Told> caller;
        private final Deadline budget;
        private final Context context = vertx.getOrCreateContext();
        private final Map<UUID, Integer> busy = new HashMap<>();
        private boolean factsPutDown;
        private boolean claiming;
        private int changes;
        private int dryAt = -1;
        private boolean storeFailed;
        private boolean answered;
        private int running;
        private int delivered;
        private int failed;

        Round(Awaited<Told> caller, Deadline budget) {
            this.caller = caller;
            this.budget = budget;
        }

        /** @return false if it has ended */
        synchronized boolean again() {
            if (answered) {
                return false;
            }
            factsPutDown = false;
            changes++;
            context.runOnContext(ignored -> pump());
            return true;
        }

        private Uni<Void> fanOut() {
            return deliveries
                    .fanOut()
                    .chain(more ->
                            more && !isOver() ? fanOut() : Uni.createFrom().voidItem());
        }

        private boolean isOver() {
            return stopping || budget.left().compareTo(WORTH_BEGINNING) < 0;
        }

        void pump() {
            Set<UUID> leaveOut;
            boolean putDown;
            int now;
            synchronized (this) {
                if (claiming) {
                    return;
                }
                if (dryAt == changes || storeFailed || isOver()) {
                    answerWhenIdle();
                    return;
                }
                if (running >= ROOM) {
                    return;
                }
                claiming = true;
                now = changes;
                putDown = !factsPutDown;
                factsPutDown = true;
                leaveOut = busy.entrySet().stream()
                        .filter(entry -> entry.getValue() >= PAIR)
                        .map(Map.Entry::getKey)
                        .collect(Collectors.toSet());
            }
            Uni<Void> ready = putDown ? fanOut() : Uni.createFrom().voidItem();
            ready.chain(() -> deliveries.claim(PAIR, leaveOut))
                    .subscribe()
                    .with(claims -> claimed(claims, now), this::storeFailed);
        }

        private void claimed(List<Deliveries.Claimed> claims, int asOf) {
            synchronized (this) {
                claiming = false;
                dryAt = claims.isEmpty() ? asOf : -1;
                running += claims.size();
                claims.forEach(claim -> busy.merge(claim.webhookId(), 1, Integer::sum));
            }
            claims.forEach(claim -> context.runOnContext(ignored -> deliver(claim)));
            pump();
        }

        private void storeFailed(Throwable failure) {
            log.warnf("What is to be told waits: %s", StoreFault.describe(failure));
            synchronized (this) {
                claiming = false;
                storeFailed = true;
            }
            pump();
        }

        private void deliver(Deliveries.Claimed claim) {
            Uni.createFrom()
                    .deferred(() -> sender.send(
                            opened(claim),
                            claim.message().id().toString(),
                            claim.message().body(),
                            budget.within(config.timeout()).left()))
                    .chain(answer -> answer.taken()
                            ? deliveries.taken(claim, answer.status()).invoke(() -> count(claim, true, deliveredCount))
                            : deliveries
                                    .notTaken(claim, answer)
                                    .invoke(dead -> count(claim, false, dead ? deadCount : failedCount))
                                    .replaceWithVoid())
                    .subscribe()
                    .with(ignored -> pump(), failure -> {
                        log.warnf("Delivery %s waits: %s", claim.id(), StoreFault.describe(failure));
                        ended(claim);
                        pump();
                    });
        }

        private Receiver opened(Deliveries.Claimed claim) {
            return Receiver.decode(sealer.open(
                    SealedField.WEBHOOK_RECEIVER, claim.webhookId(), claim.sealedVersion(), claim.sealed()));
        }

        private synchronized void count(Deliveries.Claimed claim, boolean taken, Counter counter) {
            counter.increment();
            delivered += taken ? 1 : 0;
            failed += taken ? 0 : 1;
            ended(claim);
        }

        private synchronized void ended(Deliveries.Claimed claim) {
            running--;
            busy.computeIfPresent(claim.webhookId(), (key, count) -> count == 1 ? null : count - 1);
            changes++; // the next of the same subject may go now
        }

        /** Called with the lock held. */
        private void answerWhenIdle() {
            if (running == 0 && !answered) {
                answered = true;
                rounds.remove(this);
                Told told = new Told(delivered, failed, dryAt != changes);
                caller.complete(told);
            }
        }
    }
}
