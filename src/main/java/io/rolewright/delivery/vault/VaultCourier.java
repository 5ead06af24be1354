package io.rolewright.delivery.vault;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.rotation.ServedSecrets;
import io.rolewright.rotation.ServedSecrets.Active;
import io.rolewright.rotation.VaultDeliveries;
import io.rolewright.rotation.VaultDeliveries.Claimed;
import io.rolewright.rotation.VaultKvConfig;
import io.rolewright.rotation.VaultPlaces;
import io.rolewright.store.CallersContext;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes to Vault what is to be written there. Whoever has time calls; replicas share the work by the rows' locks. A delivery is claimed
 * first and counts only when it is known to be in Vault, so one whose process died on the way is made again after a minute, and found
 * there if it had come that far. Passwords are opened when they are written; no store transaction is open while Vault is talked to.
 */
@ApplicationScoped
public class VaultCourier {

    /** Deliveries at a time, each a socket: a Vault that answers takes some milliseconds for each. */
    private static final int LANES = 4;

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    private static final Logger log = Logger.getLogger(VaultCourier.class);

    private final VaultDeliveries deliveries;
    private final VaultPlaces places;
    private final ServedSecrets served;
    private final ConnectionEndpoints endpoints;
    private final VaultKv vault;
    private final VaultKvConfig config;
    private final StoreOrigin origin;
    private final Vertx vertx;
    private final Counter deliveredCount;
    private final Counter failedCount;
    private final AtomicInteger rounds = new AtomicInteger();
    private volatile boolean stopping;
    private boolean awake;
    private boolean wokenAgain;

    VaultCourier(
            VaultDeliveries deliveries,
            VaultPlaces places,
            ServedSecrets served,
            ConnectionEndpoints endpoints,
            VaultKv vault,
            VaultKvConfig config,
            StoreOrigin origin,
            Vertx vertx,
            MeterRegistry metrics) {
        this.origin = origin;
        this.deliveries = deliveries;
        this.places = places;
        this.served = served;
        this.endpoints = endpoints;
        this.vault = vault;
        this.config = config;
        this.vertx = vertx;
        this.deliveredCount = metrics.counter("rolewright.vault.deliveries", "outcome", "delivered");
        this.failedCount = metrics.counter("rolewright.vault.deliveries", "outcome", "failed");
    }

    /**
     * @param delivered secrets that are in Vault now
     * @param more whether something due may be left, for lack of time or because the store failed
     */
    public record Written(int delivered, boolean more) {}

    /** Writes what is due until nothing is, or the time is nearly up. Safe to call from many places at once. Never fails; answers on the context that subscribes. */
    public Uni<Written> write(Deadline budget) {
        if (!places.isOpen() || origin.standing().copy()) {
            return Uni.createFrom().item(new Written(0, false));
        }
        return CallersContext.answer(() -> {
            Round round = new Round(budget);
            rounds.incrementAndGet();
            return Uni.join()
                    .all(Stream.generate(() -> OwnContext.on(vertx.getOrCreateContext(), round::lane))
                            .limit(LANES)
                            .toList())
                    .andCollectFailures()
                    .onTermination()
                    .invoke(rounds::decrementAndGet)
                    .map(ended -> new Written(round.delivered.get(), round.more));
        });
    }

    /** The same in the background; once more afterwards if it was under way already. */
    public synchronized void wake(Duration longest) {
        if (awake) {
            wokenAgain = true;
            return;
        }
        awake = true;
        write(Deadline.in(longest)).subscribe().with(written -> slept(longest), impossible -> slept(longest));
    }

    private synchronized void slept(Duration longest) {
        awake = false;
        if (wokenAgain) {
            wokenAgain = false;
            wake(longest);
        }
    }

    /** Has it called when something is to be written that no fact in the outbox tells of. */
    public void whenDue(Runnable listener) {
        deliveries.whenDue(listener);
    }

    /** When the next is due, in the past if one waits already; empty when nothing does. */
    public Uni<Optional<Instant>> nextDue() {
        return deliveries.nextDue();
    }

    /** Begins nothing more. What is under way and does not end is taken up by another after a minute. */
    public void stop() {
        stopping = true;
    }

    public boolean isIdle() {
        return rounds.get() == 0;
    }

    /** One after the other in each lane, since they share its store session. */
    private final class Round {

        private final Deadline budget;
        private final AtomicInteger delivered = new AtomicInteger();
        private volatile boolean more;

        Round(Deadline budget) {
            this.budget = budget;
        }

        Uni<Void> lane() {
            return Multi.createBy()
                    .repeating()
                    .uni(this::next)
                    .whilst(found -> found)
                    .collect()
                    .last()
                    .replaceWithVoid()
                    .onFailure()
                    .recoverWithUni(failure -> {
                        log.warnf("What is to be written to Vault waits: %s", StoreFault.describe(failure));
                        more = true;
                        return Uni.createFrom().voidItem();
                    });
        }

        /** @return whether there may be another */
        private Uni<Boolean> next() {
            if (stopping || budget.left().compareTo(WORTH_BEGINNING) < 0) {
                more = true;
                return Uni.createFrom().item(false);
            }
            return deliveries
                    .claim()
                    .chain(claimed -> claimed == null
                            ? Uni.createFrom().item(false)
                            : deliver(claimed).replaceWith(true));
        }

        private Uni<Void> deliver(Claimed claimed) {
            if (!places.allow(claimed.project(), claimed.mount(), claimed.path())) {
                return ended(claimed, VaultKv.Answer.refused("place_not_allowed"), 0);
            }
            return served.snapshot(() -> secret(claimed))
                    .chain(secret -> secret == null
                            ? deliveries.nothingToDo(claimed)
                            : vault.put(
                                            claimed.mount(),
                                            claimed.path(),
                                            secret,
                                            budget.within(config.timeout()).left())
                                    .chain(answer -> ended(claimed, answer, secret.version())));
        }

        private Uni<Void> ended(Claimed claimed, VaultKv.Answer answer, long version) {
            if (answer.failure() != null) {
                failedCount.increment();
                log.warnf("Rotation %s is not written to Vault: %s", claimed.rotationId(), answer.failure());
                return deliveries.failed(claimed, answer.failure(), answer.troubled());
            }
            deliveredCount.increment();
            delivered.incrementAndGet();
            return deliveries.delivered(claimed, version);
        }
    }

    /** Null item when the rotation serves nothing. */
    private Uni<@Nullable VaultSecret> secret(Claimed claimed) {
        return served.active(claimed.rotationId())
                .chain(active -> active == null || active.revoking() || active.version() == 0
                        ? Uni.createFrom().nullItem()
                        : opened(active));
    }

    private Uni<@Nullable VaultSecret> opened(Active active) {
        return endpoints
                .find(active.connectionId())
                .chain(endpoint -> served.password(active)
                        .map(password -> endpoint == null || password == null
                                ? null
                                : VaultSecret.of(active, endpoint, password)));
    }
}
