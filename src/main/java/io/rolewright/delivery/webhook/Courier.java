package io.rolewright.delivery.webhook;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.rolewright.work.Due;
import io.rolewright.work.Lanes;
import io.rolewright.work.Ramp;
import io.rolewright.work.Went;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Tells receivers what waits to be told. Whoever has time calls; replicas share the work by the rows' locks. A delivery is claimed
 * first and counts as sent only when the receiver has said so, so one whose process died on the way is sent again after a minute. No
 * store transaction is open while a receiver is talked to.
 */
@ApplicationScoped
public class Courier {

    private static final Logger log = Logger.getLogger(Courier.class);

    /** Deliveries under way in one round; each is a socket. */
    private static final int ROOM = 32;

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    /** Deliveries to one receiver at a time. */
    private static final int TO_ONE_RECEIVER = 2;

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
    private final Ramp ramp = new Ramp(TO_ONE_RECEIVER);
    private volatile boolean stopping;
    private @Nullable Round background;

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
        return origin.standing().copy()
                ? Uni.createFrom().item(new Told(0, 0, false))
                : Uni.createFrom().deferred(() -> tell(new Round(budget)));
    }

    private Uni<Told> tell(Round round) {
        rounds.add(round);
        return round.run().onTermination().invoke(() -> rounds.remove(round));
    }

    /** The same in the background; what it finds while it is under way already need not wait for what holds that up. */
    public synchronized void wake(Duration longest) {
        if (origin.standing().copy() || background != null && background.again()) {
            return;
        }
        Round round = new Round(Deadline.in(longest));
        background = round;
        tell(round).subscribe().with(told -> {}, impossible -> {});
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
        rounds.forEach(round -> round.lanes.stop());
    }

    public boolean isIdle() {
        return rounds.isEmpty();
    }

    /** One round, and what came of it. */
    private final class Round implements Due<Deliveries.Claimed> {

        private final Deadline budget;
        private final Lanes<Deliveries.Claimed> lanes;
        private final AtomicBoolean factsPutDown = new AtomicBoolean();
        private final AtomicInteger delivered = new AtomicInteger();
        private final AtomicInteger failed = new AtomicInteger();

        Round(Deadline budget) {
            this.budget = budget;
            this.lanes = new Lanes<>("A webhook's delivery", this, ramp, Lanes.Width.of(ROOM), this::timeIsUp, vertx);
        }

        private boolean timeIsUp() {
            return stopping || budget.left().compareTo(WORTH_BEGINNING) < 0;
        }

        Uni<Told> run() {
            return lanes.run().map(done -> new Told(delivered.get(), failed.get(), done.more()));
        }

        /** @return false if it has ended */
        boolean again() {
            factsPutDown.set(false);
            return lanes.again();
        }

        @Override
        public Uni<List<Deliveries.Claimed>> claim(int most, Set<UUID> full) {
            Uni<Void> ready = factsPutDown.getAndSet(true) ? Uni.createFrom().voidItem() : fanOut();
            return ready.chain(() -> deliveries.claim(most, full));
        }

        private Uni<Void> fanOut() {
            return deliveries
                    .fanOut()
                    .chain(more -> more && !lanes.isOver()
                            ? fanOut()
                            : Uni.createFrom().voidItem());
        }

        @Override
        public UUID key(Deliveries.Claimed claim) {
            return claim.webhookId();
        }

        @Override
        public Uni<Went> work(Deliveries.Claimed claim) {
            Receiver receiver = opened(claim);
            if (!receiver.wants(claim.message())) {
                return Uni.createFrom().item(Went.REFUSED); // as one that is not believed
            }
            return sender.send(
                            receiver,
                            claim.message(),
                            budget.within(config.timeout()).left())
                    .chain(answer -> answer.taken()
                            ? deliveries
                                    .taken(claim, answer.status())
                                    .invoke(() -> count(delivered, deliveredCount))
                                    .replaceWith(Went.THROUGH)
                            : deliveries
                                    .notTaken(claim, answer)
                                    .invoke(went -> count(failed, went.dead() ? deadCount : failedCount))
                                    .invoke(went -> tell(claim, answer, went))
                                    .replaceWith(answer.troubled() ? Went.TROUBLED : Went.REFUSED));
        }

        private static void tell(Deliveries.Claimed claim, Sender.Answer answer, Deliveries.Failed went) {
            if (went.dead()) {
                log.warnf(
                        "The message %s was given up: the receiver of webhook %s did not take it in time (%s).",
                        claim.id(), claim.webhookId(), answer.failure());
            } else if (went.news()) {
                log.warnf(
                        "The receiver of webhook %s does not take message %s, which is tried again: %s.",
                        claim.webhookId(), claim.id(), answer.failure());
            }
        }

        private static void count(AtomicInteger here, Counter ever) {
            here.incrementAndGet();
            ever.increment();
        }

        private Receiver opened(Deliveries.Claimed claim) {
            return Receiver.decode(sealer.open(
                    SealedField.WEBHOOK_RECEIVER, claim.webhookId(), claim.sealedVersion(), claim.sealed()));
        }
    }
}
